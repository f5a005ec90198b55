/**
 * The WebSocket transport of browsers, and of whatever else has their `WebSocket`.
 *
 * The sub-protocol is `mqtt` and every frame is binary. MQTT 5.0 section 6. What browsers do not tell, which is why a
 * WebSocket could not be opened, is not here either; nor are headers, which they do not let a page set.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as MqttError from "../MqttError.ts"
import { MqttTransport } from "../MqttTransport.ts"
import type { Options } from "./internal/webSocket.ts"
import * as WebSocket from "./internal/webSocket.ts"

export type { PerAttempt } from "../internal/transport/attempt.ts"
export type { Options } from "./internal/webSocket.ts"

/**
 * A transport to one server. What the URL says of user name and password is not used. Fails with `InvalidOptions` for a
 * URL that cannot work.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<MqttTransport["Service"], MqttError.MqttError> =>
  Effect.suspend(() =>
    Effect.map(Effect.fromResult(WebSocket.resolve(options.url)), (target) => WebSocket.make(target, options))
  )

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<MqttTransport, MqttError.MqttError> =>
  Layer.effect(MqttTransport, make(options))
