/**
 * MQTT clients in Node from a URL, or from a host and a port.
 *
 * It only puts a transport under `MqttClient`, which documents the client itself.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { unwrap } from "../internal/config.ts"
import * as ClientOptions from "../internal/options.ts"
import * as MqttClient from "../MqttClient.ts"
import type * as MqttConfig from "../MqttConfig.ts"
import * as MqttError from "../MqttError.ts"
import * as MqttStore from "../MqttStore.ts"
import { MqttTransport } from "../MqttTransport.ts"
import * as Endpoints from "./internal/endpoints.ts"
import type { Options } from "./internal/options.ts"
import * as NodeMqttConfig from "./NodeMqttConfig.ts"
import * as NodeMqttStore from "./NodeMqttStore.ts"

export type { PerAttempt } from "../internal/transport/attempt.ts"
export type { Connect } from "./internal/byteStream.ts"
export type { EndpointPolicy } from "./internal/endpointChoice.ts"
export type { Endpoint } from "./internal/endpoints.ts"
export type { Options } from "./internal/options.ts"
export type { TlsOptions } from "./internal/secure.ts"
export type { WebSocketOptions } from "./internal/webSocket.ts"

/**
 * Gives the client options that obtain user name and password for the server of each attempt. Fails if the client's
 * options cannot work, together with the user name and password in the URL of the only server.
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
    store: _store,
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
 * work. Unless `initialConnection` is `"retry"`, it also fails with the error of the first connection.
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

/** Everything is in one layer: the client would hold each of several layers for as long as it lives. */
const make = (
  options: Options
): Effect.Effect<MqttClient.MqttClient["Service"], MqttError.MqttError, Scope.Scope> => {
  const resolved = Result.flatMap(
    Endpoints.make(options),
    (endpoints) =>
      Result.map(
        withCredentials(options, endpoints),
        (clientOptions) =>
          MqttClient.make(clientOptions).pipe(
            Effect.provideService(MqttTransport, endpoints.transport),
            withStore(options.store)
          )
      )
  )
  return Result.isSuccess(resolved) ? resolved.success : Effect.fail(resolved.failure)
}

/**
 * Provides the store that the options name. An error in an option of the store gives the name that the option has here.
 */
const withStore =
  (store: Options["store"]) =>
  <A, R>(client: Effect.Effect<A, MqttError.MqttError, R>): Effect.Effect<A, MqttError.MqttError, R> => {
    if (store === undefined) return client
    const made = Effect.catchReason(
      NodeMqttStore.make(store),
      "MqttError",
      "InvalidOptions",
      ({ description, option }) =>
        Effect.fail(MqttError.fromReason(
          new MqttError.InvalidOptions({ option: option === "options" ? "store" : `store.${option}`, description })
        ))
    )
    return Effect.flatMap(made, (opened) => MqttStore.provide(client, opened))
  }

/**
 * The options of `layer` about the servers and the way to them.
 *
 * @since 0.1.0
 * @category models
 */
export type TransportOptions = Pick<
  Options,
  | "url"
  | "host"
  | "port"
  | "endpoints"
  | "endpointPolicy"
  | "tls"
  | "webSocket"
  | "connect"
  | "stableAfter"
  | "connectTimeout"
  | "drainTimeout"
  | "maximumPacketSize"
>

/**
 * Only the transport, for `MqttConnection` or a client made in another way. It does not use the user name and password
 * in the URL.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTransport = (options: TransportOptions = {}): Layer.Layer<MqttTransport, MqttError.MqttError> =>
  Layer.effect(
    MqttTransport,
    Effect.suspend(() => Effect.map(Effect.fromResult(Endpoints.make(options)), ({ transport }) => transport))
  )

/**
 * A client whose options are read from a `ConfigProvider`: from the environment, as `NodeMqttConfig.environment`
 * describes (`MQTT_URL`, `MQTT_CLIENT_ID` and so on), or under the program's own names. An option that cannot be read
 * fails with its own name.
 *
 * **Example** (Names of the program's own)
 *
 * ```ts
 * import { Config, Schedule } from "effect"
 * import { NodeMqtt } from "effect-mqtt/node"
 *
 * const client = NodeMqtt.layerConfig({
 *   url: Config.Redacted("BROKER"),
 *   clientId: Config.String("DEVICE_NAME"),
 *   reconnect: Config.succeed(Schedule.spaced("5 seconds"))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: MqttConfig.Wrap<Options> = NodeMqttConfig.environment
): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError | Config.ConfigError> =>
  Layer.effect(MqttClient.MqttClient, Effect.flatMap(unwrap(config), make))

/**
 * Runs a service for as long as its client lives. When the client has closed for good, the service ends and its
 * finalizers run. Then this fails with the error that closed the client, or completes if the program itself closed it.
 * Under `NodeRuntime.runMain` the process then ends with the exit code 1, or 0.
 *
 * **Example** (A process that ends with its client)
 *
 * ```ts
 * import { NodeRuntime } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import type { MqttClient } from "effect-mqtt"
 * import { NodeMqtt } from "effect-mqtt/node"
 *
 * declare const service: Layer.Layer<never, never, MqttClient.MqttClient>
 *
 * NodeMqtt.launch(service).pipe(
 *   Effect.provide(NodeMqtt.layer({ url: "mqtt://localhost:1883", initialConnection: "retry" })),
 *   NodeRuntime.runMain
 * )
 * ```
 *
 * @since 0.2.0
 * @category running
 */
export const launch = <A, E, R>(
  service: Layer.Layer<A, E, R>
): Effect.Effect<void, E | MqttError.MqttError, R | MqttClient.MqttClient> =>
  Effect.flatMap(MqttClient.MqttClient, (mqtt) => Effect.raceFirst(Layer.launch(service), mqtt.closed))
