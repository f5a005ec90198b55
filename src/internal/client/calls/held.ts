/**
 * What one consumer has taken and not dealt with, in the order of arrival, and how it goes back.
 *
 * Subscribing is the subscriber's; who gets what goes back is the deliveries'.
 */
import * as Effect from "effect/Effect"
import type { ReasonCode } from "../../../protocol/ReasonCode.ts"
import type { SubscribeOptions } from "../../clientOptions.ts"
import type { Delivery } from "../incoming/handover.ts"
import type { Inbox } from "../incoming/inbox.ts"
import { join, makeInbox, type Subscribing, toSubscriptions } from "./subscribe.ts"

/** What it needs of the client. */
export interface Holding extends Subscribing {
  readonly now: () => number
}

export class Held {
  readonly #client: Holding
  readonly #topicFilters: ReadonlyArray<string>
  /** Out of the inbox and not dealt with. */
  readonly #open = new Set<Delivery>()
  readonly inbox: Inbox<Delivery>

  constructor(client: Holding, topicFilters: ReadonlyArray<string>, options: SubscribeOptions) {
    this.#client = client
    this.#topicFilters = topicFilters
    this.inbox = makeInbox<Delivery>(client, options, {
      onDropped: ({ handover }) => handover?.settle(0x00),
      onPulled: (deliveries) => {
        for (const delivery of deliveries) this.#open.add(delivery)
      }
    })
  }

  /** Deals with a message, once: whatever is said of it after that, or after it went back, is nothing. */
  settle(delivery: Delivery, reasonCode: ReasonCode): void {
    if (this.#open.delete(delivery)) delivery.handover?.settle(reasonCode)
  }

  /** The rest waits for the next one who comes for it. Not `handled`, which may be dealt with yet. */
  giveBack(handled?: ReadonlySet<Delivery>): void {
    this.#client.runner.sendAcknowledgements()
    const left = [...this.#open, ...this.inbox.takeBack()].filter((delivery) => handled?.has(delivery) !== true)
    for (const delivery of left) this.#open.delete(delivery)
    this.#client.runner.deliveries.giveBack(left, this.#topicFilters, this.#client.now())
  }
}

/** Subscribes for as long as the scope. What is not dealt with by its end goes back. */
export const hold = Effect.fnUntraced(function*(
  client: Holding,
  topicFilter: string | ReadonlyArray<string>,
  options: SubscribeOptions
) {
  const subscriptions = toSubscriptions(topicFilter, { ...options, qos: options.qos ?? 1 })
  const held = new Held(client, subscriptions.map((subscription) => subscription.topicFilter), options)
  yield* Effect.addFinalizer(() => Effect.sync(() => held.giveBack()))
  yield* join(client, subscriptions, { acknowledges: "byConsumer", inbox: held.inbox }, options)
  return held
})
