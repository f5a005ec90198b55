/**
 * Waits in real time for what a run comes to by itself.
 */
import { Effect, Schedule } from "effect"

/** Until the condition holds, but no longer than so many seconds. */
export const until = (condition: () => boolean, seconds: number): Effect.Effect<unknown> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.timeoutOption(seconds * 1000),
    Effect.ignore
  )
