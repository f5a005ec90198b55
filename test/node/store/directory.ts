/**
 * Stores in directories of their own, for the tests of `NodeMqttStore`.
 */
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { MqttError, StoreFailed } from "../../../src/MqttError.ts"
import type { Change, OpenStore, Table } from "../../../src/MqttStore.ts"
import { NodeMqttStore } from "../../../src/node/index.ts"

const pathIn = (parent: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(parent, "effect-mqtt-store-"))),
    (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
  ).pipe(Effect.map((directory) => Path.join(directory, "store")))

/** A directory that is not there yet, in one that is removed when the scope closes. */
export const newPath = pathIn(Os.tmpdir())

const memory = "/dev/shm"

/** The same, in memory where there is a file system for that: for tests that open stores thousands of times. */
export const newFastPath = pathIn(Fs.existsSync(memory) ? memory : Os.tmpdir())

export const clientId = "gateway"
export const fileIn = (path: string): string => Path.join(path, "client-gateway.sqlite")

export const put = (key: number, text: string, table: Table = "message"): Change => ({
  _tag: "Put",
  table,
  key,
  value: Buffer.from(text)
})
export const remove = (key: number, table: Table = "message"): Change => ({ _tag: "Remove", table, key })

/** The keys and texts of a table. */
export const textsOf = (store: Pick<OpenStore, "read">, table: Table = "message") =>
  Effect.map(
    store.read(table, { after: -1, limit: 1_000_000 }),
    (records) => records.map(({ key, value }) => `${key} ${Buffer.from(value).toString()}`)
  )

/** Opens the store, does something with it and closes it. */
export const inStore = <A, E, R>(
  path: string,
  use: (store: OpenStore) => Effect.Effect<A, E, R>,
  options: Partial<NodeMqttStore.Options> = {}
) =>
  Effect.scoped(
    Effect.flatMap(NodeMqttStore.make({ path, ...options }), (store) => Effect.flatMap(store.open(clientId), use))
  )

/** Opens the store for reading only, does something with it and closes it. */
export const inReader = <A, E, R>(path: string, use: (store: Pick<OpenStore, "read">) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.flatMap(NodeMqttStore.openReadOnly({ path, clientId }), use))

/** The reason that it fails with. */
export const storeFailure = <A, R>(effect: Effect.Effect<A, MqttError, R>): Effect.Effect<StoreFailed, A, R> =>
  Effect.flatMap(Effect.flip(effect), ({ reason }) => {
    if (reason._tag !== "StoreFailed") assert.fail(reason.message)
    return Effect.succeed(reason)
  })

/** A store with records, closed again. */
export const stored = (texts: ReadonlyArray<string>, place = newPath) =>
  Effect.tap(place, (path) => inStore(path, (store) => store.commit(texts.map((text, key) => put(key, text)))))
