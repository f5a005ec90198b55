/**
 * Keep Alive of one network connection: when PINGREQ is due, and when silence means that the connection is dead.
 *
 * Pure: time is passed in, milliseconds of a clock that does not jump. The connection sends the packets and runs the
 * timer. MQTT 5.0 and 3.1.1, section 3.1.2.10.
 *
 * @since 0.1.0
 */
import * as Deadlines from "./Deadlines.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface KeepAlive {
  /** The Keep Alive in force, milliseconds; 0 is off. */
  readonly interval: number
  /** How long either direction may be quiet before PINGREQ is sent, milliseconds; `Infinity` means never. */
  readonly pingInterval: number
  /** How long PINGREQ may stay unanswered, milliseconds; `Infinity` means for ever. */
  readonly responseTimeout: number
  readonly lastSent: number
  readonly lastHeard: number
  /** When the unanswered PINGREQ was sent. There is one at a time. */
  readonly pingSent: number | undefined
  /** Whether that PINGREQ is a probe: the server's second chance, because the verdict came late. */
  readonly isProbing: boolean
  /** The sender of each PINGREQ that has had no PINGRESP, in their order. */
  readonly unanswered: ReadonlyArray<Pinging>
}

/**
 * The sender of PINGREQ. The connection sends it to show that it lives; the session sends it to hear which packets the
 * server has received.
 *
 * @since 0.2.0
 * @category models
 */
export type Pinging = "connection" | "session"

/**
 * The action when a deadline is due: `Ping` sends PINGREQ, `Dead` gives the connection up.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict = "Wait" | "Ping" | "Dead"

/**
 * `pingInterval` is a quarter of the interval unless given. A longer value would come too late and is cut to a quarter;
 * 0 counts as not given. A given value also applies when Keep Alive is off.
 *
 * A PINGREQ must be followed by a sign of life within `responseTimeout`, and within the rest of the interval. So a dead
 * connection is found within one interval, however long the timeout, and within the timeout, however long the interval.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly interval: number
  readonly pingInterval?: number | undefined
  readonly responseTimeout?: number | undefined
  readonly now: number
}): KeepAlive => {
  const { interval, now } = options
  const longest = interval === 0 ? Infinity : interval
  const pingInterval = Math.min(options.pingInterval || Infinity, longest / 4)
  const { responseTimeout = Infinity } = options
  return {
    interval,
    pingInterval,
    responseTimeout: interval === 0 ? responseTimeout : Math.min(responseTimeout, interval - pingInterval),
    lastSent: now,
    lastHeard: now,
    pingSent: undefined,
    isProbing: false,
    unanswered: []
  }
}

/**
 * Something was sent. The interval counts from the last packet sent (`[MQTT-3.1.2-20]`, 3.1.1 `[MQTT-3.1.2-23]`): a
 * client that only receives still pings.
 *
 * @since 0.1.0
 * @category transitions
 */
export const sent = (self: KeepAlive, now: number): KeepAlive => ({ ...self, lastSent: now })

/**
 * Something was heard. Any bytes show that the server lives, so an unanswered PINGREQ no longer counts against it.
 *
 * @since 0.1.0
 * @category transitions
 */
export const heard = (self: KeepAlive, now: number): KeepAlive => ({
  ...self,
  lastHeard: now,
  pingSent: undefined,
  isProbing: false
})

/**
 * PINGREQ was sent. If an earlier one is unanswered, the new one does not delay the verdict, unless the verdict was
 * due.
 *
 * @since 0.1.0
 * @category transitions
 */
export const pinged = (self: KeepAlive, now: number, by: Pinging = "connection"): KeepAlive => {
  const isProbe = self.pingSent !== undefined && now >= deadline(self)
  return {
    ...self,
    lastSent: now,
    pingSent: isProbe ? now : self.pingSent ?? now,
    isProbing: self.isProbing || isProbe,
    unanswered: [...self.unanswered, by]
  }
}

/**
 * PINGRESP came. Returns the sender of the PINGREQ it answers, `undefined` if nobody asked for it.
 *
 * @since 0.2.0
 * @category transitions
 */
export const answered = (
  self: KeepAlive
): { readonly by: Pinging | undefined; readonly keepAlive: KeepAlive } => {
  const [by, ...unanswered] = self.unanswered
  return { by, keepAlive: { ...self, unanswered } }
}

/**
 * When to look again; `Infinity` when there is no PINGREQ to send and none to wait for.
 *
 * @since 0.1.0
 * @category getters
 */
export const deadline = (self: KeepAlive): number =>
  self.pingSent === undefined
    ? Math.min(self.lastSent, self.lastHeard) + self.pingInterval
    : self.pingSent + self.responseTimeout

/**
 * The verdict for this moment. A timer that fired late probes once more before it gives up (`Deadlines.isLate`). `late`
 * is how many milliseconds late it fired, if the timer was set for an earlier deadline than this one.
 *
 * @since 0.1.0
 * @category getters
 */
export const verdict = (self: KeepAlive, now: number, late = now - deadline(self)): Verdict => {
  if (now < deadline(self)) return "Wait"
  if (self.pingSent === undefined) return "Ping"
  const period = Math.min(self.pingInterval, self.responseTimeout)
  return Deadlines.isLate(late, period) && !self.isProbing ? "Ping" : "Dead"
}
