/**
 * The WebSocket transport of browsers, and of other runtimes with the same `WebSocket`.
 *
 * The sub-protocol is `mqtt` and every frame is binary. MQTT 5.0 section 6. Browsers do not tell why a WebSocket could
 * not be opened, so this transport cannot either. It sets no headers, because browsers do not let a page set them.
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
 * A transport to one server. It does not use the user name and password in the URL. Fails with `InvalidOptions` for a
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
