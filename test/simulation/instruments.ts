/**
 * What a run is driven and measured with: a clock that counts who sleeps and whose wall clock can jump, a count of
 * fibers, and randomness from the seed.
 */
import { type Clock, type Duration, Effect, type Random } from "effect"
import * as SeededRandom from "../protocol/Random.ts"

/** A clock that counts who sleeps on it and whose wall clock can jump. */
export const watch = (clock: Clock.Clock) => {
  let timers = 0
  let jumped = 0
  const wall = () => clock.currentTimeMillisUnsafe() + jumped
  const wallNanos = () => clock.currentTimeNanosUnsafe() + BigInt(jumped) * 1_000_000n
  const watched: Clock.Clock = Object.assign(Object.create(clock), {
    currentTimeMillisUnsafe: wall,
    currentTimeNanosUnsafe: wallNanos,
    currentTimeMillis: Effect.sync(wall),
    currentTimeNanos: Effect.sync(wallNanos),
    sleep: (duration: Duration.Duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => timers++),
        () => clock.sleep(duration),
        () => Effect.sync(() => timers--)
      )
  })
  return {
    clock: watched,
    timers: () => timers,
    jump: (milliseconds: number) => {
      jumped += milliseconds
    }
  }
}

export const countFibers = () => {
  let live = 0
  return { live: () => live, metrics: { recordFiberStart: () => void live++, recordFiberEnd: () => void live-- } }
}

export const seededRandom = (seed: number): (typeof Random.Random)["Service"] => {
  const random = SeededRandom.make(seed ^ 0x5eed)
  const limit = 2 ** 31 - 1
  return {
    nextIntUnsafe: () => random.integer(0, limit),
    nextDoubleUnsafe: () => random.integer(0, limit) / (limit + 1)
  }
}
