/**
 * One consumer: its subscriptions, the messages it has taken, in the order of arrival, and how unhandled messages go
 * back.
 *
 * `subscribe.ts` subscribes. `deliveries.ts` decides who gets the messages that go back.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MqttError } from "../../../MqttError.ts"
import type { Subscription } from "../../../protocol/Packet.ts"
import type { ReasonCode } from "../../../protocol/ReasonCode.ts"
import type { SubscribeOptions } from "../../clientOptions.ts"
import type { Resolved } from "../../options.ts"
import type { Delivery } from "../incoming/handover.ts"
import type { Inbox } from "../incoming/inbox.ts"
import * as Lingering from "./lingering.ts"
import { join, makeInbox, type Subscribing, toSubscriptions } from "./subscribe.ts"

/** The parts of the client that a consumer needs. */
export interface Holding extends Subscribing {
  readonly now: () => number
}

/** The part of a client that its consumers need. */
export const holding = (
  { lifetime, options, runner, scope }: Pick<Holding, "lifetime" | "runner"> & {
    readonly options: Resolved
    /** The scope of the client. */
    readonly scope: Scope.Scope
  }
): Effect.Effect<Holding> =>
  Effect.withFiber(({ currentDispatcher }) =>
    Effect.succeed({
      runner,
      lifetime,
      now: () => runner.connection?.now() ?? 0,
      dispatcher: currentDispatcher,
      buffer: options.buffer,
      linger: Lingering.make(options.session, scope)
    })
  )

export class Held {
  readonly #client: Holding
  readonly #options: SubscribeOptions
  readonly #subscriptions: ReadonlyArray<Subscription>
  readonly topicFilters: ReadonlyArray<string>
  /** Messages that have left the inbox and are not dealt with. */
  readonly #open = new Set<Delivery>()
  readonly inbox: Inbox<Delivery>

  /** Subscribes at QoS 1 unless the options say otherwise. */
  constructor(client: Holding, topicFilter: string | ReadonlyArray<string>, options: SubscribeOptions) {
    this.#client = client
    this.#options = options
    this.#subscriptions = toSubscriptions(topicFilter, { ...options, qos: options.qos ?? 1 })
    this.topicFilters = this.#subscriptions.map((subscription) => subscription.topicFilter)
    this.inbox = makeInbox<Delivery>(client, options, {
      onDropped: ({ handover }) => handover?.settle(0x00),
      onPulled: (deliveries) => {
        for (const delivery of deliveries) this.#open.add(delivery)
      }
    })
  }

  /** Subscribes for as long as the scope. `linger` releases the subscription a while after its end. */
  subscribed(linger: Holding["linger"] = this.#client.linger): Effect.Effect<unknown, MqttError, Scope.Scope> {
    const subscriber = { acknowledges: "byConsumer", inbox: this.inbox } as const
    return join({ ...this.#client, linger }, this.#subscriptions, subscriber, this.#options)
  }

  /** Deals with a message once. Further answers have no effect, nor do answers after the message went back. */
  settle(delivery: Delivery, reasonCode: ReasonCode): void {
    if (this.#open.delete(delivery)) delivery.handover?.settle(reasonCode)
  }

  /** The other messages wait for the next consumer of their filters. Not `handled`: they may still be dealt with. */
  giveBack(handled?: ReadonlySet<Delivery>): void {
    this.#client.runner.confirmAcknowledgements()
    const left = [...this.#open, ...this.inbox.takeBack()].filter((delivery) => handled?.has(delivery) !== true)
    for (const delivery of left) this.#open.delete(delivery)
    this.#client.runner.deliveries.giveBack(left, this.topicFilters, this.#client.now())
  }
}
