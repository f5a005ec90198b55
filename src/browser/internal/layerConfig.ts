/**
 * A client of a page with options from a `ConfigProvider`. Only a page that uses it loads `effect/Config`.
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { unwrap } from "../../internal/config.ts"
import * as MqttClient from "../../MqttClient.ts"
import type * as MqttConfig from "../../MqttConfig.ts"
import type * as MqttError from "../../MqttError.ts"
import * as BrowserMqttConfig from "../BrowserMqttConfig.ts"
import { makeObserved } from "./layerObserved.ts"
import type { ObservedOptions } from "./options.ts"

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
