/**
 * Fibers, timers, connections and pending work, which a test must not leave behind.
 */
import { assert } from "@effect/vitest"
import { Clock, Effect, Metric } from "effect"
import type { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { countFibers } from "./fibers.ts"
import { watchClock } from "./time.ts"

export interface Counts {
  /** Counts the fibers of an effect. */
  readonly ofFibers: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly fibers: () => number
  /** Sleeping fibers, whether they are counted or not. */
  readonly timers: () => number
}

/** Runs an effect on a watched clock, and gives it the numbers of fibers and timers. */
export const counting = <A, E, R>(run: (counts: Counts) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Clock.Clock, (original) => {
    const { clock, timers } = watchClock(original)
    const { fibers, metrics } = countFibers()
    const ofFibers = Effect.provideService(Metric.FiberRuntimeMetrics, metrics)
    return Effect.provideService(run({ ofFibers, fibers, timers }), Clock.Clock, clock)
  })

/** No connection is open, and nothing is under way. */
export const assertNetworkAtRest = Effect.fnUntraced(function*(network: FakeNetwork.FakeNetwork["Service"]) {
  const { closed, opened } = yield* network.counters
  assert.strictEqual(closed, opened, "connections closed")
  assert.strictEqual(yield* network.pending, 0, "pending in the network")
})

/** No rule was broken, and nothing is left to happen once the sessions are gone. */
export const assertBrokerAtRest = Effect.fnUntraced(function*(broker: MemoryBroker.MemoryBroker["Service"]) {
  assert.deepStrictEqual(yield* broker.violations, [])
  // The broker may keep state for clients that are gone. That is no leftover of the client.
  yield* broker.restart({ keepSessions: false })
  assert.strictEqual(yield* broker.pending, 0, "pending in the broker")
})

export const assertNoneLeft = ({ fibers, timers }: Counts, fibersBefore = 0): void => {
  assert.strictEqual(fibers(), fibersBefore, "fibers left")
  assert.strictEqual(timers(), 0, "timers left")
}
