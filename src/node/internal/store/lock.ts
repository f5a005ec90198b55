/**
 * The one owner of a store: an exclusive transaction on a file of its own, which the system ends when the process dies.
 *
 * The lock is not on the database, because others may read that. Nothing is ever written to the lock file, so nothing
 * in it can break. The file stays when the store closes, because removing it could remove the lock of another client.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import { Found } from "./failures.ts"
import type { Files } from "./fileNames.ts"
import { aboutOf } from "./schema.ts"
import * as Sqlite from "./sqlite.ts"

/** Only for the owner of the process. A file that is there already stays as it is. */
export const createFile = (file: string): void => {
  try {
    // A file of SQLite is never opened otherwise while it may be locked: closing it would end the lock of this process.
    Fs.closeSync(Fs.openSync(file, "wx", 0o600))
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
  }
}

/** How this process is named to others. */
export const self = (): string => `process ${process.pid} on ${Os.hostname()}`

/** The holder that wrote its name into the database, as far as it can be read. */
const holderOf = (database: string): string | undefined => {
  try {
    const open = Sqlite.open(database, { readOnly: true, timeout: 0 })
    try {
      return aboutOf(open, "holder")
    } finally {
      open.close()
    }
  } catch {
    return undefined
  }
}

const busy = 5

/** Takes the lock, or throws `InUse` at once. Closing the result releases the lock. */
export const take = ({ database, lock }: Files): Sqlite.Database => {
  createFile(lock)
  const held = Sqlite.open(lock, { timeout: 0 })
  try {
    // Nothing will be written, so the journal needs no file.
    held.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE")
    return held
  } catch (error) {
    held.close()
    const isBusy = error instanceof Error && "errcode" in error && error.errcode === busy
    throw isBusy ? new Found("InUse", "it is locked", holderOf(database)) : error
  }
}
