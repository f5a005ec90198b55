/**
 * Messages of one key one after another, in the order of arrival, and those of different keys at once.
 *
 * A key has a lane as long as something is in it. How a message is dealt with, and what its key is, is the consumer's.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"

/** So many for each that is dealt with are out of the buffer, so that keys whose turn it is not hold up no others. */
const ahead = 16

export interface Lanes<A, E, R> {
  readonly concurrency: number | "unbounded"
  readonly keyOf: (item: A) => unknown
  readonly process: (item: A) => Effect.Effect<unknown, E, R>
}

/** Ends when the stream has ended and everything is dealt with, or with the first failure. */
export const run = <A, E, R, E2>(
  items: Stream.Stream<A, E2>,
  { concurrency, keyOf, process }: Lanes<A, E, R>
): Effect.Effect<void, E | E2, R> =>
  Effect.scoped(Effect.gen(function*() {
    const workers = yield* FiberSet.make<void, E>()
    const atOnce = concurrency === "unbounded" ? Infinity : concurrency
    const places = Semaphore.makeUnsafe(atOnce * ahead)
    const turns = Semaphore.makeUnsafe(atOnce)
    const lanes = new Map<unknown, Array<A>>()

    const work = (key: unknown, lane: Array<A>) =>
      Effect.whileLoop({
        while: () => lane.length > 0,
        // The next of this key is behind those of all other keys that wait for their turn.
        body: () =>
          turns.withPermits(1)(Effect.suspend(() => process(lane[0]))).pipe(Effect.andThen(places.release(1))),
        step: () => {
          lane.shift()
          if (lane.length === 0) lanes.delete(key)
        }
      })

    const add = (item: A): Effect.Effect<unknown, never, R> => {
      const key = keyOf(item)
      const lane = lanes.get(key)
      if (lane !== undefined) return Effect.sync(() => lane.push(item))
      const begun = [item]
      lanes.set(key, begun)
      return FiberSet.run(workers, work(key, begun), { propagateInterruption: true })
    }

    const all = items.pipe(
      Stream.runForEach((item) => Effect.andThen(places.take(1), Effect.suspend(() => add(item)))),
      Effect.andThen(FiberSet.awaitEmpty(workers))
    )
    yield* Effect.raceFirst(all, FiberSet.join(workers))
  }))
