/**
 * Consuming under faults: the next consumer gets the remaining messages, once, and nobody else is held up.
 */
import { assert, describe } from "@effect/vitest"
import { Array, Deferred, Effect, Exit, Fiber, References, Schedule } from "effect"
import { TestClock } from "effect/testing"
import type { ConsumeOptions } from "../../src/MqttClient.ts"
import * as MqttError from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import { type Client, clientId, connections, type Kit, record, scenario, sent } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

const unacknowledged = ({ broker }: Kit) => Effect.map(broker.session(clientId), (session) => session?.inflight)

/** A consumer that has subscribed, and what its handler was given. */
const consuming = Effect.fnUntraced(function*<E>(
  mqtt: Client,
  handler: (message: MqttMessage) => Effect.Effect<unknown, E>,
  options?: ConsumeOptions
) {
  const texts: Array<string> = []
  const fiber = yield* begin(
    mqtt.consume("t", (message) =>
      Effect.suspend(() => {
        texts.push(message.text)
        return handler(message)
      }), options)
  )
  yield* TestClock.adjust(roundTrip)
  return { fiber, texts }
})

const publishing = Effect.fnUntraced(function*({ broker }: Kit, texts: ReadonlyArray<string>, qos: 0 | 1 | 2 = 1) {
  for (const text of texts) yield* broker.publish("t", text, { qos })
  yield* TestClock.adjust(2 * roundTrip)
})

describe("S37 R144 a message that a consumer left unacknowledged", () => {
  for (const qos of [1, 2] as const) {
    scenario(
      `QoS ${qos}: goes to the next consumer, and neither again to those who have it nor acknowledged by them`,
      {},
      (
        kit
      ) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const log = yield* record(yield* complete(mqtt.subscribe("#", { qos: 2 })))
          const other = yield* consuming(mqtt, () => Effect.void, { qos: 2 })
          const failing = yield* consuming(mqtt, () => Effect.fail("broken"), { qos: 2 })
          yield* publishing(kit, ["1", "2", "3"], qos)
          assert.isTrue(Exit.isFailure(yield* Fiber.await(failing.fiber)))
          assert.deepStrictEqual(failing.texts, ["1"])
          assert.deepStrictEqual(other.texts, ["1", "2", "3"])
          assert.deepStrictEqual(log.texts(), ["1", "2", "3"])
          assert.isAbove((yield* unacknowledged(kit)) ?? 0, 0)
          const next = yield* consuming(mqtt, () => Effect.void, { qos: 2 })
          yield* TestClock.adjust(3 * roundTrip)
          assert.deepStrictEqual(next.texts, ["1", "2", "3"])
          assert.deepStrictEqual(other.texts, ["1", "2", "3"])
          assert.deepStrictEqual(log.texts(), ["1", "2", "3"])
          assert.strictEqual(yield* unacknowledged(kit), 0)
        })
    )
  }

  scenario("is handled when the same consumer is tried again", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      let attempts = 0
      const handled: Array<string> = []
      const handler = (message: MqttMessage) =>
        Effect.suspend(() => {
          if (message.text === "2" && ++attempts < 3) return Effect.fail("not yet")
          return Effect.sync(() => handled.push(message.text))
        })
      yield* mqtt.consume("t", handler).pipe(
        Effect.retry(Schedule.spaced("1 second")),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* TestClock.adjust(roundTrip)
      yield* publishing(kit, ["1", "2", "3", "4"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(handled, ["1", "2", "3", "4"])
      assert.strictEqual(attempts, 3)
      assert.strictEqual(yield* unacknowledged(kit), 0)
    }))

  scenario("comes again with the session when its client is gone", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const stuck = yield* consuming(mqtt, () => Effect.never)
      yield* publishing(kit, ["1", "2"])
      yield* complete(mqtt.disconnect)
      yield* complete(Fiber.interrupt(stuck.fiber))
      const successor = yield* kit.connect({ session: "persistent" })
      const next = yield* consuming(successor, () => Effect.void)
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(next.texts, ["1", "2"])
      assert.strictEqual(yield* unacknowledged(kit), 0)
    }))

  scenario(
    "R93 is left by one of many handled at once: all of them go to the next, in the order they came",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const failing = yield* consuming(mqtt, ({ text }) => text === "3" ? Effect.fail("broken") : Effect.never, {
          concurrency: 3,
          buffer: { messages: 2 }
        })
        yield* publishing(kit, ["1", "2", "3", "4", "5", "6", "7", "8"])
        assert.isTrue(Exit.isFailure(yield* complete(Fiber.await(failing.fiber))))
        const next = yield* consuming(mqtt, () => Effect.void)
        yield* TestClock.adjust(3 * roundTrip)
        assert.deepStrictEqual(next.texts, ["1", "2", "3", "4", "5", "6", "7", "8"])
        const pubacks = yield* sent(kit, "Puback")
        assert.deepStrictEqual(
          pubacks.map(({ packetIdentifier }) => packetIdentifier),
          Array.range(1, 8)
        )
      })
  )
})

