/**
 * How long a packet may take to arrive once it has begun.
 *
 * A peer that sends a byte now and then counts as heard, so Keep Alive never ends a connection on which one packet
 * trickles in for ever. This deadline does. Pure: time is passed in, milliseconds of a clock that does not jump. The
 * specification has no such rule.
 *
 * @since 0.1.0
 */
import * as Deadlines from "./Deadlines.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface PacketDeadline {
  /** Milliseconds; `Infinity` switches it off. */
  readonly timeout: number
  /** When the incomplete packet began, moved later by all the time nobody read; `undefined` between packets. */
  readonly begun: number | undefined
  /** Since when nobody reads; `undefined` while somebody reads. */
  readonly paused: number | undefined
}

/**
 * The action when a deadline may be due: `Dead` gives the connection up. `Late` means that the timer fired late
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
 * Bytes arrived. They may have completed packets, and they end with a whole packet or within one. From now on nobody
 * reads, until `resumed` says otherwise.
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
 * Nobody reads any more: from now on the delay is our own.
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
 * When to look again. While nobody reads, it is computed as if reading resumed now. `Infinity` between packets.
 *
 * @since 0.1.0
 * @category getters
 */
export const deadline = (self: PacketDeadline, now: number): number => {
  const { begun, timeout } = resumed(self, now)
  return begun === undefined ? Infinity : begun + timeout
}

/**
 * The verdict for this moment. `late` is how many milliseconds late the timer fired, if it was set for an earlier
 * deadline than this one.
 *
 * @since 0.1.0
 * @category getters
 */
export const verdict = (self: PacketDeadline, now: number, late = now - deadline(self, now)): Verdict => {
  if (now < deadline(self, now)) return "Wait"
  return Deadlines.isLate(late, self.timeout) ? "Late" : "Dead"
}
