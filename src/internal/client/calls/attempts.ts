/**
 * Tries to save a message whose handler failed: first with further attempts, then with a dead letter.
 *
 * A message that waits for its next attempt keeps its place, so acknowledgements keep their order.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { ConsumeOptions } from "../../receivingOptions.ts"
import type { Lifetime } from "../lifetime.ts"
import type { DeadLetters } from "./deadLetters.ts"
import { type Failed, type Handled, rejectedWith } from "./handling.ts"
import type { Held } from "./held.ts"

/** The counters of a client's consumers. */
export interface Counts {
  handlerRetries: number
  deadLetters: number
}

export interface MendingOptions {
  readonly attempts: ConsumeOptions["attempts"]
  readonly deadLetters: DeadLetters | undefined
  readonly held: Held
  readonly lifetime: Lifetime
  readonly counts: Counts
  readonly isEnding: () => boolean
}

type Step = (input: unknown) => Pull.Pull<unknown, never, unknown>

export const mending = (options: MendingOptions) => <E, R>(failed: Failed<E, R>): Handled<E, R> => {
  const { attempts } = options
  if (attempts === undefined) return bury(options, failed, failed.cause, 1)
  return Effect.flatMap(
    Schedule.toStepWithSleep(attempts),
    (step) => next(options, failed, step, { cause: failed.cause, attempts: 1 })
  )
}

interface SoFar<E> {
  readonly cause: Cause.Cause<E>
  readonly attempts: number
}

const next = <E, R>(
  options: MendingOptions,
  failed: Failed<E, R>,
  step: Step,
  { attempts, cause }: SoFar<E>
): Handled<E, R> => {
  // The message goes back with the others that the consumer leaves.
  if (options.isEnding()) return Effect.void
  const { attempt, worker } = failed
  worker.isWaiting = true
  return Effect.matchEffect(step(Cause.squash(cause)), {
    onFailure: () => {
      worker.isWaiting = false
      return bury(options, failed, cause, attempts)
    },
    onSuccess: () => {
      worker.isWaiting = false
      options.counts.handlerRetries++
      return Effect.catchCause(
        attempt,
        (cause) =>
          rejectedWith(cause) === undefined
            ? next(options, failed, step, { cause, attempts: attempts + 1 })
            : Effect.void
      )
    }
  })
}

const bury = <E, R>(
  { counts, deadLetters, held, lifetime }: MendingOptions,
  { delivery, giveUp }: Failed<E, R>,
  cause: Cause.Cause<E>,
  attempts: number
): Handled<E, R> => {
  if (deadLetters === undefined) return giveUp(cause)
  const { message } = delivery
  // As after a handler that succeeded, the message is acknowledged before anything else can happen.
  const buried = Effect.onExitPrimitive(deadLetters.publish({ message, cause, attempts }), (exit) => {
    if (Exit.isFailure(exit)) return undefined
    counts.deadLetters++
    held.settle(delivery, 0x00)
    return undefined
  })
  return Effect.catchCause(
    buried,
    // If the client has closed, the message is left as it is.
    (because) => lifetime.closedBy === undefined ? giveUp(Cause.combine(because, cause)) : Effect.void
  )
}
