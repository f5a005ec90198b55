/**
 * The promises of every store, as checks for any test runner: for authors of stores.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import { fromScopedEffect } from "../internal/bridge.ts"
import { Membrane } from "../internal/membrane.ts"
import { type Store, toEngine } from "../internal/store.ts"

export class StoreViolation extends Data.TaggedError("StoreViolation")<{
  readonly store: string
  readonly promise: string
  readonly seen: string
}> {
  override get message(): string {
    return new Engine.StoreSuite.StoreViolation(this).message
  }
}

const violationOf = (error: unknown): unknown =>
  error instanceof Engine.StoreSuite.StoreViolation ? new StoreViolation(error) : error

type Place = Effect.Effect<Store, unknown, Scope.Scope>

interface Check {
  readonly name: string
  readonly check: Effect.Effect<unknown, unknown>
}

export const checks = (
  newPlace: Effect.Effect<Place, unknown, Scope.Scope>,
  options?: { readonly seeds?: ReadonlyArray<number> }
): ReadonlyArray<Check> =>
  Engine.StoreSuite.checks(Engine.never, options).map(({ name }, index) => ({
    name,
    check: Effect.gen(function*() {
      const membrane = yield* Membrane.make
      const runtime = yield* Effect.runtime<never>()
      const engineStore = (store: Store) => toEngine(store, membrane, runtime)
      const place = (one: Place) => fromScopedEffect(Effect.map(one, engineStore), runtime)
      const checks = Engine.StoreSuite.checks(fromScopedEffect(Effect.map(newPlace, place), runtime) as never, options)
      return yield* Effect.mapError(membrane.effect(checks[index].check), violationOf)
    })
  }))