describe("MqttRejected", () => {
  for (const qos of [1, 2] as const) {
    scenario(`QoS ${qos} under 3.1.1, which has no word for it: it is acknowledged and does not come again`, {
      versions: ["3.1.1"]
    }, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const refusing = yield* consuming(mqtt, () => Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x99 })), {
          qos
        })
        yield* publishing(kit, ["1", "2"], qos)
        assert.deepStrictEqual(refusing.texts, ["1", "2"])
        assert.strictEqual(yield* unacknowledged(kit), 0)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected + 2 * roundTrip)
        assert.deepStrictEqual(refusing.texts, ["1", "2"])
      }))

    scenario(
      `QoS ${qos} while there is no connection: said on the next one`,
      { versions: ["5.0"] },
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session: "persistent" })
          const go = yield* Deferred.make<void>()
          const refusing = yield* consuming(
            mqtt,
            () => Effect.andThen(Deferred.await(go), Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x97 }))),
            { qos }
          )
          yield* publishing(kit, ["1"], qos)
          yield* kit.network.reset
          yield* TestClock.adjust(1)
          yield* Deferred.succeed(go, undefined)
          yield* TestClock.adjust(reconnected + 3 * roundTrip)
          assert.strictEqual(yield* unacknowledged(kit), 0)
          const codes = (yield* sent(kit, qos === 1 ? "Puback" : "Pubrec")).map(({ reasonCode }) => reasonCode)
          assert.deepStrictEqual(codes, [0x97])
          // QoS 1 comes again; QoS 2 had come, and is not handed over twice.
          assert.strictEqual(refusing.texts.length, qos === 1 ? 2 : 1)
        })
    )
  }
})

