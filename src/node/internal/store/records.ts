/**
 * Reads and writes the records of an open database.
 */
import * as Zlib from "node:zlib"
import type { Change, OpenStore, StoredRecord, Table } from "../../../MqttStore.ts"
import { attempt, Found } from "./failures.ts"
import { transaction } from "./schema.ts"
import type { Database, Statement } from "./sqlite.ts"

/** CRC-32 of the value, begun with the key: so that a value under the wrong key is noticed as well. */
const checksumOf = (key: number, value: Uint8Array): number =>
  // Node 22 gives 0 for some empty arrays.
  value.length === 0 ? key >>> 0 : Zlib.crc32(value, key >>> 0)

type Row = ReturnType<Statement["all"]>[number]

const recordOf = ({ checksum, key, value }: Row): StoredRecord => {
  const isSound = typeof key === "number" && value instanceof Uint8Array && checksum === checksumOf(key, value)
  if (!isSound) throw new Found("Corrupt", `the value under key ${String(key)} is not the one that was written`)
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

const writing = (database: Database) => {
  const statements = forEachTable((table) => ({
    // An empty array may be bound as NULL.
    put: database.prepare(`REPLACE INTO ${table} VALUES (?, coalesce(?, x''), ?)`),
    remove: database.prepare(`DELETE FROM ${table} WHERE key = ?`),
    clear: database.prepare(`DELETE FROM ${table}`)
  }))
  return (change: Change): void => {
    const { clear, put, remove } = statements[change.table]
    if (change._tag === "Put") put.run(change.key, change.value, checksumOf(change.key, change.value))
    else if (change._tag === "Remove") remove.run(change.key)
    else clear.run()
  }
}

export const writable = (file: string, database: Database): OpenStore => {
  const { read } = readable(file, database)
  const change = writing(database)
  return {
    read,
    commit: (changes) => attempt(file, "write", () => transaction(database, () => changes.forEach(change)))
  }
}
