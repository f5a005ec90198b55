/**
 * Times that the server measures and the client only asks for: its patience with a silent client, Will Delay, expiry.
 */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { clientId, scenario, sent } from "../support/scenario.ts"

const will = { topic: "will", payload: "gone" }

describe("the server's timers", () => {
  scenario(
    "R126 a client that does nothing stays within one and a half times the keep alive",
    {},
    (kit) =>
      Effect.gen(function*() {
        yield* kit.connect({ keepAlive: "4 seconds", responseTimeout: "1 second" })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* kit.network.counters).opened, 1)
        assert.isAtLeast((yield* sent(kit, "Pingreq")).length, 60 / 4)
      })
  )

  scenario(
    "R126 one that is not heard is gone for the server after that, and its Will is published",
    {},
    (kit) =>
      Effect.gen(function*() {
        yield* kit.connect({ keepAlive: "4 seconds", responseTimeout: "1 second", will })
        yield* kit.network.drop
        yield* kit.network.hangConnect(1000)
        yield* TestClock.adjust("5900 millis")
        assert.deepStrictEqual(yield* kit.broker.messages, [])
        yield* TestClock.adjust("200 millis")
        assert.deepStrictEqual((yield* kit.broker.messages).map(({ topic }) => topic), ["will"])
        yield* kit.network.allowConnect
      })
  )

  scenario(
    "S27 a link that dies while nothing is said is found by `pingInterval` and `responseTimeout`",
    {},
    (kit) =>
      Effect.gen(function*() {
        for (const keepAlive of ["0 seconds", "18 hours"] as const) {
          const { opened } = yield* kit.network.counters
          yield* Effect.scoped(Effect.gen(function*() {
            yield* kit.connect({ keepAlive, pingInterval: "1 second", responseTimeout: "2 seconds" })
            yield* TestClock.adjust("1 minute")
            assert.strictEqual((yield* kit.network.counters).opened, opened + 1)
            yield* kit.network.drop
            yield* TestClock.adjust("3500 millis")
            assert.strictEqual((yield* kit.network.counters).opened, opened + 2)
          }))
        }
      })
  )

  scenario("R148 the server waits for the Will Delay, and keeps the session as long as asked", { versions: ["5.0"] }, (
    kit
  ) =>
    Effect.gen(function*() {
      yield* kit.connect({
        session: "persistent",
        sessionExpiry: "2 minutes",
        will: { ...will, delay: "30 seconds" }
      })
      const [connect] = yield* sent(kit, "Connect")
      assert.strictEqual(connect.will?.properties.willDelayInterval, 30)
      assert.strictEqual(connect.properties.sessionExpiryInterval, 120)
      yield* kit.network.hangConnect(1000)
      yield* kit.network.reset
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual(yield* kit.broker.messages, [])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual((yield* kit.broker.messages).map(({ topic }) => topic), ["will"])
      assert.isDefined(yield* kit.broker.session(clientId))
      yield* TestClock.adjust("90 seconds")
      assert.isUndefined(yield* kit.broker.session(clientId))
      yield* kit.network.allowConnect
    }))
})
