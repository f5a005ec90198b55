/**
 * Servers of every kind of network connection on this machine: plain and over TLS, WebSockets, Unix sockets. The test,
 * or a broker in memory, speaks on the connections.
 */
import { NodeSocket, NodeWS } from "@effect/platform-node"
import { Deferred, Effect, Fiber } from "effect"
import * as Socket from "effect/socket/Socket"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import type { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import * as certificates from "./certificates.ts"

export type Kind = "tcp" | "tls" | "ws" | "wss" | "unix"

export const kinds: ReadonlyArray<Kind> = ["tcp", "tls", "ws", "wss", "unix"]

export interface Options {
  /** Options of the TLS server. */
  readonly tls?: Tls.TlsOptions
  readonly webSocket?: NodeWS.ServerOptions
  /** Called for every opening request. */
  readonly onRequest?: (request: Http.IncomingMessage) => void
  /** Takes the WebSocket itself; `onStream` is not called then. */
  readonly onWebSocket?: (webSocket: NodeWS.WebSocket) => void
}

export interface Listener {
  readonly kind: Kind
  readonly port: number
  readonly url: string
  /** The number of open connections. */
  readonly open: () => number
  /** The number of connections so far, open or not. */
  readonly opened: () => number
  /** Resets all connections. */
  readonly cut: Effect.Effect<void>
}

const host = "127.0.0.1"
const schemes: { readonly [kind in Kind]: string } = { tcp: "mqtt", tls: "mqtts", ws: "ws", wss: "wss", unix: "unix" }

type OnStream = (stream: Duplex) => void

const webSockets = (server: Http.Server, options: Options, onStream: OnStream): Http.Server => {
  const webSocketServer = new NodeWS.WebSocketServer({ server, ...options.webSocket })
  webSocketServer.on("connection", (webSocket, request) => {
    options.onRequest?.(request)
    if (options.onWebSocket !== undefined) return options.onWebSocket(webSocket)
    const stream = NodeWS.createWebSocketStream(webSocket)
    stream.on("error", () => {})
    onStream(stream)
  })
  return server
}

const makeServer = (kind: Kind, options: Options, onStream: OnStream): Net.Server => {
  const tls = options.tls ?? certificates.server
  switch (kind) {
    case "tcp":
    case "unix":
      return Net.createServer({ noDelay: true, pauseOnConnect: true }, onStream)
    case "tls":
      return Tls.createServer({ ...tls, pauseOnConnect: true }, onStream)
    case "ws":
      return webSockets(Http.createServer(), options, onStream)
    case "wss":
      return webSockets(Https.createServer(tls), options, onStream)
  }
}

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

const bind = (server: Net.Server, path: string | undefined): Effect.Effect<number> =>
  Effect.callback((resume) => {
    server.once("error", (cause) => resume(Effect.die(cause)))
    const listening = () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    }
    if (path === undefined) server.listen(0, host, listening)
    else server.listen(path, listening)
  })

/** Listens until the scope ends, and then cuts the connections that are left. */
export const listen = Effect.fnUntraced(function*(kind: Kind, onStream: OnStream, options: Options = {}) {
  const sockets = new Set<Net.Socket>()
  let opened = 0
  const server = makeServer(kind, options, onStream)
  server.on("tlsClientError", () => {})
  // Below TLS and WebSocket.
  server.on("connection", (socket: Net.Socket) => {
    sockets.add(socket)
    opened++
    socket.on("close", () => sockets.delete(socket))
    socket.on("error", () => {})
  })
  const path = kind === "unix" ? Path.join(yield* folder, "mqtt.sock") : undefined
  const port = yield* Effect.acquireRelease(bind(server, path), () =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      for (const socket of sockets) socket.destroy()
    }))
  const url = `${schemes[kind]}://${path ?? `${host}:${port}`}`
  const cut = Effect.sync(() => {
    for (const socket of sockets) {
      if (kind === "unix") socket.destroy()
      else socket.resetAndDestroy()
    }
  })
  return { kind, port, url, open: () => sockets.size, opened: () => opened, cut } satisfies Listener
})

// ---------------------------------------------------------------------------
// A broker behind it
// ---------------------------------------------------------------------------

const endingOf = (error: Socket.SocketError): FakeNetwork.Ending => {
  const isOrderly = error.reason._tag === "SocketCloseError" && error.reason.code === 1000
  return { by: "client", how: isOrderly ? "close" : "reset" }
}

const makePeer = Effect.fnUntraced(function*(stream: Duplex, connection: number) {
  const socket = yield* NodeSocket.fromDuplex(Effect.succeed(stream))
  const pull = yield* Socket.readerBytes(socket)
  const writer = yield* socket.writer
  const ended = yield* Deferred.make<never, FakeNetwork.Ending>()
  const end = (how: FakeNetwork.Ending["how"]) =>
    Effect.suspend(() => {
      if (how === "reset") stream.destroy()
      else stream.end()
      return Deferred.fail<never, FakeNetwork.Ending>(ended, { by: "peer", how })
    })
  const peer: FakeNetwork.Peer = {
    connection,
    pull: Effect.raceFirst(Effect.mapError(pull, endingOf), Deferred.await(ended)),
    write: (chunks) => Effect.ignore(writer.writeAll(chunks)),
    close: end("close"),
    reset: end("reset")
  }
  return peer
})

/** Lets a broker serve the connections of a listener for as long as the scope. */
export const listenWith = Effect.fnUntraced(function*(
  broker: MemoryBroker.MemoryBroker["Service"],
  kind: Kind,
  options?: Options
) {
  const runFork = Effect.runForkWith(yield* Effect.context())
  const scope = yield* Effect.scope
  let connections = 0
  const serve = (stream: Duplex) =>
    makePeer(stream, ++connections).pipe(Effect.flatMap(broker.accept), Effect.scoped, Effect.ignore)
  return yield* listen(kind, (stream) => void Fiber.runIn(runFork(serve(stream)), scope), options)
})
