/**
 * `consume` with `key`: order within a key, and different keys at once.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { MqttRejected } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import { scenario } from "../support/scenario.ts"
import { roundTrip } from "../support/time.ts"
import { acknowledged, consuming, publish, quiet, timed } from "./support/consuming.ts"

/** The topic is the key. */
const key = ({ topic }: MqttMessage) => topic

describe("consume with a key", () => {
  scenario(
    "handles messages of a key one after another, and those of other keys meanwhile",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { handler, log } = timed()
        const consumer = yield* consuming(mqtt.consume("t/+", handler, { concurrency: 3, key }))
        yield* publish(kit, "a1", "a2", "b1")
        assert.deepStrictEqual(log, ["+a1", "+b1"])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(log.toSorted(), ["+a1", "+a2", "+b1", "-a1", "-b1"])
        assert.isBelow(log.indexOf("-a1"), log.indexOf("+a2"))
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* acknowledged(kit), [1, 2, 3])
        yield* Fiber.interrupt(consumer)
        yield* TestClock.adjust(roundTrip)
      })
  )

  scenario(
    "runs no more handlers at once than `concurrency`, and keys take turns",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { handler, log } = timed()
        const consumer = yield* consuming(mqtt.consume("t/+", handler, { concurrency: 2, key }))
        yield* publish(kit, "a1", "a2", "a3", "b1", "c1")
        assert.deepStrictEqual(log, ["+a1", "+b1"])
        yield* TestClock.adjust("1 second")
        const begun = log.filter((entry) => entry.startsWith("+"))
        assert.deepStrictEqual(begun, ["+a1", "+b1", "+c1", "+a2"])
        yield* TestClock.adjust("2 seconds")
        assert.lengthOf(log, 10)
        yield* Fiber.interrupt(consumer)
        yield* TestClock.adjust(roundTrip)
      })
  )

  scenario(
    "goes on through more messages of one key than it takes out of the buffer",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const handled: Array<string> = []
        const consumer = yield* consuming(
          mqtt.consume("t/+", ({ text }) => Effect.delay(Effect.sync(() => handled.push(text)), 1), {
            concurrency: 2,
            key
          })
        )
        const texts = Array.from({ length: 100 }, (_, index) => `a${index}`)
        yield* publish(kit, ...texts, "b0")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(handled.filter((text) => text.startsWith("a")), texts)
        assert.include(handled, "b0")
        assert.lengthOf(yield* acknowledged(kit), 101)
        yield* Fiber.interrupt(consumer)
        yield* TestClock.adjust(roundTrip)
      })
  )

  const endings = { fails: Effect.fail("failed" as const), "interrupts itself": Effect.interrupt }
  for (const [how, failure] of Object.entries(endings)) {
    scenario(
      `ends with the first handler that ${how}, and the rest waits for the next consumer`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const { handler, log } = timed()
          const failing = (message: MqttMessage) => message.text === "b1" ? failure : handler(message)
          const consumer = yield* consuming(mqtt.consume("t/+", failing, { concurrency: 2, key, drainTimeout: 0 }))
          yield* publish(kit, "a1", "a2", "b1")
          assert.isTrue(Exit.isFailure(yield* Fiber.await(consumer)))
          assert.deepStrictEqual(yield* acknowledged(kit), [])
          const next = yield* consuming(mqtt.consume("t/+", handler, { concurrency: 2, key }))
          yield* TestClock.adjust("3 seconds")
          assert.deepStrictEqual(log.slice(0, 3), ["+a1", "+a1", "+b1"])
          assert.deepStrictEqual(log.slice(3).toSorted(), ["+a2", "-a1", "-a2", "-b1"])
          yield* Fiber.interrupt(next)
          yield* TestClock.adjust(roundTrip)
        })
    )
  }

  scenario(
    "a handler that rejects, or fails where that is no end, lets its key go on",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const handled: Array<string> = []
        const handler = Effect.fnUntraced(function*({ text }: MqttMessage) {
          if (text === "a1") return yield* new MqttRejected({ reasonCode: 0x83 })
          if (text === "a2") return yield* Effect.fail("failed")
          handled.push(text)
        })
        const consumer = yield* consuming(
          mqtt.consume("t/+", handler, { concurrency: 2, key, onFailure: "acknowledge" }).pipe(quiet)
        )
        yield* publish(kit, "a1", "a2", "a3")
        assert.deepStrictEqual(handled, ["a3"])
        assert.deepStrictEqual(yield* acknowledged(kit), [1, 2, 3])
        yield* Fiber.interrupt(consumer)
        yield* TestClock.adjust(roundTrip)
      })
  )

  scenario("a key that cannot be told is a failure of the handler", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const handled: Array<string> = []
      const keyOrThrow = ({ text, topic }: MqttMessage) => {
        if (text === "a1") throw new Error("no key")
        return topic
      }
      const handler = ({ text }: MqttMessage) => Effect.sync(() => handled.push(text))
      const consumer = yield* consuming(
        mqtt.consume("t/+", handler, { concurrency: 2, key: keyOrThrow, onFailure: "acknowledge" }).pipe(quiet)
      )
      yield* publish(kit, "a1", "a2")
      assert.deepStrictEqual(handled, ["a2"])
      assert.deepStrictEqual(yield* acknowledged(kit), [1, 2])
      yield* Fiber.interrupt(consumer)
      yield* TestClock.adjust(roundTrip)
      const stopping = yield* consuming(mqtt.consume("t/+", handler, { concurrency: 2, key: keyOrThrow }))
      yield* publish(kit, "a1")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(stopping)))
    }))
})
