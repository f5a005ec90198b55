/**
 * Time in tests on a `TestClock`: the durations on the fake network, and calls that let time pass.
 *
 * A test says when time passes. `begin` takes no time. `settle` lets everything happen that needs no time.
 * `advanceWhile` and `complete` let time pass. `sleepThrough` puts the clock forward while all timers stand still.
 */
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

// -- Milliseconds on the fake network, and of the clients that tests make ---------------------------------------------

/** One way. */
export const latency = 20
/** Time for the client to read a packet, and for the server to read the answer. */
export const roundTrip = 2 * latency
/** Opening a connection. */
export const connecting = 80
/** A connection attempt that is refused. */
export const failingConnect = 2 * connecting
export const responseTimeout = 120
export const reconnectDelay = 80
/** From the first attempt to CONNACK. */
export const connected = connecting + roundTrip
/** From the loss of a connection to CONNACK on the next. */
export const reconnected = reconnectDelay + connected

// -- Letting time pass ------------------------------------------------------------------------------------------------

/** Starts an effect. Its fiber tells later how it ended. No time passes. */
export const begin = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Lets everything happen that needs no time. */
export const settle: Effect.Effect<void> = Effect.repeat(Effect.yieldNow, { times: 20 })

/** Runs an effect that may need this time, and lets all of it pass. */
export const advanceWhile = Effect.fnUntraced(
  function*<A, E, R>(effect: Effect.Effect<A, E, R>, duration: Parameters<typeof TestClock.adjust>[0]) {
    const fiber = yield* begin(effect)
    yield* TestClock.adjust(duration)
    return yield* Fiber.join(fiber)
  }
)

/** Lets time pass until the effect is done. */
export const complete = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  const limit = 60_000
  const fiber = yield* begin(effect)
  for (let passed = 0; fiber.pollUnsafe() === undefined; passed += latency) {
    if (passed > limit) return yield* Effect.die(new Error(`not done after ${limit} ms`))
    yield* TestClock.adjust(latency)
  }
  return yield* Fiber.join(fiber)
})

// -- A clock under observation ----------------------------------------------------------------------------------------

/** A clock that counts the fibers that sleep on it. A test can change its readings without waking any of them. */
export interface WatchedClock {
  readonly clock: Clock.Clock
  /** The number of sleeping fibers. */
  readonly timers: () => number
  /** The machine slept: monotonic time is ahead of the timers. */
  readonly putForward: (milliseconds: number) => void
  /** Somebody set the wall clock. */
  readonly jump: (milliseconds: number) => void
}

/** The watched clock behind each clock that the program gets, so that `sleepThrough` finds its own. */
const watched = new WeakMap<Clock.Clock, WatchedClock>()

export const watchClock = (original: Clock.Clock): WatchedClock => {
  let timers = 0
  let late = 0n
  let jumped = 0
  const wall = () => original.currentTimeMillisUnsafe() + jumped
  const wallNanos = () => original.currentTimeNanosUnsafe() + BigInt(jumped) * 1_000_000n
  const clock: Clock.Clock = Object.assign(Object.create(original), {
    currentTimeMillisUnsafe: wall,
    currentTimeNanosUnsafe: wallNanos,
    currentTimeMillis: Effect.sync(wall),
    currentTimeNanos: Effect.sync(wallNanos),
    monotonicTimeNanosUnsafe: () => original.monotonicTimeNanosUnsafe() + late,
    sleep: (duration: Parameters<Clock.Clock["sleep"]>[0]) =>
      Effect.acquireUseRelease(
        Effect.sync(() => timers++),
        () => original.sleep(duration),
        () => Effect.sync(() => timers--)
      )
  })
  const watchedClock: WatchedClock = {
    clock,
    timers: () => timers,
    putForward: (milliseconds) => {
      late += BigInt(milliseconds) * 1_000_000n
    },
    jump: (milliseconds) => {
      jumped += milliseconds
    }
  }
  watched.set(clock, watchedClock)
  return watchedClock
}

/** Time passes and no timer fires, as if the machine slept. Only on a watched clock. */
export const sleepThrough = (milliseconds: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.Clock, (clock) => {
    const watchedClock = watched.get(clock)
    return watchedClock === undefined
      ? Effect.die(new Error("sleepThrough needs a watched clock"))
      : Effect.sync(() => watchedClock.putForward(milliseconds))
  })
