/**
 * How effects start and end, in types that depend on no version of Effect.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"

export type Reason<E> =
  | { readonly _tag: "Fail"; readonly error: E }
  | { readonly _tag: "Die"; readonly defect: unknown }
  | { readonly _tag: "Interrupt" }

export type Outcome<A, E> =
  | { readonly _tag: "Success"; readonly value: A }
  | { readonly _tag: "Failure"; readonly reasons: ReadonlyArray<Reason<E>> }

/** Starts work of the host. The returned function interrupts it, and `done` is called at its end in any case. */
export type Start<A, E> = (done: (outcome: Outcome<A, E>) => void) => () => void

/** An `Exit` as a host may see it. */
export const outcomeOf = <A, E>(exit: Exit.Exit<A, E>): Outcome<A, E> =>
  exit._tag === "Success" ? exit : { _tag: "Failure", reasons: exit.cause.reasons }

export const exitOf = <A, E>(outcome: Outcome<A, E>): Exit.Exit<A, E> =>
  outcome._tag === "Success"
    ? Exit.succeed(outcome.value)
    : Exit.failCause(Cause.fromReasons(outcome.reasons.map(reasonOf)))

/** The end of a stream or a schedule, which is a failure in Effect 4. */
export const isEnd = (reason: Cause.Reason<unknown>): boolean => reason._tag === "Fail" && Cause.isDone(reason.error)

const reasonOf = <E>(reason: Reason<E>): Cause.Reason<E> => {
  switch (reason._tag) {
    case "Fail":
      return Cause.makeFailReason(reason.error)
    case "Die":
      return Cause.makeDieReason(reason.defect)
    case "Interrupt":
      return Cause.makeInterruptReason()
  }
}
