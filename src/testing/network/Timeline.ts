/**
 * Future events in order of time, and one fiber that sleeps until the first of them.
 *
 * It knows nothing of networks. Time is Effect's `Clock` alone, so on a `TestClock` it moves only when the test moves
 * it. While no events are in the future, there is no fiber and no sleep.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/**
 * Something that is to happen, until it did or was cancelled.
 *
 * @since 0.1.0
 * @category models
 */
export interface Appointment {
  readonly due: number
  readonly run: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Timeline {
  /** Milliseconds that never go back. */
  readonly now: () => number
  readonly after: (milliseconds: number, run: () => void) => Appointment
  readonly at: (due: number, run: () => void) => Appointment
  readonly cancel: (appointment: Appointment) => void
  /**
   * Wakes someone who waits: now, or, while things are happening, once everything of this instant has happened.
   */
  readonly wake: (resume: () => void) => void
  /** How much is going to happen. */
  readonly pending: () => number
}

/** A nanosecond: less than that is floating point, not waiting. */
const tolerance = 1e-6

/**
 * After this many turns of the event loop, everything has happened that followed from the last event that needed no
 * time.
 */
const turnsOfPace = 50

/**
 * A timeline that ends with its scope: events still in the future then never happen.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Timeline, never, Scope.Scope> = Effect.gen(function*() {
  const context = yield* Effect.context()
  const clock = yield* Clock.Clock
  const runFork = Effect.runForkWith(context)
  /** The latest event first; among equal times the newest first, so that `pop` takes them in order. */
  const appointments: Array<Appointment> = []
  let sleepers: Array<() => void> = []
  let alarm: Fiber.Fiber<void> | undefined
  let alarmDue: number | undefined
  let isRinging = false
  let isClosed = false

  const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const nextDue = (): number | undefined => appointments[appointments.length - 1]?.due

  const ring = (): void => {
    isRinging = true
    const instant = now() + tolerance
    for (let next = nextDue(); next !== undefined && next <= instant; next = nextDue()) appointments.pop()?.run()
    while (sleepers.length > 0) {
      const woken = sleepers
      sleepers = []
      for (const resume of woken) resume()
    }
    isRinging = false
  }

  /** The least that a clock notices. */
  const least = (): number => Math.max(tolerance, clock.currentTimeMillisUnsafe() * Number.EPSILON * 4)

  /** How many turns are left in which a sleeper keeps the clock from leaping over events that need no time. */
  let pace = 0

  /**
   * A clock that a test moves far in one step leaps from one sleeper to the next. Events that need no time have no
   * sleeper, and would happen only after the leap. So a sleeper is kept for as long as such events happen.
   */
  const keepPace = (): void => {
    const isKept = pace > 0
    pace = turnsOfPace
    if (isKept) return
    const sleeping = runFork(Effect.forever(Effect.suspend(() => clock.sleep(Duration.millis(least())))))
    runFork(
      Effect.whileLoop({
        while: () => pace > 0 && !isClosed,
        body: () => Effect.yieldNow,
        step: () => {
          pace--
        }
      }).pipe(Effect.ensuring(Effect.sync(() => {
        pace = 0
        sleeping.interruptUnsafe()
      })))
    )
  }

  const alarmClock: Effect.Effect<void> = Effect.gen(function*() {
    for (let due = nextDue(); due !== undefined; due = nextDue()) {
      alarmDue = due
      const wait = due - now()
      yield* wait > tolerance ? clock.sleep(Duration.millis(wait)) : Effect.yieldNow
      ring()
    }
    alarm = undefined
    alarmDue = undefined
  })

  const setAlarm = (): void => {
    const due = nextDue()
    if (isRinging || due === alarmDue) return
    alarm?.interruptUnsafe()
    alarm = undefined
    alarmDue = due
    if (due !== undefined) alarm = runFork(alarmClock)
  }

  const at = (due: number, run: () => void): Appointment => {
    const appointment = { due, run }
    if (isClosed) return appointment
    let low = 0
    let high = appointments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (appointments[middle].due > due) low = middle + 1
      else high = middle
    }
    appointments.splice(low, 0, appointment)
    if (due - now() <= tolerance) keepPace()
    setAlarm()
    return appointment
  }

  const cancel = (appointment: Appointment): void => {
    const index = appointments.indexOf(appointment)
    if (index === -1) return
    appointments.splice(index, 1)
    setAlarm()
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      appointments.length = 0
      setAlarm()
    })
  )
  return {
    now,
    after: (milliseconds, run) => at(now() + milliseconds, run),
    at,
    cancel,
    wake: (resume) => {
      if (isRinging) sleepers.push(resume)
      else resume()
    },
    pending: () => appointments.length
  }
})
