/**
 * MQTT clients in a browser from a URL.
 *
 * Only puts a WebSocket under `MqttClient`, whose documentation says what a client does, and tells it what the page
 * knows: that there is a network again, that the page wakes up, and that it is left.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { unwrap } from "../internal/config.ts"
import { defaults } from "../internal/defaults.ts"
import * as ClientOptions from "../internal/options.ts"
import * as MqttClient from "../MqttClient.ts"
import type * as MqttConfig from "../MqttConfig.ts"
import * as MqttError from "../MqttError.ts"
import { MqttTransport } from "../MqttTransport.ts"
import * as BrowserMqttConfig from "./BrowserMqttConfig.ts"
import { Haste } from "./internal/haste.ts"
import * as Leaving from "./internal/leaving.ts"
import type { Options } from "./internal/options.ts"
import type { Target } from "./internal/url.ts"
import * as WebSocket from "./internal/webSocket.ts"

export type { Options } from "./internal/options.ts"

type Attempt = Effect.Effect<Target, MqttError.MqttError>

/** Where the attempt leads that credentials are asked for is where it then goes. */
const remembering = (next: Attempt): { readonly forCredentials: Attempt; readonly forOpening: Attempt } => {
  let chosen: Target | undefined
  return {
    forCredentials: Effect.tap(next, (target) =>
      Effect.sync(() => {
        chosen = target
      })),
    forOpening: Effect.suspend(() => {
      const target = chosen
      chosen = undefined
      return target === undefined ? next : Effect.succeed(target)
    })
  }
}

/**
 * Why the client's options cannot work, with what a known URL says of user name and password; and the client's options
 * that take them from the URL of each attempt.
 */
const withCredentials = (
  options: Options,
  forCredentials: Attempt
): Result.Result<MqttClient.Options, MqttError.MqttError> => {
  const {
    disconnectWithPage: _disconnectWithPage,
    maximumUnsent: _maximumUnsent,
    password,
    reconnectWhenOnline: _reconnectWhenOnline,
    store: _store,
    url,
    username,
    ...rest
  } = options
  const { credentials } = rest
  const known = Effect.isEffect(url) || credentials !== undefined
    ? undefined
    : Result.getOrUndefined(WebSocket.parse(url))
  const checked = ClientOptions.resolve({
    ...rest,
    username: username ?? known?.username,
    password: password ?? known?.password
  })
  return Result.map(checked, () => ({
    ...rest,
    credentials: credentials ?? Effect.map(
      forCredentials,
      (target) => ({ username: username ?? target.username, password: password ?? target.password })
    )
  }))
}

const invalidStore = (option: string, description: string) =>
  Effect.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))

/** A store that the options give. What is wrong with one of its options is told by the name that it has here. */
const withStore =
  (store: Options["store"]) =>
  <A, R>(client: Effect.Effect<A, MqttError.MqttError, R>): Effect.Effect<A, MqttError.MqttError, R | Scope.Scope> => {
    if (store === undefined) return client
    // A program in JavaScript may give the options of a store, as it does in Node.
    const isLayer: boolean = Layer.isLayer(store)
    if (!isLayer) return invalidStore("store", "must be a layer, such as `BrowserMqttStore.layer()`")
    const given = Effect.catchReason(
      Layer.build(store),
      "MqttError",
      "InvalidOptions",
      ({ description, option }) => invalidStore(option === "options" ? "store" : `store.${option}`, description)
    )
    return Effect.flatMap(given, (services) => Effect.provideContext(client, services))
  }

const make = Effect.fnUntraced(function*(options: Options) {
  const attempt = remembering(yield* Effect.fromResult(WebSocket.resolve(options.url)))
  const clientOptions = yield* Effect.fromResult(withCredentials(options, attempt.forCredentials))
  const transport = WebSocket.make(attempt.forOpening, options)
  const haste = new Haste()
  const client = yield* MqttClient.make({
    ...clientOptions,
    reconnect: haste.cutShort(clientOptions.reconnect ?? defaults.reconnect)
  }).pipe(Effect.provideService(MqttTransport, haste.watch(transport)), withStore(options.store))
  if (options.reconnectWhenOnline !== false) yield* haste.listen(client.checkConnection)
  if (options.disconnectWithPage !== false) yield* Leaving.listen(client, haste)
  return client
})

/**
 * A client over WebSocket. Fails with `InvalidOptions` for a URL or an option that cannot work, and, unless
 * `initialConnection` is `"retry"`, with what the first connection failed of.
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
  Layer.effect(MqttClient.MqttClient, Effect.suspend(() => make(options)))

/**
 * A client whose options are read from a `ConfigProvider`: as `BrowserMqttConfig.environment` says (`MQTT_URL`,
 * `MQTT_CLIENT_ID` and so on), or under names of the program's own. An option that cannot be read fails with its own name.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerConfig = (
  config: MqttConfig.Wrap<Options> = BrowserMqttConfig.environment
): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError | Config.ConfigError> =>
  Layer.effect(MqttClient.MqttClient, Effect.flatMap(unwrap(config), make))
