/**
 * How long a packet may take to arrive once it has begun.
 *
 * Whoever sends a byte now and then is heard, so Keep Alive never ends a connection on which one packet is dripped out
 * for ever; this does. Pure: time is passed in, milliseconds of a clock that does not jump. The specification has no
 * such rule.
 *
 * @since 0.1.0
 */
import * as Deadlines from "./Deadlines.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface PacketDeadline {
  /** Milliseconds; `Infinity` is off. */
  readonly timeout: number
  /** When the packet began whose end has not come, later by all the time nobody read; `undefined` between packets. */
  readonly begun: number | undefined
  /** Since when nobody reads; `undefined` while somebody does. */
  readonly paused: number | undefined
}

/**
 * What to do when a deadline may have come: `Dead` gives the connection up. `Late` is a timer that fired late
 * (`Deadlines.isLate`): the packet gets the whole time once more.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict = "Wait" | "Late" | "Dead"

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (timeout: number): PacketDeadline => ({ timeout, begun: undefined, paused: undefined })

/**
 * Bytes arrived: they completed packets or none, and end with a whole packet or within one. Nobody reads until somebody
 * does again.
 *
 * @since 0.1.0
 * @category transitions
 */
export const received = (
  self: PacketDeadline,
  { completed, isWithinPacket }: { readonly completed: number; readonly isWithinPacket: boolean },
  now: number
): PacketDeadline => {
  if (!isWithinPacket) return self.begun === undefined ? self : { ...self, begun: undefined, paused: undefined }
  return self.begun === undefined || completed > 0 ? { ...self, begun: now, paused: now } : paused(self, now)
}

/**
 * Nobody reads any more: from now on the delay is ours.
 *
 * @since 0.1.0
 * @category transitions
 */
export const paused = (self: PacketDeadline, now: number): PacketDeadline =>
  self.begun === undefined || self.paused !== undefined ? self : { ...self, paused: now }

/**
 * Somebody reads again.
 *
 * @since 0.1.0
 * @category transitions
 */
export const resumed = (self: PacketDeadline, now: number): PacketDeadline => {
  if (self.begun === undefined || self.paused === undefined) return self
  return { ...self, begun: self.begun + now - self.paused, paused: undefined }
}

/**
 * The packet gets the whole time once more.
 *
 * @since 0.1.0
 * @category transitions
 */
export const renewed = (self: PacketDeadline, now: number): PacketDeadline => ({
  ...self,
  begun: now,
  paused: self.paused === undefined ? undefined : now
})

/**
 * When to look again: while nobody reads, as if somebody did from now on. `Infinity` between packets.
 *
 * @since 0.1.0
 * @category getters
 */
export const deadline = (self: PacketDeadline, now: number): number => {
  const { begun, timeout } = resumed(self, now)
  return begun === undefined ? Infinity : begun + timeout
}

/**
 * What the time that has come asks for. `late` says by how many milliseconds the timer was late, if it was set for an
 * earlier deadline than this one.
 *
 * @since 0.1.0
 * @category getters
 */
export const verdict = (self: PacketDeadline, now: number, late = now - deadline(self, now)): Verdict => {
  if (now < deadline(self, now)) return "Wait"
  return Deadlines.isLate(late, self.timeout) ? "Late" : "Dead"
}
