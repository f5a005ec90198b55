/**
 * A client that only subscribes, for pages and programs whose weight counts: they load nothing of publishing, requests,
 * traces and metrics.
 *
 * Its calls are the same as those `MqttClient` has, with the same meaning. A program that does more than subscribe
 * needs `MqttClient`.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Life from "./internal/client/assembly/life.ts"
import * as BrokerUp from "./internal/client/calls/brokerUp.ts"
import * as Held from "./internal/client/calls/held.ts"
import * as Receiving from "./internal/client/calls/receiving.ts"
import * as Replacing from "./internal/client/calls/replacing.ts"
import * as Subscribe from "./internal/client/calls/subscribe.ts"
import * as Asking from "./internal/client/session/asking.ts"
import { SessionRunner } from "./internal/client/session/sessionRunner.ts"
import { resolveSubscriber, type SubscriberOptions } from "./internal/partOptions.ts"
import type { MqttClient } from "./MqttClient.ts"
import type * as MqttError from "./MqttError.ts"
import type { MqttTransport } from "./MqttTransport.ts"

export type { SubscriberOptions as Options } from "./internal/partOptions.ts"

/**
 * The calls of `MqttClient` that publish nothing. `consume` is missing, because it publishes dead letters.
 *
 * @since 0.2.0
 * @category services
 */
export class MqttSubscriber extends Context.Service<
  MqttSubscriber,
  Pick<
    MqttClient["Service"],
    | "brokerUp"
    | "checkConnection"
    | "closed"
    | "deliveries"
    | "disconnect"
    | "disconnectWith"
    | "disconnectWithWill"
    | "messages"
    | "next"
    | "replaceConnection"
    | "state"
    | "subscribe"
  >
>()("effect-mqtt/MqttSubscriber") {}

/**
 * Makes a subscriber on the `MqttTransport` of the context, which lives as `MqttClient.make` says.
 *
 * Fails with `InvalidOptions`, also for an option that only `MqttClient` has. Unless `initialConnection` is `"retry"`,
 * it also fails with the error of the first connection.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: SubscriberOptions = {}
): Effect.fn.Return<MqttSubscriber["Service"], MqttError.MqttError, MqttTransport | Scope.Scope> {
  const resolved = yield* Effect.fromResult(resolveSubscriber(options))
  const begun = yield* Life.begin(resolved, (given) => new SessionRunner({ ...given, receiver: Asking.receiver }))
  const { runner, scope, state } = begun
  const holding = yield* Held.holding(begun)
  const subscribe = Subscribe.make(holding)
  const { responseTimeout } = resolved
  const living = yield* Life.keepUp(begun)
  return {
    subscribe,
    ...Receiving.make(holding, subscribe),
    ...BrokerUp.make({ runner, responseTimeout, scope }),
    replaceConnection: Replacing.make(runner, resolved),
    ...living,
    state
  }
})

/**
 * A subscriber as a layer, on the `MqttTransport` of the context. In a page use `BrowserMqttSubscriber.layer`.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (
  options?: SubscriberOptions
): Layer.Layer<MqttSubscriber, MqttError.MqttError, MqttTransport> => Layer.effect(MqttSubscriber, make(options))
