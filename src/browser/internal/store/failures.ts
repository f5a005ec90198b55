/** Failures of IndexedDB or of a lock, as `StoreFailed`. */
import * as Effect from "effect/Effect"
import * as MqttError from "../../../MqttError.ts"

export type Operation = MqttError.StoreFailed["operation"]

/** Names of exceptions, by problem; all other exceptions mean that the database cannot be reached. */
const problems: { readonly [name: string]: MqttError.StoreProblem } = {
  DataError: "Corrupt",
  InvalidStateError: "Closed",
  NotFoundError: "Corrupt",
  NotReadableError: "Corrupt",
  QuotaExceededError: "Full",
  ReadOnlyError: "ReadOnly",
  VersionError: "NewerFormat"
}

/** If a browser keeps no databases in a private window, opening one fails with this name. */
const isPrivate = (operation: Operation, name: string): boolean => operation === "open" && name === "InvalidStateError"

const problemOf = (operation: Operation, cause: unknown): MqttError.StoreProblem => {
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : ""
  return isPrivate(operation, name) ? "Unavailable" : problems[name] ?? "Unavailable"
}

/** The failures of one store. */
export interface Failures {
  readonly of: (operation: Operation, problem: MqttError.StoreProblem, cause: unknown) => MqttError.MqttError
  readonly from: (operation: Operation, cause: unknown) => MqttError.MqttError
  readonly inUse: MqttError.MqttError
}

export const make = (store: string): Failures => {
  const of: Failures["of"] = (operation, problem, cause) =>
    MqttError.fromReason(new MqttError.StoreFailed({ store, operation, problem, cause }))
  return {
    of,
    from: (operation, cause) => of(operation, problemOf(operation, cause), cause),
    get inUse() {
      const holder = "another tab, window or worker of this site, or another client in this one"
      return MqttError.fromReason(
        new MqttError.StoreFailed({ store, operation: "open", problem: "InUse", holder })
      )
    }
  }
}

/** Runs work that may throw. */
export const attempt = <A>(
  failures: Failures,
  operation: Operation,
  work: () => A
): Effect.Effect<A, MqttError.MqttError> => Effect.try({ try: work, catch: (cause) => failures.from(operation, cause) })
