import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Logger, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import * as MqttError from "../../src/MqttError.ts"
import { accepted, type Client, scenario, stateOf } from "../support/scenario.ts"
import { complete, roundTrip } from "../support/time.ts"

/** Says when an effect began and ended. */
const told = () => {
  const lines: Array<string> = []
  const say = (line: string) => Effect.sync(() => void lines.push(line))
  return { lines, say }
}

const onConnected = <A, E, R>(mqtt: Client, effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(MqttClient.onConnected(effect), MqttClient.MqttClient, mqtt)

describe("onConnected", () => {
  scenario("runs in the scope of each connection, and at once where there is one", {}, (kit) =>
    Effect.gen(function*() {
      const { lines, say } = told()
      const mqtt = yield* kit.connect()
      yield* onConnected(
        mqtt,
        Effect.gen(function*() {
          const client = yield* MqttClient.MqttClient
          yield* Effect.acquireRelease(say("begins"), () => say("ends"))
          yield* client.publish("t", "hello", { qos: 1 })
        })
      )
      assert.deepStrictEqual(lines, ["begins"])
      yield* TestClock.adjust(roundTrip)
      // It is over, and its connection is not.
      assert.deepStrictEqual(lines, ["begins"])
      yield* kit.network.reset
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(lines, ["begins", "ends", "begins"])
      yield* complete(mqtt.disconnect)
      assert.deepStrictEqual(lines, ["begins", "ends", "begins", "ends"])
      assert.deepStrictEqual(yield* accepted(kit), ["hello", "hello"])
    }))

  scenario(
    "is interrupted when the connection is lost, and misses none, however short",
    {},
    (kit) =>
      Effect.gen(function*() {
        const { lines, say } = told()
        const mqtt = yield* kit.connect({ reconnect: Schedule.spaced("10 millis") })
        yield* onConnected(
          mqtt,
          Effect.andThen(say("begins"), Effect.onInterrupt(Effect.never, () => say("is interrupted")))
        )
        for (let outage = 0; outage < 50; outage++) {
          // The connection ends with its CONNACK.
          const bytes = kit.version === "5.0" ? 5 : 4
          yield* kit.network.cutAfter({ bytes, direction: "toClient", how: "reset" })
          yield* kit.network.reset
          yield* TestClock.adjust("1 second")
        }
        const { reconnects } = yield* mqtt.stats
        assert.isAtLeast(reconnects, 50)
        assert.strictEqual(lines.filter((line) => line === "begins").length, 1 + reconnects)
        assert.strictEqual(lines.filter((line) => line === "is interrupted").length, reconnects)
        yield* complete(mqtt.disconnect)
      })
  )

  scenario(
    "a failure is logged and ends neither the client nor what comes on the next connection",
    {},
    (kit) =>
      Effect.gen(function*() {
        const { lines, say } = told()
        const mqtt = yield* kit.connect()
        const logged: Array<unknown> = []
        const failing = Effect.andThen(say("begins"), Effect.fail(MqttError.fromReason(new MqttError.Offline())))
        yield* Effect.provide(
          onConnected(mqtt, failing),
          Logger.layer([Logger.make(({ message }) => logged.push(message))])
        )
        yield* TestClock.adjust(roundTrip)
        assert.include(String(logged), "`onConnected` failed")
        yield* kit.network.reset
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(lines, ["begins", "begins"])
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
      })
  )

  scenario("ends with the scope of its caller", {}, (kit) =>
    Effect.gen(function*() {
      const { lines, say } = told()
      const mqtt = yield* kit.connect()
      const scope = yield* Scope.make()
      yield* Scope.provide(onConnected(mqtt, Effect.acquireRelease(say("begins"), () => say("ends"))), scope)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(lines, ["begins", "ends"])
      yield* kit.network.reset
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(lines, ["begins", "ends"])
    }))
})
