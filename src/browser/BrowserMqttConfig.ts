/**
 * The options of `BrowserMqtt` from a `ConfigProvider`: all that `MqttConfig` reads, the URL, and the options of the page.
 *
 * `BrowserMqtt.ObservedOptions` has the meaning of each option. This is a module of its own, so that a page that does
 * not read its options does not load `effect/Config`.
 *
 * @since 0.2.0
 */
import * as Config from "effect/Config"
import { optional, withoutMisspellings } from "../internal/config.ts"
import * as MqttConfig from "../MqttConfig.ts"
import type { ObservedOptions } from "./internal/options.ts"

/**
 * The options by their names in capitals and without a prefix, which `Config.nested` gives them: all that
 * `MqttConfig.options` reads, `URL`, `MAXIMUM_UNSENT`, `RECONNECT_WHEN_ONLINE` and `DISCONNECT_WITH_PAGE`.
 *
 * @since 0.2.0
 * @category config
 */
export const options: Config.Config<ObservedOptions> = Config.map(
  Config.all([
    MqttConfig.options,
    Config.all({
      url: Config.Redacted("URL"),
      maximumUnsent: optional(Config.Int("MAXIMUM_UNSENT")),
      reconnectWhenOnline: optional(Config.Boolean("RECONNECT_WHEN_ONLINE")),
      disconnectWithPage: optional(Config.Boolean("DISCONNECT_WITH_PAGE"))
    }),
    withoutMisspellings(["MAXIMUM_UNSENT", "RECONNECT_WHEN_ONLINE", "DISCONNECT_WITH_PAGE"])
  ]),
  ([client, page]): ObservedOptions => ({ ...client, ...page })
)

/**
 * `options` under `MQTT`: `MQTT_URL`, `MQTT_CLIENT_ID` and so on.
 *
 * @since 0.2.0
 * @category config
 */
export const environment: Config.Config<ObservedOptions> = Config.nested(options, "MQTT")
