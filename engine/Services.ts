/**
 * Services from layers.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/** One service of a layer, which lives as long as the scope. */
export const serviceIn = <A, I, S, E>(
  layer: Layer.Layer<A, E>,
  key: Context.Key<I & A, S>
): Effect.Effect<S, E, Scope.Scope> =>
  Effect.map(Layer.build(layer), (context) => Context.get(context as Context.Context<I & A>, key))
