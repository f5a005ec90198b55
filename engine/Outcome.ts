/**
 * How something ended, and how it is started, in words that no version of Effect owns.
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

/** Starts something of the host's. What it returns ends that, and `done` hears of the end in any case. */
export type Start<A, E> = (done: (outcome: Outcome<A, E>) => void) => () => void

/** An `Exit` as a host may see it. */
export const outcomeOf = <A, E>(exit: Exit.Exit<A, E>): Outcome<A, E> =>
  exit._tag === "Success" ? exit : { _tag: "Failure", reasons: exit.cause.reasons }

export const exitOf = <A, E>(outcome: Outcome<A, E>): Exit.Exit<A, E> =>
  outcome._tag === "Success"
    ? Exit.succeed(outcome.value)
    : Exit.failCause(Cause.fromReasons(outcome.reasons.map(reasonOf)))

/** The end of a stream or a schedule, which Effect 4 tells as a failure. */
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
