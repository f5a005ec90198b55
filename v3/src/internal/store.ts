/**
 * Stores between both sides. A store that the program wrote in Effect 3 keeps the records of the engine. A store of the
 * engine goes back to the engine unchanged.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Engine from "../../../engine/index.ts"
import type * as MqttError from "../MqttError.ts"
import type { ProgramRuntime } from "./bridge.ts"
import { engineServiceOf, Membrane, standsFor } from "./membrane.ts"

type EngineStore = Engine.MqttStore.Store

export interface OpenStore {
  readonly read: (
    table: Engine.MqttStore.Table,
    range: { readonly after: number; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<Engine.MqttStore.StoredRecord>, MqttError.MqttError>
  readonly commit: (changes: ReadonlyArray<Engine.MqttStore.Change>) => Effect.Effect<void, MqttError.MqttError>
}

export interface Store {
  readonly name: string
  readonly open: (clientId: string) => Effect.Effect<OpenStore, MqttError.MqttError, Scope.Scope>
}

/** A store of the engine. The engine's clients use it directly. */
export const fromEngine = (making: Engine.Effect<EngineStore, unknown>): Effect.Effect<Store, MqttError.MqttError> =>
  Effect.gen(function*() {
    const store = yield* (yield* Membrane.make).made(making)
    const open = (clientId: string) =>
      Effect.gen(function*() {
        const here = yield* Membrane.make
        // The records may be an object of a class.
        const records = yield* here.acquired(store.open(clientId))
        return openStoreOf(records, here)
      })
    return standsFor({ name: store.name, open }, () => store)
  }) as unknown as Effect.Effect<Store, MqttError.MqttError>

/** Records of the engine, for the program. */
export const openStoreOf = (records: Partial<Engine.MqttStore.OpenStore>, membrane: Membrane): unknown =>
  membrane.service({
    ...(records.read && { read: (...range: Parameters<OpenStore["read"]>) => records.read?.(...range) }),
    ...(records.commit && { commit: (...changes: Parameters<OpenStore["commit"]>) => records.commit?.(...changes) })
  })

/** A store of the program for the engine. Its effects run with the services of the program that makes the client. */
export const toEngine = (store: Store, membrane: Membrane, runtime: ProgramRuntime): EngineStore =>
  engineServiceOf<EngineStore>(store) ?? membrane.toEngine(storeCalls(store), runtime, ["open"]) as EngineStore

/** The store may be an object of a class. */
const storeCalls = (store: Store) => ({
  name: store.name,
  open: (clientId: string) =>
    Effect.map(store.open(clientId), (records): OpenStore => ({
      read: (table, range) => records.read(table, range),
      commit: (changes) => records.commit(changes)
    }))
})
