/**
 * Effect RPC over MQTT: protocols for `RpcClient` and `RpcServer` of `effect/rpc`, which Effect marks as unstable.
 *
 * A client publishes its requests to `<prefix>/request`, and servers share them. Streams have back-pressure,
 * interrupting a call interrupts its handler, and each call ends once: with its answer, or with an `RpcClientError`
 * that says why there is none. Calls survive reconnects of either side if their sessions are persistent. It works the
 * same in MQTT 3.1.1 and 5.0, except for Shared Subscriptions, which only 5.0 has.
 *
 * **Example** (A service and its client)
 *
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { MqttRpc } from "effect-mqtt/rpc"
 * import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
 *
 * const Calculator = RpcGroup.make(
 *   Rpc.make("Square", { payload: { number: Schema.Finite }, success: Schema.Finite })
 * )
 *
 * const handlers = Calculator.toLayer({ Square: ({ number }) => Effect.succeed(number ** 2) })
 *
 * // Provide a client to each, such as `NodeMqtt.layer`.
 * export const server = RpcServer.layer(Calculator).pipe(
 *   Layer.provide(handlers),
 *   Layer.provide(MqttRpc.layerServerProtocol({ prefix: "calculator", group: "servers" })),
 *   Layer.provide(RpcSerialization.layerJson)
 * )
 *
 * export const program = Effect.gen(function*() {
 *   const calculator = yield* RpcClient.make(Calculator)
 *   return yield* calculator.Square({ number: 12 })
 * }).pipe(
 *   Effect.scoped,
 *   Effect.provide(
 *     MqttRpc.layerClientProtocol({ prefix: "calculator" }).pipe(Layer.provide(RpcSerialization.layerJson))
 *   )
 * )
 * ```
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcClientError from "effect/rpc/RpcClientError"
import type * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Scope from "effect/Scope"
import type { MqttClient } from "../MqttClient.ts"
import { MqttError } from "../MqttError.ts"
import * as ClientProtocol from "./internal/clientProtocol.ts"
import { CallFailure } from "./internal/failure.ts"
import { type ClientOptions, resolveClient, resolveServer, type ServerOptions } from "./internal/options.ts"
import * as ServerProtocol from "./internal/serverProtocol.ts"

export { CallFailure, type CallFailureReason } from "./internal/failure.ts"
export type { ClientOptions, ServerOptions } from "./internal/options.ts"

/**
 * A protocol for `RpcClient`, for as long as the scope. Completes when the server has granted the subscription for
 * answers. Give it an `MqttClient` with `session: "persistent"` if calls are to survive reconnects.
 *
 * Fails with `InvalidOptions`, and like `MqttClient.subscribe`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeClientProtocol = (
  options: ClientOptions
): Effect.Effect<
  RpcClient.Protocol["Service"],
  MqttError,
  MqttClient | RpcSerialization.RpcSerialization | Scope.Scope
> =>
  Effect.suspend(() => {
    const resolved = resolveClient(options)
    return resolved instanceof MqttError ? Effect.fail(resolved) : ClientProtocol.make(resolved)
  })

/**
 * `makeClientProtocol` as a layer.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerClientProtocol = (
  options: ClientOptions
): Layer.Layer<RpcClient.Protocol, MqttError, MqttClient | RpcSerialization.RpcSerialization> =>
  Layer.effect(RpcClient.Protocol, makeClientProtocol(options))

/**
 * A protocol for `RpcServer`, for as long as the scope. Completes when the server has granted the subscription for
 * requests. With a `group` any number of servers divide the calls among them.
 *
 * A defect of a handler ends its own call only. `RpcServer` sees a client of its own in each call, so
 * `onDisconnect` and middleware get one client for each call.
 *
 * Fails with `InvalidOptions`, and like `MqttClient.subscribe`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeServerProtocol = (
  options: ServerOptions
): Effect.Effect<
  RpcServer.Protocol["Service"],
  MqttError,
  MqttClient | RpcSerialization.RpcSerialization | Scope.Scope
> =>
  Effect.suspend(() => {
    const resolved = resolveServer(options)
    return resolved instanceof MqttError ? Effect.fail(resolved) : ServerProtocol.make(resolved)
  })

/**
 * `makeServerProtocol` as a layer.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerServerProtocol = (
  options: ServerOptions
): Layer.Layer<RpcServer.Protocol, MqttError, MqttClient | RpcSerialization.RpcSerialization> =>
  Layer.effect(RpcServer.Protocol, makeServerProtocol(options))

/**
 * The cause of an `RpcClientError` of this protocol; `undefined` for errors of other protocols.
 *
 * **Example** (Retrying calls that did not run)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MqttRpc } from "effect-mqtt/rpc"
 * import type { RpcClientError } from "effect/rpc"
 *
 * export const again = <A>(call: Effect.Effect<A, RpcClientError.RpcClientError>) =>
 *   Effect.retry(call, { times: 3, while: (error) => MqttRpc.failureOf(error)?.mayHaveRun === false })
 * ```
 *
 * @since 0.2.0
 * @category errors
 */
export const failureOf = ({ reason }: RpcClientError.RpcClientError): CallFailure | undefined =>
  reason._tag === "RpcClientDefect" && reason.cause instanceof CallFailure ? reason.cause : undefined
