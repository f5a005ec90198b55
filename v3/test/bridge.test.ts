/**
 * What runs on the engine is interrupted with the program's fiber, whenever that is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FiberId } from "effect"
import * as Engine from "../../engine/index.ts"
import { Bridge } from "../src/internal/bridge.ts"

const turn = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 0)))

/** Something of the engine's that ends when it is told, or interrupted. */
const waiting = () => {
  const seen = { end: () => {} }
  const effect = Engine.fromHost<number, never>((done) => {
    seen.end = () => done({ _tag: "Success", value: 1 })
    return () => {
      done({ _tag: "Failure", reasons: [{ _tag: "Interrupt" }] })
    }
  })
  return { effect, seen }
}

describe("an interruption", () => {
  for (const first of ["the end", "the interruption"] as const) {
    it.live(
      `in the turn in which the engine is through does not wait for ever (${first} comes first)`,
      () =>
        Effect.gen(function*() {
          const bridge = yield* Bridge.make
          const { effect, seen } = waiting()
          const fiber = yield* Effect.fork(bridge.effect(effect))
          yield* turn
          if (first === "the end") seen.end()
          fiber.unsafeInterruptAsFork(FiberId.none)
          if (first === "the interruption") seen.end()
          yield* turn
          assert.isNotNull(fiber.unsafePoll())
        }),
      2_000
    )
  }
})
