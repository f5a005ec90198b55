/**
 * The common behaviour of all transports, tested over each: the fake network, TCP, TLS, WebSocket with and without TLS,
 * and Unix sockets. The client does not know which transport it has.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Schedule, Scope, Stream } from "effect"
import type { Duplex } from "node:stream"
import { MqttClient, type MqttMessage, MqttTransport } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { connected, inbox, quietly } from "../brokers/Broker.ts"
import * as certificates from "../support/certificates.ts"
import * as listeners from "../support/listeners.ts"
import { assertReason } from "../support/reasons.ts"
import { begin } from "../support/time.ts"

type Client = MqttClient.MqttClient["Service"]

/** A broker behind one kind of network, and clients of it. */
interface Kit {
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  readonly connect: (options?: MqttClient.Options) => Effect.Effect<Client, unknown, Scope.Scope>
  /** Network connections that are open. */
  readonly open: Effect.Effect<number>
  /** Ends all connections without order. */
  readonly cut: Effect.Effect<void>
}

interface Way {
  readonly name: string
  readonly kit: Effect.Effect<Kit, never, Scope.Scope>
}

const defaults = {
  clientId: "client",
  reconnect: Schedule.spaced("10 millis"),
  maximumPacketSize: 2 * 1_048_576
} satisfies MqttClient.Options

const clientOf = <E>(layer: Layer.Layer<MqttClient.MqttClient, E>) =>
  Effect.flatMap(Layer.build(Layer.fresh(layer)), (services) => Effect.provideContext(MqttClient.MqttClient, services))

const overFake: Way = {
  name: "fake",
  kit: Effect.gen(function*() {
    const services = yield* Layer.build(MemoryBroker.layer({ latency: 0, connectDelay: 0 }))
    const [broker, network, transport] = yield* Effect.provideContext(
      Effect.all([MemoryBroker.MemoryBroker, FakeNetwork.FakeNetwork, MqttTransport.MqttTransport]),
      services
    )
    return {
      broker,
      connect: (options) =>
        clientOf(Layer.provide(
          MqttClient.layer({ ...defaults, ...options }),
          Layer.succeed(MqttTransport.MqttTransport)(transport)
        )),
      open: Effect.map(network.counters, ({ open }) => open),
      cut: network.reset
    }
  })
}

const overNetwork = (kind: listeners.Kind): Way => ({
  name: kind,
  kit: Effect.gen(function*() {
    const broker = yield* MemoryBroker.make({ maximumPacketSize: 2 * 1_048_576 })
    const listener = yield* listeners.listenWith(broker, kind)
    return {
      broker,
      connect: (options) => clientOf(NodeMqtt.layer({ ...toUrl(kind, listener.url), ...defaults, ...options })),
      open: Effect.sync(listener.open),
      cut: listener.cut
    }
  })
})

const isSecure = (kind: listeners.Kind) => kind === "tls" || kind === "wss"

const toUrl = (kind: listeners.Kind, url: string): NodeMqtt.Options =>
  isSecure(kind) ? { url, tls: { ca: certificates.ca } } : { url }

const ways = [overFake, ...listeners.kinds.map(overNetwork)]

const until = <E>(condition: Effect.Effect<boolean, E>) =>
  Effect.repeat(condition, { until: (isTrue) => isTrue, schedule: Schedule.spaced("5 millis") })

const texts = (queue: Queue.Dequeue<MqttMessage.MqttMessage, unknown>, count: number) =>
  Effect.map(Queue.takeN(queue, count), (messages) => messages.map(({ text }) => text))

const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.scoped, quietly, Effect.timeout("10 seconds"))

