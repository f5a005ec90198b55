/**
 * Transports over sockets that exist already: a `Socket` of `effect`, or a WebSocket.
 *
 * The only module of the core that knows `effect/socket`, which Effect marks as unstable. It opens no socket itself: the
 * modules of a platform do. MQTT 5.0 section 6.
 *
 * @since 0.2.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import {
  ConnectionLost,
  fromReason,
  type MqttError,
  type MqttErrorReason,
  OpenFailed,
  WebSocketFailed
} from "./MqttError.ts"
import { MqttTransport, type NetworkConnection } from "./MqttTransport.ts"

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
      return withoutEvent(reason.cause)
  }
}

/** An event of a WebSocket holds the whole of it, with headers and URL; a browser's says nothing more. */
const withoutEvent = (cause: unknown): unknown => {
  if (typeof cause !== "object" || cause === null || !("target" in cause && "type" in cause)) return cause
  return "error" in cause && cause.error instanceof Error ? cause.error : new Error("the WebSocket failed")
}

/**
 * How a transport that knows more of its network says so.
 *
 * @since 0.2.0
 * @category models
 */
export interface FromSocketOptions {
  /** Where it leads, for people, without credentials. */
  readonly endpoint: string
  /**
   * Evaluated for every attempt, because what is written to a Socket while it is not connected waits in it and would
   * come out first on its next connection.
   */
  readonly socket: Effect.Effect<Socket.Socket, MqttError, Scope.Scope>
  /** Names what an opening failed of. Default: `OpenFailed` with the cause. */
  readonly openFailed?: ((cause: unknown) => MqttErrorReason) | undefined
  /** Names what an open connection ended of. Default: `ConnectionLost` with the cause. */
  readonly connectionLost?:
    | ((end: { readonly cause: unknown; readonly hasReceived: boolean }) => MqttErrorReason)
    | undefined
  /** Looks at the first bytes and says why they cannot be a server's, if they cannot. */
  readonly refuseFirst?: ((bytes: Uint8Array) => MqttErrorReason | undefined) | undefined
}

/**
 * A transport over any `effect` Socket. Back-pressure on what is written is that of the Socket's own writer, which the
 * WebSockets of `effect` have none of. A text frame ends the connection with `WebSocketFailed`. `[MQTT-6.0.0-1]`
 *
 * **Example** (A connection that something else has opened)
 *
 * ```ts
 * import { NodeSocket } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { MqttTransport, SocketTransport } from "effect-mqtt"
 * import type { Duplex } from "node:stream"
 *
 * declare const openTunnel: Effect.Effect<Duplex>
 *
 * const transport = Layer.succeed(MqttTransport.MqttTransport)(
 *   SocketTransport.fromSocket({ endpoint: "the tunnel", socket: NodeSocket.fromDuplex(openTunnel) })
 * )
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromSocket = (options: FromSocketOptions): MqttTransport["Service"] => {
  const { endpoint } = options
  const openFailed = options.openFailed ?? ((cause: unknown) => new OpenFailed({ endpoint, cause }))
  const open = Effect.gen(function*() {
    const socket = yield* options.socket
    const reader = yield* Effect.mapError(socket.reader, (error) => fromReason(openFailed(causeOf(error))))
    const connection = new SocketConnection(reader, yield* socket.writer, options)
    yield* Scope.addFinalizer(yield* Effect.scope, connection.closed)
    return connection
  })
  return MqttTransport.of({ endpoint, open })
}

/** Holds of the options only what it needs, and nothing of the opening: it is there for as long as the connection. */
class SocketConnection implements NetworkConnection {
  readonly #writer: Socket.Writer
  readonly #endpoint: string
  readonly #lost: FromSocketOptions["connectionLost"]
  readonly #refuseFirst: FromSocketOptions["refuseFirst"]
  #hasReceived = false
  /** A Socket keeps what is written after its end for its next connection, and the writer waits that long. */
  #isClosed = false
  readonly pull: NetworkConnection["pull"]

