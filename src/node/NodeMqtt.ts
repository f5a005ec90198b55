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
import type * as Scope from "effect/Scope"
import { optional } from "../internal/config.ts"
import * as ClientOptions from "../internal/options.ts"
import type { PerAttempt } from "../internal/transport/attempt.ts"
import * as MqttClient from "../MqttClient.ts"
import * as MqttConfig from "../MqttConfig.ts"
import type * as MqttError from "../MqttError.ts"
import { MqttTransport } from "../MqttTransport.ts"
import type { Connect } from "./internal/byteStream.ts"
import * as Endpoints from "./internal/endpoints.ts"
import type { Endpoint } from "./internal/endpoints.ts"
import type { TlsOptions } from "./internal/secure.ts"
import type { EndpointPolicy } from "./internal/turns.ts"
import type { WebSocketOptions } from "./internal/webSocket.ts"
import * as NodeTls from "./NodeTls.ts"

export type { PerAttempt } from "../internal/transport/attempt.ts"
export type { Connect } from "./internal/byteStream.ts"
export type { Endpoint } from "./internal/endpoints.ts"
export type { TlsOptions } from "./internal/secure.ts"
export type { EndpointPolicy } from "./internal/turns.ts"
export type { WebSocketOptions } from "./internal/webSocket.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends MqttClient.Options {
  /**
   * `mqtt:` (also `tcp:`), `mqtts:` (also `ssl:` and `tls:`), `ws:`, `wss:` and `unix:///path`, such as
   * `mqtts://user:password@host:port`. The port is by default 1883, 8883, 80 or 443. User name and password are used
   * unless they are given as options. As an effect it is run for every attempt. Default: `mqtt://localhost:1883`.
   */
  readonly url?: PerAttempt<string | Redacted.Redacted<string>> | undefined
  /** Instead of `url`, over TCP, or over TLS if `tls` is given. */
  readonly host?: string | undefined
  /** Default: 1883, with TLS 8883. */
  readonly port?: number | undefined
  /** Several servers, instead of `url` and `host`: URLs, or what `url`, `host`, `port` and so on say of one. */
  readonly endpoints?: PerAttempt<ReadonlyArray<string | Redacted.Redacted<string> | Endpoint>> | undefined
  /**
   * Which of several servers an attempt goes to. `"inOrder"`: the first, the next after each attempt that failed, and the
   * first again once a connection was stable. `"roundRobin"`: each in turn. `"random"`: in an order of chance, all of them
   * before one comes again. Default: `"inOrder"`.
   */
  readonly endpointPolicy?: EndpointPolicy | undefined
  /** Authority, client certificate and so on. As an effect it is run for every attempt. Default: all defaults. */
  readonly tls?: PerAttempt<TlsOptions> | undefined
  /** Headers and so on. As an effect it is run for every attempt. Default: all defaults. */
  readonly webSocket?: PerAttempt<WebSocketOptions> | undefined
  /** Opens the byte stream under TLS and WebSocket instead of TCP, such as through a proxy. */
  readonly connect?: Connect | undefined
}

/**
 * Why the client's options cannot work, with what the URL of the only server says of user name and password; and the
 * client's options that obtain them for the server of each attempt.
 */
const withCredentials = (
  options: Options,
  endpoints: Endpoints.Endpoints
): Result.Result<MqttClient.Options, MqttError.MqttError> => {
  const {
    connect: _connect,
    endpointPolicy: _endpointPolicy,
    endpoints: _listed,
    host: _host,
    password,
    port: _port,
    tls: _tls,
    url: _url,
    username,
    webSocket: _webSocket,
    ...rest
  } = options
  const { only } = endpoints
  const given = options.credentials
  const known = {
    ...rest,
    username: username ?? (given === undefined ? only?.username : undefined),
    password: password ?? (given === undefined ? only?.password : undefined)
  }
  // The client checks its options itself, and here they are all known.
  if (given === undefined && only !== undefined) return Result.succeed(known)
  return Result.map(ClientOptions.resolve(known), () => ({
    ...rest,
    credentials: Effect.suspend(() =>
      Effect.flatMap(
        endpoints.credentials,
        (ofUrl) =>
          given ?? Effect.succeed({ username: username ?? ofUrl.username, password: password ?? ofUrl.password })
      )
    )
  }))
}

/**
 * A client over TCP, TLS, WebSocket or a Unix socket. Fails with `InvalidOptions` for a URL or an option that cannot
 * work, and, unless `initialConnection` is `"retry"`, with what the first connection failed of.
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
  Layer.effect(MqttClient.MqttClient, Effect.suspend(() => make(options)))

/** One layer for all of it: the client would hold each of several for as long as it lives. */
const make = (
  options: Options
): Effect.Effect<MqttClient.MqttClient["Service"], MqttError.MqttError, Scope.Scope> => {
  const resolved = Result.flatMap(
    Endpoints.make(options),
    (endpoints) =>
      Result.map(
        withCredentials(options, endpoints),
        (clientOptions) =>
          MqttClient.make(clientOptions).pipe(Effect.provideService(MqttTransport, endpoints.transport))
      )
  )
  return Result.isSuccess(resolved) ? resolved.success : Effect.fail(resolved.failure)
}

