/**
 * Consuming: messages go through a handler, and are acknowledged when it is done with them.
 *
 * Subscribing and leaving are the subscriber's; the order in which acknowledgements leave is the session's.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import type { ConsumeOptions } from "../../clientOptions.ts"
import { harmless } from "../../harmlessText.ts"
import * as OptionTypes from "../../optionTypes.ts"
import { PacedLog } from "../../pacedLog.ts"
import type { Delivery } from "../incoming/handover.ts"
import { join, makeInbox, type Subscribing, toSubscriptions } from "./subscribe.ts"
import type { Tracing } from "./tracing.ts"
import { wrongReceiving } from "./wrongTypes.ts"

/** What a message is answered with when its handler failed and the consumer goes on. MQTT 5.0 section 3.4.2.1. */
const unspecifiedError = 0x80

export interface Consuming extends Subscribing {
  readonly now: () => number
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
    /** Out of the inbox and not dealt with, in order: those a handler has, and those that wait for theirs. */
    const open = new Set<Delivery>()
    const inbox = makeInbox<Delivery>(client, options, {
      onDropped: ({ handover }) => handover?.settle(0x00),
      onPulled: (deliveries) => {
        for (const delivery of deliveries) open.add(delivery)
      }
    })
    const subscriptions = toSubscriptions(topicFilter, { ...options, qos: options.qos ?? 1 })
    const topicFilters = subscriptions.map((subscription) => subscription.topicFilter)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        const left = [...open, ...inbox.takeBack()]
        client.runner.deliveries.giveBack(left, topicFilters, client.now())
      })
    )
    yield* join(client, subscriptions, { acknowledges: "byConsumer", inbox }, options)
    const process = handling(client.tracing?.handler(topicFilter, handler) ?? handler, options, open)
    yield* Stream.fromPull(Effect.succeed(inbox.pull)).pipe(
      Stream.mapEffect(process, { concurrency: options.concurrency ?? 1, unordered: true }),
      Stream.runDrain
    )
  }))

const handling = <E, R>(
  handler: (message: MqttMessage) => Effect.Effect<unknown, E, R>,
  { onFailure = "stop" }: ConsumeOptions,
  open: Set<Delivery>,
  paced = new PacedLog()
) =>
(delivery: Delivery): Effect.Effect<unknown, Exclude<E, MqttError.MqttRejected>, R> => {
  const settle = (reasonCode: number) => {
    open.delete(delivery)
    delivery.handover?.settle(reasonCode)
  }
  // A handler that succeeded is acknowledged as it ends: nothing comes in between, an interruption neither.
  const handled = Effect.onExitPrimitive(Effect.suspend(() => handler(delivery.message)), (exit) => {
    const reasonCode = Exit.isSuccess(exit) ? 0x00 : rejectedWith(exit.cause)
    if (reasonCode !== undefined) settle(reasonCode)
    return undefined
  })
  // Not for an interruption of `consume`, which ends here; a handler may also have interrupted itself.
  return Effect.catchCause(handled, (cause) => {
    if (rejectedWith(cause) !== undefined) return Effect.void
    if (onFailure === "stop") return Effect.failCause(cause as Cause.Cause<Exclude<E, MqttError.MqttRejected>>)
    return paced.write(failed(cause, delivery)).pipe(
      Effect.map(() => settle(onFailure === "reject" ? unspecifiedError : 0x00))
    )
  })
}

const rejectedWith = (cause: Cause.Cause<unknown>): number | undefined => {
  const error = Result.getOrUndefined(Cause.findError(cause))
  return error instanceof MqttError.MqttRejected ? error.reasonCode : undefined
}

const failed = (cause: Cause.Cause<unknown>, { message }: Delivery): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logError("A message handler failed", cause), { topic: harmless(message.topic) })
