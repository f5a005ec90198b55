/**
 * How `consume` ends: no new handler begins, running handlers may finish, and their messages are acknowledged if they
 * succeed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { clientId, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"
import { only50, versions } from "../support/versions.ts"
import { acknowledged, consuming, publish, quiet, timed } from "./support/consuming.ts"

/** The texts that another consumer finds. */
const left = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"]) {
  const texts: Array<string> = []
  const consumer = yield* consuming(mqtt.consume("t/+", ({ text }) => Effect.sync(() => texts.push(text))))
  yield* TestClock.adjust(2 * roundTrip)
  yield* Fiber.interrupt(consumer)
  yield* TestClock.adjust(roundTrip)
  return texts
})

describe("consume ends", () => {
  const key = ({ topic }: MqttMessage) => topic
  const ways = { "one at a time": {}, "several at once": { concurrency: 2 }, "with a key": { concurrency: 2, key } }

  scenario("with a key: what came before a message that has begun is handled too", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { handler, log } = timed()
      const consumer = yield* consuming(mqtt.consume("t/+", handler, { concurrency: 2, key }))
      yield* publish(kit, "a1", "a2", "a3", "b1", "a4", "b2")
      const ending = yield* begin(Fiber.interrupt(consumer))
      yield* TestClock.adjust("3 seconds")
      yield* complete(Fiber.join(ending))
      assert.deepStrictEqual(log, ["+a1", "+b1", "-a1", "+a2", "-b1", "-a2", "+a3", "-a3"])
      yield* TestClock.adjust(roundTrip)
      // Without a2 and a3 the acknowledgement of b1 could not leave, and b1 would be handled twice.
      assert.deepStrictEqual(yield* acknowledged(kit), [1, 2, 3, 4])
      assert.deepStrictEqual(yield* left(mqtt), ["a4", "b2"])
    }))

  for (const [way, options] of Object.entries(ways)) {
    const many = way !== "one at a time"

    scenario(
      `by \`until\`: handlers finish, and the rest waits for the next consumer (${way})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const { handler, log } = timed()
          const until = Deferred.makeUnsafe<void>()
          const consumer = yield* consuming(mqtt.consume("t/+", handler, { ...options, until: Deferred.await(until) }))
          yield* publish(kit, "a1", "b1", "a2", "b2")
          yield* Deferred.succeed(until, undefined)
          yield* TestClock.adjust(500)
          assert.isUndefined(consumer.pollUnsafe())
          yield* TestClock.adjust(500)
          assert.deepStrictEqual(consumer.pollUnsafe(), Exit.void)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(log, many ? ["+a1", "+b1", "-a1", "-b1"] : ["+a1", "-a1"])
          assert.deepStrictEqual(yield* acknowledged(kit), many ? [1, 2] : [1])
          assert.deepStrictEqual(yield* left(mqtt), many ? ["a2", "b2"] : ["b1", "a2", "b2"])
        })
    )

    scenario(`by an interruption, in the same order (${way})`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { handler, log } = timed()
        const consumer = yield* consuming(mqtt.consume("t/+", handler, options))
        yield* publish(kit, "a1", "b1", "a2", "b2")
        yield* complete(Fiber.interrupt(consumer))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(log, many ? ["+a1", "+b1", "-a1", "-b1"] : ["+a1", "-a1"])
        assert.deepStrictEqual(yield* acknowledged(kit), many ? [1, 2] : [1])
        assert.deepStrictEqual(yield* left(mqtt), many ? ["a2", "b2"] : ["b1", "a2", "b2"])
      }))

    scenario(`in \`drainTimeout\`, and interrupts who takes longer (${way})`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { handler, log } = timed()
        const until = Deferred.makeUnsafe<void>()
        const consumer = yield* consuming(
          mqtt.consume("t/+", handler, { ...options, until: Deferred.await(until), drainTimeout: "300 millis" })
        )
        yield* publish(kit, "a1", "b1")
        yield* Deferred.succeed(until, undefined)
        yield* TestClock.adjust(299)
        assert.isUndefined(consumer.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(consumer.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(log.filter((entry) => entry.startsWith("-")), [])
        assert.deepStrictEqual(yield* acknowledged(kit), [])
        assert.deepStrictEqual(yield* left(mqtt), ["a1", "b1"])
      }))
  }

  scenario("after 5 seconds unless it is told otherwise", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const consumer = yield* consuming(mqtt.consume("t/+", () => Effect.never))
      yield* publish(kit, "a1")
      const interrupting = yield* begin(Fiber.interrupt(consumer))
      yield* TestClock.adjust(4999)
      assert.isUndefined(interrupting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(interrupting.pollUnsafe(), Exit.void)
      assert.deepStrictEqual(yield* left(mqtt), ["a1"])
    }))

  scenario("at once when no handler runs, and before it is subscribed", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const idle = yield* consuming(mqtt.consume("t/+", () => Effect.void))
      yield* publish(kit, "a1")
      yield* Fiber.interrupt(idle)
      yield* mqtt.consume("t/+", () => Effect.void, { until: Effect.void })
      yield* TestClock.adjust(roundTrip)
    }))

  scenario(
    "with the failure of a handler: the others finish, and are acknowledged",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { handler, log } = timed()
        const consumer = yield* consuming(
          mqtt.consume("t/+", (message) => message.text === "c1" ? Effect.fail("broken") : handler(message), {
            concurrency: 3
          })
        )
        yield* publish(kit, "a1", "b1", "c1", "d1")
        assert.isUndefined(consumer.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(consumer.pollUnsafe(), Exit.fail("broken"))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(log, ["+a1", "+b1", "-a1", "-b1"])
        assert.deepStrictEqual(yield* acknowledged(kit), [1, 2])
        assert.deepStrictEqual(yield* left(mqtt), ["c1", "d1"])
      })
  )

  scenario("with the failure of a handler that finished too late for `until`", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const until = Deferred.makeUnsafe<void>()
      const consumer = yield* consuming(
        mqtt.consume("t/+", () => Effect.delay(Effect.fail("broken"), "1 second"), { until: Deferred.await(until) })
          .pipe(quiet)
      )
      yield* publish(kit, "a1")
      yield* Deferred.succeed(until, undefined)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(consumer.pollUnsafe(), Exit.fail("broken"))
      assert.deepStrictEqual(yield* left(mqtt), ["a1"])
    }))

  scenario("for the server at once, so that it sends nothing more meanwhile", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { handler } = timed()
      const consumer = yield* consuming(mqtt.consume("t/+", handler))
      yield* publish(kit, "a1")
      const interrupting = yield* begin(Fiber.interrupt(consumer))
      yield* TestClock.adjust(roundTrip)
      assert.lengthOf(yield* sent(kit, "Unsubscribe"), 1)
      yield* complete(Fiber.join(interrupting))
      yield* TestClock.adjust(roundTrip)
    }))

  scenario(
    "for a persistent session a second after its handlers: nothing is missed between two programs",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const consumer = yield* consuming(mqtt.consume("t/+", () => Effect.sleep("4 seconds")))
        yield* publish(kit, "a1")
        const interrupting = yield* begin(Fiber.interrupt(consumer))
        yield* TestClock.adjust("3 seconds")
        yield* publish(kit, "b1")
        yield* complete(Fiber.join(interrupting))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* sent(kit, "Unsubscribe"), [])
        assert.deepStrictEqual(yield* left(mqtt), ["b1"])
        yield* TestClock.adjust("2 seconds")
        assert.lengthOf(yield* sent(kit, "Unsubscribe"), 1)
      })
  )

  scenario(
    "while the network takes nothing: a message that the server sends again is still the one that was handled",
    { broker: { redelivery: { after: "300 millis" } } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const consumer = yield* consuming(mqtt.consume("t/+", () => Effect.void))
        yield* kit.network.stallWrites
        yield* begin(mqtt.publish("elsewhere", "stalls"))
        yield* publish(kit, "a1")
        yield* complete(Fiber.interrupt(consumer))
        yield* TestClock.adjust("400 millis")
        yield* kit.network.resumeWrites
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* acknowledged(kit), [1])
        assert.deepStrictEqual(yield* left(mqtt), [])
        assert.deepStrictEqual(yield* acknowledged(kit), [1])
      })
  )

  scenario(
    "while the network takes nothing: a refused message that the server sends again is not handled again",
    { versions: only50, broker: { redelivery: { after: "300 millis" } } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        let handled = 0
        const handler = () => Effect.andThen(Effect.sync(() => handled++), Effect.fail("no"))
        yield* consuming(quiet(mqtt.consume("t/+", handler, { onFailure: "reject" })))
        yield* kit.network.stallWrites
        yield* begin(mqtt.publish("elsewhere", "stalls"))
        yield* publish(kit, "a1")
        yield* TestClock.adjust("400 millis")
        yield* kit.network.resumeWrites
        yield* TestClock.adjust("1 second")
        assert.strictEqual(handled, 1)
        assert.deepStrictEqual(yield* acknowledged(kit), [1])
      })
  )

  scenario(
    "that comes while DISCONNECT is leaving: the next client handles it, and this one does not",
    { versions: only50 },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent", drainTimeout: "500 millis" })
        const handled: Array<string> = []
        const handler = ({ text }: MqttMessage) => Effect.sync(() => void handled.push(text))
        yield* consuming(quiet(mqtt.consume("t/+", handler)))
        yield* kit.network.stallWrites
        yield* begin(mqtt.publish("elsewhere", "stalls"))
        const leaving = yield* begin(mqtt.disconnectWith({ publishWill: true }))
        yield* publish(kit, "a1")
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(leaving)
        assert.deepStrictEqual(handled, [])
        yield* kit.network.resumeWrites
        const next = yield* kit.connect({ session: "persistent" })
        yield* consuming(next.consume("t/+", handler))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(handled, ["a1"])
      })
  )

  for (const protocolVersion of versions) {
    it.effect(`with its layer: acknowledgements leave before DISCONNECT (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const { handler, log } = timed()
        const worker = Layer.effectDiscard(Effect.gen(function*() {
          const mqtt = yield* MqttClient.MqttClient
          yield* Effect.forkScoped(mqtt.consume("t/+", handler, { concurrency: 2 }))
        }))
        const scope = yield* Scope.make()
        const service = Layer.provide(worker, MqttClient.layer({ clientId, protocolVersion }))
        yield* complete(Layer.buildWithScope(service, scope))
        yield* TestClock.adjust("1 second")
        for (const text of ["1", "2", "3"]) yield* broker.publish(`t/${text}`, text, { qos: 1 })
        yield* TestClock.adjust("500 millis")
        yield* complete(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(log, ["+1", "+2", "-1", "-2"])
        const tags = (yield* broker.received(clientId)).map(({ _tag }) => _tag)
        assert.deepStrictEqual(tags.slice(-3), ["Puback", "Puback", "Disconnect"])
        assert.deepStrictEqual(yield* broker.violations, [])
      }).pipe(Effect.provide(MemoryBroker.layer())))
  }
})
