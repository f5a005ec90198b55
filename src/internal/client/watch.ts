/**
 * What is due on a connection by the time that has passed: acknowledgements that the server owes, and messages that found
 * no subscriber.
 *
 * The timer and Keep Alive are the connection's.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { MqttConnection } from "../../MqttConnection.ts"
import * as MqttError from "../../MqttError.ts"
import * as Session from "../../protocol/Session.ts"
import type { Deadlines } from "../connection/link.ts"
import type { SessionRunner } from "./sessionRunner.ts"

/** How long messages of a resumed session wait for the program to subscribe. */
const claimPeriod = Duration.seconds(30)

export class Watch implements Deadlines {
  readonly #runner: SessionRunner
  readonly #connection: MqttConnection
  /** Milliseconds. */
  readonly #responseTimeout: number
  /** Until then a missing acknowledgement is ours to answer for. */
  #excusedUntil = 0
  #isExcused = false
  /** When an acknowledgement may be late, as far as it is known. */
  #responseDue = Infinity
  #sweepAt: number

  constructor(runner: SessionRunner, connection: MqttConnection, responseTimeout: number) {
    this.#runner = runner
    this.#connection = connection
    this.#responseTimeout = responseTimeout
    this.#sweepAt = connection.now() + Duration.toMillis(claimPeriod)
  }

  get #deadline(): number {
    const { session } = this.#runner
    return Math.max(this.#excusedUntil, Session.responseDeadline(session.ref.current, this.#responseTimeout))
  }

  due(now: number): number {
    // What is not owed yet cannot be late before that.
    this.#responseDue = Math.min(this.#deadline, now + this.#responseTimeout)
    return Math.min(this.#responseDue, this.#sweepAt)
  }

  look(now: number, late: number): Effect.Effect<void> {
    if (now >= this.#responseDue) this.#excuse(now, late)
    if (now >= this.#deadline) return this.#endOverdue()
    return now >= this.#sweepAt ? this.#sweepUnclaimed(now) : Effect.void
  }

  /**
   * A timer that fires late, after the machine slept, gives an acknowledgement that is owed as long once more: it may be
   * there and not have been read yet.
   */
  #excuse(now: number, late: number): void {
    this.#isExcused = !this.#isExcused && late > this.#responseTimeout / 4
    if (this.#isExcused) this.#excusedUntil = now + this.#responseTimeout
  }

  /** An acknowledgement that is owed and does not come means that the connection is dead. */
  #endOverdue(): Effect.Effect<void> {
    const error = new MqttError.ResponseTimeout({ timeout: this.#responseTimeout })
    return this.#connection.fail(MqttError.fromReason(error))
  }

  /** Nothing waits for a subscriber for ever: it would hold up the acknowledgements behind it. */
  #sweepUnclaimed(now: number): Effect.Effect<void> {
    const { deliveries } = this.#runner
    const period = Duration.toMillis(claimPeriod)
    this.#sweepAt = now + period
    deliveries.stopKeeping()
    const abandoned = deliveries.abandonUnclaimed(now - period)
    return abandoned === 0 ? Effect.void : Effect.logWarning(
      `${abandoned} messages found no subscriber within 30 seconds; acknowledged and dropped`
    )
  }
}
