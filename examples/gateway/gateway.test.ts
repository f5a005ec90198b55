import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { MqttClient } from "effect-mqtt"
import { FakeNetwork, MemoryBroker } from "effect-mqtt/testing"
import { TestClock } from "effect/testing"
import { commands, deliver, Machines } from "./gateway.ts"

/** Starts the gateway. Each start has a client of its own, and all have one session. */
const start = Effect.suspend(() =>
  commands.pipe(
    Effect.ensuring(deliver),
    Effect.provide(Layer.merge(MqttClient.layer({ clientId: "gateway", session: "persistent" }), Machines.layer)),
    Effect.forkChild
  )
)

const command = (number: number) => JSON.stringify({ number, celsius: 60 })

/** All reports of the gateway so far. */
const reports = Effect.gen(function*() {
  const broker = yield* MemoryBroker.MemoryBroker
  const messages = yield* broker.messages
  return messages.filter(({ topic }) => topic.endsWith("/done")).map(({ text, topic }) => `${topic} ${text}`)
})

describe("commands", () => {
  it.effect("are carried out and reported", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      yield* start
      yield* TestClock.adjust("1 second")
      yield* broker.publish("hall/oven/set", command(1), { qos: 1 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* reports, [`hall/oven/done ${command(1)}`])
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("that come in an outage are carried out after it", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const network = yield* FakeNetwork.FakeNetwork
      yield* start
      yield* TestClock.adjust("1 second")
      yield* network.refuseConnect(3)
      yield* network.reset
      yield* broker.publish("hall/oven/set", command(1), { qos: 1 })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* reports, [`hall/oven/done ${command(1)}`])
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("that were begun are finished when the gateway ends, and not repeated by the next one", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const first = yield* start
      yield* TestClock.adjust("1 second")
      for (let number = 1; number <= 50; number++) {
        yield* broker.publish(`hall/oven-${number}/set`, command(number), { qos: 1 })
      }
      // Ten commands are in hand now, and the others wait.
      yield* TestClock.adjust("30 millis")
      const ending = yield* Effect.forkChild(Fiber.interrupt(first))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(ending)
      const finished = (yield* reports).length
      assert.isAtLeast(finished, 10)
      assert.isBelow(finished, 50)
      yield* start
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* reports).length, 50)
      assert.strictEqual(new Set(yield* reports).size, 50)
    }).pipe(Effect.provide(MemoryBroker.layer())))
})
