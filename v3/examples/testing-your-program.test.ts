// Tests of a program of yours on Effect 3's TestClock. The program below publishes an alarm when a temperature is too
// high, and the tests decide when the network fails and how much time passes. Run them with vitest.
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, TestClock } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { FakeNetwork, MemoryBroker } from "effect-mqtt-v3/testing"

// ---------------------------------------------------------------------------
// The program
// ---------------------------------------------------------------------------

const limit = 80

/** Publishes an alarm for each temperature that is too high, until interrupted. Ignores texts that are no numbers. */
const watch = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* mqtt.consume(
    "site/+/temperature",
    ({ text, topic }) =>
      Number(text) > limit
        ? mqtt.publish("alarm", `${topic.split("/")[1]} has ${text} degrees`, { qos: 1 })
        : Effect.void,
    { qos: 1 }
  )
})

// ---------------------------------------------------------------------------
// Its tests
// ---------------------------------------------------------------------------

/** Without latency the client connects before the clock moves. */
const brokerAndClient = MqttClient.layer({
  session: "persistent",
  clientId: "watch",
  reconnect: Schedule.spaced("1 second")
}).pipe(Layer.provideMerge(MemoryBroker.layer({ latency: 0, connectDelay: 0 })))

/** The alarms, as another client receives them. */
const alarms = Effect.flatMap(
  MemoryBroker.MemoryBroker,
  (broker) =>
    Effect.map(
      broker.messages,
      (messages) =>
        messages.filter(({ topic }) => topic === "alarm").map(({ payload }) => new TextDecoder().decode(payload))
    )
)

it.scoped("says what is too hot, and nothing else", () =>
  Effect.gen(function*() {
    const broker = yield* MemoryBroker.MemoryBroker
    yield* Effect.forkScoped(watch)
    yield* TestClock.adjust("1 second")
    for (const [site, text] of [["boiler", "81"], ["office", "21"], ["roof", "warm"]]) {
      yield* broker.publish(`site/${site}/temperature`, text, { qos: 1 })
    }
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(yield* alarms, ["boiler has 81 degrees"])
  }).pipe(Effect.provide(brokerAndClient)))

it.scoped("says it once, though the connection is lost before the reading is acknowledged", () =>
  Effect.gen(function*() {
    const broker = yield* MemoryBroker.MemoryBroker
    const network = yield* FakeNetwork.FakeNetwork
    yield* Effect.forkScoped(watch)
    yield* TestClock.adjust("1 second")
    yield* network.reset
    yield* broker.publish("site/boiler/temperature", "95", { qos: 1 })
    yield* TestClock.adjust("500 millis")
    assert.deepStrictEqual(yield* alarms, [])
    yield* TestClock.adjust("3 seconds")
    assert.deepStrictEqual(yield* alarms, ["boiler has 95 degrees"])
  }).pipe(Effect.provide(brokerAndClient)))

it.scoped("ends when the program closes its client", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const watching = yield* Effect.fork(watch)
    yield* TestClock.adjust("1 second")
    yield* mqtt.disconnect
    yield* Fiber.join(watching)
    assert.strictEqual((yield* mqtt.state.get)._tag, "Closed")
  }).pipe(Effect.provide(brokerAndClient)))