describe("S57 a consumer that never gets done", () => {
  for (
    const [policy, handled, dropped] of [
      ["suspend", 100, 0],
      ["dropOldest", 11, 89],
      ["dropNewest", 11, 89]
    ] as const
  ) {
    scenario(`QoS 0 with the policy \`${policy}\``, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ keepAlive: "1 second" })
        const go = yield* Deferred.make<void>()
        const slow = yield* consuming(mqtt, () => Deferred.await(go), { qos: 0, buffer: { messages: 10, policy } })
        // The first is in the handler when the others come.
        yield* publishing(kit, ["0"], 0)
        yield* publishing(kit, Array.range(1, 99).map(String), 0)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(yield* connections(kit), 1)
        if (policy !== "suspend") assert.isAbove((yield* sent(kit, "Pingreq")).length, 3)
        assert.strictEqual((yield* mqtt.stats).subscriptionsDropped, dropped)
        yield* Deferred.succeed(go, undefined)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(slow.texts.length, handled)
      }))

    scenario(
      `QoS 1 with the policy \`${policy}\`: what is dropped is acknowledged, what waits is not`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ keepAlive: "1 second" })
          const go = yield* Deferred.make<void>()
          const slow = yield* consuming(mqtt, () => Deferred.await(go), { buffer: { messages: 10, policy } })
          yield* publishing(kit, ["0"])
          yield* publishing(kit, Array.range(1, 99).map(String))
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual(yield* sent(kit, "Puback"), [])
          assert.strictEqual((yield* mqtt.stats).subscriptionsDropped, dropped)
          assert.isAbove((yield* sent(kit, "Pingreq")).length, 3)
          yield* Deferred.succeed(go, undefined)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(slow.texts.length, handled)
          assert.strictEqual(yield* unacknowledged(kit), 0)
          assert.strictEqual(yield* connections(kit), 1)
        })
    )
  }

  scenario(
    "with the policy `fail`: it fails, and what it did not handle goes to the next",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const slow = yield* consuming(mqtt, () => Effect.never, { buffer: { messages: 3, policy: "fail" } })
        yield* publishing(kit, ["0"])
        const published = Array.range(0, 9).map(String)
        yield* publishing(kit, published.slice(1))
        yield* TestClock.adjust(roundTrip)
        yield* complete(Fiber.interrupt(slow.fiber))
        assert.deepStrictEqual(yield* sent(kit, "Puback"), [])
        const next = yield* consuming(mqtt, () => Effect.void)
        yield* TestClock.adjust(2 * roundTrip)
        assert.deepStrictEqual(next.texts, published)
        assert.strictEqual(yield* unacknowledged(kit), 0)
      })
  )
})

describe("one that leaves", () => {
  scenario(
    "R86 with messages that had no room does not hold up the acknowledgements of others",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const others = yield* record(yield* complete(mqtt.subscribe("u", { qos: 1 })))
        yield* Effect.scoped(Effect.gen(function*() {
          yield* complete(Effect.asVoid(mqtt.subscribe("t", { qos: 1, buffer: { messages: 1 } })))
          yield* publishing(kit, ["1", "2", "3"])
          yield* kit.broker.publish("u", "other", { qos: 1 })
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(others.texts(), ["other"])
        }))
        yield* TestClock.adjust(2 * roundTrip)
        assert.strictEqual(yield* unacknowledged(kit), 0)
      })
  )

  scenario(
    "S38 publishes from its handler at every QoS with a window of one and a buffer of one",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ maxInFlight: 1, outbox: { messages: 1 } })
        const answering = yield* consuming(
          mqtt,
          ({ text }) => Effect.forEach([0, 1, 2] as const, (qos) => mqtt.publish("out", `${text}${qos}`, { qos })),
          { qos: 2, buffer: { messages: 1 } }
        )
        const texts = Array.range(1, 10).map(String)
        for (const [index, text] of texts.entries()) {
          yield* kit.broker.publish("t", text, { qos: index % 3 as 0 | 1 | 2 })
        }
        yield* complete(kit.broker.awaitMessages("out", 30))
        assert.deepStrictEqual(answering.texts, texts)
        yield* TestClock.adjust(3 * roundTrip)
        assert.strictEqual(yield* unacknowledged(kit), 0)
      })
  )
})

describe("a stale acknowledgement", () => {
  for (const session of ["clean", "persistent"] as const) {
    scenario(`after a reconnect is harmless (${session})`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session })
        const go = yield* Deferred.make<void>()
        const slow = yield* consuming(mqtt, ({ text }) => text === "1" ? Deferred.await(go) : Effect.void, { qos: 2 })
        yield* publishing(kit, ["1", "2"], 1)
        yield* publishing(kit, ["3"], 2)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected + roundTrip)
        yield* Deferred.succeed(go, undefined)
        yield* publishing(kit, ["4"], 2)
        yield* TestClock.adjust(4 * roundTrip)
        assert.strictEqual(yield* unacknowledged(kit), 0)
        assert.deepStrictEqual(Array.dedupe(slow.texts), ["1", "2", "3", "4"])
        assert.strictEqual(slow.texts.filter((text) => text === "3").length, 1)
      }))
  }
})

