import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttClient from "../../src/MqttClient.ts"
import type { MqttEvent } from "../../src/MqttState.ts"
import { type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

const persistent: MqttClient.Options = { session: "persistent" }

/** The codes of the PUBACKs so far. */
const answers = (kit: Kit) => Effect.map(sent(kit, "Puback"), (packets) => packets.map(({ reasonCode }) => reasonCode))

/** An earlier program has left a subscription to `old/#` behind, and the server has a message for it. */
const startAfterAnother = Effect.fnUntraced(function*(kit: Kit, options?: MqttClient.Options) {
  const earlier = yield* Scope.make()
  const before = yield* Scope.provide(kit.connect(persistent), earlier)
  yield* Effect.asVoid(Scope.provide(complete(before.subscribe("old/#", { qos: 1 })), earlier))
  yield* complete(Scope.close(earlier, Exit.void))
  yield* kit.broker.publish("old/1", "queued", { qos: 1 })
  const mqtt = yield* kit.connect({ ...persistent, ...options })
  const events: Array<MqttEvent> = []
  yield* begin(Stream.runForEach(mqtt.events, (event) => Effect.sync(() => events.push(event))))
  const subscription = yield* complete(mqtt.subscribe("new", { qos: 1 }))
  yield* begin(Stream.runDrain(subscription))
  yield* kit.broker.publish("new", "live", { qos: 1 })
  yield* TestClock.adjust(roundTrip)
  return { mqtt, events: () => events.filter(({ _tag }) => /Unclaimed/.test(_tag)) }
})

/** It takes its messages off the server, so that the next start of a scenario finds nothing. */
const leaveNothing = (mqtt: MqttClient.MqttClient["Service"]) =>
  Effect.asVoid(Effect.scoped(complete(mqtt.subscribe("old/#", { qos: 1 }))))

describe("messages that nobody subscribes to", () => {
  for (
    const [unclaimedTimeout, held, over] of [
      [undefined, "29 seconds", "2 seconds"],
      ["3 seconds", "2 seconds", "2 seconds"]
    ] as const
  ) {
    scenario(
      `one that an earlier program left holds up the others for ${
        unclaimedTimeout ?? "30 seconds"
      }, and everybody is told of its topic`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const { events, mqtt } = yield* startAfterAnother(kit, { unclaimedTimeout })
          yield* TestClock.adjust(held)
          assert.deepStrictEqual(yield* answers(kit), [])
          const { reasons, status } = yield* mqtt.health
          assert.strictEqual(status, "degraded")
          assert.include(reasons.join(), "old/1")
          yield* TestClock.adjust(over)
          assert.deepStrictEqual(yield* answers(kit), [0, 0])
          assert.deepStrictEqual(events().slice(-1), [{ _tag: "UnclaimedDropped", topic: "old/1", messages: 1 }])
          assert.deepStrictEqual(yield* mqtt.health, { status: "up", isClosed: false, reasons: [] })
          assert.strictEqual((yield* mqtt.stats).unclaimedDropped, 1)
          yield* leaveNothing(mqtt)
        })
    )
  }

  scenario("with an `unclaimedTimeout` of nothing no other message waits", {}, (kit) =>
    Effect.gen(function*() {
      const { mqtt } = yield* startAfterAnother(kit, { unclaimedTimeout: 0 })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* answers(kit), [0, 0])
      assert.strictEqual((yield* mqtt.health).status, "up")
      yield* leaveNothing(mqtt)
    }))

  scenario("with an infinite `unclaimedTimeout` it waits for whoever comes", {}, (kit) =>
    Effect.gen(function*() {
      const { mqtt } = yield* startAfterAnother(kit, { unclaimedTimeout: "Infinity" })
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(yield* answers(kit), [])
      yield* leaveNothing(mqtt)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* answers(kit), [0, 0])
    }))

  scenario(
    "what waits is an event, and so is what a consumer left and nobody came for",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ ...persistent, unclaimedTimeout: "2 seconds" })
        const events: Array<MqttEvent> = []
        yield* begin(Stream.runForEach(mqtt.events, (event) => Effect.sync(() => events.push(event))))
        const scope = yield* Scope.make()
        yield* Effect.asVoid(Scope.provide(complete(mqtt.subscribe("a", { qos: 1 })), scope))
        yield* complete(Scope.close(scope, Exit.void))
        // Within the second in which somebody may come back.
        yield* kit.broker.publish("a", "late", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(events, [{ _tag: "MessageUnclaimed", topic: "a", qos: 1, messages: 1 }])
        assert.include((yield* mqtt.health).reasons.join(), "topic a")
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(events.slice(1), [{ _tag: "UnclaimedDropped", topic: "a", messages: 1 }])
      })
  )
})
