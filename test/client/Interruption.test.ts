import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { clientId, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

describe("S48 an interrupted", () => {
  scenario("subscribe leaves no subscription behind", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const subscribing = yield* begin(Effect.scoped(mqtt.subscribe("t", { qos: 1 })))
      yield* TestClock.adjust(roundTrip / 2)
      yield* Fiber.interrupt(subscribing)
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual((yield* kit.broker.session(clientId))?.subscriptions, [])
      assert.strictEqual((yield* mqtt.stats).inFlight, 0)
    }))

  scenario(
    "subscribe of the turn it began in does not disturb another of the same filter",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const subscribing = yield* begin(Effect.scoped(mqtt.subscribe("t", { qos: 1 })))
        const other = yield* begin(mqtt.subscribe("t", { qos: 1 }))
        yield* Fiber.interrupt(subscribing)
        yield* Effect.asVoid(complete(Fiber.join(other)))
        assert.strictEqual((yield* kit.broker.session(clientId))?.subscriptions.length, 1)
        assert.deepStrictEqual(yield* sent(kit, "Unsubscribe"), [])
      })
  )

  scenario("connect leaves no connection behind", {}, (kit) =>
    Effect.gen(function*() {
      for (const moment of [0, 40, 80, 100]) {
        const connecting = yield* Effect.scoped(Effect.gen(function*() {
          const fiber = yield* kit.start()
          yield* TestClock.adjust(moment)
          return fiber
        }))
        assert.isTrue(Exit.isFailure(yield* Fiber.await(connecting)))
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* kit.network.counters).open, 0)
      }
    }))

  scenario("disconnect still closes the client", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const disconnecting = yield* begin(mqtt.disconnect)
      disconnecting.interruptUnsafe()
      yield* TestClock.adjust(2 * roundTrip)
      assert.strictEqual((yield* Effect.flip(mqtt.publish("t", "hello"))).reason._tag, "Closed")
      assert.strictEqual((yield* kit.network.counters).open, 0)
    }))

  scenario("pull of a stream loses nothing", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const messages = yield* complete(mqtt.subscribe("t"))
      const interrupted = yield* begin(Stream.runDrain(messages))
      yield* kit.broker.publish("t", "hello")
      yield* TestClock.adjust(roundTrip / 2 - 1)
      yield* Fiber.interrupt(interrupted)
      yield* TestClock.adjust(1)
      const taken = yield* complete(Stream.runCollect(Stream.take(messages, 1)))
      assert.deepStrictEqual(taken.map(({ text }) => text), ["hello"])
    }))
})