describe.each(ways)("over $name", ({ kit }) => {
  it.live("R149 connects, and says DISCONNECT at the end of its scope, after which nothing is open", () =>
    within(Effect.gen(function*() {
      const { broker, connect, open } = yield* kit
      const scope = yield* Scope.make()
      const mqtt = yield* Scope.provide(connect(), scope)
      assert.strictEqual((yield* connected(mqtt)).protocolVersion, "5.0")
      assert.strictEqual(yield* open, 1)
      yield* Scope.close(scope, Exit.void)
      yield* broker.awaitPacket("client", "Disconnect")
      yield* until(Effect.map(open, (count) => count === 0))
      assert.deepStrictEqual(yield* broker.violations, [])
    })))

  it.live("publishes and receives at QoS 0, 1 and 2", () =>
    within(Effect.gen(function*() {
      const { broker, connect } = yield* kit
      const mqtt = yield* connect()
      const messages = yield* inbox(yield* mqtt.subscribe("in/#", { qos: 2 }))
      for (const qos of [0, 1, 2] as const) {
        yield* mqtt.publish("out", `${qos}`, { qos })
        yield* broker.publish("in/a", `${qos}`, { qos })
      }
      assert.deepStrictEqual(yield* texts(messages, 3), ["0", "1", "2"])
      const published = yield* broker.awaitMessages("out", 3)
      assert.deepStrictEqual(published.map(({ payload }) => new TextDecoder().decode(payload)), ["0", "1", "2"])
    })))

  it.live("R152 a MiB goes both ways, and comes back as it was", () =>
    within(Effect.gen(function*() {
      const { connect } = yield* kit
      const mqtt = yield* connect()
      const messages = yield* inbox(yield* mqtt.subscribe("big", { qos: 1 }))
      const payload = Uint8Array.from({ length: 1_048_576 }, (_, index) => (index * 31) % 251)
      yield* mqtt.publish("big", payload, { qos: 1 })
      const [message] = yield* Queue.takeN(messages, 1)
      assert.isTrue(Buffer.from(payload).equals(message.payload))
    })))

  it.live("R152 ten thousand messages come in their order", () =>
    within(Effect.gen(function*() {
      const { connect } = yield* kit
      const mqtt = yield* connect()
      const messages = yield* inbox(yield* mqtt.subscribe("many", { qos: 0 }))
      const numbers = Array.from({ length: 10_000 }, (_, index) => `${index}`)
      yield* Stream.fromIterable(numbers).pipe(
        Stream.map((payload) => ({ topic: "many", payload, qos: 0 as const })),
        Stream.run(mqtt.publishSink)
      )
      assert.deepStrictEqual(yield* texts(messages, numbers.length), numbers)
    })))

  it.live("connects again when the connection is cut, and sends what was under way", () =>
    within(Effect.gen(function*() {
      const { broker, connect, cut } = yield* kit
      const mqtt = yield* connect()
      const messages = yield* inbox(yield* mqtt.subscribe("in", { qos: 1 }))
      yield* broker.holdAcknowledgements("Puback")
      const publishing = yield* begin(mqtt.publish("out", "x", { qos: 1 }))
      yield* broker.awaitPacket("client", "Publish")
      yield* cut
      yield* broker.releaseAcknowledgements()
      yield* Fiber.join(publishing)
      yield* broker.awaitPacket("client", "Subscribe", 2)
      yield* broker.publish("in", "after", { qos: 1 })
      assert.deepStrictEqual(yield* texts(messages, 1), ["after"])
      yield* broker.awaitPacket("client", "Connect", 2)
    })))

  it.live("a refusal is the server's, with its code", () =>
    within(Effect.gen(function*() {
      const { broker, connect } = yield* kit
      yield* broker.refuseSession(0x87)
      const error = yield* Effect.flip(connect())
      assert.include(`${error}`, "0x87")
    })))
})

// ---------------------------------------------------------------------------
// One network connection, against a peer that the test plays
// ---------------------------------------------------------------------------

const transportTo = (kind: listeners.Kind, url: string, options?: NodeMqtt.TransportOptions) =>
  Effect.flatMap(
    Layer.build(NodeMqtt.layerTransport({ ...toUrl(kind, url), ...options })),
    (services) => Effect.provideContext(MqttTransport.MqttTransport, services)
  )

/** A listener whose streams the test takes. */
const accepting = Effect.fnUntraced(function*(kind: listeners.Kind) {
  const streams = yield* Queue.unbounded<Duplex>()
  const listener = yield* listeners.listen(kind, (stream) => Queue.offerUnsafe(streams, stream))
  return { ...listener, accepted: Queue.take(streams) }
})

/** How many bytes come until the stream ends. */
const countBytes = (stream: Duplex) => {
  const ended = Deferred.makeUnsafe<number>()
  let count = 0
  stream.on("data", (chunk: Uint8Array) => count += chunk.length)
  stream.on("error", () => {})
  for (const end of ["end", "close"]) stream.on(end, () => Deferred.doneUnsafe(ended, Exit.succeed(count)))
  stream.resume()
  return { soFar: () => count, atEnd: Deferred.await(ended) }
}

const chunk = new Uint8Array(65_536).fill(7)
const chunks = 500

/** Writes more than goes into any buffer, until no more is taken. Who is not held up is done long before. */
const writeUntilHeldUp = Effect.fnUntraced(function*(connection: MqttTransport.NetworkConnection) {
  let taken = 0
  const writing = yield* Effect.forEach(
    Array.from({ length: chunks }),
    () => Effect.map(connection.write([chunk]), () => taken++)
  ).pipe(Effect.forkChild)
  let before = -1
  const standsStill = Effect.sync(() => {
    const isSame = taken === before
    before = taken
    return isSame
  })
  yield* Effect.repeat(standsStill, { until: (isSame) => isSame, schedule: Schedule.spaced("100 millis") })
  return { taken: () => taken, writing }
})

