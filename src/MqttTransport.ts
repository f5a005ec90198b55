/**
 * The port to the network: how one network connection is opened, read and written.
 *
 * Knows nothing of MQTT packets. TCP, TLS, WebSocket and the fake of the tests are layers of it.
 * MQTT 5.0 section 4.2.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { ConnectionLost, fromReason, type MqttError, type MqttErrorReason, OpenFailed } from "./MqttError.ts"

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
  /**
   * Hands bytes to the network, in one write where the network can. Completes when the network takes more.
   */
  readonly write: (chunks: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, MqttError>
  /**
   * Ends the connection at once: what is still unsent is dropped and the peer sees it end. Closing the scope ends it
   * politely instead, which a peer that does not read can hold up.
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
  /** Where it leads, for people: `mqtt://host:port`, without credentials. */
  readonly endpoint: string
  readonly open: Effect.Effect<NetworkConnection, MqttError, Scope.Scope>
}>()("effect-mqtt/MqttTransport") {}

/** A close code above 1000 makes a Socket end at once instead of flushing first. */
const abruptly = new Socket.CloseEvent(1001)

const causeOf = (error: Socket.SocketError): unknown => {
  const reason = error.reason
  switch (reason._tag) {
    case "SocketCloseError":
      return reason.code === 1000 ? "the peer closed it" : `closed with code ${reason.message}`
    case "SocketUpgradeError":
      return reason.cause ?? reason
    default:
      return reason.cause
  }
}

const lost = (error: Socket.SocketError): MqttError => fromReason(new ConnectionLost({ cause: causeOf(error) }))

/**
 * A transport over any `effect` Socket. `socket` is evaluated for every attempt, because what is written to a Socket
 * while it is not connected waits in it and would come out first on its next connection.
 *
 * `openFailed` names what an opening failed of; without it the reason is `OpenFailed` with the cause.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSocket = (options: {
  readonly endpoint: string
  readonly socket: Effect.Effect<Socket.Socket>
  readonly openFailed?: ((cause: unknown) => MqttErrorReason) | undefined
}): MqttTransport["Service"] => {
  const openFailed = options.openFailed ??
    ((cause: unknown) => new OpenFailed({ endpoint: options.endpoint, cause }))
  const open = Effect.gen(function*() {
    const socket = yield* options.socket
    const pull = yield* Effect.mapError(
      Socket.readerBytes(socket),
      (error) => fromReason(openFailed(causeOf(error)))
    )
    const writer = yield* socket.writer
    // A Socket keeps what is written after its end for its next connection, and the writer waits that long.
    let isClosed = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
      })
    )
    const closed = Effect.fail(fromReason(new ConnectionLost({ cause: new Error("it was closed from this side") })))
    return {
      pull: Effect.mapError(pull, lost),
      write: (chunks: NonEmptyReadonlyArray<Uint8Array>) =>
        Effect.suspend(() => isClosed ? closed : Effect.mapError(writer.writeAll(chunks), lost)),
      abort: Effect.suspend(() => isClosed ? Effect.void : Effect.ignore(writer.write(abruptly)))
    }
  })
  return MqttTransport.of({ endpoint: options.endpoint, open })
}
