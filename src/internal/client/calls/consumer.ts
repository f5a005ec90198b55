/**
 * Consuming: messages go through a handler, and are acknowledged when it is done with them.
 *
 * Subscribing and leaving are the subscriber's; the order in which acknowledgements leave is the session's.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import type { ConsumeOptions } from "../../clientOptions.ts"
import { harmless } from "../../harmlessText.ts"
import * as OptionTypes from "../../optionTypes.ts"
import { PacedLog } from "../../pacedLog.ts"
import type { Delivery } from "../incoming/handover.ts"
import { handle } from "./handling.ts"
import { Held, type Holding } from "./held.ts"
import * as Lanes from "./lanes.ts"
import { join, toSubscriptions } from "./subscribe.ts"
import type { Tracing } from "./tracing.ts"
import { wrongReceiving } from "./wrongTypes.ts"

export interface Consuming extends Holding {
  readonly tracing: Tracing | undefined
}

export const make = (client: Consuming) =>
<E, R>(
  topicFilter: string | ReadonlyArray<string>,
  handler: (message: MqttMessage) => Effect.Effect<unknown, E, R>,
  options: ConsumeOptions = {}
): Effect.Effect<void, MqttError.MqttError | Exclude<E, MqttError.MqttRejected>, R> =>
  Effect.scoped(Effect.gen(function*() {
    const given = { topicFilter, handler: [handler], options, fields: OptionTypes.consume } as const
    const wrong = wrongReceiving(given, client.runner.protocolVersion)
    if (wrong !== undefined) return yield* wrong
    const subscriptions = toSubscriptions(topicFilter, { ...options, qos: options.qos ?? 1 })
    const held = new Held(client, subscriptions.map((subscription) => subscription.topicFilter), options)
    yield* Effect.addFinalizer(() => Effect.sync(() => held.giveBack()))
    yield* join(client, subscriptions, { acknowledges: "byConsumer", inbox: held.inbox }, options)
    const process = handling(client.tracing?.handler(topicFilter, handler) ?? handler, options, held)
    yield* processing(Stream.fromPull(Effect.succeed(held.inbox.pull)), process, options)
  }))

type Process<E, R> = (delivery: Delivery, wrongKey?: Result.Failure<unknown, unknown>) => Effect.Effect<unknown, E, R>

const processing = <E, R>(
  deliveries: Stream.Stream<Delivery, MqttError.MqttError>,
  process: Process<E, R>,
  { concurrency = 1, key }: ConsumeOptions
): Effect.Effect<void, E | MqttError.MqttError, R> => {
  if (key === undefined) {
    return deliveries.pipe(
      Stream.mapEffect((delivery) => process(delivery), { concurrency, unordered: true }),
      Stream.runDrain
    )
  }
  const keyed = Stream.map(deliveries, (delivery) => ({ delivery, key: Result.try(() => key(delivery.message)) }))
  return Lanes.run(keyed, {
    concurrency,
    // One whose key cannot be told fails in a lane of its own.
    keyOf: ({ delivery, key }) => Result.isSuccess(key) ? key.success : delivery,
    process: ({ delivery, key }) => process(delivery, Result.isFailure(key) ? key : undefined)
  })
}

const handling = <E, R>(
  handler: (message: MqttMessage) => Effect.Effect<unknown, E, R>,
  { onFailure }: ConsumeOptions,
  held: Held,
  paced = new PacedLog()
): Process<Exclude<E, MqttError.MqttRejected>, R> =>
(delivery, wrongKey) =>
  handle(
    Effect.suspend(() => wrongKey === undefined ? handler(delivery.message) : Effect.die(wrongKey.failure)),
    {
      onFailure,
      settle: (reasonCode) => held.settle(delivery, reasonCode),
      log: (cause) => paced.write(failed(cause, delivery))
    }
  )

const failed = (cause: Cause.Cause<unknown>, { message }: Delivery): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logError("A message handler failed", cause), { topic: harmless(message.topic) })
