/**
 * A bug that is planted into a copy of the sources: the one place that has `from` has `to` instead.
 */
export interface Bug {
  readonly name: string
  /** Below `src`. */
  readonly file: string
  readonly from: string
  readonly to: string
}
