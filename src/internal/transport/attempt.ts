/**
 * Values that may be different for every attempt to connect.
 */
import * as Effect from "effect/Effect"
import * as MqttError from "../../MqttError.ts"
import type { MqttTransport } from "../../MqttTransport.ts"

/**
 * A value, or an effect that is run for every attempt. The attempt fails with what the effect fails with if that is an
 * `MqttError`, and with `OpenFailed`, which is retryable, if it is anything else.
 *
 * @since 0.1.0
 * @category models
 */
export type PerAttempt<A> = A | Effect.Effect<A, unknown>

/** What an opening failed of, by its own name if it has one. */
export const toMqttError = (endpoint: string, cause: unknown): MqttError.MqttError =>
  cause instanceof MqttError.MqttError ? cause : MqttError.fromReason(new MqttError.OpenFailed({ endpoint, cause }))

export const evaluate = <A>(value: PerAttempt<A>, endpoint: string): Effect.Effect<A, MqttError.MqttError> =>
  Effect.isEffect(value)
    ? Effect.mapError(value, (cause) => toMqttError(endpoint, cause))
    : Effect.succeed(value)

/** A transport that no attempt can mend: the option is wrong, and what it holds may be a secret. */
export const refusing = (scheme: string, option: string, description: string): MqttTransport["Service"] => ({
  endpoint: `${scheme}//`,
  open: Effect.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))
})
