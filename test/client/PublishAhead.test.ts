import { assert, describe } from "@effect/vitest"
import { Array, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { accepted, clientId, connections, scenario } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

const numbers = (count: number) => Array.range(0, count - 1).map(String)

describe("publishAsync", () => {
  for (const qos of [0, 1, 2] as const) {
    scenario(
      `QoS ${qos}: goes on when the message is on its way, and tells the acknowledgement later`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const publishing = yield* begin(mqtt.publishAsync("t", "hello", { qos }))
          yield* TestClock.adjust(0)
          const acknowledgement = yield* Fiber.join(publishing)
          const waiting = yield* begin(Effect.all([acknowledgement, acknowledgement], { concurrency: 2 }))
          yield* TestClock.adjust(0)
          assert.strictEqual(waiting.pollUnsafe() === undefined, qos > 0)
          const [one, other] = yield* complete(Fiber.join(waiting))
          assert.deepStrictEqual([one.reasonCode, other.reasonCode], [0, 0])
          // Whoever asks late is told too.
          assert.strictEqual((yield* acknowledgement).reasonCode, 0)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(yield* accepted(kit), ["hello"])
        })
    )
  }

  scenario("no more run ahead than `maxInFlight`", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ maxInFlight: 2 })
      let ahead = 0
      const publishing = yield* begin(
        Effect.forEach(numbers(5), (text) =>
          Effect.tap(mqtt.publishAsync("t", text, { qos: 1 }), () => Effect.sync(() => ahead++)))
      )
      yield* TestClock.adjust(roundTrip / 2)
      assert.strictEqual(ahead, 2)
      yield* TestClock.adjust(roundTrip / 2)
      assert.strictEqual(ahead, 4)
      const acknowledgements = yield* complete(Fiber.join(publishing))
      yield* complete(Effect.all(acknowledgements, { discard: true }))
      assert.deepStrictEqual(yield* accepted(kit), numbers(5))
    }))

  scenario("S30 what is not awaited is delivered all the same, over a reconnect", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      yield* Effect.asVoid(complete(mqtt.publishAsync("t", "hello", { qos: 1 })))
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected + roundTrip)
      assert.include(yield* accepted(kit), "hello")
    }))

  scenario("a refusal is told by the acknowledgement", {
    versions: ["5.0"],
    broker: { authorizePublish: () => 0x87 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const acknowledgement = yield* complete(mqtt.publishAsync("t", "hello", { qos: 1 }))
      const error = yield* complete(Effect.flip(acknowledgement))
      assert.strictEqual(error.reason._tag, "PublishRefused")
    }))

  scenario("what cannot be sent fails at once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const error = yield* Effect.flip(Effect.asVoid(mqtt.publishAsync("a/#", "hello", { qos: 1 })))
      assert.strictEqual(error.reason._tag, "InvalidRequest")
    }))
})

describe("flush", () => {
  scenario("waits for all that was published so far, however it ends", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ maxInFlight: 2 })
      const publishing = yield* begin(
        Effect.forEach(numbers(6), (text) => mqtt.publish("t", text, { qos: 1 }), { concurrency: "unbounded" })
      )
      const flushing = yield* begin(mqtt.flush)
      yield* TestClock.adjust(3 * roundTrip - 1)
      assert.isUndefined(flushing.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(flushing.pollUnsafe())
      assert.isDefined(publishing.pollUnsafe())
      yield* mqtt.flush
    }))

  scenario(
    "S36 fails with Closed when the client is closed before",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.network.drop
        yield* begin(Effect.exit(mqtt.publish("t", "hello", { qos: 1 })))
        const flushing = yield* begin(Effect.flip(mqtt.flush))
        yield* TestClock.adjust(roundTrip)
        yield* complete(mqtt.disconnect)
        assert.strictEqual((yield* Fiber.join(flushing)).reason._tag, "Closed")
        assert.strictEqual((yield* Effect.flip(mqtt.flush)).reason._tag, "Closed")
      })
  )

  scenario("is over when what it waits for is withdrawn", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.hangConnect()
      yield* kit.network.reset
      yield* TestClock.adjust(roundTrip)
      const publishing = yield* begin(mqtt.publish("t", "withdrawn", { qos: 1 }))
      const flushing = yield* begin(mqtt.flush)
      yield* Fiber.interrupt(publishing)
      yield* complete(Fiber.join(flushing))
      assert.deepStrictEqual(yield* accepted(kit), [])
    }))
})

describe("publishSink", () => {
  for (const qos of [0, 1, 2] as const) {
    scenario(
      `QoS ${qos}: a stream of messages arrives in order, and its number is told at the end`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ maxInFlight: 10 })
          const messages = Stream.fromIterable(numbers(100).map((payload) => ({ topic: "t", payload, qos })))
          const count = yield* complete(Stream.run(Stream.rechunk(messages, 7), mqtt.publishSink))
          assert.strictEqual(count, 100)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(yield* accepted(kit), numbers(100))
          assert.strictEqual(yield* connections(kit), 1)
        })
    )
  }

  scenario("goes on over a reconnect", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent", maxInFlight: 10 })
      const messages = Stream.fromIterable(numbers(100).map((payload) => ({ topic: "t", payload, qos: 1 as const })))
      yield* Effect.forkScoped(Effect.andThen(kit.broker.awaitPacket(clientId, "Publish", 35), kit.network.reset))
      assert.strictEqual(yield* complete(Stream.run(messages, mqtt.publishSink)), 100)
      assert.deepStrictEqual(Array.dedupe(yield* accepted(kit)), numbers(100))
      assert.strictEqual(yield* connections(kit), 2)
    }))

  scenario(
    "ends with the first failure",
    { versions: ["5.0"], broker: { maximumQos: 1 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const messages = Stream.make(
          { topic: "t", payload: "1", qos: 1 as const },
          { topic: "t", payload: "2", qos: 2 as const },
          { topic: "t", payload: "3", qos: 1 as const }
        )
        const error = yield* complete(Effect.flip(Stream.run(messages, mqtt.publishSink)))
        assert.strictEqual(error.reason._tag, "ServerLimit")
        yield* TestClock.adjust(roundTrip)
      })
  )
})
