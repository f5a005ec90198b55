/**
 * The client that programs use: publish, subscribe, and the state of a connection that comes back by itself.
 *
 * The transport knows the server, and opens the network connection for `MqttConnection` or a client.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { MqttClient } from "./internal/client/assembly/service.ts"
import * as OnConnected from "./internal/client/calls/onConnected.ts"
import { ownService, type ServiceClass } from "./internal/client/ownService.ts"
import { defaults } from "./internal/defaults.ts"
import type * as MqttError from "./MqttError.ts"

export { layer, make } from "./internal/client/assembly/layer.ts"
export { layerConfig } from "./internal/client/assembly/layerConfig.ts"
export { MqttClient } from "./internal/client/assembly/service.ts"
export type { Subscription } from "./internal/client/calls/subscribe.ts"
export type { ServiceClass } from "./internal/client/ownService.ts"
export type {
  Bounds,
  Credentials,
  DisconnectOptions,
  Escalation,
  FollowServerReference,
  MetricsOptions,
  Options,
  OutboxBounds,
  OutgoingMessage,
  OverflowPolicy,
  PublishOptions,
  RequestOptions,
  SessionMode,
  SubscribeOptions
} from "./internal/clientOptions.ts"
export type { Birth, Presence, PublishProperties, Will } from "./internal/presenceOptions.ts"
export type {
  ConsumeOptions,
  DeadLetterOptions,
  DeadLetterTopic,
  NextOptions,
  RespondOptions
} from "./internal/receivingOptions.ts"

/**
 * A client under a key of the program's own, for a program with several clients. After `class Edge extends
 * MqttClient.Service<Edge>()("Edge") {}`, `Edge.layer` takes the layer of a client, and `yield* Edge` is that client.
 * `Edge.provide` makes it the `MqttClient` of an effect that needs one, such as an effect of a typed topic.
 *
 * @since 0.2.0
 * @category services
 */
export const Service = <Self>() => <const Key extends string>(key: Key): ServiceClass<Self, Key, typeof MqttClient> =>
  ownService(key, MqttClient)

/**
 * When the client connects again if `reconnect` is not given. Each delay is random: half a second to two at first, twice
 * as long after each failure, ten seconds to forty in the end, for ever. Chance spreads the clients of a server that
 * restarts: it ends all their connections at the same time.
 *
 * @since 0.2.0
 * @category constants
 */
export const defaultReconnect: Schedule.Schedule<unknown, MqttError.MqttError> = defaults.reconnect

/**
 * Runs an effect in the scope of each connection from now on: when the server has accepted the connection, and at once
 * if there is one already. When the connection is lost, the effect is interrupted and everything it acquired is
 * released. If the effect fails, that is logged and does not end the client. It lasts as long as the scope of the
 * caller.
 *
 * @since 0.2.0
 * @category connections
 */
export const onConnected = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<void, never, MqttClient | Scope.Scope | Exclude<R, Scope.Scope>> =>
  Effect.flatMap(MqttClient, ({ state }) => OnConnected.run(state, effect))