describe("the end of a handler", () => {
  for (const onFailure of ["reject", "acknowledge"] as const) {
    for (const concurrency of [1, 3]) {
      scenario(
        `that is interrupted from within is a failure like any other (${onFailure}, ${concurrency} at once)`,
        {},
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect()
            const interrupted = yield* Effect.forkChild(Effect.never)
            yield* Fiber.interrupt(interrupted)
            const { fiber, texts } = yield* consuming(
              mqtt,
              ({ text }) => text === "1" ? Effect.interrupt : text === "2" ? Fiber.join(interrupted) : Effect.void,
              { onFailure, concurrency }
            )
            yield* publishing(kit, ["1", "2", "3"])
            assert.deepStrictEqual(texts, ["1", "2", "3"])
            assert.isUndefined(fiber.pollUnsafe())
            assert.strictEqual(yield* unacknowledged(kit), 0)
            const codes = (yield* sent(kit, "Puback")).map(({ reasonCode }) => reasonCode)
            const failed = onFailure === "reject" && kit.version === "5.0" ? 0x80 : 0x00
            assert.deepStrictEqual(codes, [failed, failed, 0x00])
            yield* Fiber.interrupt(fiber)
            yield* TestClock.adjust(roundTrip)
          })
      )
    }
  }

  scenario(
    "that is interrupted from within ends a consumer that stops at failures, and keeps the message",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { fiber } = yield* consuming(mqtt, () => Effect.interrupt)
        yield* publishing(kit, ["1"])
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        assert.strictEqual(yield* unacknowledged(kit), 1)
      })
  )

  for (const onFailure of ["stop", "acknowledge"] as const) {
    scenario(
      `that succeeded is acknowledged, wherever its consumer is interrupted after it (${onFailure})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          for (let operations = 3; operations <= 20; operations++) {
            const handled: Array<string> = []
            const { fiber } = yield* consuming(mqtt, ({ text }) => Effect.sync(() => handled.push(text)), {
              onFailure
            }).pipe(
              // The fiber gives way to the others that often, between any two of its operations.
              Effect.provideService(References.MaxOpsBeforeYield, operations)
            )
            const interrupting = yield* begin(Effect.gen(function*() {
              for (let turns = 0; handled.length === 0 && turns < 1000; turns++) yield* Effect.yieldNow
              yield* Fiber.interrupt(fiber)
            }))
            yield* publishing(kit, [`${operations}`])
            yield* Fiber.join(interrupting)
            yield* TestClock.adjust(2 * roundTrip)
            assert.deepStrictEqual(handled, [`${operations}`])
            assert.lengthOf(yield* sent(kit, "Puback"), operations - 2)
          }
        })
    )

    scenario(
      `that the end of its consumer interrupted is none: the message stays (${onFailure})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const { fiber } = yield* consuming(mqtt, () => Effect.never, { onFailure })
          yield* publishing(kit, ["1"])
          yield* complete(Fiber.interrupt(fiber))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(yield* sent(kit, "Puback"), [])
        })
    )
  }
})

describe("workers that give way to each other between any two operations", () => {
  for (const key of [undefined, ({ text }: MqttMessage) => Number(text) % 5]) {
    scenario(`handle every message once${key === undefined ? "" : ", by key"}`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const texts = Array.range(1, 8).map(String)
        for (let operations = 3; operations <= 20; operations++) {
          const { fiber, texts: handled } = yield* consuming(mqtt, () => Effect.void, {
            concurrency: 3,
            buffer: { messages: 3 },
            key
          }).pipe(Effect.provideService(References.MaxOpsBeforeYield, operations))
          yield* publishing(kit, texts)
          yield* Effect.repeat(Effect.yieldNow, { times: 300 })
          yield* TestClock.adjust(2 * roundTrip)
          assert.deepStrictEqual(handled.toSorted(), texts, `${operations}`)
          assert.strictEqual(yield* unacknowledged(kit), 0)
          yield* complete(Fiber.interrupt(fiber))
          yield* TestClock.adjust("2 seconds")
        }
      }))
  }
})
