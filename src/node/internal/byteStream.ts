/**
 * One byte stream to a server, before any protocol begins on it: TCP, a Unix socket, or a stream that the program opens
 * itself.
 *
 * TLS and WebSocket go on top of it. `SocketTransport.fromSocket` reads and writes it.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Attempt from "../../internal/transport/attempt.ts"
import * as MqttError from "../../MqttError.ts"

export type Opening = Effect.Effect<Duplex, MqttError.MqttError, Scope.Scope>

/**
 * Opens a byte stream in the program's own way, such as through a proxy. It ends with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export type Connect = (
  to: { readonly host: string; readonly port: number }
) => Effect.Effect<Duplex, unknown, Scope.Scope>

/**
 * The way to a host and a port.
 *
 * @since 0.1.0
 * @category models
 */
export interface TcpOptions {
  /** A name, resolved anew for every connection, or an address. */
  readonly host: string
  readonly port?: number | undefined
  /** Resolves the name, in the shape of `node:net`'s option of that name. Default: `dns.lookup`, the system's. */
  readonly lookup?: Net.LookupFunction | undefined
  /** Opens the byte stream instead of TCP, such as through a proxy. `connect` then resolves the name itself. */
  readonly connect?: Connect | undefined
  /** How long bytes may take to leave after the connection was closed; then it is cut. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
}

/** Codes of `node:dns` for a name that leads nowhere. */
const unknownHost: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_NODATA", "EAI_NONAME", "ENODATA"])

/**
 * For several addresses Node reports one error that holds an error for each. They all fail alike, or the first is
 * enough.
 */
export const codeOf = (cause: unknown): string | undefined => {
  if (cause instanceof AggregateError) return codeOf(cause.errors[0])
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined
}

const tcpFailed = (host: string, port: number, endpoint: string) => (cause: unknown): MqttError.MqttErrorReason => {
  const code = codeOf(cause)
  if (code !== undefined && unknownHost.has(code)) return new MqttError.HostNotFound({ host, cause })
  if (code === "ECONNREFUSED") return new MqttError.PortRefused({ host, port, cause })
  return new MqttError.OpenFailed({ endpoint, cause })
}

/** Flushes the written bytes, for at most `drainTimeout`. A peer that does not read would hold it up for ever. */
export const close = (stream: Duplex, drainTimeout: Duration.Input = "1 second"): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (stream.destroyed) return resume(Effect.void)
    stream.once("close", () => resume(Effect.void))
    stream.end(() => stream.destroy())
  }).pipe(
    Effect.timeoutOrElse({ duration: drainTimeout, orElse: () => Effect.sync(() => void stream.destroy()) })
  )

const ignore = (): void => {}

const open = (
  to: Net.SocketConnectOpts,
  drainTimeout: Duration.Input | undefined,
  failed: (cause: unknown) => MqttError.MqttErrorReason
): Opening =>
  Effect.gen(function*() {
    const socket = new Net.Socket()
    yield* Scope.addFinalizer(
      yield* Effect.scope,
      Effect.suspend(() => socket.connecting ? Effect.sync(() => void socket.destroy()) : close(socket, drainTimeout))
    )
    // Keeps an error after the connection is open from being an uncaught one.
    socket.on("error", ignore)
    yield* Effect.callback<void, MqttError.MqttError>((resume) => {
      const onError = (cause: unknown) => resume(Effect.fail(MqttError.fromReason(failed(cause))))
      socket.once("error", onError)
      socket.once("connect", () => {
        // It would hold the fiber that opened, for as long as the connection lives.
        socket.off("error", onError)
        resume(Effect.void)
      })
      // Writes are batched by the turn already; waiting for more would only add latency.
      socket.setNoDelay(true)
      socket.connect(to)
    })
    return socket
  })

/** A TCP connection to a host and a port, or the stream of `connect`. */
export const tcp = (options: TcpOptions & { readonly port: number; readonly endpoint: string }): Opening => {
  const { connect, drainTimeout, endpoint, host, lookup, port } = options
  if (connect !== undefined) return given(connect({ host, port }), options)
  const to = { host, port, autoSelectFamily: true, ...(lookup === undefined ? {} : { lookup }) }
  return open(to, drainTimeout, tcpFailed(host, port, endpoint))
}

export const unix = (
  options: {
    readonly path: string
    readonly endpoint: string
    readonly drainTimeout?: Duration.Input | undefined
  }
): Opening =>
  open(
    { path: options.path },
    options.drainTimeout,
    (cause) => new MqttError.OpenFailed({ endpoint: options.endpoint, cause })
  )

/** A byte stream that the program opens. The program may leave the closing to its scope, or to us. */
const given = (
  opening: Effect.Effect<Duplex, unknown, Scope.Scope>,
  { drainTimeout, endpoint }: { readonly drainTimeout?: Duration.Input | undefined; readonly endpoint: string }
): Opening =>
  Effect.acquireRelease(
    Effect.mapError(opening, (cause) => Attempt.toMqttError(endpoint, cause)),
    (stream) => close(stream, drainTimeout),
    { interruptible: true }
  ).pipe(Effect.tap((stream) => Effect.sync(() => stream.on("error", ignore))))

/** Fails at once if the stream has ended meanwhile: its events have passed, and a read would wait for ever. */
export const toSocket = (stream: Duplex): Effect.Effect<Socket.Socket> =>
  Effect.map(NodeSocket.fromDuplex(Effect.succeed(stream)), ({ reader, writer }) =>
    Socket.make({
      reader: Effect.filterOrFail(reader, () => !stream.destroyed, () => ended(stream)),
      writer
    }))

const ended = (stream: Duplex): Socket.SocketError =>
  new Socket.SocketError({
    reason: new Socket.SocketReadError({ cause: stream.errored ?? new Error("the peer closed it at once") })
  })

const hungUp =
  "the port may want TLS, which needs a URL with mqtts:// or wss://, or the server may not speak MQTT, or not " +
  "this version of it"

/** The possible reason for the end of a connection without TLS. */
export const lost = (
  { cause, hasReceived }: { readonly cause: unknown; readonly hasReceived: boolean }
): MqttError.ConnectionLost => new MqttError.ConnectionLost({ cause, advice: hasReceived ? undefined : hungUp })

/** No packet of a server begins like an alert of TLS: 0x15 would be CONNECT. */
export const isTlsAlert = (bytes: Uint8Array): boolean => bytes[0] === 0x15 && bytes[1] === 0x03

const http = new TextEncoder().encode("HTTP")

/** The port of a WebSocket answers CONNECT in HTTP. No packet of a server begins so: 0x48 is PUBACK with wrong flags. */
export const httpAnswer = (bytes: Uint8Array): MqttError.ProtocolViolation | undefined =>
  http.every((byte, position) => bytes[position] === byte)
    ? new MqttError.ProtocolViolation({
      label: "MQTT-2.1.3-1",
      protocolVersion: "5.0",
      reasonCode: 0x81,
      description:
        "it answered in HTTP. It may be a port for WebSockets: use a URL with ws:// or wss://, or the server's " +
        "port for MQTT"
    })
    : undefined
