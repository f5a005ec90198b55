/**
 * How a program that uses MQTT is tested: the network and the broker are layers, and an outage is a few lines.
 *
 * Only what users have is used here. In a project of yours the imports are "effect-mqtt" and "effect-mqtt/testing".
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { MqttClient } from "../../src/index.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"

// --- The program -----------------------------------------------------------------------------------------------------

/** Opens and closes valves as it is told, and reports each when that is done. */
const gateway = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* mqtt.publish("gateway/status", "online", { qos: 1, retain: true })
  yield* mqtt.consume(
    "valve/+/set",
    ({ text, topic }) => mqtt.publish(topic.replace(/set$/, "state"), text, { qos: 1 }),
    { qos: 1 }
  )
})

const client = MqttClient.layer({
  clientId: "gateway",
  session: "persistent",
  reconnect: Schedule.spaced("5 seconds"),
  will: { topic: "gateway/status", payload: "offline", qos: 1, retain: true }
})

// --- Its tests -------------------------------------------------------------------------------------------------------

/** The program as it runs in production, but for the transport under its client. */
const start = gateway.pipe(Effect.provide(client), Effect.forkChild)

const states = Effect.gen(function*() {
  const broker = yield* MemoryBroker.MemoryBroker
  const messages = yield* broker.messages
  return messages
    .filter(({ topic }) => topic.endsWith("/state"))
    .map(({ payload, topic }) => `${topic} ${new TextDecoder().decode(payload)}`)
})

describe("a gateway", () => {
  it.effect("does what it is told", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      yield* start
      yield* TestClock.adjust("1 second")
      yield* broker.publish("valve/1/set", "open", { qos: 1 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* states, ["valve/1/state open"])
      assert.deepStrictEqual(yield* broker.violations, [])
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("an outage: what it was told meanwhile is done afterwards, in order", () =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const broker = yield* MemoryBroker.MemoryBroker
      yield* start
      yield* TestClock.adjust("1 second")
      yield* network.refuseConnect(3)
      yield* network.reset
      yield* broker.publish("valve/1/set", "open", { qos: 1 })
      yield* broker.publish("valve/1/set", "closed", { qos: 1 })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* states, ["valve/1/state open", "valve/1/state closed"])
      assert.strictEqual((yield* network.counters).attempts, 5)
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("the network dies without a word: the keep alive finds out, the broker says so to the others", () =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const broker = yield* MemoryBroker.MemoryBroker
      yield* start
      yield* TestClock.adjust("1 second")
      yield* network.hangConnect(20)
      yield* network.drop
      yield* TestClock.adjust("2 minutes")
      const status = (yield* broker.retained).find(({ topic }) => topic === "gateway/status")
      assert.strictEqual(new TextDecoder().decode(status?.payload), "offline")
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("the connection is cut in the middle of its report: the report is sent again", () =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const broker = yield* MemoryBroker.MemoryBroker
      yield* start
      yield* TestClock.adjust("1 second")
      const [{ bytesFromClient }] = yield* network.connections
      yield* network.cutAfter({ direction: "fromClient", bytes: bytesFromClient + 10, how: "reset" }, 1)
      yield* broker.publish("valve/1/set", "open", { qos: 1 })
      yield* TestClock.adjust("1 minute")
      // At least once: the command comes again, as it was not acknowledged before the report was.
      const reported = yield* states
      assert.include(reported, "valve/1/state open")
      assert.deepStrictEqual([...new Set(reported)], ["valve/1/state open"])
      assert.strictEqual((yield* network.counters).opened, 2)
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("it may not do that: the program ends with the reason", () =>
    Effect.gen(function*() {
      const running = yield* start
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(Fiber.join(running))
      assert.strictEqual(error.reason._tag, "SubscribeRefused")
    }).pipe(Effect.provide(MemoryBroker.layer({ authorizeSubscribe: () => 0x87 }))))
})

describe("several programs on one broker", () => {
  it.effect("one publishes what the other receives", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const panel = Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publish("valve/7/set", "open", { qos: 2 }))
      yield* start
      yield* TestClock.adjust("1 second")
      yield* panel.pipe(Effect.provide(Layer.fresh(MqttClient.layer({ clientId: "panel" }))), Effect.forkChild)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* states, ["valve/7/state open"])
      assert.deepStrictEqual((yield* broker.sessions).map(({ clientId }) => clientId), ["gateway"])
    }).pipe(Effect.provide(MemoryBroker.layer())))
})
