import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { ConsumeBatchOptions } from "../../src/MqttClient.ts"
import { MqttRejected } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import { type Client, clientId, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, latency, reconnected, roundTrip } from "../support/time.ts"

const publishAll = ({ broker }: Kit, texts: ReadonlyArray<string>, qos: 0 | 1 | 2) =>
  Effect.andThen(Effect.forEach(texts, (text) => broker.publish("t", text, { qos })), TestClock.adjust(2 * roundTrip))

const inflight = ({ broker }: Kit) => Effect.map(broker.session(clientId), (session) => session?.inflight)

const answers = (kit: Kit, qos: 1 | 2) =>
  Effect.map(
    sent(kit, qos === 1 ? "Puback" : "Pubrec"),
    (packets) => packets.map(({ packetIdentifier, reasonCode }) => [packetIdentifier, reasonCode])
  )

/** Begins, and waits until the subscription is there. */
const consuming = Effect.fnUntraced(function*<E>(
  mqtt: Client,
  options: Partial<ConsumeBatchOptions>,
  handler: (texts: ReadonlyArray<string>) => Effect.Effect<unknown, E>
) {
  const batches: Array<ReadonlyArray<string>> = []
  const handle = (messages: ReadonlyArray<MqttMessage>) => {
    const texts = messages.map(({ text }) => text)
    batches.push(texts)
    return handler(texts)
  }
  const fiber = yield* begin(mqtt.consumeBatch("t", handle, { maximum: 3, within: "10 seconds", ...options }))
  yield* TestClock.adjust(roundTrip)
  return { batches, fiber }
})

const left = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Effect.andThen(Fiber.interrupt(fiber), TestClock.adjust("2 seconds"))

