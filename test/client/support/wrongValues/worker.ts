/**
 * Tries cases in a thread of its own, so that a case that never gives the event loop back can be ended from outside.
 */
import { Effect, References } from "effect"
import { TestClock } from "effect/testing"
import { parentPort, workerData } from "node:worker_threads"
import { run } from "./cases.ts"

const { current, from, to } = workerData as {
  readonly current: Int32Array
  readonly from: number
  readonly to: number
}

const effect = run(from, to, {
  began: (index) => Atomics.store(current, 0, index),
  // The rule is about windows.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  found: (finding) => parentPort?.postMessage(finding)
}).pipe(
  Effect.provideService(References.MinimumLogLevel, "None"),
  Effect.provide(TestClock.layer({ warningDelay: "1 hour" }))
)

await Effect.runPromise(effect)