/**
 * The options of `layer` that say where the servers are and how to get there.
 *
 * @since 0.1.0
 * @category models
 */
export type TransportOptions = Pick<Options, keyof Endpoints.Options>

/**
 * Only the transport, for `MqttConnection` or a client made in another way. What the URL says of user name and password
 * is not used.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTransport = (options: TransportOptions = {}): Layer.Layer<MqttTransport, MqttError.MqttError> =>
  Layer.effect(
    MqttTransport,
    Effect.suspend(() => Effect.map(Effect.fromResult(Endpoints.make(options)), ({ transport }) => transport))
  )

/** Not the empty one that a trailing comma leaves. */
const list = (text: string): ReadonlyArray<string> =>
  text.split(",").map((one) => one.trim()).filter((one) => one !== "")

const tlsConfig = Config.nested(
  Config.all({
    ca: optional(Config.String("CA_FILE")),
    cert: optional(Config.String("CERT_FILE")),
    key: optional(Config.String("KEY_FILE")),
    passphrase: optional(Config.Redacted("PASSPHRASE")),
    servername: optional(Config.String("SERVERNAME")),
    alpnProtocols: optional(Config.map(Config.String("ALPN_PROTOCOLS"), list)),
    minVersion: optional(Config.Literals(["TLSv1.2", "TLSv1.3"], "MIN_VERSION")),
    dangerouslyAcceptAnyCertificate: optional(Config.Boolean("DANGEROUSLY_ACCEPT_ANY_CERTIFICATE"))
  }),
  "TLS"
).pipe(
  Config.map((files): Options["tls"] =>
    Object.values(files).every((value) => value === undefined) ? undefined : NodeTls.fromFiles(files)
  )
)

/** `Name: value`, one on each line. */
const headersOf = (text: Redacted.Redacted<string>): WebSocketOptions["headers"] =>
  Object.fromEntries(
    Redacted.value(text).split("\n").filter((line) => line.includes(":")).map((line) => {
      const colon = line.indexOf(":")
      return [line.slice(0, colon).trim(), Redacted.make(line.slice(colon + 1).trim())] as const
    })
  )

const webSocketConfig = Config.nested(
  Config.all({
    headers: optional(Config.map(Config.Redacted("HEADERS"), headersOf)),
    protocols: optional(Config.map(Config.String("PROTOCOLS"), list)),
    compression: optional(Config.Boolean("COMPRESSION")),
    maximumFrameSize: optional(Config.Int("MAXIMUM_FRAME_SIZE")),
    maximumUnsent: optional(Config.Int("MAXIMUM_UNSENT"))
  }),
  "WEB_SOCKET"
)

/** They may hold passwords. */
const urlsOf = (text: Redacted.Redacted<string>): ReadonlyArray<Redacted.Redacted<string>> =>
  list(Redacted.value(text)).map((url) => Redacted.make(url))

const endpointConfig = Config.nested(
  Config.all({
    url: optional(Config.Redacted("URL")),
    host: optional(Config.String("HOST")),
    port: optional(Config.Port("PORT")),
    endpoints: optional(Config.map(Config.Redacted("ENDPOINTS"), urlsOf)),
    endpointPolicy: optional(Config.Literals(["inOrder", "roundRobin", "random"], "ENDPOINT_POLICY")),
    tls: tlsConfig,
    webSocket: webSocketConfig
  }),
  "MQTT"
)

/** A server that the program names replaces those of the environment; a host alone leaves the port. */
const unlessGiven = (
  { endpoints, host, port, url, ...rest }: Config.Success<typeof endpointConfig>,
  given: Options = {}
): Options => {
  if (given.url !== undefined || given.endpoints !== undefined) return rest
  if (given.host !== undefined) return { ...rest, port }
  return { ...rest, host, port, url, endpoints }
}

/**
 * A client whose options come from the environment: `MQTT_URL`, or `MQTT_HOST` and `MQTT_PORT`, or `MQTT_ENDPOINTS` with
 * commas in between and `MQTT_ENDPOINT_POLICY`; `MQTT_TLS_CA_FILE`, `MQTT_TLS_CERT_FILE`, `MQTT_TLS_KEY_FILE` and the other
 * options of TLS, whose files are read for every attempt; `MQTT_WEB_SOCKET_HEADERS`, a `Name: value` on each line, and the
 * others of WebSocket; and all of `MqttConfig.environment`. Those given here win. One that cannot be read fails with its own
 * name.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: Options
): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(
    Effect.all([MqttConfig.environment, endpointConfig]),
    ([config, endpoint]) => layer({ ...config, ...unlessGiven(endpoint, options), ...options })
  ))