describe("consumeBatch", () => {
  for (const qos of [1, 2] as const) {
    scenario(
      `a full batch is handled at once, and acknowledged in order when it was (QoS ${qos})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const { batches, fiber } = yield* consuming(mqtt, { qos }, () => Effect.sleep("1 second"))
          yield* publishAll(kit, ["1", "2"], qos)
          assert.deepStrictEqual(batches, [])
          yield* publishAll(kit, ["3", "4"], qos)
          assert.deepStrictEqual(batches, [["1", "2", "3"]])
          assert.deepStrictEqual(yield* answers(kit, qos), [])
          yield* TestClock.adjust("1 second")
          yield* TestClock.adjust(4 * roundTrip)
          assert.deepStrictEqual(yield* answers(kit, qos), [[1, 0], [2, 0], [3, 0]])
          assert.deepStrictEqual(batches, [["1", "2", "3"]])
          yield* TestClock.adjust("10 seconds")
          yield* TestClock.adjust(4 * roundTrip)
          assert.deepStrictEqual(batches, [["1", "2", "3"], ["4"]])
          assert.strictEqual(yield* inflight(kit), 0)
          yield* left(fiber)
        })
    )

    scenario(
      `"stop" acknowledges none of it, and the next consumer has all (QoS ${qos})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const first = yield* consuming(mqtt, { qos }, () => Effect.fail("failed" as const))
          yield* publishAll(kit, ["1", "2", "3", "4"], qos)
          const exit = yield* Fiber.await(first.fiber)
          assert.isTrue(Exit.isFailure(exit))
          assert.deepStrictEqual(yield* answers(kit, qos), [])
          const second = yield* consuming(mqtt, { qos, maximum: 4 }, () => Effect.void)
          yield* TestClock.adjust(4 * roundTrip)
          assert.deepStrictEqual(second.batches, [["1", "2", "3", "4"]])
          assert.strictEqual(yield* inflight(kit), 0)
          yield* left(second.fiber)
        })
    )

    scenario(`interrupted, it gives all back (QoS ${qos})`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const first = yield* consuming(mqtt, { qos, buffer: { messages: 1 } }, () => Effect.never)
        yield* publishAll(kit, ["1", "2", "3", "4", "5", "6", "7", "8"], qos)
        assert.deepStrictEqual(first.batches, [["1", "2", "3"]])
        yield* Fiber.interrupt(first.fiber)
        assert.deepStrictEqual(yield* answers(kit, qos), [])
        const second = yield* consuming(mqtt, { qos, maximum: 8 }, () => Effect.void)
        yield* TestClock.adjust(4 * roundTrip)
        assert.deepStrictEqual(second.batches, [["1", "2", "3", "4", "5", "6", "7", "8"]])
        assert.strictEqual(yield* inflight(kit), 0)
        yield* left(second.fiber)
      }))

    scenario(`the connection is lost while a batch is handled (QoS ${qos})`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        let isFirst = true
        const slowly = Effect.andThen(Effect.sync(() => isFirst = false), Effect.sleep("1 second"))
        const { batches, fiber } = yield* consuming(
          mqtt,
          { qos, maximum: 2 },
          () => isFirst ? slowly : Effect.void
        )
        yield* publishAll(kit, ["1", "2"], qos)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust(4 * roundTrip)
        // At QoS 1 they come again; at QoS 2 the client knows them.
        assert.deepStrictEqual(batches, qos === 1 ? [["1", "2"], ["1", "2"]] : [["1", "2"]])
        assert.strictEqual(yield* inflight(kit), 0)
        yield* left(fiber)
      }))
  }

  scenario("a batch is due when its first message has waited long enough", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { batches, fiber } = yield* consuming(mqtt, { within: "1 second" }, () => Effect.void)
      yield* TestClock.adjust("5 seconds")
      yield* kit.broker.publish("t", "1", { qos: 1 })
      yield* TestClock.adjust(latency)
      yield* TestClock.adjust(500)
      yield* kit.broker.publish("t", "2", { qos: 1 })
      yield* TestClock.adjust(499)
      assert.deepStrictEqual(batches, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(batches, [["1", "2"]])
      yield* left(fiber)
    }))

  scenario("the time of the next batch runs while one is handled", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { batches, fiber } = yield* consuming(
        mqtt,
        { maximum: 2, within: "2 seconds" },
        ([text]) => text === "1" ? Effect.sleep("3 seconds") : Effect.void
      )
      yield* publishAll(kit, ["1", "2", "3"], 1)
      yield* TestClock.adjust("2900 millis")
      assert.deepStrictEqual(batches, [["1", "2"]])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(batches, [["1", "2"], ["3"]])
      yield* left(fiber)
    }))

  scenario(
    "no more gathers than the next batch, and the buffer's policy has the rest",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const options = { maximum: 2, buffer: { messages: 2, policy: "dropNewest" } } as const
        const { fiber } = yield* consuming(mqtt, options, () => Effect.never)
        for (let index = 0; index < 20; index++) yield* publishAll(kit, [String(index)], 0)
        // Two with the handler, two of the next batch, two in the buffer.
        assert.strictEqual((yield* mqtt.stats).subscriptionsDropped, 14)
        yield* left(fiber)
      })
  )

  for (const [onFailure, reasonCode] of [["acknowledge", 0x00], ["reject", 0x80]] as const) {
    scenario(`onFailure: "${onFailure}" is for all of it, and it goes on`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { fiber } = yield* consuming(
          mqtt,
          { maximum: 2, onFailure },
          ([text]) => text === "1" ? Effect.die("dead") : Effect.void
        )
        yield* publishAll(kit, ["1", "2", "3", "4"], 1)
        const code = kit.version === "5.0" ? reasonCode : 0
        assert.deepStrictEqual(yield* answers(kit, 1), [[1, code], [2, code], [3, 0], [4, 0]])
        yield* left(fiber)
      }))
  }

  scenario("`MqttRejected` refuses all of it, and it goes on", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { fiber } = yield* consuming(
        mqtt,
        { maximum: 2 },
        ([text]) => text === "1" ? Effect.fail(new MqttRejected({ reasonCode: 0x99 })) : Effect.void
      )
      yield* publishAll(kit, ["1", "2", "3", "4"], 1)
      assert.deepStrictEqual(yield* answers(kit, 1), [[1, 0x99], [2, 0x99], [3, 0], [4, 0]])
      yield* left(fiber)
    }))

  scenario("it ends with the client, after what had gathered", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { batches, fiber } = yield* consuming(mqtt, {}, () => Effect.void)
      yield* publishAll(kit, ["1"], 0)
      yield* complete(mqtt.disconnect)
      yield* complete(Fiber.join(fiber))
      assert.deepStrictEqual(batches, [["1"]])
    }))
})
