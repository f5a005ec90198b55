/**
 * An owner hears the outcome of a packet that takes one of our Packet Identifiers.
 *
 * A message that is published has one, and so has every SUBSCRIBE and UNSUBSCRIBE. The session keeps it and never looks
 * inside.
 */
import type { MqttError } from "../../MqttError.ts"
import type { Outcome } from "../../protocol/Session.ts"

export interface Owner {
  /** The server answered. */
  readonly completed: (outcome: Outcome) => void
  /** The connection ended first. A message stays with the session; a SUBSCRIBE or UNSUBSCRIBE is to be sent again. */
  readonly abandoned: () => void
  /** The packet was not sent, or is given up. */
  readonly failed: (error: MqttError) => void
}

/** An owner that ignores the outcome: the publisher is gone or already knows. */
export const nobody: Owner = { completed: () => {}, abandoned: () => {}, failed: () => {} }
