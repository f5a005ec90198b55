import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Queue, Schedule, Scope } from "effect"
import { connect as connectMqttJs } from "mqtt"
import { execFile } from "node:child_process"
import * as Net from "node:net"
import { MqttClient } from "../../../src/index.ts"
import { NodeMqtt } from "../../../src/node/index.ts"
import { MemoryBroker } from "../../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../../src/testing/node/index.ts"
import { connected, quietly, soon, subscribed, texts } from "../../brokers/Broker.ts"
import * as MosquittoClients from "../../brokers/MosquittoClients.ts"
import { suiteWith } from "../../support/requirements.ts"
import { versions } from "../../support/versions.ts"

type Services = NodeMemoryBroker.NodeMemoryBroker | MemoryBroker.MemoryBroker | Scope.Scope

/** What happens on a real network within these tests happens at once, or it does not happen. */
const atLast = Effect.timeout("5 seconds")

const test = (
  name: string,
  tell: Effect.Effect<unknown, unknown, Services>,
  options?: NodeMemoryBroker.Options
): void => {
  it.live(name, () =>
    tell.pipe(
      Effect.scoped,
      Effect.andThen(Effect.flatMap(MemoryBroker.MemoryBroker, ({ violations }) => violations)),
      Effect.map((violations) => assert.deepStrictEqual(violations, [])),
      atLast,
      Effect.provide(NodeMemoryBroker.layer(options))
    ))
}

/** A client over TCP that lives as long as the scope. */
const client = Effect.fnUntraced(function*(options: NodeMqtt.Options = {}) {
  const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
  const services = yield* quietly(Layer.build(NodeMqtt.layer({ url, reconnect: soon, ...options })))
  return Context.get(services, MqttClient.MqttClient)
})

/** A socket of this test's own, and all that has come from the broker by its end. */
const dial = Effect.fnUntraced(function*(bytes: ReadonlyArray<number>) {
  const { host, port } = yield* NodeMemoryBroker.NodeMemoryBroker
  const ended = yield* Deferred.make<Buffer, Error>()
  const received: Array<Buffer> = []
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => Net.connect(port, host)),
    (socket) => Effect.sync(() => void socket.destroy())
  )
  socket.on("data", (chunk) => received.push(chunk))
  socket.on("error", (error) => Deferred.doneUnsafe(ended, Exit.fail(error)))
  socket.on("close", () => Deferred.doneUnsafe(ended, Exit.succeed(Buffer.concat(received))))
  socket.write(Uint8Array.from(bytes))
  return { socket, ended: Deferred.await(ended) }
})

/** CONNECT of 3.1.1 for the client "a". */
const connect = [0x10, 0x0d, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x61]

/** And of 5.0. */
const connect50 = [0x10, 0x0e, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 60, 0, 0, 1, 0x61]

const run = (program: string, ...options: ReadonlyArray<string>): Effect.Effect<string, Error> =>
  Effect.callback((resume) => {
    const child = execFile(program, options, (error, output) => {
      resume(error === null ? Effect.succeed(output) : Effect.fail(error))
    })
    return Effect.sync(() => void child.kill())
  })

