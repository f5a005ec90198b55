/**
 * SQLite as it is in Node, loaded when the first store opens, so that programs without a store also run on a Node
 * without `node:sqlite`.
 */
import type * as Sqlite from "node:sqlite"
import { Found } from "./failures.ts"

export type Database = Sqlite.DatabaseSync
export type Statement = Sqlite.StatementSync

/**
 * Node 22 tells every user of the program that SQLite is experimental. Loading is synchronous, so no other warning comes
 * in between.
 */
const withoutWarning = <A>(load: () => A): A => {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return load()
  } finally {
    process.emitWarning = emitWarning
  }
}

const load = (): typeof Sqlite => {
  // Older Nodes do not have the function.
  const { getBuiltinModule }: { readonly getBuiltinModule?: typeof process.getBuiltinModule } = process
  const sqlite = withoutWarning(() => getBuiltinModule?.("node:sqlite"))
  if (sqlite !== undefined) return sqlite
  throw new Found("Unavailable", "there is no `node:sqlite` here; it needs Node 22.19 or newer")
}

/**
 * How long to wait for another process that repairs or closes the database, in milliseconds. The event loop waits as
 * well.
 */
const timeout = 1000

export const open = (file: string, options: Sqlite.DatabaseSyncOptions = {}): Database =>
  new (load().DatabaseSync)(file, { timeout, ...options })

/** A number that the database gives for a question such as `PRAGMA page_size`. */
export const numberOf = (database: Database, question: string): number => {
  const [value] = Object.values(database.prepare(question).get() ?? {})
  return typeof value === "number" ? value : 0
}
