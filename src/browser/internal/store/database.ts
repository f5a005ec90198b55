/**
 * A database of IndexedDB with the tables of a store: opened, read and changed.
 *
 * `webLock.ts` decides which page may open it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Change, type OpenStore, type StoredRecord, type Table, tables } from "../../../internal/store/port.ts"
import type { MqttError } from "../../../MqttError.ts"
import { attempt, type Failures } from "./failures.ts"

const version = 1

/** Makes the tables in a database that is new. */
const makeTables = (database: IDBDatabase): void => {
  for (const table of tables) database.createObjectStore(table)
}

const blocked = "another page has it open in an older version of its format: close that page"

const opening = (factory: IDBFactory, name: string, failures: Failures) =>
  Effect.callback<IDBDatabase, MqttError>((resume) => {
    let isWanted = true
    const end = (result: Effect.Effect<IDBDatabase, MqttError>) => {
      isWanted = false
      resume(result)
    }
    const request = factory.open(name, version)
    request.addEventListener("upgradeneeded", () => makeTables(request.result))
    request.addEventListener("blocked", () => end(Effect.fail(failures.of("open", "Unavailable", new Error(blocked)))))
    request.addEventListener("error", () => end(Effect.fail(failures.from("open", request.error))))
    request.addEventListener("success", () => {
      if (isWanted) end(Effect.succeed(request.result))
      else request.result.close()
    })
    return Effect.sync(() => {
      isWanted = false
    })
  })

const hasTables = (database: IDBDatabase): boolean => tables.every((table) => database.objectStoreNames.contains(table))

/**
 * The database, for as long as the scope. It closes when another page wants to delete it or to change its format. Every
 * later use fails with `Closed`.
 */
export const open = (name: string, failures: Failures): Effect.Effect<IDBDatabase, MqttError, Scope.Scope> =>
  Effect.gen(function*() {
    const { indexedDB } = globalThis as { readonly indexedDB?: IDBFactory }
    if (indexedDB === undefined) {
      return yield* failures.of("open", "Unavailable", new Error("there is no `indexedDB` here"))
    }
    const database = yield* Effect.acquireRelease(
      Effect.flatten(attempt(failures, "open", () => opening(indexedDB, name, failures))),
      (database) => Effect.sync(() => database.close()),
      { interruptible: true }
    )
    database.addEventListener("versionchange", () => database.close())
    if (hasTables(database)) return database
    return yield* failures.of("open", "Corrupt", new Error("it is the database of another program"))
  })

/** Numbers are less than this, and arrays are ordered element by element. */
const greatest = Infinity

/** The keys of a client identifier above a number. */
const keysAbove = (clientId: string, after: number): IDBKeyRange =>
  IDBKeyRange.bound([clientId, after], [clientId, greatest], true, true)

const make = (store: IDBObjectStore, clientId: string, change: Change): void => {
  if (change._tag === "Put") store.put(change.value.slice(), [clientId, change.key])
  else if (change._tag === "Remove") store.delete([clientId, change.key])
  else store.delete(keysAbove(clientId, -1))
}

/** Runs a transaction to its end. If it is interrupted, none of its changes is made. */
const transaction = <A>(
  failures: Failures,
  operation: "read" | "write",
  begin: () => readonly [transaction: IDBTransaction, result: () => A]
): Effect.Effect<A, MqttError> =>
  Effect.callback((resume) => {
    let begun: ReturnType<typeof begin>
    try {
      begun = begin()
    } catch (cause) {
      return resume(Effect.fail(failures.from(operation, cause)))
    }
    const [transaction, result] = begun
    transaction.addEventListener("complete", () => resume(Effect.sync(result)))
    transaction.addEventListener("abort", () => resume(Effect.fail(failures.from(operation, transaction.error))))
    return Effect.sync(() => abort(transaction))
  })

/** Aborting throws if the transaction has ended. */
const abort = (transaction: IDBTransaction): void => {
  try {
    transaction.abort()
  } catch {
    // It is over.
  }
}

const isKey = (key: unknown): key is readonly [clientId: string, key: number] =>
  Array.isArray(key) && key.length === 2 && Number.isSafeInteger(key[1])

const recordOf = (key: unknown, value: unknown): StoredRecord | undefined =>
  isKey(key) && value instanceof Uint8Array ? { key: key[1], value } : undefined

const mostAtOnce = 2 ** 32 - 1

const noRecord = "it has a record that does not come from a store"

/** The records of one client identifier. */
export const records = (
  database: IDBDatabase,
  { clientId, durability, failures }: {
    readonly clientId: string
    readonly durability: IDBTransactionDurability
    readonly failures: Failures
  }
): OpenStore => ({
  read: (table, { after, limit }) => {
    if (limit < 1) return Effect.succeed([])
    const found = transaction(failures, "read", () => {
      const transaction = database.transaction(table, "readonly")
      const store = transaction.objectStore(table)
      const range = keysAbove(clientId, after)
      const count = Math.min(limit, mostAtOnce)
      const keys = store.getAllKeys(range, count)
      const values = store.getAll(range, count)
      return [transaction, () => keys.result.map((key, index) => recordOf(key, values.result[index]))]
    })
    return Effect.flatMap(found, (found) => {
      const records = found.filter((record) => record !== undefined)
      return records.length === found.length
        ? Effect.succeed(records)
        : Effect.fail(failures.of("read", "Corrupt", new Error(noRecord)))
    })
  },
  commit: (changes) => {
    const changed: ReadonlyArray<Table> = [...new Set(changes.map(({ table }) => table))]
    if (changed.length === 0) return Effect.void
    return transaction(failures, "write", () => {
      const transaction = database.transaction(changed, "readwrite", { durability })
      try {
        for (const change of changes) make(transaction.objectStore(change.table), clientId, change)
      } catch (cause) {
        abort(transaction)
        throw cause
      }
      return [transaction, () => {}]
    })
  }
})
