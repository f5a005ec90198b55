/**
 * Converts between an `Exit` of Effect 3 and an `Outcome` of the engine, and translates errors of the library.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Engine from "../../../engine/index.ts"
import * as Errors from "./errors.ts"

const causeOfReason = (reason: Engine.Reason<unknown>): Cause.Cause<unknown> => {
  switch (reason._tag) {
    case "Fail":
      return Cause.fail(Errors.toEffect3(reason.error))
    case "Die":
      return Cause.die(Errors.toEffect3(reason.defect))
    case "Interrupt":
      return Cause.interrupt(FiberId.none)
  }
}

export const causeOf = (reasons: ReadonlyArray<Engine.Reason<unknown>>): Cause.Cause<unknown> =>
  reasons.map(causeOfReason).reduce((all, one) => Cause.isEmptyType(all) ? one : Cause.parallel(all, one), Cause.empty)

export const exitOf = (outcome: Engine.Outcome<unknown, unknown>): Exit.Exit<unknown, unknown> =>
  outcome._tag === "Success" ? Exit.succeed(outcome.value) : Exit.failCause(causeOf(outcome.reasons))

const reasonsOf = (cause: Cause.Cause<unknown>): ReadonlyArray<Engine.Reason<unknown>> => [
  ...Array.from(Cause.failures(cause), (error) => ({ _tag: "Fail", error: Errors.toEngine(error) }) as const),
  ...Array.from(Cause.defects(cause), (defect) => ({ _tag: "Die", defect: Errors.toEngine(defect) }) as const),
  ...(Cause.isInterrupted(cause) ? [{ _tag: "Interrupt" } as const] : [])
]

export const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Engine.Outcome<unknown, unknown> =>
  Exit.isSuccess(exit)
    ? { _tag: "Success", value: exit.value }
    : { _tag: "Failure", reasons: reasonsOf(exit.cause) }
