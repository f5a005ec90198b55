/**
 * The promises of every store, as checks for any test runner: for people who write a store of their own.
 *
 * A check uses the store and nothing else, so it holds for files, databases and services alike. It cannot kill the
 * process or cut the power: whether a store survives that, its own tests must show.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Store } from "../internal/store/port.ts"
import type { MqttError } from "../MqttError.ts"
import * as Committing from "./store/Committing.ts"
import * as Keeping from "./store/Keeping.ts"
import * as Reading from "./store/Reading.ts"
import type { Place, Rule } from "./store/Rule.ts"
import * as Sequences from "./store/Sequences.ts"

/**
 * A store broke a promise.
 *
 * @since 0.2.0
 * @category errors
 */
export class StoreViolation extends Data.TaggedError("StoreViolation")<{
  /** The name of the store. */
  readonly store: string
  /** The promise, as a sentence about every store. It is the name of the check. */
  readonly promise: string
  /** How this store broke it. */
  readonly seen: string
}> {
  override get message(): string {
    return `The store ${this.store} breaks the promise "${this.promise}": ${this.seen}`
  }
}

/**
 * One promise. It fails with `StoreViolation` when the store breaks it, and with the `MqttError` of the store when the
 * store fails.
 *
 * @since 0.2.0
 * @category models
 */
export interface Check {
  readonly name: string
  readonly check: Effect.Effect<void, StoreViolation | MqttError>
}

const checkOf = (newPlace: Effect.Effect<Place, MqttError, Scope.Scope>) => ({ promise, test }: Rule): Check => ({
  name: promise,
  check: Effect.scoped(Effect.gen(function*() {
    const place = yield* newPlace
    const { name } = yield* Effect.scoped(place)
    yield* test(place).pipe(
      Effect.catchTag(
        "Seen",
        ({ description }) => Effect.fail(new StoreViolation({ store: name, promise, seen: description }))
      )
    )
  }))
})

/**
 * The checks of a store. Each makes a new place without records, such as an empty directory, and in it one or more
 * stores, which all have the records of that place. Two stores in memory never share records, so there both are one and
 * the same store.
 *
 * `seeds` draw the random sequences of changes: 1 to 5 unless you say otherwise.
 *
 * **Example** (The checks of the store in memory)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import { MqttStore } from "effect-mqtt"
 * import { StoreSuite } from "effect-mqtt/testing"
 *
 * const newPlace = Effect.map(MqttStore.makeMemory, (store) => Effect.succeed(store))
 *
 * for (const { check, name } of StoreSuite.checks(newPlace)) it.effect(name, () => check)
 * ```
 *
 * @since 0.2.0
 * @category checks
 */
export const checks = (
  newPlace: Effect.Effect<Effect.Effect<Store, MqttError, Scope.Scope>, MqttError, Scope.Scope>,
  options: { readonly seeds?: ReadonlyArray<number> } = {}
): ReadonlyArray<Check> =>
  [
    ...Reading.rules,
    ...Committing.rules,
    ...Keeping.rules,
    ...(options.seeds ?? [1, 2, 3, 4, 5]).map(Sequences.rule)
  ].map(checkOf(newPlace))
