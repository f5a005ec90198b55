/**
 * A real broker that is stopped and started under traffic: acknowledged messages arrive, at QoS 2 once and in order.
 */
import { assert } from "@effect/vitest"
import { Array, Effect, Exit, Fiber, Layer, Ref, Scope, Stream } from "effect"
import * as MqttClient from "../../src/MqttClient.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import * as Broker from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Process from "../brokers/Process.ts"

const restarts = 20

/** A broker that keeps its sessions in a folder; each start is on another port, which clients look up each time. */
const makeBroker = Effect.gen(function*() {
  const home = yield* Process.folder("restarts")
  const running = yield* Ref.make<Scope.Closeable | undefined>(undefined)
  const address = yield* Ref.make<Broker.Broker["Service"] | undefined>(undefined)
  const start = Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(
      Mosquitto.layer({
        configuration: [
          "allow_anonymous true",
          "persistence true",
          `persistence_location ${home}/`,
          "max_queued_messages 0",
          // Before 2.0.13 it loses count of a window that is full, and with it messages; 65535 would mean 0.
          "max_inflight_messages 65534"
        ]
      }),
      scope
    )
    yield* Ref.set(address, yield* Effect.provide(Broker.Broker, context))
    yield* Ref.set(running, scope)
  })
  const stop = Effect.flatMap(
    Ref.getAndSet(running, undefined),
    (scope) => scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  )
  const transport = MqttTransport.of({
    endpoint: "mqtt://wherever-it-is",
    open: Effect.flatMap(
      Ref.get(address),
      (broker) =>
        broker === undefined ? Effect.never : Effect.flatMap(MqttTransport, (transport) => transport.open).pipe(
          Effect.provide(Broker.transport),
          Effect.provideService(Broker.Broker, broker)
        )
    )
  })
  yield* Effect.addFinalizer(() => stop)
  yield* start
  const client = (options: MqttClient.Options) =>
    MqttClient.make({ session: "persistent", reconnect: Broker.soon, stableAfter: "50 millis", ...options }).pipe(
      Effect.provideService(MqttTransport, transport),
      Broker.quietly
    )
  return { restart: Effect.andThen(stop, start), client }
})

const levels = [0, 1, 2] as const
type Level = typeof levels[number]
const last = "last"

/** Publishes numbers as fast as they are taken until told to stop, then the last one; returns those acknowledged. */
const publishing = Effect.fnUntraced(function*(
  mqtt: MqttClient.MqttClient["Service"],
  qos: Level,
  isOver: () => boolean
) {
  const acknowledged: Array<string> = []
  for (let number = 0; !isOver(); number++) {
    const acknowledgement = yield* mqtt.publishAsync(`level/${qos}`, String(number), { qos })
    yield* acknowledgement.pipe(
      Effect.map(() => acknowledged.push(String(number))),
      Effect.forkScoped({ startImmediately: true })
    )
    yield* Effect.sleep("1 millis")
  }
  yield* mqtt.flush
  yield* mqtt.publish(`level/${qos}`, last, { qos: 2 })
  return acknowledged
})

/** Keeps what arrives at each level, until the last of each has come. */
const receiving = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"]) {
  const received: Record<Level, Array<string>> = { 0: [], 1: [], 2: [] }
  const messages = yield* mqtt.subscribe("level/+", { qos: 2 })
  let open = levels.length
  const fiber = yield* messages.pipe(
    Stream.takeUntil((message) => {
      received[Number(message.topic.slice(-1)) as Level].push(message.text)
      return message.text === last && --open === 0
    }),
    Stream.runDrain,
    Effect.forkScoped
  )
  return { received, untilLast: Fiber.join(fiber) }
})

const inOrder = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.filter((text) => text !== last).toSorted((a, b) => Number(a) - Number(b))

Mosquitto.suite("mosquitto stopped and started twenty times in a row", {}, (it) => {
  for (const protocolVersion of ["5.0", "3.1.1"] as const) {
    it.effect(`R27 R76 R77 R81 R82 under traffic at every QoS (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const broker = yield* makeBroker
        const subscriber = yield* broker.client({ protocolVersion, clientId: "subscriber" })
        const publisher = yield* broker.client({ protocolVersion, clientId: "publisher", maxInFlight: 50 })
        const { received, untilLast } = yield* receiving(subscriber)
        let isOver = false
        const publishers = yield* Effect.forEach(levels, (qos) =>
          Effect.forkScoped(publishing(publisher, qos, () => isOver)))
        for (let count = 0; count < restarts; count++) {
          yield* Broker.connected(publisher)
          yield* Broker.connected(subscriber)
          yield* Effect.sleep("50 millis")
          yield* broker.restart
        }
        isOver = true
        const acknowledged = yield* Effect.forEach(publishers, Fiber.join)
        yield* untilLast
        for (const qos of levels) {
          const texts = received[qos].filter((text) =>
            text !== last
          )
          assert.deepStrictEqual(Array.dedupe(texts), inOrder(Array.dedupe(texts)), `QoS ${qos}, order`)
          if (qos !== 1) assert.deepStrictEqual(texts, Array.dedupe(texts), `QoS ${qos}, no repetition`)
          if (qos === 0) continue
          const arrived = new Set(texts)
          assert.deepStrictEqual(acknowledged[qos].filter((text) => !arrived.has(text)), [], `QoS ${qos}, lost`)
          assert.isAbove(texts.length, 5 * restarts)
        }
        assert.isAtLeast((yield* publisher.stats).connections, restarts)
        assert.strictEqual((yield* publisher.stats).inFlight, 0)
      }).pipe(Effect.scoped))
  }

  it.effect("a worker with a Shared Subscription goes on: mosquitto 2.0 keeps its session and forgets the share", () =>
    Effect.gen(function*() {
      const broker = yield* makeBroker
      const worker = yield* broker.client({ protocolVersion: "5.0", clientId: "worker" })
      const publisher = yield* broker.client({ protocolVersion: "5.0", clientId: "publisher" })
      const jobs = yield* worker.subscribe("$share/workers/jobs/+", { qos: 1 })
      const received = yield* Effect.forkScoped(Stream.runCollect(Stream.take(jobs, 2)))
      yield* publisher.publish("jobs/1", "before", { qos: 1 })
      yield* broker.restart
      yield* Broker.connected(publisher)
      yield* Broker.connected(worker)
      // The SUBSCRIBE of the connection is answered before this one.
      yield* Effect.asVoid(worker.subscribe("other", { qos: 1 }))
      yield* publisher.publish("jobs/2", "after", { qos: 1 })
      const texts = (yield* Fiber.join(received)).map(({ text }) => text)
      assert.deepStrictEqual(texts, ["before", "after"])
    }).pipe(Effect.scoped))
})
