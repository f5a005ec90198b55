/**
 * Calls that are interrupted again and again, as by a timeout in a loop: nothing is kept of them.
 */
import { assert, describe } from "@effect/vitest"
import { Array, Effect, Fiber, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { reachableBytesNextTurn } from "../support/memory.ts"
import { type Client, type Kit, scenario } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

const repetitions = 5000

/**
 * Bytes in all: 100 for each repetition, less than a single listener takes. Withdrawn messages stay in their queue until
 * they are more than the others.
 */
const negligible = 100 * repetitions

type Call = (mqtt: Client) => Effect.Effect<unknown, unknown, Scope.Scope>

const interrupt = Effect.fnUntraced(function*(mqtt: Client, call: Call) {
  const calling = yield* begin(call(mqtt))
  yield* Effect.yieldNow
  assert.isUndefined(calling.pollUnsafe())
  yield* Fiber.interrupt(calling)
})

/** All of them in one scope that goes on, as the scope of a service does. */
const growth = Effect.fnUntraced(function*(mqtt: Client, call: Call) {
  // What the first calls make for good does not count, and neither does the code that they make V8 compile.
  yield* Effect.repeat(interrupt(mqtt, call), { times: repetitions })
  const before = yield* reachableBytesNextTurn
  yield* Effect.repeat(interrupt(mqtt, call), { times: repetitions - 1 })
  return (yield* reachableBytesNextTurn) - before
})

/** No connection, and messages of every QoS that wait for one. */
const offline = Effect.fnUntraced(function*(kit: Kit) {
  const mqtt = yield* kit.connect()
  yield* kit.network.refuseConnect(1)
  yield* kit.network.reset
  yield* TestClock.adjust(1)
  yield* begin(
    Effect.forEach(Array.range(1, 300), (n) => mqtt.publish("t", "waits", { qos: n % 3 as 0 | 1 | 2 }), {
      concurrency: "unbounded"
    })
  )
  return mqtt
})

const calls: Record<string, Call> = {
  "flush": (mqtt) => mqtt.flush,
  "publish": (mqtt) => mqtt.publish("t", "x", { qos: 1 }),
  "publishAsync": (mqtt) => mqtt.publishAsync("t", "x", { qos: 1 }),
  "subscribe": (mqtt) => mqtt.subscribe("a/#"),
  "consume": (mqtt) => mqtt.consume("a/#", () => Effect.void)
}

describe("nothing is kept of an interrupted", () => {
  for (const [name, call] of Object.entries(calls)) {
    scenario(`${name} without a connection`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* offline(kit)
        assert.isBelow(yield* growth(mqtt, call), negligible)
        yield* complete(mqtt.flush)
      }))
  }

  scenario("large message that waited behind others", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* offline(kit)
      const before = yield* reachableBytesNextTurn
      // Fewer than the messages that stay, so that the queue itself has no reason to let go of them.
      for (let count = 0; count < 50; count++) {
        yield* interrupt(mqtt, (mqtt) => mqtt.publish("t", new Uint8Array(1_000_000), { qos: 1 }))
      }
      assert.isBelow((yield* reachableBytesNextTurn) - before, 2_000_000)
      yield* complete(mqtt.flush)
    }))

  scenario("request without a connection", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* offline(kit)
      assert.isBelow(yield* growth(mqtt, (mqtt) => mqtt.request("t", "x")), negligible)
      yield* complete(mqtt.flush)
    }))

  scenario("acknowledgement of publishAsync", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ responseTimeout: "10 seconds" })
      yield* kit.broker.holdAcknowledgements()
      const acknowledgement = yield* complete(mqtt.publishAsync("t", "x", { qos: 1 }))
      assert.isBelow(yield* growth(mqtt, () => acknowledgement), negligible)
      yield* kit.broker.releaseAcknowledgements()
      yield* complete(acknowledgement)
    }))

  scenario("brokerUp", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ responseTimeout: "10 seconds" })
      yield* TestClock.adjust("2 seconds")
      assert.isBelow(yield* growth(mqtt, () => mqtt.brokerUp), negligible)
      assert.isTrue(yield* complete(mqtt.brokerUp))
    }))

  scenario("flush twenty thousand times, and every publish ends", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      const publishing = yield* begin(mqtt.publish("t", "x", { qos: 1 }))
      yield* Effect.repeat(interrupt(mqtt, (mqtt) => mqtt.flush), { times: 20_000 })
      yield* TestClock.adjust(reconnected + roundTrip)
      assert.isDefined(publishing.pollUnsafe())
    }))
})
