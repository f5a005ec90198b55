/**
 * Settles a message when its handler has ended: it is acknowledged, refused, or left as it is.
 *
 * `workers.ts` decides when each message is handled. `attempts.ts` decides what happens before a failure counts.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"
import { harmless } from "../../harmlessText.ts"
import type { PacedLog } from "../../pacedLog.ts"
import type { ConsumeOptions } from "../../receivingOptions.ts"
import type { Delivery } from "../incoming/handover.ts"
import type { Held } from "./held.ts"
import type { Worker } from "./workers.ts"

/** The answer to a message whose handler failed while the consumer goes on. MQTT 5.0 section 3.4.2.1. */
const unspecifiedError = 0x80

/** Fails if the consumer must end. */
export type Handled<E, R> = Effect.Effect<unknown, Exclude<E, MqttError.MqttRejected> | MqttError.MqttError, R>

/** A message whose handler failed, and the possible remedies. */
export interface Failed<E, R> {
  readonly worker: Worker
  readonly delivery: Delivery
  readonly cause: Cause.Cause<E>
  /** Runs the handler once more. */
  readonly attempt: Effect.Effect<unknown, E, R>
  /** No remedy has helped: applies `onFailure`. */
  readonly giveUp: (cause: Cause.Cause<E | MqttError.MqttError>) => Handled<E, R>
}

/** The options that all handlers of a consumer share. */
export interface Policy<E, R> {
  readonly handler: (message: MqttMessage) => Effect.Effect<unknown, E, R>
  readonly onFailure: ConsumeOptions["onFailure"]
  readonly held: Held
  readonly paced: PacedLog
  /** The consumer is about to end, for a reason of its own. */
  readonly isEnding: () => boolean
  /** The remedy to try before `onFailure`. */
  readonly mend: ((failed: Failed<E, R>) => Handled<E, R>) | undefined
}

/** One effect for all messages of a worker: running it deals with the worker's current message. */
export const handling = <E, R>(policy: Policy<E, R>) => (worker: Worker): Handled<E, R> => {
  const { handler, held, mend } = policy
  const handled = Effect.suspend(() =>
    worker.delivery === undefined ? Effect.void : worker.failure ?? handler(worker.delivery.message)
  )
  // A successful handler is acknowledged as it ends: nothing can come in between, not even an interruption.
  const attempt = Effect.onExitPrimitive(handled, (exit) => {
    const reasonCode = Exit.isSuccess(exit) ? 0x00 : rejectedWith(exit.cause)
    if (reasonCode !== undefined && worker.delivery !== undefined) held.settle(worker.delivery, reasonCode)
    return undefined
  })
  // An interruption of the consumer ends here and is not handled. A handler may also have interrupted itself.
  return Effect.catchCause(attempt, (cause) => {
    const { delivery } = worker
    if (delivery === undefined || rejectedWith(cause) !== undefined) return Effect.void
    const giveUp = (cause: Cause.Cause<E | MqttError.MqttError>) => fail(policy, delivery, cause)
    return mend === undefined ? giveUp(cause) : mend({ worker, delivery, cause, attempt, giveUp })
  })
}

const fail = <E, R>(
  { held, isEnding, onFailure = "stop", paced }: Policy<E, R>,
  delivery: Delivery,
  cause: Cause.Cause<E | MqttError.MqttError>
): Handled<E, R> => {
  const log = paced.write(failed(cause, delivery))
  if (onFailure === "stop") {
    const end = Effect.failCause(cause as Cause.Cause<Exclude<E, MqttError.MqttRejected> | MqttError.MqttError>)
    // The consumer may end with another error, so this one is also logged.
    return isEnding() ? Effect.andThen(log, end) : end
  }
  return Effect.map(log, () => held.settle(delivery, onFailure === "reject" ? unspecifiedError : 0x00))
}

const failed = (cause: Cause.Cause<unknown>, { message }: Delivery): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logError("A message handler failed", cause), {
    ...FailureAnnotations.ofCause(cause),
    topic: harmless(message.topic)
  })

export const rejectedWith = (cause: Cause.Cause<unknown>): number | undefined => {
  const error = Result.getOrUndefined(Cause.findError(cause))
  return error instanceof MqttError.MqttRejected ? error.reasonCode : undefined
}
