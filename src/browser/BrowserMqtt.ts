/**
 * MQTT clients in a browser from a URL.
 *
 * It only puts a WebSocket under `MqttClient`, which documents the client itself, and passes on events of the page:
 * there is a network again, the page wakes up, or it is left.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Whole from "../internal/client/assembly/whole.ts"
import type * as ClientOptions from "../internal/clientOptions.ts"
import { unwrap } from "../internal/config.ts"
import { resolveUnobserved } from "../internal/partOptions.ts"
import * as MqttClient from "../MqttClient.ts"
import type * as MqttConfig from "../MqttConfig.ts"
import type * as MqttError from "../MqttError.ts"
import * as BrowserMqttConfig from "./BrowserMqttConfig.ts"
import * as Client from "./internal/client.ts"
import type { ObservedOptions, Options } from "./internal/options.ts"

export type { ObservedOptions, Options, PageOptions } from "./internal/options.ts"

const makeUnobserved = (options: ClientOptions.Options) =>
  Effect.flatMap(Effect.fromResult(resolveUnobserved(options, "BrowserMqtt")), (resolved) => Whole.make(resolved))

const makeObserved = (options: ObservedOptions) => Client.make(options, MqttClient.make)

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

/**
 * As `layer`, with the options `tracing` and `metrics`. A page that uses it loads spans and metrics, about 4 kB with gzip.
 *
 * **Example** (A page whose traces go on at the broker)
 *
 * ```ts
 * import { BrowserMqtt } from "effect-mqtt/browser"
 *
 * const client = BrowserMqtt.layerObserved({ url: "wss://broker.example/mqtt", tracing: {} })
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layerObserved = (
  options: ObservedOptions
): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError> =>
  Layer.effect(MqttClient.MqttClient, Effect.suspend(() => makeObserved(options)))

/**
 * A client whose options are read from a `ConfigProvider`, as `BrowserMqttConfig.environment` describes (`MQTT_URL`,
 * `MQTT_CLIENT_ID` and so on), or under the program's own names. An option that cannot be read fails with its own name.
 * It is `layerObserved`, as the environment may ask for traces.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerConfig = (
  config: MqttConfig.Wrap<ObservedOptions> = BrowserMqttConfig.environment
): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError | Config.ConfigError> =>
  Layer.effect(MqttClient.MqttClient, Effect.flatMap(unwrap(config), makeObserved))
