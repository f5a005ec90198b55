/**
 * Consuming in batches: several messages go through a handler together, and are acknowledged together.
 *
 * When a batch is due is decided in `gathering.ts`; the order in which acknowledgements leave is the session's.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import type { ReasonCode } from "../../../protocol/ReasonCode.ts"
import { harmless } from "../../harmlessText.ts"
import * as OptionTypes from "../../optionTypes.ts"
import { PacedLog } from "../../pacedLog.ts"
import type { ConsumeBatchOptions } from "../../receivingOptions.ts"
import type { Delivery } from "../incoming/handover.ts"
import { rejectedWith, unspecifiedError } from "./consumer.ts"
import { Gathering } from "./gathering.ts"
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
  { onFailure = "stop" }: ConsumeBatchOptions,
  held: Held,
  paced = new PacedLog()
) =>
(batch: Arr.NonEmptyReadonlyArray<Delivery>): Effect.Effect<unknown, Exclude<E, MqttError.MqttRejected>, R> => {
  const settle = (reasonCode: ReasonCode) => {
    for (const delivery of batch) held.settle(delivery, reasonCode)
  }
  const messages = Arr.map(batch, ({ message }) => message)
  // Success and the acknowledgements are one step: nothing comes in between, an interruption neither.
  const handled = Effect.onExitPrimitive(Effect.suspend(() => handler(messages)), (exit) => {
    const reasonCode = Exit.isSuccess(exit) ? 0x00 : rejectedWith(exit.cause)
    if (reasonCode !== undefined) settle(reasonCode)
    return undefined
  })
  return Effect.catchCause(handled, (cause) => {
    if (rejectedWith(cause) !== undefined) return Effect.void
    if (onFailure === "stop") return Effect.failCause(cause as Cause.Cause<Exclude<E, MqttError.MqttRejected>>)
    return paced.write(failed(cause, messages)).pipe(
      Effect.map(() => settle(onFailure === "reject" ? unspecifiedError : 0x00))
    )
  })
}

const failed = (cause: Cause.Cause<unknown>, messages: Arr.NonEmptyReadonlyArray<MqttMessage>): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logError("A handler of a batch failed", cause), {
    topic: harmless(messages[0].topic),
    messages: messages.length
  })
