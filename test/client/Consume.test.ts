import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { MqttRejected } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import { clientId, connections, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

/** The codes of the PUBACKs so far. */
const answers = (kit: Kit) => Effect.map(sent(kit, "Puback"), (packets) => packets.map(({ reasonCode }) => reasonCode))

const publishTo = ({ broker }: Kit, ...texts: ReadonlyArray<string>) =>
  Effect.andThen(
    Effect.forEach(texts, (text) => broker.publish("t", text, { qos: 1 })),
    TestClock.adjust(2 * roundTrip)
  )

/** Begins to consume and waits until the subscription is there. */
const consuming = <E>(effect: Effect.Effect<void, E>) => Effect.tap(begin(effect), () => TestClock.adjust(roundTrip))

describe("consume", () => {
  scenario("R86 a message is acknowledged when its handler is done", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const handled: Array<string> = []
      const consumer = yield* consuming(
        mqtt.consume("t", ({ text }) => Effect.delay(Effect.sync(() => handled.push(text)), "1 second"))
      )
      yield* publishTo(kit, "1")
      assert.deepStrictEqual(yield* answers(kit), [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(handled, ["1"])
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* answers(kit), [0])
      yield* Fiber.interrupt(consumer)
      yield* TestClock.adjust(roundTrip)
    }))

  scenario(
    "R93 several are handled at once, and acknowledged in the order in which they came",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const done: Array<string> = []
        // The earlier a message, the longer it takes.
        const handler = ({ text }: MqttMessage) =>
          Effect.delay(Effect.sync(() => done.push(text)), 1000 - 300 * Number(text))
        const consumer = yield* consuming(mqtt.consume("t", handler, { concurrency: 3 }))
        yield* publishTo(kit, "0", "1", "2")
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(done, ["2", "1", "0"])
        const identifiers = (yield* sent(kit, "Puback")).map(({ packetIdentifier }) => packetIdentifier)
        assert.deepStrictEqual(identifiers, [1, 2, 3])
        yield* Fiber.interrupt(consumer)
        yield* TestClock.adjust(roundTrip)
      })
  )

  for (const failure of ["fails", "dies"] as const) {
    const fail = failure === "dies" ? Effect.die("dead") : Effect.fail("failed" as const)

    scenario(
      `S37 a handler that ${failure} ends it, and the message goes to the next consumer`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const consumer = yield* consuming(mqtt.consume("t", () => fail))
          yield* publishTo(kit, "1", "2")
          assert.isTrue(Exit.isFailure(yield* Fiber.await(consumer)))
          assert.deepStrictEqual(yield* answers(kit), [])
          const handled: Array<string> = []
          const next = yield* consuming(mqtt.consume("t", ({ text }) => Effect.sync(() => handled.push(text))))
          yield* TestClock.adjust(2 * roundTrip)
          assert.deepStrictEqual(handled, ["1", "2"])
          assert.deepStrictEqual(yield* answers(kit), [0, 0])
          assert.strictEqual(yield* connections(kit), 1)
          yield* Fiber.interrupt(next)
          yield* TestClock.adjust(roundTrip)
        })
    )

    for (const [onFailure, reasonCode] of [["acknowledge", 0x00], ["reject", 0x80]] as const) {
      scenario(
        `S37 a handler that ${failure} and onFailure: "${onFailure}": it goes on`,
        { versions: ["5.0"] },
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect()
            const consumer = yield* consuming(
              mqtt.consume("t", ({ text }) => text === "1" ? fail : Effect.void, { onFailure })
            )
            yield* publishTo(kit, "1", "2")
            assert.deepStrictEqual(yield* answers(kit), [reasonCode, 0])
            yield* Fiber.interrupt(consumer)
            yield* TestClock.adjust(roundTrip)
          })
      )
    }
  }

  scenario(
    "R94 `MqttRejected` refuses a message with its code, and goes on",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const consumer = yield* consuming(
          mqtt.consume("t", ({ text }) =>
            text === "1" ? Effect.fail(new MqttRejected({ reasonCode: 0x99 })) : Effect.void)
        )
        yield* publishTo(kit, "1", "2")
        assert.deepStrictEqual(yield* answers(kit), [0x99, 0])
        yield* Fiber.interrupt(consumer)
        yield* TestClock.adjust(roundTrip)
      })
  )

  scenario("what its buffer had no room for goes to the next consumer too", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const consumer = yield* consuming(mqtt.consume("t", () => Effect.never, { buffer: { messages: 1 } }))
      yield* publishTo(kit, "1", "2", "3", "4")
      yield* complete(Fiber.interrupt(consumer))
      const handled: Array<string> = []
      const next = yield* consuming(mqtt.consume("t", ({ text }) => Effect.sync(() => handled.push(text))))
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(handled, ["1", "2", "3", "4"])
      assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
      yield* Fiber.interrupt(next)
      yield* TestClock.adjust(roundTrip)
    }))

  scenario("what no consumer comes for is let go of after half a minute", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const consumer = yield* consuming(mqtt.consume("t", () => Effect.never))
      yield* publishTo(kit, "1")
      yield* complete(Fiber.interrupt(consumer))
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual(yield* answers(kit), [])
      yield* TestClock.adjust("35 seconds")
      assert.deepStrictEqual(yield* answers(kit), [0])
    }))

  scenario(
    "a message that is being handled when the connection ends is not acknowledged on the next",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const handled: Array<string> = []
        const consumer = yield* consuming(
          mqtt.consume("t", ({ text }) => Effect.delay(Effect.sync(() => handled.push(text)), "1 second"))
        )
        yield* publishTo(kit, "1")
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected + 2 * roundTrip)
        yield* TestClock.adjust("3 seconds")
        // At least once: the broker has sent it again, and one of the two was acknowledged.
        assert.deepStrictEqual(handled, ["1", "1"])
        assert.deepStrictEqual(yield* answers(kit), [0])
        assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
        yield* Fiber.interrupt(consumer)
        yield* TestClock.adjust(roundTrip)
      })
  )

  for (const qos of [0, 1, 2] as const) {
    scenario(
      `S38 publishing from inside a handler does not deadlock (QoS ${qos})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ receiveMaximum: 2 })
          const consumer = yield* consuming(
            mqtt.consume("t", ({ text }) => mqtt.publish("out", text, { qos }), { buffer: { messages: 1 } })
          )
          for (const text of ["1", "2", "3", "4", "5"]) yield* kit.broker.publish("t", text, { qos: 1 })
          yield* complete(kit.broker.awaitMessages("out", 5))
          yield* TestClock.adjust(3 * roundTrip)
          assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
          yield* Fiber.interrupt(consumer)
          yield* TestClock.adjust(roundTrip)
        })
    )
  }
})
