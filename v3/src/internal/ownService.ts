/**
 * A service under a key of the program's own, so that a program can have several clients.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A class that is such a key. */
export interface OwnService<Identifier, Service> extends Context.TagClass<unknown, string, Service> {
  readonly layer: <E, R>(client: Layer.Layer<Identifier, E, R>) => Layer.Layer<unknown, E, R>
  readonly provide: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, unknown>
  readonly layerClient: Layer.Layer<Identifier, never, unknown>
}

export const ownService = <Identifier, Service>(
  key: string,
  client: Context.Tag<Identifier, Service>
): OwnService<Identifier, Service> => {
  class Own extends Context.Tag(key)<Own, Service>() {
    static readonly layer = <E, R>(of: Layer.Layer<Identifier, E, R>) => Layer.provide(Layer.effect(Own, client), of)
    static readonly provide = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.provideServiceEffect(effect, client, Own)
    // Not memoized: layers inside may put another client under this key.
    static readonly layerClient = Layer.fresh(Layer.effect(client, Own))
  }
  return Own as unknown as OwnService<Identifier, Service>
}
