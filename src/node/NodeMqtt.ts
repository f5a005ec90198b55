/**
 * MQTT clients in Node from a URL, or from a host and a port.
 *
 * Only puts a transport under `MqttClient`: what a client does is documented there.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as MqttClient from "../MqttClient.ts"
import * as MqttError from "../MqttError.ts"
import * as MqttOptions from "../MqttOptions.ts"
import * as NodeTcp from "./NodeTcp.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends MqttOptions.Options {
  /**
   * `mqtt://user:password@host:port`; what stands in the URL is used unless it is given as an option. Instead of `host`
   * and `port`. Default: `mqtt://localhost:1883`.
   */
  readonly url?: string | undefined
  readonly host?: string | undefined
  /** Default: 1883. */
  readonly port?: number | undefined
}

/** What a URL or a host and a port say. */
interface Endpoint {
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
}

const defaultPort = 1883

const invalid = (option: string, description: string): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.InvalidOptions({ option, description }))

/** Never repeats the URL: it may hold a password. */
const parseUrl = (text: string): Result.Result<Endpoint, MqttError.MqttError> => {
  if (!URL.canParse(text)) {
    return Result.fail(invalid("url", "is not a URL; write it as mqtt://host or mqtt://user:password@host:port"))
  }
  const url = new URL(text)
  if (url.protocol !== "mqtt:" && url.protocol !== "tcp:") {
    // Without a scheme what stands first is a user name, and may be a secret.
    const scheme = text.includes("@") && url.host === "" ? "what it begins with" : `"${url.protocol}//"`
    return Result.fail(invalid("url", `${scheme} is not a scheme this transport knows; use mqtt://host:port`))
  }
  if (url.hostname === "") return Result.fail(invalid("url", "has no host; write it as mqtt://host:port"))
  const username = decodePart(url.username)
  const password = decodePart(url.password)
  if (username === undefined || password === undefined) {
    return Result.fail(invalid("url", "has a user name or password with a \"%\" that is not followed by two digits"))
  }
  return Result.succeed({
    // The brackets belong to the URL, not to an IPv6 address.
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? defaultPort : Number(url.port),
    username: username === "" ? undefined : username,
    password: password === "" ? undefined : Redacted.make(password)
  })
}

const decodePart = (part: string): string | undefined =>
  /%(?![0-9a-f]{2})/i.test(part) ? undefined : new TextDecoder().decode(percentDecoded(part))

const percentDecoded = (part: string): Uint8Array => {
  const bytes: Array<number> = []
  for (let index = 0; index < part.length; index++) {
    if (part[index] === "%") {
      bytes.push(Number.parseInt(part.slice(index + 1, index + 3), 16))
      index += 2
    } else bytes.push(part.charCodeAt(index))
  }
  return Uint8Array.from(bytes)
}

const endpointOf = ({ host, port, url }: Options): Result.Result<Endpoint, MqttError.MqttError> => {
  if (url !== undefined && host !== undefined) {
    return Result.fail(invalid("url", "is given and `host` too; give one of them"))
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    return Result.fail(invalid("port", `${port} is not a port from 1 to 65535`))
  }
  if (url === undefined) {
    const endpoint = { host: host ?? "localhost", port: port ?? defaultPort, username: undefined, password: undefined }
    return host === "" ? Result.fail(invalid("host", "is empty")) : Result.succeed(endpoint)
  }
  return Result.map(parseUrl(url), (endpoint) => port === undefined ? endpoint : { ...endpoint, port })
}

/** The client's options with what the URL says, where they say nothing. */
const withCredentials = (options: Options, endpoint: Endpoint): MqttOptions.Options => {
  const { host: _host, port: _port, url: _url, ...rest } = options
  return {
    ...rest,
    username: options.username ?? endpoint.username,
    password: options.password ?? endpoint.password
  }
}

/**
 * A client over TCP. Fails with `InvalidOptions` for a URL or an option that cannot work, and, unless
 * `initialConnection` is `"retry"`, with what the first connection failed of.
 *
 * **Example** (A program with its client)
 *
 * ```ts
 * import { NodeRuntime } from "@effect/platform-node"
 * import { Effect, Stream } from "effect"
 * import { MqttClient } from "effect-mqtt"
 * import { NodeMqtt } from "effect-mqtt/node"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttClient.MqttClient
 *   const messages = yield* mqtt.subscribe("foo_topic", { qos: 1 })
 *   yield* messages.pipe(Stream.runForEach((message) => Effect.log(message.topic, message.text)))
 * })
 *
 * program.pipe(
 *   Effect.scoped,
 *   Effect.provide(NodeMqtt.layer({ url: "mqtt://localhost:1883" })),
 *   NodeRuntime.runMain
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError> =>
  Layer.unwrap(
    Effect.map(Effect.fromResult(endpointOf(options)), (endpoint) =>
      MqttClient.layer(withCredentials(options, endpoint)).pipe(
        Layer.provide(NodeTcp.layer({
          host: endpoint.host,
          port: endpoint.port,
          drainTimeout: options.drainTimeout
        }))
      ))
  )

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  config.pipe(Config.map((value): A | undefined => value), Config.withDefault(undefined))

const endpointConfig = Config.nested(
  Config.all({
    url: optional(Config.Redacted("URL")),
    host: optional(Config.String("HOST")),
    port: optional(Config.Port("PORT"))
  }),
  "MQTT"
)

/** A server that the program names replaces the one of the environment; a host alone leaves the port. */
const unlessGiven = ({ host, port, url }: Config.Success<typeof endpointConfig>, given: Options = {}): Options => {
  if (given.url !== undefined) return {}
  if (given.host !== undefined) return { port }
  return { host, port, url: url === undefined ? undefined : Redacted.value(url) }
}

/**
 * A client whose options come from the environment: `MQTT_URL`, or `MQTT_HOST` and `MQTT_PORT`, and all of
 * `MqttOptions.config`. Those given here win. One that cannot be read fails with its own name.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: Options
): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(
    Effect.all([MqttOptions.config, endpointConfig]),
    ([config, endpoint]) => layer({ ...config, ...unlessGiven(endpoint, options), ...options })
  ))
