/**
 * Servers on this machine in front of a broker: they accept TLS or WebSockets and pass the bytes on. They know nothing
 * of MQTT.
 */
import { NodeWS } from "@effect/platform-node"
import { Effect, type Scope } from "effect"
import type * as Http from "node:http"
import * as Net from "node:net"
import { type Duplex, pipeline } from "node:stream"
import * as Tls from "node:tls"

const host = "127.0.0.1"

/** Listens on a free port for as long as the scope; then its connections are cut. */
export const listen = (server: Net.Server): Effect.Effect<number, never, Scope.Scope> => {
  const sockets = new Set<Net.Socket>()
  server.on("connection", (socket: Net.Socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
  })
  return Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.once("error", (cause) => resume(Effect.die(cause)))
      server.listen(0, host, () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )
}

/** The bytes of a connection to a broker at a URL of any kind. */
const open = (url: URL): Duplex => {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1")
  switch (url.protocol) {
    case "ws:":
    case "wss:":
      return NodeWS.createWebSocketStream(new NodeWS.WebSocket(`${url.protocol}//${url.host}${url.pathname}`, "mqtt"))
    case "mqtts:":
      return Tls.connect({ host, port: Number(url.port || 8883), servername: Net.isIP(host) === 0 ? host : "" })
    default:
      return Net.connect({ host, port: Number(url.port || 1883), noDelay: true })
  }
}

/** Passes the bytes of each side to the other, and ends both with either. */
const passTo = (url: string) => (client: Duplex): void => {
  const broker = open(new URL(url))
  pipeline(client, broker, () => broker.destroy())
  pipeline(broker, client, () => client.destroy())
}

/** TLS in front of a broker without TLS, or with other certificates. Returns the port. */
export const tls = (url: string, identity: { readonly cert: string; readonly key: string }) => {
  const server = Tls.createServer({ ...identity, noDelay: true }, passTo(url))
  // A client that does not trust it reports that and leaves.
  server.on("tlsClientError", () => {})
  return listen(server)
}

/** WebSockets in front of a broker without them, on a web server that also has pages. */
export const webSocket = (url: string, server: Http.Server): void => {
  const pass = passTo(url)
  const webSockets = new NodeWS.WebSocketServer({ server, handleProtocols: () => "mqtt" })
  webSockets.on("connection", (webSocket) => pass(NodeWS.createWebSocketStream(webSocket)))
}
