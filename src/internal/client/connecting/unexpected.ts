/**
 * Defects while the client connects, and interruptions that did not come from us. They are logged, and then treated as
 * failures.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as MqttError from "../../../MqttError.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"

/** A defect, or an interruption that is not our own end (which skips all handlers). */
const isUnexpected = (cause: Cause.Cause<unknown>): boolean => !Cause.hasFails(cause)

export const fromUnexpected = (cause: Cause.Cause<unknown>): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.ConnectionLost({ cause: Cause.squash(cause) }))

const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.annotateLogs(
    Effect.logError("A defect in the client, or in code that it runs for the program", cause),
    FailureAnnotations.ofCause(cause)
  )

/** A defect of the client, or of an effect that the program gave it, ends only the connection. */
export const failUnexpected = (cause: Cause.Cause<MqttError.MqttError>): Effect.Effect<never, MqttError.MqttError> =>
  isUnexpected(cause) ? Effect.andThen(tell(cause), Effect.fail(fromUnexpected(cause))) : Effect.failCause(cause)

/** Logs a defect of the client, or of an effect that the program gave it, and the client goes on. */
export const catchUnexpected =
  <B, E2>(recover: (cause: Cause.Cause<unknown>) => Effect.Effect<B, E2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | B, E | E2, R> =>
    Effect.catchCauseIf(self, isUnexpected, (cause) => Effect.andThen(tell(cause), recover(cause)))
