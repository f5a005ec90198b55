/**
 * Tests of the gateway in outages. No broker, no waiting: the network is in memory, and time moves when a test says.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { MqttClient } from "effect-mqtt"
import { NodeMqtt } from "effect-mqtt/node"
import { FakeNetwork, MemoryBroker } from "effect-mqtt/testing"
import { NodeMemoryBroker } from "effect-mqtt/testing/node"
import { TestClock } from "effect/testing"
import { gateway, options } from "./gateway.ts"

const running = gateway.pipe(Effect.provide(MqttClient.layer(options)), Effect.forkChild)

/** The reports so far. */
const reports = Effect.gen(function*() {
  const broker = yield* MemoryBroker.MemoryBroker
  const messages = yield* broker.messages
  return messages.filter(({ topic }) => topic.endsWith("/state")).map(({ text, topic }) => `${topic} ${text}`)
})

describe("a gateway", () => {
  it.effect("does after an outage what it was told meanwhile", () =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const broker = yield* MemoryBroker.MemoryBroker
      yield* running
      yield* TestClock.adjust("1 second")
      yield* network.refuseConnect(3)
      yield* network.reset
      yield* broker.publish("valve/1/set", "open", { qos: 1 })
      yield* broker.publish("valve/1/set", "closed", { qos: 1 })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* reports, ["valve/1/state open", "valve/1/state closed"])
      assert.strictEqual((yield* network.counters).attempts, 5)
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("does what it is told, and subscribes to nothing else", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      yield* running
      yield* TestClock.adjust("1 second")
      yield* broker.publish("valve/1/set", "open", { qos: 1 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* reports, ["valve/1/state open"])
      const session = yield* broker.session("gateway")
      assert.deepStrictEqual(session?.subscriptions.map(({ qos, topicFilter }) => [topicFilter, qos]), [
        ["valve/+/set", 1]
      ])
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("is reported offline when its network dies without a word", () =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const broker = yield* MemoryBroker.MemoryBroker
      yield* running
      yield* TestClock.adjust("1 second")
      yield* network.hangConnect(20)
      yield* network.drop
      yield* TestClock.adjust("2 minutes")
      const [status] = yield* broker.retained
      assert.strictEqual(`${status?.topic} ${status?.text}`, "gateway/status offline")
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("reports again when the connection ends in the middle of a report", () =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const broker = yield* MemoryBroker.MemoryBroker
      yield* running
      yield* TestClock.adjust("1 second")
      const [connection] = yield* network.connections
      const bytes = (connection?.bytesFromClient ?? 0) + 10
      yield* network.cutAfter({ direction: "fromClient", bytes, how: "reset" }, 1)
      yield* broker.publish("valve/1/set", "open", { qos: 1 })
      yield* TestClock.adjust("1 minute")
      // At least once: the command comes again too, because it is not acknowledged before its report.
      assert.deepStrictEqual([...new Set(yield* reports)], ["valve/1/state open"])
      assert.strictEqual((yield* network.counters).opened, 2)
    }).pipe(Effect.provide(MemoryBroker.layer())))

  for (const keepSessions of [true, false]) {
    it.effect(`goes on when the broker restarts ${keepSessions ? "with" : "without"} its sessions`, () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        yield* running
        yield* TestClock.adjust("1 second")
        yield* broker.restart({ keepSessions })
        yield* broker.publish("valve/1/set", "open", { qos: 1 })
        yield* TestClock.adjust("1 minute")
        yield* broker.publish("valve/2/set", "open", { qos: 1 })
        yield* TestClock.adjust("1 minute")
        const missed = keepSessions ? ["valve/1/state open"] : []
        assert.deepStrictEqual(yield* reports, [...missed, "valve/2/state open"])
      }).pipe(Effect.provide(MemoryBroker.layer())))
  }

  it.effect("works over a network that is slow and delivers byte by byte, and waits while it stalls", () =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const broker = yield* MemoryBroker.MemoryBroker
      yield* network.delay("300 millis")
      yield* network.split(1)
      yield* running
      yield* TestClock.adjust("5 seconds")
      yield* network.stallWrites
      yield* broker.publish("valve/1/set", "open", { qos: 1 })
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* reports, [])
      yield* network.resumeWrites
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* reports, ["valve/1/state open"])
      assert.deepStrictEqual(yield* broker.violations, [])
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("ends with the reason when it may not subscribe", () =>
    Effect.gen(function*() {
      const fiber = yield* running
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(error.reason._tag, "SubscribeRefused")
    }).pipe(Effect.provide(MemoryBroker.layer({ authorizeSubscribe: () => 0x87 }))))

  it.effect("does what another program tells it", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const panel = Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publish("valve/7/set", "open", { qos: 2 }))
      yield* running
      yield* TestClock.adjust("1 second")
      yield* panel.pipe(Effect.provide(MqttClient.layer({ clientId: "panel" })), Effect.forkChild)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* reports, ["valve/7/state open"])
      assert.deepStrictEqual((yield* broker.sessions).map(({ clientId }) => clientId), ["gateway"])
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.live("works over TCP as it does in memory", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
      yield* gateway.pipe(Effect.provide(NodeMqtt.layer({ url, ...options })), Effect.forkChild)
      yield* broker.awaitPacket("gateway", "Subscribe")
      yield* broker.publish("valve/1/set", "open", { qos: 1 })
      const [report] = yield* broker.awaitMessages("valve/+/state")
      assert.strictEqual(report?.text, "open")
    }).pipe(Effect.provide(NodeMemoryBroker.layer())))
})
