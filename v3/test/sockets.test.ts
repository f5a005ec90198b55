/**
 * Transports that a program makes: over a Socket of `@effect/platform`, and by hand.
 */
import * as Socket from "@effect/platform/Socket"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Schedule, Stream } from "effect"
import { MqttClient, MqttError, MqttTransport } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import { NodeMemoryBroker } from "effect-mqtt-v3/testing/node"
import * as Net from "node:net"
import { Duplex } from "node:stream"

/** TCP of Node, as a Socket. */
const tcp = (port: number, opened: Array<Net.Socket>) =>
  Socket.fromTransformStream(
    Effect.acquireRelease(
      Effect.async<Net.Socket, Socket.SocketError>((resume) => {
        const socket = Net.connect({ host: "127.0.0.1", port })
        socket.once("connect", () => {
          opened.push(socket)
          resume(Effect.succeed(socket))
        })
        socket.once("error", (cause) => resume(Effect.fail(new Socket.SocketGenericError({ reason: "Open", cause }))))
      }),
      (socket) => Effect.sync(() => socket.destroy())
    ).pipe(Effect.map((socket) => Duplex.toWeb(socket) as Socket.InputTransformStream))
  )

const over = (socket: Effect.Effect<Socket.Socket, unknown, never>, options?: MqttClient.Options) =>
  MqttClient.layer({ clientId: "client", ...options }).pipe(
    Layer.provide(
      Layer.succeed(MqttTransport.MqttTransport, MqttTransport.fromSocket({ endpoint: "the socket", socket }))
    )
  )

it.scopedLive("a client over a Socket publishes, receives, and says goodbye", () =>
  Effect.gen(function*() {
    const { port } = yield* NodeMemoryBroker.NodeMemoryBroker
    const server = yield* MemoryBroker.MemoryBroker
    yield* Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const messages = yield* mqtt.subscribe("site/#", { qos: 1 })
      const numbers = Array.from({ length: 500 }, (_, number) => `${number}`)
      yield* Effect.forEach(numbers, (text) => mqtt.publish("site/a", text, { qos: 1 }), { concurrency: 50 })
      const texts = yield* messages.pipe(Stream.take(500), Stream.map(({ text }) => text), Stream.runCollect)
      assert.deepStrictEqual([...texts].sort(), [...numbers].sort())
    }).pipe(Effect.provide(over(tcp(port, []))))
    yield* server.awaitPacket("client", "Disconnect")
    assert.deepStrictEqual(yield* server.violations, [])
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))

it.scopedLive("each attempt has a Socket of its own", () =>
  Effect.gen(function*() {
    const { port } = yield* NodeMemoryBroker.NodeMemoryBroker
    const server = yield* MemoryBroker.MemoryBroker
    const opened: Array<Net.Socket> = []
    yield* Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      opened[0].destroy()
      yield* mqtt.publish("site/a", "21", { qos: 1 })
    }).pipe(Effect.provide(over(tcp(port, opened), { reconnect: Schedule.spaced("10 millis") })))
    assert.strictEqual(opened.length, 2)
    assert.strictEqual((yield* server.messages).length, 1)
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))

it.scopedLive("a Socket that does not open fails with its cause", () =>
  Effect.gen(function*() {
    const { reason } = yield* Effect.flip(Layer.build(over(tcp(1, []))))
    assert.strictEqual(reason._tag, "OpenFailed")
    assert.match(reason.message, /the socket.*ECONNREFUSED/)
  }))

it.scopedLive("an error of this package stays what it is", () =>
  Effect.gen(function*() {
    const refused = MqttError.fromReason(new MqttError.PortRefused({ host: "broker", port: 1883 }))
    assert.strictEqual(yield* Effect.flip(Layer.build(over(Effect.fail(refused)))), refused)
  }))

it.scopedLive("a text frame ends the connection", () =>
  Effect.gen(function*() {
    const socket: Socket.Socket = {
      [Socket.TypeId]: Socket.TypeId,
      run: () => Effect.never,
      runRaw: (handler, options) =>
        Effect.zipRight(
          options?.onOpen ?? Effect.void,
          Effect.zipRight(Effect.sync(() => handler("hello")), Effect.never)
        ),
      writer: Effect.succeed(() => Effect.void)
    }
    const { reason } = yield* Effect.flip(Layer.build(over(Effect.succeed(socket))))
    assert.strictEqual(reason._tag === "WebSocketFailed" && reason.problem, "TextFrame")
  }))

it.scopedLive("a transport by hand is closed with its connection, also when it was opened too late", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const isOpening = yield* Deferred.make<void>()
    const mayOpen = yield* Deferred.make<void>()
    const isClosed = yield* Deferred.make<void>()
    const transport = Layer.succeed(MqttTransport.MqttTransport, {
      endpoint: "by hand",
      open: Effect.acquireRelease(
        Effect.zipRight(Deferred.succeed(isOpening, undefined), Deferred.await(mayOpen)),
        () => Effect.zipRight(Effect.sync(() => log.push("closed")), Deferred.succeed(isClosed, undefined))
      ).pipe(Effect.as({ pull: Effect.never, write: () => Effect.void, abort: Effect.void }))
    })
    const building = yield* Effect.forkScoped(
      Layer.build(MqttClient.layer({ connectTimeout: "20 millis" }).pipe(Layer.provide(transport)))
    )
    yield* Deferred.await(isOpening)
    yield* Effect.sleep("50 millis")
    yield* Deferred.succeed(mayOpen, undefined)
    yield* Deferred.await(isClosed)
    const { reason } = yield* Effect.flip(building)
    assert.strictEqual(reason._tag, "ConnectTimeout")
    assert.deepStrictEqual(log, ["closed"])
  }))
