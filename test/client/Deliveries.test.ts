import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Delivery } from "../../src/MqttMessage.ts"
import { type Client, clientId, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

const publishAll = ({ broker }: Kit, texts: ReadonlyArray<string>, qos: 0 | 1 | 2) =>
  Effect.andThen(Effect.forEach(texts, (text) => broker.publish("t", text, { qos })), TestClock.adjust(2 * roundTrip))

const inflight = ({ broker }: Kit) => Effect.map(broker.session(clientId), (session) => session?.inflight)

/** Takes all that comes, and acknowledges nothing. */
const taking = Effect.fnUntraced(function*(mqtt: Client, qos: 0 | 1 | 2) {
  const taken: Array<Delivery> = []
  const fiber = yield* begin(
    Stream.runForEach(mqtt.deliveries("t", { qos }), (delivery) => Effect.sync(() => taken.push(delivery)))
  )
  yield* TestClock.adjust(roundTrip)
  return { taken, fiber, texts: () => taken.map(({ message }) => message.text) }
})

const answers = (kit: Kit, qos: 1 | 2) =>
  Effect.map(
    sent(kit, qos === 1 ? "Puback" : "Pubrec"),
    (packets) => packets.map(({ packetIdentifier, reasonCode }) => [packetIdentifier, reasonCode])
  )

describe("deliveries", () => {
  for (const qos of [1, 2] as const) {
    scenario(
      `acknowledgements leave in the order of arrival, each once (QoS ${qos})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const { fiber, taken } = yield* taking(mqtt, qos)
          yield* publishAll(kit, ["1", "2", "3"], qos)
          yield* taken[2].acknowledge
          const { reject } = taken[1]
          yield* reject(0x99)
          yield* taken[1].acknowledge
          yield* TestClock.adjust(2 * roundTrip)
          assert.deepStrictEqual(yield* answers(kit, qos), [])
          yield* taken[0].acknowledge
          yield* taken[0].acknowledge
          yield* TestClock.adjust(4 * roundTrip)
          assert.deepStrictEqual(yield* answers(kit, qos), [[1, 0], [2, kit.version === "5.0" ? 0x99 : 0], [3, 0]])
          assert.strictEqual(yield* inflight(kit), 0)
          yield* Fiber.interrupt(fiber)
          yield* TestClock.adjust(roundTrip)
        })
    )

    scenario(
      `what was not acknowledged is for the next one, and old words on it are nothing (QoS ${qos})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const first = yield* taking(mqtt, qos)
          yield* publishAll(kit, ["1", "2", "3"], qos)
          yield* first.taken[1].acknowledge
          yield* Fiber.interrupt(first.fiber)
          yield* first.taken[0].acknowledge
          yield* TestClock.adjust(2 * roundTrip)
          assert.deepStrictEqual(yield* answers(kit, qos), [])
          const second = yield* taking(mqtt, qos)
          assert.deepStrictEqual(second.texts(), ["1", "3"])
          for (const { acknowledge } of second.taken) yield* acknowledge
          yield* TestClock.adjust(4 * roundTrip)
          assert.deepStrictEqual(yield* answers(kit, qos), [[1, 0], [2, 0], [3, 0]])
          yield* Fiber.interrupt(second.fiber)
          yield* TestClock.adjust(roundTrip)
        })
    )
  }

  scenario("an acknowledgement of an earlier connection is nothing", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const { fiber, taken, texts } = yield* taking(mqtt, 1)
      yield* publishAll(kit, ["1", "2"], 1)
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected + 2 * roundTrip)
      assert.deepStrictEqual(texts(), ["1", "2", "1", "2"])
      yield* taken[0].acknowledge
      yield* taken[1].acknowledge
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* answers(kit, 1), [])
      yield* taken[3].acknowledge
      yield* taken[2].acknowledge
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* answers(kit, 1), [[1, 0], [2, 0]])
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("2 seconds")
    }))

  scenario("an open message counts against Receive Maximum", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ receiveMaximum: 2 })
      const { fiber, taken, texts } = yield* taking(mqtt, 1)
      yield* publishAll(kit, ["1", "2", "3"], 1)
      assert.deepStrictEqual(texts(), ["1", "2"])
      yield* taken[0].acknowledge
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(texts(), ["1", "2", "3"])
      for (const { acknowledge } of taken) yield* acknowledge
      yield* TestClock.adjust(2 * roundTrip)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(roundTrip)
    }))

  scenario(
    "QoS 0 has nothing to acknowledge, and no code but those of a refusal refuses",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { fiber, taken } = yield* taking(mqtt, 1)
        yield* publishAll(kit, ["0"], 0)
        yield* publishAll(kit, ["1"], 1)
        yield* taken[0].acknowledge
        assert.isTrue(Exit.isFailure(yield* Effect.exit(taken[1].reject(0x42 as never))))
        yield* taken[1].acknowledge
        yield* TestClock.adjust(2 * roundTrip)
        assert.deepStrictEqual(yield* answers(kit, 1), [[1, 0]])
        yield* Fiber.interrupt(fiber)
        yield* complete(TestClock.adjust(roundTrip))
        assert.strictEqual((yield* mqtt.stats).unclaimedDropped, 0)
      })
  )
})
