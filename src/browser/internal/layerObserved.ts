/**
 * A client of a page with all options. Only a page that uses it loads traces and metrics.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MqttClient from "../../MqttClient.ts"
import type * as MqttError from "../../MqttError.ts"
import * as Client from "./client.ts"
import type { ObservedOptions } from "./options.ts"

export const makeObserved = (options: ObservedOptions) => Client.make(options, MqttClient.make)

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
