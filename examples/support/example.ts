/**
 * The rules of every example: it ends within fifteen seconds and fails if it did not work, or goes on with `--forever`.
 */
import { type Cause, Duration, Effect, References, Schedule, Schema, type Scope } from "effect"

export const isForever = process.argv.includes("--forever")

/** The example did not behave as described. */
export class Unexpected extends Schema.TaggedError<Unexpected>()("Unexpected", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

/** Fails unless the condition holds. */
export const expect = (isSo: boolean, description: string): Effect.Effect<void, Unexpected> =>
  isSo ? Effect.void : Effect.fail(new Unexpected({ description }))

/** Waits for a condition that nothing announces, for a limited time. */
export const eventually = <R>(isSo: Effect.Effect<boolean, never, R>): Effect.Effect<void, never, R> =>
  isSo.pipe(
    Effect.repeat({ until: (isSo) => isSo, schedule: Schedule.spaced("20 millis") }),
    Effect.timeoutOption("3 seconds"),
    Effect.asVoid
  )

/** Gives up early enough to report it within fifteen seconds. */
export const timeLimit: Duration.Input = isForever ? Duration.infinity : "14 seconds"

/** Once within the time limit, or again and again. */
export const onceOrForever = <A, E, R>(
  program: Effect.Effect<A, E, R>
): Effect.Effect<void, E | Cause.TimeoutError, Exclude<R, Scope.Scope>> => {
  const once = Effect.scoped(program)
  return isForever
    ? Effect.asVoid(Effect.repeat(once, Schedule.spaced("1 second")))
    : Effect.asVoid(Effect.timeout(once, timeLimit))
}

/** Hides the client's logs about an outage, because these programs print the outage themselves. */
export const quietly = Effect.provideService(References.MinimumLogLevel, "Error")
