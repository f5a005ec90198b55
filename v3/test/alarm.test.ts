/**
 * The program that the documents begin with.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, Stream, TestClock } from "effect"
import { MqttClient, MqttError } from "effect-mqtt-v3"
import { FakeNetwork, MemoryBroker } from "effect-mqtt-v3/testing"

const brokerAndClient = MqttClient.layer({
  reconnect: Schedule.exponential("1 second").pipe(Schedule.union(Schedule.spaced("30 seconds")), Schedule.jittered)
}).pipe(Layer.provideMerge(MemoryBroker.layer({ latency: 0, connectDelay: 0 })))

it.scoped("an alarm survives a lost connection", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const network = yield* FakeNetwork.FakeNetwork
    const alarms = yield* mqtt.subscribe("alarm/#", { qos: 1 })
    yield* network.reset
    const publishing = yield* Effect.fork(mqtt.publish("alarm/1", "fire", { qos: 1 }))
    yield* TestClock.adjust("3 seconds")
    yield* Fiber.join(publishing)
    const texts = yield* alarms.pipe(Stream.take(1), Stream.map((message) => message.text), Stream.runCollect)
    assert.deepStrictEqual([...texts], ["fire"])
    const error = yield* Effect.flip(mqtt.publish("bad/#", "x"))
    assert.strictEqual(error.reason._tag, "InvalidRequest")
    assert.instanceOf(error, MqttError.MqttError)
    assert.strictEqual(
      yield* mqtt.publish("bad/#", "x").pipe(Effect.catchTag("MqttError", ({ reason }) => Effect.succeed(reason._tag))),
      "InvalidRequest"
    )
  }).pipe(Effect.provide(brokerAndClient)))
