/**
 * The database of a client identifier with its one owner: opened, checked, brought to this format, and closed.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { OpenStore } from "../../../internal/store/port.ts"
import type { MqttError } from "../../../MqttError.ts"
import { attempt, Found } from "./failures.ts"
import { type Files, filesOf } from "./fileNames.ts"
import * as Lock from "./lock.ts"
import { writable } from "./records.ts"
import * as Schema from "./schema.ts"
import * as Sqlite from "./sqlite.ts"

interface Settings {
  readonly directory: string
  readonly clientId: string
  readonly sync: "normal" | "full"
  readonly maximumBytes: number | undefined
}

/** The size to which the log shrinks after it has grown, in bytes. */
const longestLog = 16 * 1024 * 1024

const configure = (database: Sqlite.Database, { maximumBytes, sync }: Settings): void => {
  database.exec("PRAGMA journal_mode = WAL")
  database.exec(`PRAGMA synchronous = ${sync}; PRAGMA journal_size_limit = ${longestLog}`)
  if (maximumBytes === undefined) return
  const pages = Math.floor(maximumBytes / Sqlite.numberOf(database, "PRAGMA page_size"))
  database.exec(`PRAGMA max_page_count = ${pages}`)
}

/** Writes the name of the holder. So a store that cannot be written is noticed before anything is accepted. */
const sign = (database: Sqlite.Database, clientId: string): void => {
  const owner = Schema.aboutOf(database, "clientId")
  if (owner !== clientId) throw new Found("Corrupt", `it is the store of the client ${JSON.stringify(owner)}`)
  Schema.setAbout(database, "holder", Lock.self())
}

/** Uses a database, and closes it if that fails. */
const closing = <A>(database: Sqlite.Database, use: () => A): A => {
  try {
    return use()
  } catch (error) {
    database.close()
    throw error
  }
}

/** Makes sure that a new file is still there after a power failure. Windows has no such call. */
const syncDirectory = (directory: string): void => {
  if (process.platform === "win32") return
  const descriptor = Fs.openSync(directory, "r")
  try {
    Fs.fsyncSync(descriptor)
  } finally {
    Fs.closeSync(descriptor)
  }
}

/** Makes the database beside its place, and moves it there when it is complete, so that nobody ever sees half of it. */
const create = (file: string, { clientId, directory }: Settings): void => {
  const unfinished = `${file}-new`
  for (const ending of ["", "-wal", "-shm", "-journal"]) Fs.rmSync(`${unfinished}${ending}`, { force: true })
  Lock.createFile(unfinished)
  const database = Sqlite.open(unfinished)
  closing(database, () => {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    Schema.migrate(database, 0)
    Schema.setAbout(database, "clientId", clientId)
  })
  database.close()
  Fs.renameSync(unfinished, file)
  syncDirectory(directory)
  syncDirectory(Path.dirname(directory))
}

const prepare = (file: string, database: Sqlite.Database, settings: Settings): OpenStore => {
  // First of all, so that nothing is written to a file that is no store, or is a newer store.
  const version = Schema.versionOf(database)
  Schema.checkPages(database)
  configure(database, settings)
  Schema.migrate(database, version)
  sign(database, settings.clientId)
  return writable(file, database)
}

const openDatabase = (file: string, settings: Settings) => {
  Schema.refuseEmptied(file)
  if (!Fs.existsSync(file)) create(file, settings)
  const database = Sqlite.open(file)
  return closing(database, () => ({ store: prepare(file, database, settings), close: () => database.close() }))
}

const openLocked = (files: Files, settings: Settings) => {
  Fs.mkdirSync(settings.directory, { recursive: true, mode: 0o700 })
  const lock = Lock.take(files)
  return closing(lock, () => {
    const { close, store } = openDatabase(files.database, settings)
    const closeBoth = () => {
      try {
        close()
      } finally {
        lock.close()
      }
    }
    return { store, close: closeBoth }
  })
}

/** Opens the store of a client identifier until the scope closes. */
export const open = (settings: Settings): Effect.Effect<OpenStore, MqttError, Scope.Scope> =>
  Effect.suspend(() => {
    const files = filesOf(settings.directory, settings.clientId)
    const acquire = attempt(files.database, "open", () => openLocked(files, settings))
    // Everything is committed: a database that cannot close leaves its log, and the next one goes on from there.
    const release = (opened: { readonly close: () => void }) =>
      Effect.ignore(attempt(files.database, "write", opened.close), { log: "Warn" })
    return Effect.map(Effect.acquireRelease(acquire, release), ({ store }) => store)
  })
