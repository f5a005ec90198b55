/**
 * The versions of the protocol, for tests that run in each.
 */
export const versions = ["3.1.1", "5.0"] as const

export const only50 = ["5.0"] as const
