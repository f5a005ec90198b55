/**
 * The format of the database: which version it has, how an older one becomes this one, and how damage is noticed.
 *
 * A table for each table of the port, with a checksum beside each value: SQLite itself does not notice a bit that has
 * changed within a value.
 */
import * as Fs from "node:fs"
import { tables } from "../../../internal/store/port.ts"
import { Found } from "./failures.ts"
import { type Database, numberOf } from "./sqlite.ts"

/** "MQTT" */
const applicationId = 0x4d515454

/** The changes from each version to the next. Version 0 is a new database. */
const migrations: ReadonlyArray<string> = [
  [
    ...tables.map((table) =>
      `CREATE TABLE ${table} (key INTEGER PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL)`
    ),
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
  ].join(";")
]

/** The version of the format, of a store. */
export const versionOf = (database: Database): number => {
  const version = numberOf(database, "PRAGMA user_version")
  const application = numberOf(database, "PRAGMA application_id")
  if (application !== applicationId || version < 1) throw new Found("Corrupt", "it is the database of another program")
  if (version > migrations.length) throw new Found("NewerFormat", `it has version ${version} of the format`)
  return version
}

/**
 * SQLite treats a file without bytes, or with a single byte, as a new database, and throws away the log beside it. A
 * store is in its place only when it is complete, so such a file has lost its contents.
 */
export const refuseEmptied = (file: string): void => {
  const size = (path: string) => Fs.statSync(path, { throwIfNoEntry: false })?.size
  const ofDatabase = size(file)
  if (ofDatabase === undefined && (size(`${file}-wal`) ?? 0) === 0) return
  if (ofDatabase === undefined || ofDatabase < 2) throw new Found("Corrupt", "its contents are gone")
}

/** Checking every page of this many bytes takes 0.2 seconds from memory, and seconds from a disk. */
const mostChecked = 128 * 1024 * 1024

/**
 * Refuses a database whose pages do not fit together. It does not look at values, which have their checksums. In a
 * larger database SQLite looks only at the pages that are read.
 */
export const checkPages = (database: Database): void => {
  const pages = numberOf(database, "PRAGMA page_count")
  if (pages * numberOf(database, "PRAGMA page_size") > mostChecked) return
  const result = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]
  if (result !== "ok") throw new Found("Corrupt", String(result))
}

/** Runs changes that are made together or not at all. */
export const transaction = (database: Database, changes: () => void): void => {
  database.exec("BEGIN IMMEDIATE")
  try {
    changes()
    database.exec("COMMIT")
  } catch (error) {
    // Some errors of SQLite, such as a full disk, may have ended it already.
    if (database.isTransaction) database.exec("ROLLBACK")
    throw error
  }
}

/** Brings a database from a version to this one. */
export const migrate = (database: Database, version: number): void => {
  if (version === migrations.length) return
  transaction(database, () => {
    for (const migration of migrations.slice(version)) database.exec(migration)
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`)
  })
}

/** A record of the database about itself. */
export const aboutOf = (database: Database, name: "clientId" | "holder"): string | undefined => {
  const value = database.prepare("SELECT value FROM about WHERE name = ?").get(name)?.["value"]
  return typeof value === "string" ? value : undefined
}

export const setAbout = (database: Database, name: "clientId" | "holder", value: string): void => {
  database.prepare("REPLACE INTO about VALUES (?, ?)").run(name, value)
}
