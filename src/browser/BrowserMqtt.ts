/**
 * MQTT clients in a browser from a URL.
 *
 * It only puts a WebSocket under `MqttClient`, which documents the client itself, and passes on events of the page:
 * there is a network again, the page wakes up, or it is left.
 *
 * `layerObserved` and `layerConfig` have modules of their own, because some bundlers leave out whole modules only.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Whole from "../internal/client/assembly/whole.ts"
import type * as ClientOptions from "../internal/clientOptions.ts"
import { resolveUnobserved } from "../internal/partOptions.ts"
import * as MqttClient from "../MqttClient.ts"
import type * as MqttError from "../MqttError.ts"
import * as Client from "./internal/client.ts"
import type { Options } from "./internal/options.ts"

export { layerConfig } from "./internal/layerConfig.ts"
export { layerObserved } from "./internal/layerObserved.ts"
export type { ObservedOptions, Options, PageOptions } from "./internal/options.ts"

const makeUnobserved = (options: ClientOptions.Options) =>
  Effect.flatMap(Effect.fromResult(resolveUnobserved(options, "BrowserMqtt")), (resolved) => Whole.make(resolved))

/**
 * A client over WebSocket. Fails with `InvalidOptions` for a URL or an option that cannot work. Unless
 * `initialConnection` is `"retry"`, it also fails with the error of the first connection.
 *
 * **Example** (A page with its client)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MqttClient } from "effect-mqtt"
 * import { BrowserMqtt } from "effect-mqtt/browser"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttClient.MqttClient
 *   const messages = yield* mqtt.subscribe("news/#", { qos: 1 })
 *   yield* messages.pipe(Stream.runForEach((message) => Effect.log(message.topic, message.text)))
 * })
 *
 * program.pipe(
 *   Effect.scoped,
 *   Effect.provide(BrowserMqtt.layer({ url: "wss://broker.example/mqtt", initialConnection: "retry" })),
 *   Effect.runFork
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError> =>
  Layer.effect(MqttClient.MqttClient, Effect.suspend(() => Client.make(options, makeUnobserved)))
