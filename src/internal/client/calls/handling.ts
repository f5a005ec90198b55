/**
 * What becomes of messages by how their handler ended: acknowledged, refused, or left as they are.
 *
 * Which messages they are, one or a batch, is the consumer's business.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as MqttError from "../../../MqttError.ts"
import type { ReasonCode } from "../../../protocol/ReasonCode.ts"
import type { ConsumeOptions } from "../../clientOptions.ts"

/** What a message is answered with when its handler failed and the consumer goes on. MQTT 5.0 section 3.4.2.1. */
const unspecifiedError = 0x80

export interface Handling {
  readonly onFailure: ConsumeOptions["onFailure"]
  /** The messages are dealt with. */
  readonly settle: (reasonCode: ReasonCode) => void
  /** Logs a failure after which the consumer goes on. */
  readonly log: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
}

export const handle = <E, R>(
  handler: Effect.Effect<unknown, E, R>,
  { log, onFailure = "stop", settle }: Handling
): Effect.Effect<unknown, Exclude<E, MqttError.MqttRejected>, R> => {
  // A handler that succeeded is acknowledged as it ends: nothing comes in between, an interruption neither.
  const handled = Effect.onExitPrimitive(handler, (exit) => {
    const reasonCode = Exit.isSuccess(exit) ? 0x00 : rejectedWith(exit.cause)
    if (reasonCode !== undefined) settle(reasonCode)
    return undefined
  })
  // Not for an interruption of the consumer, which ends here; a handler may also have interrupted itself.
  return Effect.catchCause(handled, (cause) => {
    if (rejectedWith(cause) !== undefined) return Effect.void
    if (onFailure === "stop") return Effect.failCause(cause as Cause.Cause<Exclude<E, MqttError.MqttRejected>>)
    return Effect.map(log(cause), () => settle(onFailure === "reject" ? unspecifiedError : 0x00))
  })
}

const rejectedWith = (cause: Cause.Cause<unknown>): number | undefined => {
  const error = Result.getOrUndefined(Cause.findError(cause))
  return error instanceof MqttError.MqttRejected ? error.reasonCode : undefined
}
