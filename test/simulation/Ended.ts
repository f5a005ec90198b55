/**
 * How something that the program asked for ended.
 */
export interface Ended {
  readonly how: "succeeded" | "failed" | "interrupted" | "died"
  /** The tag of the reason, or the defect. */
  readonly reason: string | undefined
  readonly at: number
}
