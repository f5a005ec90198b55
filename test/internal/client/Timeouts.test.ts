import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Timeouts } from "../../../src/internal/client/calls/timeouts.ts"
import { scenario } from "../../support/scenario.ts"
import { begin, complete, roundTrip } from "../../support/time.ts"

const make = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const timeouts = new Timeouts(yield* Effect.context(), scope)
  const expired: Array<string> = []
  return { timeouts, expired, add: (time: number, name: string) => timeouts.add(time, () => void expired.push(name)) }
})

describe("Timeouts", () => {
  it.effect("each call ends when its own time is over, whichever began first", () =>
    Effect.gen(function*() {
      const { add, expired } = yield* make
      add(3000, "3 s")
      yield* TestClock.adjust(1000)
      add(1000, "1 s")
      add(3000, "3 s, later")
      add(2000, "2 s")
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(expired, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(expired, ["1 s"])
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(expired.toSorted(), ["1 s", "2 s", "3 s"])
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(expired.slice(3), ["3 s, later"])
    }))

  it.effect("a call that was answered does not end again, and the others still do", () =>
    Effect.gen(function*() {
      const { add, expired } = yield* make
      const answered = add(1000, "answered")
      add(1000, "other")
      answered()
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(expired, ["other"])
    }))

  it.effect("a call that begins when another has ended, or when all were answered, has its time", () =>
    Effect.gen(function*() {
      const { expired, timeouts } = yield* make
      timeouts.add(1000, () => {
        expired.push("first")
        timeouts.add(500, () => void expired.push("second"))
      })
      yield* TestClock.adjust(1000)
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(expired, ["first", "second"])
      timeouts.add(1000, () => void expired.push("answered"))()
      yield* TestClock.adjust(1500)
      timeouts.add(1000, () => void expired.push("third"))
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(expired, ["first", "second", "third"])
    }))

  it.effect("a part of a nanosecond is left: the clock goes on, and the call ends", () =>
    Effect.gen(function*() {
      const { add, expired } = yield* make
      // Sums of numbers like these are a little more or less than the clock has.
      for (let call = 1; call <= 200; call++) {
        yield* TestClock.adjust(Duration.nanos(827_236n))
        add(150.1, `call ${call}`)
        yield* TestClock.adjust(152)
        assert.lengthOf(expired, call)
      }
    }))

  it.effect("no time at all ends a call only after it has begun to wait, and an endless time never", () =>
    Effect.gen(function*() {
      const { add, expired } = yield* make
      add(0, "none")
      add(Infinity, "endless")
      assert.deepStrictEqual(expired, [])
      yield* TestClock.adjust(1_000_000_000)
      assert.deepStrictEqual(expired, ["none"])
    }))

  it.effect("nothing sleeps any more once all calls are over and their time has passed", () =>
    Effect.gen(function*() {
      const clock = yield* TestClock.make()
      let sleeping = 0
      const counting = {
        ...clock,
        sleep: (duration: Parameters<typeof clock.sleep>[0]) =>
          Effect.acquireUseRelease(
            Effect.sync(() => sleeping++),
            () => clock.sleep(duration),
            () => Effect.sync(() => sleeping--)
          )
      }
      const scope = yield* Scope.make()
      const context = yield* Effect.provideService(Effect.context(), Clock.Clock, counting)
      const timeouts = new Timeouts(context, scope)
      for (let call = 0; call < 1000; call++) timeouts.add(1000 + call % 3, () => {})()
      assert.strictEqual(sleeping, 1)
      yield* clock.adjust(2000)
      assert.strictEqual(sleeping, 0)
      timeouts.add(1000, () => {})
      assert.strictEqual(sleeping, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(sleeping, 0)
    }))
})

// Through Effect 3 the clock is that of the place where the client was made, so this is no scenario of `test/client`.
scenario(
  "a request that is made on a clock of its caller's own ends by that clock",
  { versions: ["5.0"] },
  (kit) =>
    Effect.gen(function*() {
      const silent = yield* kit.connect({ clientId: "silent" })
      const hearing = yield* begin(Stream.runDrain(silent.messages("ask")))
      const mqtt = yield* kit.connect()
      // The first request makes the subscription for answers.
      yield* complete(Effect.flip(mqtt.request("ask", "x", { timeout: "1 second" })))
      const clock = yield* TestClock.make()
      const asking = yield* begin(
        Effect.provideService(Effect.flip(mqtt.request("ask", "x", { timeout: "1 second" })), Clock.Clock, clock)
      )
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(asking.pollUnsafe())
      yield* clock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(asking)).reason._tag, "RequestTimeout")
      yield* Fiber.interrupt(hearing)
      yield* TestClock.adjust(roundTrip)
    })
)
