/**
 * A `MqttStore` on any `KeyValueStore` of Effect: on files, on SQL, on Redis, on `localStorage`.
 *
 * A `KeyValueStore` has neither transactions nor locks. Even so, a commit is all or nothing: it is one `set` of a
 * batch, and an interrupted batch is done again when the store is opened. A commit is as durable as a completed `set`:
 * it survives the death of the process on every store outside of the process, and a power failure only if the store
 * below promises that.
 *
 * **One owner.** Within a process a second client gets `InUse`, as long as both have the same `KeyValueStore`; two
 * views by `KeyValueStore.prefix` count as two stores. **Nothing keeps a second process out**: without compare-and-set
 * no lock can be promised. If two processes have the same client identifier open in one store, messages are lost. Where
 * this can happen, use `NodeMqttStore` or `BrowserMqttStore`.
 *
 * Effect marks `effect/persistence` as unstable.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { inUse, storeName } from "./internal/keyValue/failures.ts"
import { Records } from "./internal/keyValue/records.ts"
import { layer as provide, type Store } from "./MqttStore.ts"

/** Client identifiers that are open in this process, by the store that they are in. */
const openIn = new WeakMap<KeyValueStore.KeyValueStore, Set<string>>()

const clientIdsIn = (below: KeyValueStore.KeyValueStore): Set<string> => {
  const clientIds = openIn.get(below) ?? new Set()
  openIn.set(below, clientIds)
  return clientIds
}

const lock = (below: KeyValueStore.KeyValueStore, clientId: string) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const clientIds = clientIdsIn(below)
      if (clientIds.has(clientId)) return Effect.fail(inUse())
      return Effect.sync(() => clientIds.add(clientId))
    }),
    (clientIds) => Effect.sync(() => clientIds.delete(clientId))
  )

/**
 * A store on the `KeyValueStore`. All of its keys begin with `effect-mqtt.`, so the `KeyValueStore` can have other keys too.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make: Effect.Effect<Store, never, KeyValueStore.KeyValueStore> = /* @__PURE__ */ Effect.map(
  KeyValueStore.KeyValueStore,
  (below): Store => ({
    name: storeName,
    open: Effect.fnUntraced(function*(clientId) {
      yield* lock(below, clientId)
      const records = yield* Effect.acquireRelease(
        Effect.sync(() => new Records(below, clientId)),
        ({ close }) => close
      )
      yield* records.load
      return records
    })
  })
)

/**
 * **Example** (A client whose messages are in files)
 *
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Layer } from "effect"
 * import { KeyValueMqttStore } from "effect-mqtt"
 * import { NodeMqtt } from "effect-mqtt/node"
 * import { KeyValueStore } from "effect/persistence"
 *
 * const store = KeyValueMqttStore.layer.pipe(
 *   Layer.provide(KeyValueStore.layerFileSystem("messages")),
 *   Layer.provide(NodeServices.layer)
 * )
 *
 * const client = NodeMqtt.layer({ url: "mqtt://localhost:1883", clientId: "gateway-7", session: "persistent" }).pipe(
 *   Layer.provide(store)
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, KeyValueStore.KeyValueStore> = /* @__PURE__ */ provide(make)
