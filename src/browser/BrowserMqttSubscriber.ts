/**
 * Clients of a page that only subscribe, from a URL: `MqttSubscriber` over the WebSocket of the browser.
 *
 * As `BrowserMqtt`, with less to load.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as MqttError from "../MqttError.ts"
import * as MqttSubscriber from "../MqttSubscriber.ts"
import * as Client from "./internal/client.ts"
import type { SubscriberOptions } from "./internal/options.ts"

export type { SubscriberOptions as Options } from "./internal/options.ts"

/**
 * A subscriber over WebSocket. Fails with `InvalidOptions` for a URL or an option that cannot work. Unless
 * `initialConnection` is `"retry"`, it also fails with the error of the first connection.
 *
 * **Example** (A page that shows readings)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as BrowserMqttSubscriber from "effect-mqtt/browser/BrowserMqttSubscriber"
 * import * as MqttSubscriber from "effect-mqtt/MqttSubscriber"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttSubscriber.MqttSubscriber
 *   yield* Stream.runForEach(mqtt.messages("readings/#"), (message) => Effect.log(message.topic, message.text))
 * })
 *
 * program.pipe(
 *   Effect.provide(BrowserMqttSubscriber.layer({ url: "wss://broker.example/mqtt", initialConnection: "retry" })),
 *   Effect.runFork
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: SubscriberOptions): Layer.Layer<MqttSubscriber.MqttSubscriber, MqttError.MqttError> =>
  Layer.effect(MqttSubscriber.MqttSubscriber, Effect.suspend(() => Client.make(options, MqttSubscriber.make)))
