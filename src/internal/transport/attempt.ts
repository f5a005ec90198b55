/**
 * Values that may be different for every attempt to connect.
 */
import * as Effect from "effect/Effect"
import * as MqttError from "../../MqttError.ts"
import type { MqttTransport } from "../../MqttTransport.ts"

/**
 * A value, or an effect that is run for every attempt. If the effect fails with an `MqttError`, the attempt fails with
 * that error. If it fails with another error, the attempt fails with `OpenFailed`, which is retryable.
 *
 * @since 0.1.0
 * @category models
 */
export type PerAttempt<A> = A | Effect.Effect<A, unknown>

/** The error of an opening: an `MqttError` as it is, and any other as `OpenFailed`. */
export const toMqttError = (endpoint: string, cause: unknown): MqttError.MqttError =>
  cause instanceof MqttError.MqttError ? cause : MqttError.fromReason(new MqttError.OpenFailed({ endpoint, cause }))

export const evaluate = <A>(value: PerAttempt<A>, endpoint: string): Effect.Effect<A, MqttError.MqttError> =>
  Effect.isEffect(value)
    ? Effect.mapError(value, (cause) => toMqttError(endpoint, cause))
    : Effect.succeed(value)

/** A transport that no attempt can mend: the option is wrong, and its value may be a secret. */
export const refusing = (scheme: string, option: string, description: string): MqttTransport["Service"] => ({
  endpoint: `${scheme}//`,
  open: Effect.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))
})
