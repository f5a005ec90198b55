/** Failures of a store on a `KeyValueStore`, as `StoreFailed`. */
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import { fromReason, type MqttError, StoreFailed } from "../../MqttError.ts"
import type { StoreProblem } from "../problems.ts"

export type Operation = StoreFailed["operation"]

export const storeName = "KeyValueStore"

export const problem = (operation: Operation, problem: StoreProblem, cause: unknown): MqttError =>
  fromReason(new StoreFailed({ store: storeName, operation, problem, cause }))

export const inUse = (): MqttError =>
  fromReason(new StoreFailed({ store: storeName, operation: "open", problem: "InUse", holder: "in this process" }))

export const closed = (operation: Operation): MqttError => problem(operation, "Closed", undefined)

/** The error and the causes in it, the outermost first. */
const causesOf = (error: unknown): ReadonlyArray<object> =>
  typeof error === "object" && error !== null ? [error, ...causesOf("cause" in error ? error.cause : undefined)] : []

/** Names and codes of errors by which browsers and systems say that there is no room. */
const noRoom: ReadonlySet<unknown> = new Set(["QuotaExceededError", "ENOSPC", "EDQUOT"])

const saysNoRoom = (error: object): boolean =>
  ("name" in error && noRoom.has(error.name)) || ("code" in error && noRoom.has(error.code))

/** A failure of the store below. */
export const failure = (operation: Operation, error: KeyValueStore.KeyValueStoreError): MqttError =>
  problem(operation, causesOf(error).some(saysNoRoom) ? "Full" : "Unavailable", error)
