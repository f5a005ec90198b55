/**
 * From the codes of SQLite and of the file system to a problem of `StoreFailed`, for a store on disk.
 *
 * The codes of SQLite: https://www.sqlite.org/rescode.html.
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as MqttError from "../../../MqttError.ts"

type Problem = MqttError.StoreProblem
export type Operation = MqttError.StoreFailed["operation"]

/** A problem that this package found itself. */
export class Found extends Error {
  readonly problem: Problem
  readonly holder: string | undefined
  constructor(problem: Problem, message: string, holder?: string) {
    super(message)
    this.problem = problem
    this.holder = holder
  }
}

/** Problems by the lowest eight bits of a code; the other bits give details of the same problem. */
const problemsOfSqlite: { readonly [code: number]: Problem } = {
  1: "Corrupt", // SQLITE_ERROR: no statement of this package is wrong, so its tables are
  3: "ReadOnly", // SQLITE_PERM
  5: "InUse", // SQLITE_BUSY
  6: "InUse", // SQLITE_LOCKED
  8: "ReadOnly", // SQLITE_READONLY
  11: "Corrupt", // SQLITE_CORRUPT
  13: "Full", // SQLITE_FULL
  26: "Corrupt" // SQLITE_NOTADB
}

const cannotOpen = 14
/** The file system reports damaged bytes, or gives fewer bytes than there must be. */
const damagedFile: ReadonlyArray<number> = [(33 << 8) | 10, (2 << 8) | 10]

const problemsOfFiles: { readonly [code: string]: Problem } = {
  EACCES: "ReadOnly",
  EPERM: "ReadOnly",
  EROFS: "ReadOnly",
  ENOSPC: "Full",
  EDQUOT: "Full",
  // The database is not open any more.
  ERR_INVALID_STATE: "Closed",
  // An integer that is too large for a number is in the place of a key.
  ERR_OUT_OF_RANGE: "Corrupt"
}

const isFile = (file: string): boolean => Fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false

const field = (cause: unknown, name: string): unknown =>
  typeof cause === "object" && cause !== null && name in cause ? Reflect.get(cause, name) : undefined

const problemOf = (cause: unknown, file: string): Problem => {
  if (cause instanceof Found) return cause.problem
  const code = field(cause, "errcode")
  if (typeof code !== "number") return problemsOfFiles[String(field(cause, "code"))] ?? "Unavailable"
  if (damagedFile.includes(code)) return "Corrupt"
  // It is there, and this process may not open it or the log beside it.
  if ((code & 0xff) === cannotOpen && isFile(file)) return "ReadOnly"
  return problemsOfSqlite[code & 0xff] ?? "Unavailable"
}

const failureOf = (file: string, operation: Operation, cause: unknown): MqttError.MqttError =>
  MqttError.fromReason(
    new MqttError.StoreFailed({
      store: file,
      operation,
      problem: problemOf(cause, file),
      ...(cause instanceof Found && cause.holder !== undefined ? { holder: cause.holder } : {}),
      cause
    })
  )

/** Runs a function that blocks the event loop meanwhile, and fails with `StoreFailed` if it throws. */
export const attempt = <A>(file: string, operation: Operation, run: () => A): Effect.Effect<A, MqttError.MqttError> =>
  Effect.try({ try: run, catch: (cause) => failureOf(file, operation, cause) })
