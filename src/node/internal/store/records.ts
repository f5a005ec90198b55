/**
 * Reads and writes the records of an open database.
 */
import * as Zlib from "node:zlib"
import type { Change, OpenStore, StoredRecord, Table } from "../../../internal/store/port.ts"
import { attempt, Found } from "./failures.ts"
import { transaction } from "./schema.ts"
import type { Database, Statement } from "./sqlite.ts"

/** CRC-32 of the value, begun with the key, so that a value under the wrong key is noticed as well. */
const checksumOf = (key: number, value: Uint8Array): number =>
  // Node 22 gives 0 for some empty arrays.
  value.length === 0 ? key >>> 0 : Zlib.crc32(value, key >>> 0)

type Row = ReturnType<Statement["all"]>[number]

const recordOf = ({ checksum, key, value }: Row): StoredRecord => {
  const isSound = typeof key === "number" && value instanceof Uint8Array && checksum === checksumOf(key, value)
  if (!isSound) throw new Found("Corrupt", `the value under key ${String(key)} is not the value that was written`)
  return { key, value }
}

const forEachTable = <A>(make: (table: Table) => A): { readonly [name in Table]: A } => ({
  message: make("message"),
  exchange: make("exchange"),
  received: make("received"),
  client: make("client")
})

const reading = (database: Database, table: Table): Statement =>
  database.prepare(`SELECT key, value, checksum FROM ${table} WHERE key > ? ORDER BY key LIMIT ?`)

export const readable = (file: string, database: Database): Pick<OpenStore, "read"> => {
  const statements = forEachTable((table) => reading(database, table))
  return {
    read: (table, { after, limit }) => attempt(file, "read", () => statements[table].all(after, limit).map(recordOf))
  }
}

/** Keys that follow one another are removed at once: messages are over in about the order they came in. */
interface Removal {
  readonly from: number
  readonly to: number
}

const writing = (database: Database) => {
  const statements = forEachTable((table) => ({
    // An empty array may be bound as NULL.
    put: database.prepare(`REPLACE INTO ${table} VALUES (?, coalesce(?, x''), ?)`),
    remove: database.prepare(`DELETE FROM ${table} WHERE key BETWEEN ? AND ?`),
    clear: database.prepare(`DELETE FROM ${table}`)
  }))
  return (changes: ReadonlyArray<Change>): void => {
    // The changes of a table stay in their order; their order relative to another table does not matter.
    const removals = new Map<Table, Removal>()
    const removeAll = (table: Table, removal: Removal | undefined): void => {
      if (removal === undefined) return
      statements[table].remove.run(removal.from, removal.to)
      removals.delete(table)
    }
    for (const change of changes) {
      const { table } = change
      const removal = removals.get(table)
      if (change._tag === "Remove") {
        const { key } = change
        const goesOn = removal !== undefined && key === removal.to + 1
        if (!goesOn) removeAll(table, removal)
        removals.set(table, { from: goesOn ? removal.from : key, to: key })
        continue
      }
      removeAll(table, removal)
      if (change._tag === "Clear") statements[table].clear.run()
      else statements[table].put.run(change.key, change.value, checksumOf(change.key, change.value))
    }
    for (const [table, removal] of removals) removeAll(table, removal)
  }
}

export const writable = (file: string, database: Database): OpenStore => {
  const { read } = readable(file, database)
  const write = writing(database)
  return {
    read,
    commit: (changes) => attempt(file, "write", () => transaction(database, () => write(changes)))
  }
}
