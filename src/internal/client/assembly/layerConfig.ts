/**
 * The whole client with options from a `ConfigProvider`. Only a program that uses it loads `effect/Config`.
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MqttConfig from "../../../MqttConfig.ts"
import type * as MqttError from "../../../MqttError.ts"
import type { MqttTransport } from "../../../MqttTransport.ts"
import type { Options } from "../../clientOptions.ts"
import { unwrap } from "../../config.ts"
import { make } from "./layer.ts"
import { MqttClient } from "./service.ts"

/**
 * A client whose options are read from a `ConfigProvider`: from the environment, as `MqttConfig.environment` describes
 * (`MQTT_CLIENT_ID`, `MQTT_KEEP_ALIVE` and so on), or under the program's own names.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: MqttConfig.Wrap<Options> = MqttConfig.environment
): Layer.Layer<MqttClient, MqttError.MqttError | Config.ConfigError, MqttTransport> =>
  Layer.effect(MqttClient, Effect.flatMap(unwrap(config), make))
