/**
 * Messages of one key one after another, in the order of arrival, and those of different keys at once.
 *
 * Each waits for the one before it in its lane. How a message is dealt with, and what its key is, is the consumer's.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"

/** So many for each that is dealt with are out of the buffer, so that keys whose turn it is not hold up no others. */
const ahead = 16

/** Ends when the stream has ended and everything is dealt with, or with the first failure. */
export const run = <A extends { readonly key: unknown }, E, R, E2>(
  items: Stream.Stream<A, E2>,
  concurrency: number | "unbounded",
  process: (item: A) => Effect.Effect<unknown, E, R>
): Effect.Effect<void, E | E2, R> => {
  const atOnce = concurrency === "unbounded" ? Infinity : concurrency
  const turns = Semaphore.makeUnsafe(atOnce)
  /** Waits until the last one of a lane is dealt with. */
  const lanes = new Map<unknown, Effect.Effect<void>>()
  const inLanes = Stream.map(items, (item) => {
    const { key } = item
    const before = lanes.get(key) ?? Effect.void
    const done = Deferred.makeUnsafe<void>()
    const isDone = Deferred.await(done)
    lanes.set(key, isDone)
    const leave = Effect.suspend(() => {
      if (lanes.get(key) === isDone) lanes.delete(key)
      return Deferred.succeed(done, undefined)
    })
    return before.pipe(Effect.andThen(turns.withPermits(1)(process(item))), Effect.andThen(leave))
  })
  const options = { concurrency: atOnce * ahead, unordered: true }
  return Stream.runDrain(Stream.mapEffect(inLanes, (dealing) => dealing, options))
}
