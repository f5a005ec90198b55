/**
 * Where messages and Session State outlive a process: accepted messages that are not delivered yet, and the use of each
 * Packet Identifier. The layers here give clients a store; `internal/store/port.ts` has the promises of a store.
 *
 * A store keeps records and understands none of them. The client decides what they mean and when they are written, so
 * it takes little code to write another store. `StoreSuite` of `effect-mqtt/testing` checks whether that store keeps
 * its promises.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as keeping from "./internal/client/session/keptSession.ts"
import { type Change, MqttStore, type OpenStore, type Store, type Table, tables } from "./internal/store/port.ts"
import * as MqttError from "./MqttError.ts"

export type { Change, OpenStore, Provided, Store, StoredRecord, Table } from "./internal/store/port.ts"
export { MqttStore, tables } from "./internal/store/port.ts"

/**
 * Gives the clients below it a store.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = <E, R>(make: Effect.Effect<Store, E, R>): Layer.Layer<never, E, Exclude<R, Scope.Scope>> =>
  Layer.effect(MqttStore, Effect.map(make, (store) => ({ store, keeping })))

/**
 * Gives the clients that an effect makes a store.
 *
 * @since 0.2.0
 * @category constructors
 */
export const provide = <A, E, R>(effect: Effect.Effect<A, E, R>, store: Store): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, MqttStore, { store, keeping })

type Records = Map<number, Uint8Array>

/** All or nothing: nothing can fail, and no other code runs in between. */
const apply = (kept: ReadonlyMap<Table, Records>, change: Change): void => {
  const table = kept.get(change.table)
  if (change._tag === "Put") table?.set(change.key, change.value.slice())
  else if (change._tag === "Remove") table?.delete(change.key)
  else table?.clear()
}

/**
 * A store in memory, for tests, and for clients that come and go in one process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Store> = /* @__PURE__ */ Effect.sync(() => {
  const name = "in memory"
  const kept = new Map<string, ReadonlyMap<Table, Records>>()
  const open = new Set<string>()
  const inUse = MqttError.fromReason(new MqttError.StoreFailed({ store: name, operation: "open", problem: "InUse" }))
  const recordsOf = (clientId: string) => {
    const known = kept.get(clientId) ?? new Map(tables.map((table) => [table, new Map<number, Uint8Array>()]))
    kept.set(clientId, known)
    return known
  }
  return {
    name,
    open: (clientId) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          if (open.has(clientId)) return Effect.fail(inUse)
          open.add(clientId)
          return Effect.succeed(openRecords(recordsOf(clientId)))
        }),
        () => Effect.sync(() => open.delete(clientId))
      )
  }
})

const openRecords = (kept: ReadonlyMap<Table, Records>): OpenStore => ({
  read: (table, { after, limit }) =>
    Effect.sync(() =>
      [...kept.get(table) ?? []]
        .filter(([key]) => key > after)
        .sort(([one], [other]) => one - other)
        .slice(0, limit)
        .map(([key, value]) => ({ key, value: value.slice() }))
    ),
  commit: (changes) =>
    Effect.sync(() => {
      for (const change of changes) apply(kept, change)
    })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<never> = /* @__PURE__ */ layer(makeMemory)
