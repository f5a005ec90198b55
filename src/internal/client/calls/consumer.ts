/**
 * Consuming: messages go through a handler, and are acknowledged when it is done with them.
 *
 * Subscribing and leaving are the subscriber's; the order in which acknowledgements leave is the session's.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import type { ConsumeOptions } from "../../clientOptions.ts"
import { harmless } from "../../harmlessText.ts"
import * as OptionTypes from "../../optionTypes.ts"
import { PacedLog } from "../../pacedLog.ts"
import type { Delivery } from "../incoming/handover.ts"
import { handle } from "./handling.ts"
import { type Held, hold, type Holding } from "./held.ts"
import * as Lanes from "./lanes.ts"
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
    const held = yield* hold(client, topicFilter, options)
    const process = handling(client.tracing?.handler(topicFilter, handler) ?? handler, options, held)
    yield* processing(Stream.fromPull(Effect.succeed(held.inbox.pull)), process, options)
  }))

/** `instead` of the handler. */
type Process<E, R> = (delivery: Delivery, instead?: Effect.Effect<never>) => Effect.Effect<unknown, E, R>

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
  const inLanes = Stream.map(deliveries, keyed(key))
  return Lanes.run(inLanes, concurrency, ({ delivery, failure }) => process(delivery, failure))
}

/** One whose key cannot be told fails in a lane of its own. */
const keyed = (key: NonNullable<ConsumeOptions["key"]>) =>
(
  delivery: Delivery
): { readonly delivery: Delivery; readonly key: unknown; readonly failure?: Effect.Effect<never> } => {
  try {
    return { delivery, key: key(delivery.message) }
  } catch (cause) {
    return { delivery, key: delivery, failure: Effect.die(cause) }
  }
}

const handling = <E, R>(
  handler: (message: MqttMessage) => Effect.Effect<unknown, E, R>,
  { onFailure }: ConsumeOptions,
  held: Held,
  paced = new PacedLog()
): Process<Exclude<E, MqttError.MqttRejected>, R> =>
(delivery, instead) =>
  handle(
    instead ?? Effect.suspend(() => handler(delivery.message)),
    {
      onFailure,
      settle: (reasonCode) => held.settle(delivery, reasonCode),
      log: (cause) => paced.write(failed(cause, delivery))
    }
  )

const failed = (cause: Cause.Cause<unknown>, { message }: Delivery): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logError("A message handler failed", cause), { topic: harmless(message.topic) })
