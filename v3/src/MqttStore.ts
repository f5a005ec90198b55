/**
 * Stores for messages and Session State that outlive a process, for Effect 3.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Engine from "../../engine/index.ts"
import { fromEngine, type Store } from "./internal/store.ts"

export interface Provided {
  readonly store: Store
  /** The engine keeps the session in the store. */
  readonly keeping: undefined
}

export class MqttStore extends Context.Reference<MqttStore>()("effect-mqtt-v3/MqttStore", {
  defaultValue: (): Provided | undefined => undefined
}) {}

const provided = (store: Store): Provided => ({ store, keeping: undefined })

export const { tables } = Engine.MqttStore

export const layer = <E, R>(make: Effect.Effect<Store, E, R>): Layer.Layer<never, E, Exclude<R, Scope.Scope>> =>
  Layer.scoped(MqttStore, Effect.map(make, provided)) as Layer.Layer<never, E, Exclude<R, Scope.Scope>>

export const provide = <A, E, R>(effect: Effect.Effect<A, E, R>, store: Store): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, MqttStore, provided(store)) as Effect.Effect<A, E, R>

export const makeMemory = Effect.orDie(fromEngine(Engine.MqttStore.makeMemory))

export const layerMemory: Layer.Layer<never> = layer(makeMemory)
