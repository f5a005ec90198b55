/**
 * The deadlines of the session on one connection: acknowledgements that the server owes, and messages that found no
 * subscriber.
 *
 * The connection runs the timer; `protocol/ResponseDeadline` and `protocol/Session` say when the server is late.
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as MqttError from "../../../MqttError.ts"
import type { Deadlines } from "../../../protocol/Deadlines.ts"
import * as ResponseDeadline from "../../../protocol/ResponseDeadline.ts"
import * as Session from "../../../protocol/Session.ts"
import type * as Connection from "../../connection/connection.ts"
import type { Resolved } from "../../options.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import type { Telling } from "./events.ts"

/** Milliseconds: the least time between two checks for messages that found no subscriber. */
const shortestPause = 1000

export interface SessionDeadlinesOptions {
  readonly runner: SessionRunner
  readonly connection: Connection.SessionConnection
  readonly events: Telling
  readonly options: Pick<Resolved, "responseTimeout" | "unclaimedTimeout">
}

export class SessionDeadlines implements Connection.SessionDeadlines {
  readonly #runner: SessionRunner
  readonly #connection: Connection.SessionConnection
  readonly #events: Telling
  readonly #unclaimedTimeout: number
  #response: ResponseDeadline.ResponseDeadline
  #sweepAt: number

  constructor({ connection, events, options, runner }: SessionDeadlinesOptions) {
    this.#runner = runner
    this.#connection = connection
    this.#events = events
    this.#unclaimedTimeout = options.unclaimedTimeout
    this.#response = ResponseDeadline.make(options.responseTimeout)
    this.#sweepAt = connection.now() + options.unclaimedTimeout
  }

  /** Until when the session waits for an acknowledgement that the server owes. */
  get #owed(): number {
    return Session.responseDeadline(Ref.getUnsafe(this.#runner.session), this.#response.timeout)
  }

  due(now: number): Pick<Deadlines, "Response" | "Unclaimed"> {
    return { Response: ResponseDeadline.nextCheck(this.#response, this.#owed, now), Unclaimed: this.#sweepAt }
  }

  check(name: "Response" | "Unclaimed", now: number, late: number): Effect.Effect<void> {
    return name === "Response" ? this.#checkResponse(now, late) : this.#sweepUnclaimed(now)
  }

  /** A missing acknowledgement that the server owes means that the connection is dead. */
  #checkResponse(now: number, late: number): Effect.Effect<void> {
    // The server cannot answer packets that wait for our store.
    if (this.#runner.kept?.journal.isBehind === true) this.#runner.resumed(now)
    this.#response = ResponseDeadline.checked(this.#response, now, late)
    const { timeout } = this.#response
    return now < ResponseDeadline.deadline(this.#response, this.#owed)
      ? Effect.void
      : this.#connection.fail(MqttError.fromReason(new MqttError.ResponseTimeout({ timeout })))
  }

  /** No message waits for a subscriber for ever: it would hold up the acknowledgements behind it. */
  #sweepUnclaimed(now: number): Effect.Effect<void> {
    const { deliveries } = this.#runner
    const timeout = this.#unclaimedTimeout
    deliveries.stopKeeping()
    deliveries.abandonUnclaimed(now - timeout)
    this.#sweepAt = Math.max(Math.min(deliveries.unclaimedSince, now) + timeout, now + shortestPause)
    return deliveries.notices.tell((event) => this.#events.publish(event))
  }
}
