import { assert, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { assertReason, reasonAtOnce, reasonOf } from "../support/reasons.ts"
import { clientId, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

const publishAll = ({ broker }: Kit, texts: ReadonlyArray<string>, qos: 1 | 2) =>
  Effect.andThen(Effect.forEach(texts, (text) => broker.publish("t", text, { qos })), TestClock.adjust(4 * roundTrip))

const inflight = ({ broker }: Kit) => Effect.map(broker.session(clientId), (session) => session?.inflight)

describe("next", () => {
  for (const qos of [1, 2] as const) {
    scenario(
      `returns the first message, acknowledges it and unsubscribes (QoS ${qos})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const next = yield* begin(mqtt.next("t", { qos }))
          yield* TestClock.adjust(roundTrip)
          yield* publishAll(kit, ["1"], qos)
          assert.strictEqual((yield* Fiber.join(next)).text, "1")
          assert.strictEqual(yield* inflight(kit), 0)
          assert.lengthOf(yield* sent(kit, "Unsubscribe"), 1)
        })
    )

    scenario(`what came with it is for the next one, in order (QoS ${qos})`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const next = yield* begin(mqtt.next("t", { qos }))
        yield* TestClock.adjust(roundTrip)
        yield* publishAll(kit, ["1", "2", "3"], qos)
        assert.strictEqual((yield* Fiber.join(next)).text, "1")
        assert.strictEqual((yield* sent(kit, qos === 1 ? "Puback" : "Pubrec")).length, 1)
        assert.strictEqual((yield* complete(mqtt.next("t", { qos }))).text, "2")
        assert.strictEqual((yield* complete(mqtt.next("t", { qos }))).text, "3")
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* inflight(kit), 0)
        assert.strictEqual((yield* mqtt.stats).unclaimedDropped, 0)
      }))
  }

  scenario("a persistent session keeps what another program did not take", {}, (kit) =>
    Effect.gen(function*() {
      const options = { session: "persistent" } as const
      const first = yield* kit.connect(options)
      const next = yield* begin(first.next("t"))
      yield* TestClock.adjust(roundTrip)
      yield* publishAll(kit, ["1", "2"], 1)
      assert.strictEqual((yield* Fiber.join(next)).text, "1")
      yield* complete(first.disconnect)
      const second = yield* kit.connect(options)
      assert.strictEqual((yield* complete(second.next("t"))).text, "2")
      yield* TestClock.adjust("2 seconds")
    }))

  scenario("a retained message counts", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* complete(mqtt.publish("t", "kept", { qos: 1, retain: true }))
      const message = yield* complete(mqtt.next("t", { timeout: "1 second" }))
      assert.deepStrictEqual([message.text, message.retain], ["kept", true])
      yield* TestClock.adjust(roundTrip)
    }))

  scenario("fails when none comes in time, and leaves nothing", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const reason = assertReason(yield* reasonOf(mqtt.next(["t", "u"], { timeout: "3 seconds" })), "NextTimeout")
      assert.deepStrictEqual([reason.topicFilter, reason.timeout], ["t u", 3000])
      yield* TestClock.adjust(roundTrip)
      assert.lengthOf(yield* sent(kit, "Unsubscribe"), 1)
    }))

  scenario("interrupted, it unsubscribes", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const next = yield* begin(mqtt.next("t"))
      yield* TestClock.adjust(roundTrip)
      yield* Fiber.interrupt(next)
      yield* TestClock.adjust(roundTrip)
      assert.lengthOf(yield* sent(kit, "Unsubscribe"), 1)
    }))

  scenario("fails when the client closes", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const next = yield* begin(Effect.flip(mqtt.next("t")))
      yield* TestClock.adjust(roundTrip)
      yield* complete(mqtt.disconnect)
      assert.strictEqual((yield* Fiber.join(next)).reason._tag, "Closed")
      assert.strictEqual((yield* reasonAtOnce(mqtt.next("t")))._tag, "Closed")
    }))
})
