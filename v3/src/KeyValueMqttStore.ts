/**
 * A `MqttStore` on any `KeyValueStore` of `@effect/platform`.
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Engine from "../../engine/index.ts"
import { fromEffect, type ProgramRuntime } from "./internal/bridge.ts"
import { fromEngine, type Store } from "./internal/store.ts"
import * as MqttStore from "./MqttStore.ts"

type Below = typeof Engine.KeyValueStore.Service

/** One for each `KeyValueStore`, because a second client in the same store must get `InUse`. */
const known = new WeakMap<KeyValueStore.KeyValueStore, Below>()

/** The calls that a store makes. */
const belowOf = (store: KeyValueStore.KeyValueStore, runtime: ProgramRuntime): Below => {
  const calls = {
    get: (key: string) => fromEffect(Effect.map(store.get(key), Option.getOrUndefined), runtime),
    set: (key: string, value: string | Uint8Array) => fromEffect(store.set(key, value), runtime),
    remove: (key: string) => fromEffect(store.remove(key), runtime)
  }
  const below = known.get(store) ?? (calls as unknown as Below)
  known.set(store, below)
  return below
}

export const make: Effect.Effect<Store, never, KeyValueStore.KeyValueStore> = Effect.gen(function*() {
  const below = belowOf(yield* KeyValueStore.KeyValueStore, yield* Effect.runtime<never>())
  return yield* Effect.orDie(
    fromEngine(Engine.provideService(Engine.KeyValueMqttStore.make, Engine.KeyValueStore, below))
  )
})

export const layer: Layer.Layer<never, never, KeyValueStore.KeyValueStore> = MqttStore.layer(make)
