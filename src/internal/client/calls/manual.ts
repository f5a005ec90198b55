/**
 * Messages that the program acknowledges itself, one by one, whenever it likes.
 *
 * The session keeps the order of acknowledgements. Messages without an acknowledgement go back, as a consumer's do.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as MqttError from "../../../MqttError.ts"
import type { Delivery, MqttMessage } from "../../../MqttMessage.ts"
import type { SubscribeOptions } from "../../clientOptions.ts"
import * as ReceivingTypes from "../../receivingTypes.ts"
import type * as Handover from "../incoming/handover.ts"
import { Held, type Holding } from "./held.ts"
import { wrongReceiving } from "./wrongTypes.ts"

export const make = (client: Holding) =>
(
  topicFilter: string | ReadonlyArray<string>,
  options: SubscribeOptions = {}
): Stream.Stream<Delivery, MqttError.MqttError> =>
  Stream.unwrap(Effect.gen(function*() {
    const given = { topicFilter, options, fields: ReceivingTypes.subscribe } as const
    const wrong = wrongReceiving(given, client.runner.protocolVersion)
    if (wrong !== undefined) return yield* wrong
    const held = new Held(client, topicFilter, options)
    // Messages that nobody has acknowledged go back at the end of the stream.
    yield* Effect.addFinalizer(() => Effect.sync(() => held.giveBack()))
    yield* held.subscribed()
    const pull = Effect.map(held.inbox.pull, Arr.map((delivery) => new Manual(held, delivery)))
    return Stream.fromPull(Effect.succeed(pull))
  }))

class Manual implements Delivery {
  readonly message: MqttMessage
  readonly acknowledge: Effect.Effect<void>
  readonly reject: Delivery["reject"]

  constructor(held: Held, delivery: Handover.Delivery) {
    this.message = delivery.message
    this.acknowledge = Effect.sync(() => held.settle(delivery, 0x00))
    this.reject = (reasonCode) =>
      Effect.sync(() => held.settle(delivery, new MqttError.MqttRejected({ reasonCode }).reasonCode))
    // Nobody acknowledges QoS 0, so there is nothing to keep.
    if (delivery.handover === undefined) held.settle(delivery, 0x00)
  }
}
