/**
 * A client that has ended leaves nothing behind in the program: no fiber, and nothing that waits for a time.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { FakeNetwork, MemoryBroker } from "effect-mqtt-v3/testing"
import { brokerAndClient } from "./support.ts"

const everything = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const network = yield* FakeNetwork.FakeNetwork
  const server = yield* MemoryBroker.MemoryBroker
  const messages = yield* mqtt.subscribe("site/#", { qos: 1 })
  yield* Effect.forkScoped(Stream.runDrain(messages))
  yield* Effect.forkScoped(mqtt.consume("alarm/#", () => Effect.sleep("1 hour"), { qos: 1 }))
  yield* Effect.forkScoped(Stream.runDrain(mqtt.events))
  yield* server.publish("alarm/1", "fire", { qos: 1 })
  yield* Effect.forkScoped(mqtt.request("nobody", "", { timeout: "1 hour" }))
  yield* network.reset
  yield* Effect.forkScoped(mqtt.publish("site/a", "", { qos: 1 }))
  yield* TestClock.adjust("500 millis")
  assert.isAbove((yield* Fiber.roots).length, 3)
})

/** Fibers that no other fiber has. Whatever of the client waits for a time is one of them. */
const rootsBesides = (before: ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>) =>
  Effect.map(Fiber.roots, (roots) => [...roots].filter((fiber) => !before.includes(fiber)))

it.effect("after an outage, with subscribers, a handler, a request and a publish that are under way", () =>
  Effect.gen(function*() {
    const before = [...yield* Fiber.roots]
    const using = yield* Effect.fork(everything.pipe(Effect.scoped, Effect.provide(brokerAndClient())))
    yield* TestClock.adjust("1 minute")
    yield* Fiber.join(using)
    assert.deepStrictEqual(yield* rootsBesides(before), [])
  }))
