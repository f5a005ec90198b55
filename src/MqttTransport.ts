/**
 * The port to the network: how one network connection is opened, read and written.
 *
 * Knows nothing of MQTT packets, and nothing of sockets: `SocketTransport` adapts those. TCP, TLS, WebSocket and the fake
 * of the tests are layers of it.
 * MQTT 5.0 section 4.2.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import type { MqttError } from "./MqttError.ts"

/**
 * One open network connection. Bytes written to it never reach another one.
 *
 * @since 0.1.0
 * @category models
 */
export interface NetworkConnection {
  /**
   * The next bytes, in the order they came. Nothing is read from the network until it is asked for. Fails with
   * `ConnectionLost` when the peer closed, the network failed, or the connection was closed from this side.
   */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, MqttError>
  /** Hands bytes to the network, in one write if the network can do that. Completes when the network takes more. */
  readonly write: (chunks: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, MqttError>
  /**
   * Ends the connection at once: unsent bytes are dropped and the peer sees it end. Closing the scope instead ends it
   * politely, which a peer that does not read can hold up.
   */
  readonly abort: Effect.Effect<void>
}

/**
 * Opens network connections to one server. Each `open` is a new connection that ends with its scope.
 *
 * @since 0.1.0
 * @category services
 */
export class MqttTransport extends Context.Service<MqttTransport, {
  /** The endpoint, for people: `mqtt://host:port`, without credentials. */
  readonly endpoint: string
  readonly open: Effect.Effect<NetworkConnection, MqttError, Scope.Scope>
  /**
   * Opens a connection to the server that a Server Reference names instead, MQTT 5.0 section 4.11: `host`, `host:port`,
   * a URL such as `mqtts://host`, or several of them with spaces in between, which are tried in turn. Scheme and TLS
   * settings are the same as for `open`, unless the reference has its own scheme. The certificate is checked against
   * the new host's name. A connection with TLS never leads to a connection without TLS.
   *
   * Fails like `open`, and with `OpenFailed` if the reference cannot be used. A transport that cannot go elsewhere has
   * no `openAt`.
   */
  readonly openAt?: ((reference: string) => Effect.Effect<NetworkConnection, MqttError, Scope.Scope>) | undefined
  /**
   * How many servers `open` tries in turn, one for each attempt. A failed attempt says nothing about the servers not
   * tried since the last connection. Default: 1.
   */
  readonly endpoints?: number | undefined
}>()("effect-mqtt/MqttTransport") {}

/**
 * Decorates each connection before MQTT is spoken over it: a place to look at the bytes both ways, over any transport.
 * The decorator also receives the endpoint, for people. `MqttPackets` uses it. Default: the connection unchanged.
 *
 * @since 0.2.0
 * @category references
 */
export const ConnectionDecorator: Context.Reference<
  (connection: NetworkConnection, endpoint: string) => NetworkConnection
> = Context.Reference<(connection: NetworkConnection, endpoint: string) => NetworkConnection>(
  "effect-mqtt/MqttTransport/ConnectionDecorator",
  { defaultValue: () => identity }
)
