/**
 * A client of the engine as the service of this package.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Engine from "../../../engine/index.ts"
import type { ProgramRuntime } from "./bridge.ts"
import { Membrane } from "./membrane.ts"
import * as References from "./references.ts"

export type Service = Readonly<Record<string, unknown>>

/** The calls that live as long as the caller's scope. */
const scopedCalls = ["subscribe"]

/** What the engine is to make, of options that are still the program's. */
export type Making<R> = (
  membrane: Membrane,
  runtime: ProgramRuntime
) => Effect.Effect<Engine.Effect<object, unknown, Engine.Scope>, never, R>

/** A client that runs with what the program provides here. */
export const make = <R = never>(making: Making<R>): Effect.Effect<Service, unknown, R | Scope.Scope> =>
  Effect.gen(function*() {
    const membrane = yield* Membrane.make
    const runtime = yield* Effect.runtime<never>()
    const client = yield* making(membrane, runtime)
    return yield* membrane.scopedService(yield* References.provideTo(client, membrane, runtime), scopedCalls)
  })
