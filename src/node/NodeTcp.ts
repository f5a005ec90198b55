/**
 * The TCP transport of Node: one `node:net` socket per network connection, read and written through an effect Socket.
 *
 * No TLS, no WebSocket and no URLs. MQTT 5.0 section 4.2.
 *
 * @since 0.1.0
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Net from "node:net"
import * as MqttError from "../MqttError.ts"
import * as MqttTransport from "../MqttTransport.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** A name, resolved anew for every connection, or an address. */
  readonly host: string
  /** Default: 1883. */
  readonly port?: number | undefined
  /** Resolves the name, in the shape of `node:net`'s option of that name. Default: `dns.lookup`, the system's. */
  readonly lookup?: Net.LookupFunction | undefined
  /** How long bytes may take to leave after the connection was closed; then it is cut. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
}

/** Codes of `node:dns` that say that a name leads nowhere. */
const unknownHost: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_NODATA", "EAI_NONAME", "ENODATA"])

/** With several addresses Node reports one error that holds theirs; they fail alike, or the first tells enough. */
const codeOf = (cause: unknown): string | undefined => {
  if (cause instanceof AggregateError) return codeOf(cause.errors[0])
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
}

const openFailed = (host: string, port: number) => (cause: unknown): MqttError.MqttErrorReason => {
  const code = codeOf(cause)
  if (code !== undefined && unknownHost.has(code)) return new MqttError.HostNotFound({ host, cause })
  if (code === "ECONNREFUSED") return new MqttError.PortRefused({ host, port, cause })
  return new MqttError.OpenFailed({ endpoint: `mqtt://${host}:${port}`, cause })
}

const connect = (to: Net.TcpSocketConnectOpts, socket: Net.Socket): Effect.Effect<void, Socket.SocketError> =>
  Effect.callback((resume) => {
    // Also keeps an error after the connection is open from being an uncaught one.
    socket.on("error", (cause) => {
      resume(Effect.fail(new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })))
    })
    socket.once("connect", () => resume(Effect.void))
    // Writes are batched by the turn already; waiting for more would only add latency.
    socket.setNoDelay(true)
    socket.connect(to)
  })

/** Flushes what was written, for as long as that may take. A peer that does not read would hold it up for ever. */
const close = (socket: Net.Socket, drainTimeout: Duration.Input): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.closed || socket.connecting || socket.destroyed) {
      socket.destroy()
      return resume(Effect.void)
    }
    socket.once("close", () => resume(Effect.void))
    socket.destroySoon()
  }).pipe(
    Effect.timeoutOrElse({ duration: drainTimeout, orElse: () => Effect.sync(() => void socket.destroy()) })
  )

/**
 * A transport to one host and port.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): MqttTransport.MqttTransport["Service"] => {
  const { host, lookup, port = 1883 } = options
  const to = { host, port, autoSelectFamily: true, ...(lookup === undefined ? {} : { lookup }) }
  const drainTimeout = options.drainTimeout ?? "1 second"
  const open: Effect.Effect<Net.Socket, Socket.SocketError, Scope.Scope> = Effect.gen(function*() {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => new Net.Socket()),
      (socket) => close(socket, drainTimeout)
    )
    yield* connect(to, socket)
    return socket
  })
  return MqttTransport.fromSocket({
    endpoint: `mqtt://${host}:${port}`,
    socket: NodeSocket.fromDuplex(open),
    openFailed: openFailed(host, port)
  })
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<MqttTransport.MqttTransport> =>
  Layer.succeed(MqttTransport.MqttTransport)(make(options))
