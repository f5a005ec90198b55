/**
 * The program as the host of the engine: what it passes on of its own fibers.
 */
import { assert, it } from "@effect/vitest"
import { Effect, FiberRef, LogLevel, Random } from "effect"
import { start } from "../src/internal/bridge.ts"
import * as Host from "../src/internal/host.ts"

it.effect("an effect of the program can be interrupted, although the program began it where nothing is interrupted", () =>
  Effect.gen(function*() {
    let interrupted = 0
    const waiting = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
    const runtime = yield* Effect.uninterruptible(Effect.runtime<never>())
    const stop = start(runtime, waiting)(() => {})
    stop()
    yield* Effect.yieldNow()
    assert.strictEqual(interrupted, 1)
  }))

it.effect("the engine makes no log entry that the program's level hides", () =>
  Effect.gen(function*() {
    const levels = [
      [LogLevel.All, "All"],
      [LogLevel.Trace, "Trace"],
      [LogLevel.Info, "Info"],
      [LogLevel.Warning, "Warn"],
      [LogLevel.Fatal, "Fatal"],
      [LogLevel.None, "None"]
    ] as const
    for (const [level, expected] of levels) {
      const { minimumLogLevel } = yield* Effect.locally(Host.make, FiberRef.currentMinimumLogLevel, level)
      assert.strictEqual(minimumLogLevel, expected)
    }
  }))

it.effect("the engine's chance is the program's", () =>
  Effect.gen(function*() {
    const { random } = yield* Effect.withRandom(Host.make, Random.fixed([0.25, 0.75]))
    assert.deepStrictEqual([random(), random()], [0.25, 0.75])
  }))
