/**
 * The deadlines of the session on one connection: acknowledgements that the server owes, and messages that found no
 * subscriber.
 *
 * The timer is the connection's; `protocol/ResponseDeadline` and `protocol/Session` say when the server is late.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as MqttError from "../../../MqttError.ts"
import type { Deadlines } from "../../../protocol/Deadlines.ts"
import * as ResponseDeadline from "../../../protocol/ResponseDeadline.ts"
import * as Session from "../../../protocol/Session.ts"
import type * as Connection from "../../connection/connection.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

/** How long messages of a resumed session wait for the program to subscribe. */
const claimPeriod = Duration.seconds(30)

export class SessionDeadlines implements Connection.SessionDeadlines {
  readonly #runner: SessionRunner
  readonly #connection: Connection.SessionConnection
  #response: ResponseDeadline.ResponseDeadline
  #sweepAt: number

  constructor(runner: SessionRunner, connection: Connection.SessionConnection, responseTimeout: number) {
    this.#runner = runner
    this.#connection = connection
    this.#response = ResponseDeadline.make(responseTimeout)
    this.#sweepAt = connection.now() + Duration.toMillis(claimPeriod)
  }

  /** Until when the session waits for an acknowledgement that is owed. */
  get #owed(): number {
    return Session.responseDeadline(Ref.getUnsafe(this.#runner.session), this.#response.timeout)
  }

  due(now: number): Pick<Deadlines, "Response" | "Unclaimed"> {
    return { Response: ResponseDeadline.nextCheck(this.#response, this.#owed, now), Unclaimed: this.#sweepAt }
  }

  check(name: "Response" | "Unclaimed", now: number, late: number): Effect.Effect<void> {
    return name === "Response" ? this.#checkResponse(now, late) : this.#sweepUnclaimed(now)
  }

  /** An acknowledgement that is owed and does not come means that the connection is dead. */
  #checkResponse(now: number, late: number): Effect.Effect<void> {
    this.#response = ResponseDeadline.checked(this.#response, now, late)
    const { timeout } = this.#response
    return now < ResponseDeadline.deadline(this.#response, this.#owed)
      ? Effect.void
      : this.#connection.fail(MqttError.fromReason(new MqttError.ResponseTimeout({ timeout })))
  }

  /** No message waits for a subscriber for ever: it would hold up the acknowledgements behind it. */
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
