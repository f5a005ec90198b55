/**
 * Messages that the program acknowledges itself, one by one, whenever it likes.
 *
 * The order in which acknowledgements leave is the session's; what was not acknowledged goes back as a consumer's does.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as MqttError from "../../../MqttError.ts"
import type { Delivery, MqttMessage } from "../../../MqttMessage.ts"
import type { SubscribeOptions } from "../../clientOptions.ts"
import * as OptionTypes from "../../optionTypes.ts"
import type * as Handover from "../incoming/handover.ts"
import { Held, type Holding } from "./held.ts"
import { join, toSubscriptions } from "./subscribe.ts"
import { wrongReceiving } from "./wrongTypes.ts"

export const make = (client: Holding) =>
(
  topicFilter: string | ReadonlyArray<string>,
  options: SubscribeOptions = {}
): Stream.Stream<Delivery, MqttError.MqttError> =>
  Stream.unwrap(Effect.gen(function*() {
    const given = { topicFilter, options, fields: OptionTypes.subscribe } as const
    const wrong = wrongReceiving(given, client.runner.protocolVersion)
    if (wrong !== undefined) return yield* wrong
    const subscriptions = toSubscriptions(topicFilter, { ...options, qos: options.qos ?? 1 })
    const held = new Held(client, subscriptions.map((subscription) => subscription.topicFilter), options)
    yield* Effect.addFinalizer(() => Effect.sync(() => held.giveBack()))
    yield* join(client, subscriptions, { acknowledges: "byConsumer", inbox: held.inbox }, options)
    const pull = Effect.map(held.inbox.pull, Arr.map((delivery) => new Manual(held, delivery)))
    return Stream.fromPull(Effect.succeed(pull))
  }))

class Manual implements Delivery {
  readonly #held: Held
  readonly #delivery: Handover.Delivery

  constructor(held: Held, delivery: Handover.Delivery) {
    this.#held = held
    this.#delivery = delivery
    // Nobody acknowledges QoS 0, so nothing is to be kept of it.
    if (delivery.handover === undefined) held.settle(delivery, 0x00)
  }

  get message(): MqttMessage {
    return this.#delivery.message
  }

  get acknowledge(): Effect.Effect<void> {
    return Effect.sync(() => this.#held.settle(this.#delivery, 0x00))
  }

  /** Both can be taken out of it by their names. */
  get reject(): Delivery["reject"] {
    return (reasonCode) =>
      Effect.sync(() => {
        const rejected = new MqttError.MqttRejected({ reasonCode })
        this.#held.settle(this.#delivery, rejected.reasonCode)
      })
  }
}