describe("NodeMemoryBroker", () => {
  for (const protocolVersion of versions) {
    test(
      `our client over TCP: subscribes, publishes and receives at every QoS (${protocolVersion})`,
      Effect.gen(function*() {
        const mqtt = yield* client({ protocolVersion, clientId: "ours" })
        const messages = yield* subscribed(mqtt, "t/#", { qos: 2 })
        for (const qos of [0, 1, 2] as const) yield* mqtt.publish(`t/${qos}`, `at ${qos}`, { qos })
        assert.deepStrictEqual(yield* texts(messages, 3), [["t/0", "at 0"], ["t/1", "at 1"], ["t/2", "at 2"]])
        yield* mqtt.disconnect
        const broker = yield* MemoryBroker.MemoryBroker
        yield* broker.awaitPacket("ours", "Disconnect")
        const accepted = yield* broker.messages
        assert.deepStrictEqual(accepted.map(({ qos, topic }) => [topic, qos]), [["t/0", 0], ["t/1", 1], ["t/2", 2]])
      })
    )

    test(
      `the broker restarts and keeps its sessions: our client comes back with what it had (${protocolVersion})`,
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const mqtt = yield* client({ protocolVersion, clientId: "ours", session: "persistent" })
        const messages = yield* subscribed(mqtt, "t", { qos: 1 })
        yield* broker.restart({ keepSessions: true })
        yield* broker.publish("t", "meanwhile", { qos: 1 })
        assert.deepStrictEqual(yield* texts(messages, 1), [["t", "meanwhile"]])
        assert.strictEqual((yield* connected(mqtt)).sessionPresent, true)
        assert.strictEqual((yield* mqtt.stats).connections, 2)
      })
    )
  }

  test(
    "a megabyte in both directions, in whatever pieces TCP makes of it",
    Effect.gen(function*() {
      const payload = Uint8Array.from({ length: 1_000_000 }, (_, index) => index * 31)
      const mqtt = yield* client()
      const messages = yield* subscribed(mqtt, "t", { qos: 1 })
      yield* mqtt.publish("t", payload, { qos: 1 })
      assert.deepStrictEqual((yield* Queue.take(messages)).payload, payload)
    })
  )

  it.live("a client that breaks a rule is told so before the connection ends, and the broker takes note of it", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      // PUBLISH with QoS 3, and more behind it that nobody will read.
      const { ended, socket } = yield* dial([...connect50, 0x36, 0x00])
      socket.write(new Uint8Array(5_000_000))
      const answer = [...yield* ended]
      assert.strictEqual(answer[0], 0x20)
      assert.deepStrictEqual(answer.slice(answer.indexOf(0xe0)).slice(2, 3), [0x81])
      assert.strictEqual((yield* broker.violations).length, 1)
    }).pipe(Effect.scoped, atLast, Effect.provide(NodeMemoryBroker.layer())))

  it.live("the end of the scope cuts who is still there, and nobody can connect any more", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const broker = yield* Scope.provide(MemoryBroker.make(), scope)
      const address = yield* Scope.provide(NodeMemoryBroker.listen(broker), scope)
      const { ended, socket } = yield* Effect.provideService(
        dial(connect),
        NodeMemoryBroker.NodeMemoryBroker,
        address
      )
      yield* broker.awaitPacket("a", "Connect")
      // It does not read and does not close: no courtesy may hold up the end.
      socket.pause()
      yield* Scope.close(scope, Exit.void)
      socket.resume()
      yield* Effect.exit(ended)
      const again = yield* Effect.provideService(dial(connect), NodeMemoryBroker.NodeMemoryBroker, address)
      const error = yield* Effect.flip(again.ended)
      assert.propertyVal(error, "code", "ECONNREFUSED")
    }).pipe(Effect.scoped, atLast))

  it.live("a broker listens besides the network it has; on the port it is told", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.make()
      const { port } = yield* Effect.scoped(NodeMemoryBroker.listen(broker))
      const { host, url } = yield* NodeMemoryBroker.listen(broker, { port })
      assert.deepStrictEqual([host, url], ["127.0.0.1", `mqtt://127.0.0.1:${port}`])
      const services = yield* Layer.build(NodeMqtt.layer({ url, clientId: "ours" }))
      yield* Context.get(services, MqttClient.MqttClient).publish("t", "here", { qos: 1 })
      assert.strictEqual((yield* broker.session("ours"))?.isConnected, true)
      assert.strictEqual((yield* broker.messages).length, 1)
    }).pipe(Effect.scoped, atLast))

  test(
    "a client that is killed in the middle of a packet has broken no rule",
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const { socket } = yield* dial([...connect, 0x30, 0x7f, 0, 1])
      yield* broker.awaitPacket("a", "Connect")
      socket.destroy()
      const isGone = Effect.map(broker.session("a"), (session) => session?.isConnected !== true)
      yield* Effect.repeat(isGone, { schedule: Schedule.spaced("1 millis"), until: (gone) => gone })
    })
  )

  for (const protocolVersion of [4, 5] as const) {
    test(
      `MQTT.js subscribes, publishes and receives at every QoS (protocol version ${protocolVersion})`,
      Effect.gen(function*() {
        const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
        const received = yield* Queue.unbounded<readonly [string, string]>()
        const foreign = yield* Effect.acquireRelease(
          Effect.sync(() => connectMqttJs(url, { protocolVersion, clientId: "foreign" })),
          (foreign) => Effect.promise(() => foreign.endAsync())
        )
        foreign.on("message", (topic, payload) => {
          Queue.offerUnsafe(received, [topic, payload.toString()])
        })
        yield* Effect.promise(() => foreign.subscribeAsync("t/#", { qos: 2 }))
        for (const qos of [0, 1, 2] as const) {
          yield* Effect.promise(() => foreign.publishAsync(`t/${qos}`, `at ${qos}`, { qos }))
        }
        const messages = yield* Queue.takeN(received, 3)
        assert.deepStrictEqual(messages, [["t/0", "at 0"], ["t/1", "at 1"], ["t/2", "at 2"]])
      })
    )
  }

  suiteWith([MosquittoClients.requirement], "mosquitto_pub and mosquitto_sub", () => {
    for (const version of ["311", "5"] as const) {
      test(
        `exchange messages at every QoS (version ${version})`,
        Effect.gen(function*() {
          const { host, port } = yield* NodeMemoryBroker.NodeMemoryBroker
          const broker = yield* MemoryBroker.MemoryBroker
          const to = ["-h", host, "-p", `${port}`, "-V", version]
          const printing = yield* Effect.forkChild(
            run("mosquitto_sub", ...to, "-i", "sub", "-t", "t/#", "-q", "2", "-C", "3", "-v")
          )
          yield* broker.awaitPacket("sub", "Subscribe")
          for (const qos of ["0", "1", "2"]) {
            yield* run("mosquitto_pub", ...to, "-i", `pub${qos}`, "-t", `t/${qos}`, "-q", qos, "-m", `at ${qos}`)
          }
          assert.strictEqual(yield* Fiber.join(printing), "t/0 at 0\nt/1 at 1\nt/2 at 2\n")
        })
      )
    }
  })
})
