/**
 * The options of `NodeMqtt` from the environment, or from any other `ConfigProvider`: all that `MqttConfig` reads, the
 * address of the server, and the store.
 *
 * `NodeMqtt.Options` has the meaning of each option.
 *
 * @since 0.2.0
 */
import * as Config from "effect/Config"
import * as Redacted from "effect/Redacted"
import { optional, toConfig } from "../internal/config.ts"
import * as MqttConfig from "../MqttConfig.ts"
import * as ConnectionConfig from "./internal/connectionConfig.ts"
import type { Options } from "./internal/options.ts"
import * as PortConfig from "./internal/portConfig.ts"
import * as NodeTls from "./NodeTls.ts"

/** The URLs may hold passwords. */
const urlsOf = (text: Redacted.Redacted<string>): ReadonlyArray<Redacted.Redacted<string>> =>
  ConnectionConfig.list(Redacted.value(text)).map((url) => Redacted.make(url))

const endpointConfig = Config.all({
  url: optional(Config.Redacted("URL")),
  host: optional(Config.String("HOST")),
  port: PortConfig.port("PORT"),
  endpoints: optional(Config.map(Config.Redacted("ENDPOINTS"), urlsOf)),
  endpointPolicy: optional(Config.Literals(["inOrder", "roundRobin", "random"], "ENDPOINT_POLICY")),
  tls: Config.map(ConnectionConfig.tlsFiles, (files) => files === undefined ? undefined : NodeTls.fromFiles(files)),
  webSocket: ConnectionConfig.webSocket,
  store: ConnectionConfig.store
}).pipe(Config.mapEffect(PortConfig.deciding))

/**
 * The options by their names in capitals and without a prefix, which `Config.nested` gives them: all that
 * `MqttConfig.options` reads, and `URL`, or `HOST` and `PORT`, or `ENDPOINTS` with commas in between and
 * `ENDPOINT_POLICY`; `TLS_CA_FILE`, `TLS_CERT_FILE`, `TLS_KEY_FILE` and the other options of TLS, whose files are read
 * for every attempt; `WEB_SOCKET_HEADERS`, a `Name: value` on each line, and the others of WebSocket; `STORE_PATH`,
 * with `STORE_SYNC` and `STORE_MAXIMUM_BYTES`. `PORT` is for a server whose port nothing else names: the port in a URL
 * wins. A variable that cannot be read fails with its own name.
 *
 * @since 0.2.0
 * @category config
 */
export const options: Config.Config<Options> = Config.map(
  Config.all([MqttConfig.options, endpointConfig, ConnectionConfig.misspelt]),
  ([client, endpoint]): Options => ({ ...client, ...endpoint })
)

/**
 * `options` under `MQTT`: `MQTT_URL`, `MQTT_CLIENT_ID`, `MQTT_TLS_CA_FILE` and so on.
 *
 * @since 0.2.0
 * @category config
 */
export const environment: Config.Config<Options> = Config.nested(options, "MQTT")

/**
 * If the program names a server, it replaces the server of the configuration. If it names only a host, the configured
 * port stays.
 */
const withoutServer = (
  { endpointPolicy, endpoints, host, port, url, ...rest }: Options,
  own: Options
): Options => {
  if (own.endpoints !== undefined) return { ...rest, endpointPolicy }
  if (own.url !== undefined) return rest
  if (own.host !== undefined) return { ...rest, port }
  return { ...rest, endpointPolicy, endpoints, host, port, url }
}

const isGiven = ([, value]: readonly [string, unknown]): boolean => value !== undefined

/**
 * A configuration with options of the program's own, which win: read under other names, or given as values with
 * `Config.succeed`. If they name a server, it replaces the server of the configuration. If they name only a host, the
 * configured port stays.
 *
 * **Example** (The environment and options of the program)
 *
 * ```ts
 * import { Config } from "effect"
 * import { NodeMqtt, NodeMqttConfig } from "effect-mqtt/node"
 *
 * const client = NodeMqtt.layerConfig(
 *   NodeMqttConfig.merge(NodeMqttConfig.environment, {
 *     clientId: Config.String("DEVICE_NAME"),
 *     initialConnection: Config.succeed("retry")
 *   })
 * )
 * ```
 *
 * @since 0.2.0
 * @category config
 */
export const merge = (config: Config.Config<Options>, own: MqttConfig.Wrap<Options>): Config.Config<Options> =>
  Config.map(Config.all([config, toConfig(own)]), ([found, given]): Options => ({
    ...withoutServer(found, given),
    ...Object.fromEntries(Object.entries(given).filter(isGiven))
  }))
