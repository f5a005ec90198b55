/**
 * A client that only publishes, for pages and programs whose weight counts: they load nothing of subscribing, requests,
 * traces and metrics.
 *
 * Its calls are the same as those `MqttClient` has, with the same meaning. A program that does more than publish needs
 * `MqttClient`.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Life from "./internal/client/assembly/life.ts"
import * as BrokerUp from "./internal/client/calls/brokerUp.ts"
import { Publisher } from "./internal/client/calls/publisher.ts"
import * as Replacing from "./internal/client/calls/replacing.ts"
import * as Nobody from "./internal/client/incoming/nobody.ts"
import { SessionRunner } from "./internal/client/session/sessionRunner.ts"
import { type PublisherOptions, resolvePublisher } from "./internal/partOptions.ts"
import type { MqttClient } from "./MqttClient.ts"
import type * as MqttError from "./MqttError.ts"
import type { MqttTransport } from "./MqttTransport.ts"

export type { PublisherOptions as Options } from "./internal/partOptions.ts"

/**
 * The calls of `MqttClient` that receive no messages.
 *
 * @since 0.2.0
 * @category services
 */
export class MqttPublisher extends Context.Service<
  MqttPublisher,
  Pick<
    MqttClient["Service"],
    | "brokerUp"
    | "checkConnection"
    | "closed"
    | "disconnect"
    | "disconnectWith"
    | "disconnectWithWill"
    | "flush"
    | "publish"
    | "publishAsync"
    | "publishSink"
    | "replaceConnection"
    | "state"
  >
>()("effect-mqtt/MqttPublisher") {}

/**
 * Makes a publisher on the `MqttTransport` of the context, which lives as `MqttClient.make` says. If an earlier client
 * with its identifier has subscribed, messages for those subscriptions are acknowledged and dropped.
 *
 * Fails with `InvalidOptions`, also for an option that only `MqttClient` has. Unless `initialConnection` is `"retry"`,
 * it also fails with the error of the first connection.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: PublisherOptions = {}
): Effect.fn.Return<MqttPublisher["Service"], MqttError.MqttError, MqttTransport | Scope.Scope> {
  const resolved = yield* Effect.fromResult(resolvePublisher(options))
  const begun = yield* Life.begin(resolved, (given) => new SessionRunner({ ...given, receiver: Nobody.make }))
  const { lifetime, runner, scope, state } = begun
  const { outboxAge, responseTimeout } = resolved
  const publisher = new Publisher({ runner, lifetime, clock: yield* Clock.Clock, outboxAge })
  const { flush, publish, publishAsync, publishSink } = publisher
  const living = yield* Life.keepUp(begun)
  return {
    publish,
    publishAsync,
    publishSink,
    flush,
    ...BrokerUp.make({ runner, responseTimeout, scope }),
    replaceConnection: Replacing.make(runner, resolved),
    ...living,
    state
  }
})

/**
 * A publisher as a layer, on the `MqttTransport` of the context. In a page use `BrowserMqttPublisher.layer`.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (
  options?: PublisherOptions
): Layer.Layer<MqttPublisher, MqttError.MqttError, MqttTransport> => Layer.effect(MqttPublisher, make(options))
