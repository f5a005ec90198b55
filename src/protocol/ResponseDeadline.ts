/**
 * How long the server may owe an acknowledgement before the connection counts as dead.
 *
 * `Session.responseDeadline` says since when an acknowledgement is owed; this module excuses a timer that fired late.
 * Pure: time is passed in, milliseconds of a clock that does not jump. The specification has no such rule.
 *
 * @since 0.2.0
 */
import * as Deadlines from "./Deadlines.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface ResponseDeadline {
  /** Milliseconds. */
  readonly timeout: number
  /** Until then the client itself may be the reason that no acknowledgement was seen. */
  readonly excusedUntil: number
  /** Whether the last check granted the time once more. Two excuses in a row would be an excuse for ever. */
  readonly isExcused: boolean
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (timeout: number): ResponseDeadline => ({ timeout, excusedUntil: 0, isExcused: false })

/**
 * When the connection counts as dead, if the server may owe the session an acknowledgement until `owed`.
 *
 * @since 0.2.0
 * @category getters
 */
export const deadline = (self: ResponseDeadline, owed: number): number => Math.max(self.excusedUntil, owed)

/**
 * When to check. An acknowledgement that is not owed yet cannot be late before a whole timeout has passed.
 *
 * @since 0.2.0
 * @category getters
 */
export const nextCheck = (self: ResponseDeadline, owed: number, now: number): number =>
  Math.min(deadline(self, owed), now + self.timeout)

/**
 * The timer fired, `late` milliseconds after it was due. If it fired too late, the whole time is granted once more.
 *
 * @since 0.2.0
 * @category transitions
 */
export const checked = (self: ResponseDeadline, now: number, late: number): ResponseDeadline => {
  const isExcused = !self.isExcused && Deadlines.isLate(late, self.timeout)
  return { ...self, isExcused, excusedUntil: isExcused ? now + self.timeout : self.excusedUntil }
}
