import type { Socket } from "@effect/platform/Socket"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MqttTransport } from "../MqttTransport.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface FromSocketOptions {
  /** The address, for people to read, without credentials. */
  readonly endpoint: string
  /**
   * Evaluated for every attempt, because bytes written to a Socket that is not connected would come out first on its
   * next connection. If it fails with an error of this package, the attempt fails with that error; any other error
   * becomes `OpenFailed`.
   */
  readonly socket: Effect.Effect<Socket, unknown, Scope.Scope>
}

/**
 * A transport over any `Socket` of `@effect/platform`.
 *
 * The library cannot tell such a Socket to wait, so **nothing bounds inbound bytes**: if a fast server sends while the
 * program does not read, the bytes are kept in memory. `NodeMqtt` and the transports of `effect-mqtt-v3/node` have no
 * such limit.
 *
 * **Example** (A WebSocket of the runtime)
 *
 * ```ts
 * import * as Socket from "@effect/platform/Socket"
 * import { Effect, Layer } from "effect"
 * import { MqttClient, MqttTransport } from "effect-mqtt-v3"
 *
 * const transport = Layer.succeed(
 *   MqttTransport.MqttTransport,
 *   MqttTransport.fromSocket({
 *     endpoint: "ws://localhost:8080/mqtt",
 *     socket: Socket.makeWebSocket("ws://localhost:8080/mqtt", { protocols: "mqtt" }).pipe(
 *       Effect.provide(Socket.layerWebSocketConstructorGlobal)
 *     )
 *   })
 * )
 *
 * const client = MqttClient.layer().pipe(Layer.provide(transport))
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export declare const fromSocket: (options: FromSocketOptions) => Context.Tag.Service<typeof MqttTransport>