  constructor(reader: Socket.Reader, writer: Socket.Writer, options: FromSocketOptions) {
    this.#writer = writer
    this.#endpoint = options.endpoint
    this.#lost = options.connectionLost
    this.#refuseFirst = options.refuseFirst
    this.pull = Effect.flatMap(
      Effect.mapError(reader.pull, (error) => this.#toLost(error)),
      (frames) => this.#received(frames)
    )
  }

  readonly write = (chunks: NonEmptyReadonlyArray<Uint8Array>): Effect.Effect<void, MqttError> =>
    Effect.suspend(() =>
      // Made when it is needed: two errors hold their stacks, for as long as the connection lives.
      this.#isClosed
        ? Effect.fail(fromReason(new ConnectionLost({ cause: new Error("it was closed from this side") })))
        : Effect.mapError(this.#writer.writeAll(chunks), (error) => this.#toLost(error))
    )

  readonly abort = Effect.suspend(() => this.#isClosed ? Effect.void : Effect.ignore(this.#writer.write(abruptly)))

  get closed(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#isClosed = true
    })
  }

  #received(frames: NonEmptyReadonlyArray<Uint8Array | string>): NetworkConnection["pull"] {
    if (!areBytes(frames)) {
      return this.#refuse(new WebSocketFailed({ endpoint: this.#endpoint, problem: "TextFrame" }))
    }
    const refused = this.#hasReceived ? undefined : this.#refuseFirst?.(frames[0])
    this.#hasReceived = true
    return refused === undefined ? Effect.succeed(frames) : this.#refuse(refused)
  }

  #refuse(reason: MqttErrorReason): Effect.Effect<never, MqttError> {
    return Effect.andThen(this.abort, Effect.fail(fromReason(reason)))
  }

  #toLost(error: Socket.SocketError): MqttError {
    const end = { cause: causeOf(error), hasReceived: this.#hasReceived }
    return fromReason(this.#lost?.(end) ?? new ConnectionLost({ cause: end.cause }))
  }
}

const areBytes = (
  frames: NonEmptyReadonlyArray<Uint8Array | string>
): frames is NonEmptyReadonlyArray<Uint8Array> => frames.every((frame) => typeof frame !== "string")

/**
 * A WebSocket as `ws`, browsers and others have it.
 *
 * @since 0.2.0
 * @category models
 */
export interface WebSocketLike extends Socket.WebSocketLike {
  /** Bytes it has taken and not sent. */
  readonly bufferedAmount: number
  /** Ends it without asking the peer, where that is possible. */
  readonly terminate?: () => void
}

/**
 * @since 0.2.0
 * @category models
 */
export interface FromWebSocketOptions extends Omit<FromSocketOptions, "socket"> {
  /** Evaluated for every attempt. It connects, or is open, and is closed by its scope. */
  readonly webSocket: Effect.Effect<WebSocketLike, MqttError, Scope.Scope>
  /** A write waits while more bytes than these are unsent. Default: 1 MiB. */
  readonly maximumUnsent?: number | undefined
}

/** A closing handshake that nobody waits for is as abrupt as browsers can be. */
const terminate = (webSocket: WebSocketLike): void =>
  webSocket.terminate === undefined ? webSocket.close() : webSocket.terminate()

/** The state of a WebSocket that takes bytes. */
const isOpen = 1

/** `send` returns at once and nothing tells when bytes have left, so it has to be asked, less and less often. */
const sent = (webSocket: WebSocketLike, maximumUnsent: number, wait = 1): Effect.Effect<void, Socket.SocketError> =>
  Effect.suspend(() => {
    if (webSocket.readyState !== isOpen) return Effect.fail(notOpen)
    if (webSocket.bufferedAmount <= maximumUnsent) return Effect.void
    return Effect.andThen(Effect.sleep(wait), sent(webSocket, maximumUnsent, Math.min(wait * 2, 50)))
  })

const notOpen = new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: new Error("it is closed") }) })

/** A Socket whose writer waits for the network, which that of `effect` does not. */
const boundedSocket = (webSocket: WebSocketLike, maximumUnsent: number): Effect.Effect<Socket.Socket> =>
  Effect.map(
    // The time is `connectTimeout`'s business.
    Socket.fromWebSocket(Effect.succeed(webSocket), { openTimeout: Duration.infinity }),
    ({ reader }) => {
      const send = (chunks: ReadonlyArray<Uint8Array | string>) =>
        Effect.try({
          try: () => chunks.forEach((chunk) => webSocket.send(chunk as Uint8Array<ArrayBuffer>)),
          catch: (cause) => new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause }) })
        }).pipe(Effect.andThen(sent(webSocket, maximumUnsent)))
      return Socket.make({
        reader,
        writer: Effect.succeed({
          write: (chunk) => Socket.isCloseEvent(chunk) ? Effect.sync(() => terminate(webSocket)) : send([chunk]),
          writeAll: send
        })
      })
    }
  )

/**
 * A transport over WebSockets that bounds what is unsent. That the server chose the sub-protocol `mqtt` is for
 * `webSocket` to see to. `[MQTT-6.0.0-4]`
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromWebSocket = (options: FromWebSocketOptions): MqttTransport["Service"] =>
  fromSocket({
    ...options,
    socket: Effect.flatMap(
      options.webSocket,
      (webSocket) => boundedSocket(webSocket, options.maximumUnsent ?? 1_048_576)
    )
  })
