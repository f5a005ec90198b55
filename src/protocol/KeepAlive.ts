/**
 * Keep Alive of one network connection: when PINGREQ is due, and when silence means that the connection is dead.
 *
 * Pure: time is passed in, milliseconds of a clock that does not jump. What is sent and who waits is the connection's.
 * MQTT 5.0 and 3.1.1, section 3.1.2.10.
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
  /** How long either direction may be quiet before PINGREQ is sent, milliseconds. */
  readonly pingInterval: number
  readonly lastSent: number
  readonly lastHeard: number
  /** When the PINGREQ was sent that is not answered yet. One at a time. */
  readonly pingSent: number | undefined
  /** Whether that is a probe: one more chance, because the verdict came late. */
  readonly isProbing: boolean
}

/**
 * What to do when a deadline has come: `Ping` sends PINGREQ, `Dead` gives the connection up.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict = "Wait" | "Ping" | "Dead"

/**
 * `pingInterval` is a quarter of the interval unless given, so a dead connection is found within one interval: the
 * first PINGREQ after a quarter, the verdict when the other three have passed in silence. A longer one would come too
 * late and is cut to that; 0 is none given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly interval: number
  readonly pingInterval?: number | undefined
  readonly now: number
}): KeepAlive => ({
  interval: options.interval,
  pingInterval: Math.min(options.pingInterval || Infinity, options.interval / 4),
  lastSent: options.now,
  lastHeard: options.now,
  pingSent: undefined,
  isProbing: false
})

/**
 * Something was sent. The interval counts from the last packet sent (`[MQTT-3.1.2-20]`, 3.1.1 `[MQTT-3.1.2-23]`):
 * a client that only receives still pings.
 *
 * @since 0.1.0
 * @category transitions
 */
export const sent = (self: KeepAlive, now: number): KeepAlive => ({ ...self, lastSent: now })

/**
 * Something was heard; whatever it is, the server lives, so an unanswered PINGREQ no longer counts against it.
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
 * PINGREQ was sent. One more while another is not answered does not put the verdict off, unless the verdict was due.
 *
 * @since 0.1.0
 * @category transitions
 */
export const pinged = (self: KeepAlive, now: number): KeepAlive => {
  const isProbe = self.pingSent !== undefined && now >= deadline(self)
  return {
    ...self,
    lastSent: now,
    pingSent: isProbe ? now : self.pingSent ?? now,
    isProbing: self.isProbing || isProbe
  }
}

/**
 * When to look again; `Infinity` when Keep Alive is off.
 *
 * @since 0.1.0
 * @category getters
 */
export const deadline = (self: KeepAlive): number => {
  if (self.interval === 0) return Infinity
  return self.pingSent === undefined
    ? Math.min(self.lastSent, self.lastHeard) + self.pingInterval
    : self.pingSent + self.interval - self.pingInterval
}

/**
 * What the time that has come asks for. A timer that fired late probes once more before it gives up (`Deadlines.isLate`).
 * `late` says by how many milliseconds, if the timer was set for an earlier deadline than this one.
 *
 * @since 0.1.0
 * @category getters
 */
export const verdict = (self: KeepAlive, now: number, late = now - deadline(self)): Verdict => {
  if (now < deadline(self)) return "Wait"
  if (self.pingSent === undefined) return "Ping"
  return Deadlines.isLate(late, self.pingInterval) && !self.isProbing ? "Ping" : "Dead"
}