describe.each(listeners.kinds)("one connection over %s", (kind) => {
  it.live("a peer that does not read holds writes up; nothing is lost when it reads again", () =>
    within(Effect.gen(function*() {
      const { accepted, url } = yield* accepting(kind)
      const { open } = yield* transportTo(kind, url, { drainTimeout: "20 seconds" })
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(open, scope)
      const stream = yield* accepted
      const { taken, writing } = yield* writeUntilHeldUp(connection)
      assert.isBelow(taken(), chunks / 2)
      assert.isUndefined(writing.pollUnsafe())
      const { atEnd } = countBytes(stream)
      yield* Fiber.join(writing)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* atEnd, chunks * chunk.length)
    })))

  it.live("S39 a peer that does not read does not hold up the end of the scope", () =>
    within(Effect.gen(function*() {
      const { accepted, open: openConnections, url } = yield* accepting(kind)
      const { open } = yield* transportTo(kind, url, { drainTimeout: "20 millis" })
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(open, scope)
      const stream = yield* accepted
      const { writing } = yield* writeUntilHeldUp(connection)
      yield* Scope.close(scope, Exit.void)
      assertReason((yield* Effect.flip(Fiber.join(writing))).reason, "ConnectionLost")
      countBytes(stream)
      yield* until(Effect.sync(() => openConnections() === 0))
    })))

  it.live("abort ends it at once, whatever is unsent", () =>
    within(Effect.gen(function*() {
      const { accepted, open: openConnections, url } = yield* accepting(kind)
      const { open } = yield* transportTo(kind, url)
      const connection = yield* open
      const stream = yield* accepted
      const pull = yield* begin(Effect.flip(connection.pull))
      const { writing } = yield* writeUntilHeldUp(connection)
      yield* connection.abort
      assertReason((yield* Fiber.join(pull)).reason, "ConnectionLost")
      assertReason((yield* Effect.flip(Fiber.join(writing))).reason, "ConnectionLost")
      countBytes(stream)
      yield* until(Effect.sync(() => openConnections() === 0))
    })))

  it.live("S18 the peer closes while a read waits", () =>
    within(Effect.gen(function*() {
      const { accepted, url } = yield* accepting(kind)
      const connection = yield* Effect.flatMap(transportTo(kind, url), ({ open }) => open)
      const stream = yield* accepted
      const pull = yield* begin(Effect.flip(connection.pull))
      stream.end()
      assertReason((yield* Fiber.join(pull)).reason, "ConnectionLost")
    })))

  it.live("S19 after the end of its scope reading and writing fail at once", () =>
    within(Effect.gen(function*() {
      const { url } = yield* accepting(kind)
      const scope = yield* Scope.make()
      const connection = yield* Effect.flatMap(transportTo(kind, url), ({ open }) => Scope.provide(open, scope))
      const pull = yield* begin(Effect.flip(connection.pull))
      yield* Scope.close(scope, Exit.void)
      assertReason((yield* Fiber.join(pull)).reason, "ConnectionLost")
      assertReason((yield* Effect.flip(connection.write([chunk]))).reason, "ConnectionLost")
      yield* connection.abort
    })))

  it.live("S23 nobody listens", () =>
    within(Effect.gen(function*() {
      const { url } = yield* Effect.scoped(accepting(kind))
      const error = yield* Effect.flatMap(transportTo(kind, url), ({ open }) => Effect.flip(open))
      assertReason(error.reason, kind === "unix" ? "OpenFailed" : "PortRefused")
      assert.isTrue(error.isRetryable)
    })))
})

describe.each(["tls", "ws", "wss"] as const)("an opening over %s", (kind) => {
  it.live("S60 that is interrupted while the peer is silent leaves nothing", () =>
    within(Effect.gen(function*() {
      const { accepted, open: openConnections, port } = yield* accepting("tcp")
      const { open } = yield* transportTo(kind, `${{ tls: "mqtts", ws: "ws", wss: "wss" }[kind]}://127.0.0.1:${port}`)
      const opening = yield* Effect.forkChild(Effect.scoped(Effect.andThen(open, Effect.never)))
      const stream = yield* accepted
      yield* Fiber.interrupt(opening)
      countBytes(stream)
      yield* until(Effect.sync(() => openConnections() === 0))
    })))
})
