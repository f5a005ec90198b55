/**
 * `test/support/time.ts` for clients beyond Effect 3, which hear of an interruption some turns later: no time passes
 * before everything has happened that needs none.
 */
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { begin, latency, settle } from "../support/time.ts"

export * from "../support/time.ts"

export const complete = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  const limit = 60_000
  const fiber = yield* begin(effect)
  yield* settle
  for (let passed = 0; fiber.pollUnsafe() === undefined; passed += latency) {
    if (passed > limit) return yield* Effect.die(new Error(`not done after ${limit} ms`))
    yield* TestClock.adjust(latency)
  }
  return yield* Fiber.join(fiber)
})
