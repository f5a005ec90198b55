/**
 * Requests of subscriptions as packets of the session: SUBSCRIBE and UNSUBSCRIBE. A client that only publishes has none
 * of it.
 */
import * as Properties from "../../../protocol/Properties.ts"
import * as Session from "../../../protocol/Session.ts"
import * as failures from "../../connection/failures.ts"
import type { Resolved } from "../../options.ts"
import * as Subscribing from "../incoming/subscribing.ts"
import type { Asked, Server } from "../incoming/subscriptions.ts"
import type { Owner } from "../owner.ts"
import type { Suspicion } from "../suspicion.ts"
import type { SessionRunner } from "./sessionRunner.ts"

class Asking implements Server {
  readonly #session: SessionRunner

  constructor(session: SessionRunner) {
    this.#session = session
  }

  get suspicion(): Suspicion<Owner> {
    return this.#session.suspicion
  }

  set suspicion(suspicion: Suspicion<Owner>) {
    this.#session.suspicion = suspicion
  }

  subscribe({ identifier, subscriptions, userProperties }: Asked, request: Owner): void {
    const { connection } = this.#session
    if (connection === undefined) return request.abandoned()
    const properties = connection.protocolVersion === "3.1.1" ? Properties.none : {
      ...(identifier === undefined ? undefined : { subscriptionIdentifiers: [identifier] }),
      ...(userProperties === undefined ? undefined : { userProperties })
    }
    const packet = { subscriptions, properties }
    const exceeded = failures.checkSubscribe(connection.limits, packet)
    if (exceeded !== undefined) return request.failed(exceeded)
    const topicFilters = subscriptions.map(({ topicFilter }) => topicFilter)
    this.#session.ask(
      request,
      topicFilters,
      (session, asked, now) => Session.subscribe(session, { ...packet, ...asked }, now)
    )
  }

  unsubscribe(topicFilters: ReadonlyArray<string>, request: Owner): void {
    const packet = { topicFilters, properties: Properties.none }
    this.#session.ask(
      request,
      topicFilters,
      (session, asked, now) => Session.unsubscribe(session, { ...packet, ...asked }, now)
    )
  }
}

/** The receiver of a client that subscribes. */
export const receiver = (session: SessionRunner, options: Resolved): Subscribing.Subscribing =>
  Subscribing.make(session, new Asking(session), options)
