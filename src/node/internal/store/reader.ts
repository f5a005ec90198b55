/** Reads the database of a client identifier, even while a client has it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Url from "node:url"
import type { OpenStore } from "../../../internal/store/port.ts"
import type { MqttError } from "../../../MqttError.ts"
import { attempt } from "./failures.ts"
import { readable } from "./records.ts"
import * as Schema from "./schema.ts"
import * as Sqlite from "./sqlite.ts"

const openSound = (file: string, options: { readonly isImmutable: boolean }) => {
  const { href } = Url.pathToFileURL(file)
  const database = Sqlite.open(options.isImmutable ? `${href}?immutable=1` : file, { readOnly: true })
  try {
    Schema.versionOf(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Reading needs files beside the database, for the log and its index. A process that may not make them can still read a
 * database that nobody has open: all of it is in the one file then.
 */
const openDatabase = (file: string) => {
  Fs.statSync(file)
  Schema.refuseEmptied(file)
  try {
    return openSound(file, { isImmutable: false })
  } catch (error) {
    if (Fs.existsSync(`${file}-wal`)) throw error
    return openSound(file, { isImmutable: true })
  }
}

const opened = (file: string): Effect.Effect<Sqlite.Database, MqttError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(file, "open", () => openDatabase(file)),
    (database) => Effect.sync(() => database.close())
  )

/** The records of a database until the scope closes. */
export const open = (file: string): Effect.Effect<Pick<OpenStore, "read">, MqttError, Scope.Scope> =>
  Effect.flatMap(opened(file), (database) => attempt(file, "open", () => readable(file, database)))

/** The client identifier whose store it is. */
export const clientIdOf = (file: string): Effect.Effect<ReadonlyArray<string>, MqttError> =>
  Effect.scoped(Effect.flatMap(opened(file), (database) =>
    attempt(file, "read", () => {
      const clientId = Schema.aboutOf(database, "clientId")
      return clientId === undefined ? [] : [clientId]
    })))
