/**
 * Consuming in batches: several messages go through a handler together, and are acknowledged together.
 *
 * When a batch is due is decided in `gathering.ts`; the order in which acknowledgements leave is the session's.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import { harmless } from "../../harmlessText.ts"
import * as OptionTypes from "../../optionTypes.ts"
import { PacedLog } from "../../pacedLog.ts"
import type { ConsumeBatchOptions } from "../../receivingOptions.ts"
import type { Delivery } from "../incoming/handover.ts"
import { Gathering } from "./gathering.ts"
import { handle } from "./handling.ts"
import { Held, type Holding } from "./held.ts"
import { join, toSubscriptions } from "./subscribe.ts"
import { wrongReceiving } from "./wrongTypes.ts"

type Handler<E, R> = (messages: Arr.NonEmptyReadonlyArray<MqttMessage>) => Effect.Effect<unknown, E, R>

export const make = (client: Holding) =>
<E, R>(
  topicFilter: string | ReadonlyArray<string>,
  handler: Handler<E, R>,
  options: ConsumeBatchOptions
): Effect.Effect<void, MqttError.MqttError | Exclude<E, MqttError.MqttRejected>, R> =>
  Effect.scoped(Effect.gen(function*() {
    const given = { topicFilter, handler: [handler], options, fields: OptionTypes.consumeBatch } as const
    const wrong = wrongReceiving(given, client.runner.protocolVersion)
    if (wrong !== undefined) return yield* wrong
    const subscriptions = toSubscriptions(topicFilter, { ...options, qos: options.qos ?? 1 })
    const held = new Held(client, subscriptions.map((subscription) => subscription.topicFilter), options)
    yield* Effect.addFinalizer(() => Effect.sync(() => held.giveBack()))
    yield* join(client, subscriptions, { acknowledges: "byConsumer", inbox: held.inbox }, options)
    const { maximum, within } = options
    const gathering = new Gathering({ maximum, within, clock: yield* Clock.Clock })
    yield* Effect.forkScoped(gathering.gather(held.inbox))
    yield* gathering.next.pipe(
      Effect.flatMap(handling(handler, options, held)),
      Effect.forever,
      Effect.catchIf(Cause.isDone, () => Effect.void)
    )
  }))

const handling = <E, R>(
  handler: Handler<E, R>,
  { onFailure }: ConsumeBatchOptions,
  held: Held,
  paced = new PacedLog()
) =>
(batch: Arr.NonEmptyReadonlyArray<Delivery>): Effect.Effect<unknown, Exclude<E, MqttError.MqttRejected>, R> => {
  const messages = Arr.map(batch, ({ message }) => message)
  return handle(Effect.suspend(() => handler(messages)), {
    onFailure,
    settle: (reasonCode) => batch.forEach((delivery) => held.settle(delivery, reasonCode)),
    log: (cause) => paced.write(failed(cause, messages))
  })
}

const failed = (cause: Cause.Cause<unknown>, messages: Arr.NonEmptyReadonlyArray<MqttMessage>): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logError("A handler of a batch failed", cause), {
    topic: harmless(messages[0].topic),
    messages: messages.length
  })
