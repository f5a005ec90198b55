/**
 * A client of any kind in a page: over the WebSocket to its URL, with its store, and with events of the page. The
 * events are that there is a network again, that the page wakes up, and that it is left.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as ClientOptions from "../../internal/clientOptions.ts"
import { defaults } from "../../internal/defaults.ts"
import { resolve } from "../../internal/options.ts"
import type * as MqttClient from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"
import { MqttTransport } from "../../MqttTransport.ts"
import { Haste } from "./haste.ts"
import * as Leaving from "./leaving.ts"
import type { ObservedOptions } from "./options.ts"
import type { Target } from "./url.ts"
import * as WebSocket from "./webSocket.ts"

type Attempt = Effect.Effect<Target, MqttError.MqttError>

/** An attempt goes to the target for which its credentials were obtained. */
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
 * Gives the client options that take user name and password from the URL of each attempt. Fails if the client's options
 * cannot work, together with the user name and password in a known URL.
 */
const withCredentials = (
  options: ObservedOptions,
  forCredentials: Attempt
): Result.Result<ClientOptions.Options, MqttError.MqttError> => {
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
  const checked = resolve({
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

/**
 * Provides the store that the options give. An error in an option of the store gives the name that the option has here.
 */
const withStore =
  (store: ObservedOptions["store"]) =>
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

/** The calls of a client that the page uses. */
type InPage = Pick<MqttClient.MqttClient["Service"], "checkConnection" | "disconnect" | "replaceConnection">

/** A kind of client: `make` of its module. */
export type MakeClient<Client> = (
  options: ClientOptions.Options
) => Effect.Effect<Client, MqttError.MqttError, MqttTransport | Scope.Scope>

export const make = Effect.fnUntraced(function*<Client extends InPage>(
  options: ObservedOptions,
  makeClient: MakeClient<Client>
): Effect.fn.Return<Client, MqttError.MqttError, Scope.Scope> {
  const attempt = remembering(yield* Effect.fromResult(WebSocket.resolve(options.url)))
  const clientOptions = yield* Effect.fromResult(withCredentials(options, attempt.forCredentials))
  const transport = WebSocket.make(attempt.forOpening, options)
  const haste = new Haste()
  const client = yield* makeClient({
    ...clientOptions,
    reconnect: haste.cutShort(clientOptions.reconnect ?? defaults.reconnect)
  }).pipe(Effect.provideService(MqttTransport, haste.watch(transport)), withStore(options.store))
  if (options.reconnectWhenOnline !== false) yield* haste.listen(client.checkConnection)
  if (options.disconnectWithPage !== false) yield* Leaving.listen(client, haste)
  return client
})
