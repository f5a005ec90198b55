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
  /** Where it leads, for people, without credentials. */
  readonly endpoint: string
  /**
   * Evaluated for every attempt, because what is written to a Socket that is not connected would come out first on its next
   * connection. An error of this package is what the attempt fails with; every other one becomes `OpenFailed`.
   */
  readonly socket: Effect.Effect<Socket, unknown, Scope.Scope>
}

/**
 * A transport over any `Socket` of `@effect/platform`.
 *
 * Such a Socket cannot be told to wait, so **nothing bounds inbound bytes**: what a fast server sends while the program does
 * not read is kept in memory. `NodeMqtt` and the transports of `effect-mqtt-v3/node` have no such limit.
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
