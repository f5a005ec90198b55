/**
 * A store in files: SQLite, which is part of Node 22.19 and newer. On an older Node a client fails with `StoreFailed`, whose
 * problem is `Unavailable`.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import { Membrane } from "../internal/membrane.ts"
import { fromEngine, openStoreOf, type Store } from "../internal/store.ts"
import type { MqttError } from "../MqttError.ts"
import * as MqttStore from "../MqttStore.ts"

export const make = (options: Engine.NodeMqttStore.Options): Effect.Effect<Store, MqttError> =>
  fromEngine(Engine.NodeMqttStore.make(options))

export const layer = (options: Engine.NodeMqttStore.Options): Layer.Layer<never, MqttError> =>
  MqttStore.layer(make(options))

export const openReadOnly = (
  options: { readonly path: string; readonly clientId: string }
): Effect.Effect<unknown, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const membrane = yield* Membrane.make
    return openStoreOf(yield* membrane.acquired(Engine.NodeMqttStore.openReadOnly(options)), membrane)
  })

export const clientIds = (path: string): Effect.Effect<unknown, unknown> =>
  Effect.flatMap(Membrane.make, (membrane) => membrane.effect(Engine.NodeMqttStore.clientIds(path)))
