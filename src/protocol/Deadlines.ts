/**
 * The deadlines of one network connection by name, and the one rule for a timer that fires late.
 *
 * A table says when each deadline is due; `KeepAlive`, `PacketDeadline`, `ResponseDeadline` and the session compute those
 * times. Pure: time is passed in, milliseconds of a clock that does not jump. The caller sets one timer for the whole table.
 *
 * @since 0.2.0
 */

/**
 * `KeepAlive`: a PINGREQ is due, or the server was silent for too long. `Packet`: a packet has begun and is not
 * complete. `Response`: the server owes an acknowledgement. `Unclaimed`: messages of a resumed session found no
 * subscriber.
 *
 * @since 0.2.0
 * @category models
 */
export type Name = "Response" | "Unclaimed" | "KeepAlive" | "Packet"

/**
 * When each deadline is due; `Infinity` means never.
 *
 * @since 0.2.0
 * @category models
 */
export type Deadlines = Readonly<Record<Name, number>>

/** Deadlines that are due at the same time are checked in this order. */
const names: ReadonlyArray<Name> = ["Response", "Unclaimed", "KeepAlive", "Packet"]

/**
 * When to set the timer: the earliest deadline.
 *
 * @since 0.2.0
 * @category getters
 */
export const next = (self: Deadlines): number => Math.min(self.Response, self.Unclaimed, self.KeepAlive, self.Packet)

/**
 * The deadlines that are due, in the order in which to check them.
 *
 * @since 0.2.0
 * @category getters
 */
export const due = (self: Deadlines, now: number): ReadonlyArray<Name> => names.filter((name) => self[name] <= now)

/**
 * Whether a timer that measured `period` fired so late that it says nothing about the server: the machine slept or was
 * busy, and bytes that arrived meanwhile may not have been read yet. The deadline is then granted once more.
 *
 * @since 0.2.0
 * @category guards
 */
export const isLate = (late: number, period: number): boolean => late > period / 4
