/**
 * Stores of Effect 3: in memory, one that a program writes, one on a `KeyValueStore` of `@effect/platform`, and files.
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope, TestClock } from "effect"
import { KeyValueMqttStore, MqttClient, MqttError, MqttStore } from "effect-mqtt-v3"
import { NodeMqttStore } from "effect-mqtt-v3/node"
import { FakeNetwork, MemoryBroker, StoreSuite } from "effect-mqtt-v3/testing"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { broker } from "./support.ts"

type Records = Map<number, Uint8Array>

/** As a program would write it, with an object of a class for what is open. */
class OpenRecords implements MqttStore.OpenStore {
  readonly #tables: ReadonlyMap<string, Records>

  constructor(tables: ReadonlyMap<string, Records>) {
    this.#tables = tables
  }

  readonly read: MqttStore.OpenStore["read"] = (table, { after, limit }) =>
    Effect.sync(() =>
      [...this.#tables.get(table) ?? []]
        .filter(([key]) => key > after)
        .sort(([one], [other]) => one - other)
        .slice(0, limit)
        .map(([key, value]) => ({ key, value: value.slice() }))
    )

  commit(changes: ReadonlyArray<MqttStore.Change>): Effect.Effect<void> {
    return Effect.sync(() => {
      for (const change of changes) {
        const records = this.#tables.get(change.table)
        if (change._tag === "Put") records?.set(change.key, change.value.slice())
        else if (change._tag === "Remove") records?.delete(change.key)
        else records?.clear()
      }
    })
  }
}

const ownStore = Effect.sync((): MqttStore.Store => {
  const kept = new Map<string, OpenRecords>()
  const open = new Set<string>()
  const inUse = new MqttError.StoreFailed({ store: "own", operation: "open", problem: "InUse" })
  return {
    name: "own",
    open: (clientId) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          if (open.has(clientId)) return Effect.fail(MqttError.fromReason(inUse))
          open.add(clientId)
          const records = kept.get(clientId) ??
            new OpenRecords(new Map(MqttStore.tables.map((table) => [table, new Map()])))
          kept.set(clientId, records)
          return Effect.succeed(records)
        }),
        () => Effect.sync(() => open.delete(clientId))
      )
  }
})

const inFiles = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-v3-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
)

const places = {
  "in memory": Effect.map(MqttStore.makeMemory, (store) => Effect.succeed(store)),
  "a program's own": Effect.map(ownStore, (store) => Effect.succeed(store)),
  "on a KeyValueStore": Effect.map(
    Effect.provide(KeyValueMqttStore.make, KeyValueStore.layerMemory),
    (store) => Effect.succeed(store)
  ),
  "in files": Effect.map(inFiles, (path) => NodeMqttStore.make({ path }))
}

describe.each(Object.entries(places))("a store %s keeps its promises", (_, newPlace) => {
  for (const { check, name } of StoreSuite.checks(newPlace, { seeds: [1] })) it.live(name, () => check)
})

it.effect("a store that breaks a promise is told of, by an error of this package", () =>
  Effect.gen(function*() {
    const forgetful = Effect.map(ownStore, (store) =>
      Effect.succeed({
        ...store,
        open: (clientId: string) =>
          Effect.map(store.open(clientId), (records) => ({ read: records.read, commit: () => Effect.void }))
      }))
    const violation = yield* Effect.flip(Effect.all(StoreSuite.checks(forgetful).map(({ check }) => check)))
    assert.instanceOf(violation, StoreSuite.StoreViolation)
    assert.match(violation.message, /The store own breaks the promise/)
  }))

const options = { clientId: "gateway", session: "persistent" } as const

it.scoped("a message that was not delivered is delivered by the next client of the store", () =>
  Effect.gen(function*() {
    const network = yield* FakeNetwork.FakeNetwork
    const server = yield* MemoryBroker.MemoryBroker
    const client = MqttClient.layer(options).pipe(
      Layer.provide(MqttStore.layer(Effect.succeed(yield* ownStore))),
      Layer.fresh
    )
    const first = yield* Scope.make()
    yield* Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      yield* network.reset
      yield* Effect.forkDaemon(mqtt.publish("site/a", "21", { qos: 1 }))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* mqtt.stats).storedMessages, 1)
    }).pipe(Effect.provide(yield* Layer.buildWithScope(client, first)))
    yield* Scope.close(first, Exit.void)
    yield* Effect.provide(server.awaitMessages("site/a"), client)
    assert.strictEqual((yield* server.messages).length, 1)
  }).pipe(Effect.provide(broker)))

it.scoped("what a store of the program fails with is what the client fails with", () =>
  Effect.gen(function*() {
    const problem = new MqttError.StoreFailed({ store: "own", operation: "open", problem: "Full" })
    const full = { name: "own", open: () => Effect.fail(MqttError.fromReason(problem)) }
    const making = MqttStore.provide(Effect.scoped(MqttClient.make(options)), full)
    const { reason } = yield* Effect.flip(making)
    assert.strictEqual(reason, problem)
  }).pipe(Effect.provide(broker)))

it.scoped("a store that is in use is closed with the client that has it", () =>
  Effect.gen(function*() {
    const store = yield* MqttStore.makeMemory
    const making = MqttStore.provide(MqttClient.make(options), store)
    yield* Effect.scoped(Effect.gen(function*() {
      yield* making
      const { reason } = yield* Effect.flip(making)
      assert.strictEqual(reason._tag === "StoreFailed" && reason.problem, "InUse")
    }))
    yield* Effect.scoped(making)
  }).pipe(Effect.provide(broker)))
