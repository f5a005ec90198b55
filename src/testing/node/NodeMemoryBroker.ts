/**
 * The broker in memory on a TCP port of the loopback interface: for programs that are tested in their own process, or
 * that use another client.
 *
 * Time is real here unless the program brings another clock. It has no network faults; `FakeNetwork` has those. No
 * broker for production.
 *
 * @since 0.1.0
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Net from "node:net"
import { type FakeNetwork, MemoryBroker } from "../index.ts"

/**
 * The address on which the broker listens.
 *
 * @since 0.1.0
 * @category services
 */
export class NodeMemoryBroker extends Context.Service<NodeMemoryBroker, {
  readonly host: string
  readonly port: number
  /** `mqtt://host:port`. */
  readonly url: string
}>()("effect-mqtt/testing/node/NodeMemoryBroker") {}

/**
 * @since 0.1.0
 * @category models
 */
export interface ListenOptions {
  /** Default: a free port. */
  readonly port?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<MemoryBroker.Options, keyof FakeNetwork.Options>, ListenOptions {}

const host = "127.0.0.1"

/** How long a client may take to read the last bytes and to close its side; then it is cut. */
const lingerTime = "1 second"

/** A connection that is closed while bytes are unread is reset by the kernel, and the client may lose the last words. */
const linger = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    socket.end()
    socket.resume()
  }).pipe(
    Effect.timeoutOrElse({ duration: lingerTime, orElse: () => Effect.void }),
    Effect.ensuring(Effect.sync(() => void socket.destroy()))
  )

const endingOf = (error: Socket.SocketError): FakeNetwork.Ending => {
  const isOrderly = error.reason._tag === "SocketCloseError" && error.reason.code === 1000
  return { by: "client", how: isOrderly ? "close" : "reset" }
}

/** The server's end of a connection over an accepted socket. */
const makePeer = Effect.fnUntraced(function*(socket: Net.Socket, connection: number) {
  const adapted = yield* NodeSocket.fromDuplex(Effect.succeed(socket))
  const pull = yield* Socket.readerBytes(adapted)
  const writer = yield* adapted.writer
  const ended = yield* Deferred.make<never, FakeNetwork.Ending>()
  const end = (how: FakeNetwork.Ending["how"]): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (how === "reset") socket.resetAndDestroy()
      return Deferred.fail<never, FakeNetwork.Ending>(ended, { by: "peer", how })
    })
  const peer: FakeNetwork.Peer = {
    connection,
    pull: Effect.raceFirst(Effect.mapError(pull, endingOf), Deferred.await(ended)),
    write: (chunks) =>
      Effect.suspend(() => Deferred.isDoneUnsafe(ended) ? Effect.void : Effect.ignore(writer.writeAll(chunks))),
    close: end("close"),
    reset: end("reset")
  }
  return peer
})

const serve = (accept: FakeNetwork.Accept, socket: Net.Socket, connection: number): Effect.Effect<void> =>
  makePeer(socket, connection).pipe(
    Effect.flatMap(accept),
    Effect.scoped,
    Effect.andThen(linger(socket)),
    Effect.ignoreCause({ log: "Error", message: `Serving connection ${connection} failed` })
  )

/** Listens until the scope ends; then the connections that are left are cut. */
const listenOn = (server: Net.Server, port: number): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.once("error", (cause) => resume(Effect.die(cause)))
      server.listen(port, host, () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
    }),
    () => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )

/**
 * Lets a broker listen, besides the network it already has, for as long as the scope. Dies when the port is taken.
 *
 * @since 0.1.0
 * @category constructors
 */
export const listen = Effect.fnUntraced(function*(
  broker: MemoryBroker.MemoryBroker["Service"],
  options: ListenOptions = {}
): Effect.fn.Return<NodeMemoryBroker["Service"], never, Scope.Scope> {
  const runFork = Effect.runForkWith(yield* Effect.context())
  const scope = yield* Effect.scope
  const sockets = new Set<Net.Socket>()
  let count = 0
  const server = Net.createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    // The reader of the socket hears of the error; without a listener Node would throw it as uncaught.
    socket.on("error", () => {})
    Fiber.runIn(runFork(serve(broker.accept, socket, ++count)), scope)
  })
  const port = yield* listenOn(server, options.port ?? 0)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const socket of sockets) socket.destroy()
    })
  )
  return NodeMemoryBroker.of({ host, port, url: `mqtt://${host}:${port}` })
})

/**
 * A broker of its own that listens.
 *
 * **Example** (A program over TCP)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MqttClient } from "effect-mqtt"
 * import { NodeMqtt } from "effect-mqtt/node"
 * import { MemoryBroker } from "effect-mqtt/testing"
 * import { NodeMemoryBroker } from "effect-mqtt/testing/node"
 *
 * const test = Effect.gen(function*() {
 *   const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
 *   const broker = yield* MemoryBroker.MemoryBroker
 *   yield* Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publish("hello", "world")).pipe(
 *     Effect.provide(NodeMqtt.layer({ url }))
 *   )
 *   return yield* broker.messages
 * }).pipe(Effect.provide(NodeMemoryBroker.layer()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<NodeMemoryBroker | MemoryBroker.MemoryBroker> =>
  Layer.effectContext(
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.make(options)
      return Context.make(NodeMemoryBroker, yield* listen(broker, options)).pipe(
        Context.add(MemoryBroker.MemoryBroker, broker)
      )
    })
  )
