/**
 * What every example keeps to: it ends within fifteen seconds and fails when it did not work, or goes on with `--forever`.
 */
import { type Cause, Duration, Effect, References, Schedule, Schema, type Scope } from "effect"

export const isForever = process.argv.includes("--forever")

/** An example that did not show what it is to show. */
export class Unexpected extends Schema.TaggedError<Unexpected>()("Unexpected", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

/** Fails unless it is so. */
export const expect = (isSo: boolean, description: string): Effect.Effect<void, Unexpected> =>
  isSo ? Effect.void : Effect.fail(new Unexpected({ description }))

/** Waits until it is so, for things that nobody tells of, and not for ever. */
export const eventually = <R>(isSo: Effect.Effect<boolean, never, R>): Effect.Effect<void, never, R> =>
  isSo.pipe(
    Effect.repeat({ until: (isSo) => isSo, schedule: Schedule.spaced("20 millis") }),
    Effect.timeoutOption("3 seconds"),
    Effect.asVoid
  )

/** Given up in time to say so within fifteen seconds. */
export const timeLimit: Duration.Input = isForever ? Duration.infinity : "14 seconds"

/** Once within the time there is, or again and again. */
export const onceOrForever = <A, E, R>(
  program: Effect.Effect<A, E, R>
): Effect.Effect<void, E | Cause.TimeoutError, Exclude<R, Scope.Scope>> => {
  const once = Effect.scoped(program)
  return isForever
    ? Effect.asVoid(Effect.repeat(once, Schedule.spaced("1 second")))
    : Effect.asVoid(Effect.timeout(once, timeLimit))
}

/** Without what a client logs about an outage, which these programs show themselves. */
export const quietly = Effect.provideService(References.MinimumLogLevel, "Error")
