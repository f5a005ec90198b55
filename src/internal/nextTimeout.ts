/** The time limit of `next`, for the client and for typed topics. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MqttError from "../MqttError.ts"

/** Fails with `NextTimeout` if there is a timeout. The error shows `topicFilter` to people. */
export const within = <A, R>(
  waiting: Effect.Effect<A, MqttError.MqttError, R>,
  topicFilter: string,
  timeout: Duration.Input | undefined
): Effect.Effect<A, MqttError.MqttError, R> => {
  if (timeout === undefined) return waiting
  const duration = Duration.fromInputUnsafe(timeout)
  return Effect.timeoutOrElse(waiting, {
    duration,
    orElse: () =>
      Effect.fail(
        MqttError.fromReason(new MqttError.NextTimeout({ topicFilter, timeout: Duration.toMillis(duration) }))
      )
  })
}
