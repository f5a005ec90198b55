/**
 * Clients of a page that only publish, from a URL: `MqttPublisher` over the WebSocket of the browser.
 *
 * As `BrowserMqtt`, with less to load.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as MqttError from "../MqttError.ts"
import * as MqttPublisher from "../MqttPublisher.ts"
import * as Client from "./internal/client.ts"
import type { PublisherOptions } from "./internal/options.ts"

export type { PublisherOptions as Options } from "./internal/options.ts"

/**
 * A publisher over WebSocket. Fails with `InvalidOptions` for a URL or an option that cannot work. Unless
 * `initialConnection` is `"retry"`, it also fails with the error of the first connection.
 *
 * **Example** (A page that takes readings)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as BrowserMqttPublisher from "effect-mqtt/browser/BrowserMqttPublisher"
 * import * as MqttPublisher from "effect-mqtt/MqttPublisher"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttPublisher.MqttPublisher
 *   yield* mqtt.publish("readings", "21.5", { qos: 1 })
 * })
 *
 * program.pipe(
 *   Effect.provide(BrowserMqttPublisher.layer({ url: "wss://broker.example/mqtt", initialConnection: "retry" })),
 *   Effect.runFork
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: PublisherOptions): Layer.Layer<MqttPublisher.MqttPublisher, MqttError.MqttError> =>
  Layer.effect(MqttPublisher.MqttPublisher, Effect.suspend(() => Client.make(options, MqttPublisher.make)))
