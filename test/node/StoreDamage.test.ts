/**
 * The store in files when something is wrong with them: each has its problem, and nothing is lost by looking.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { MqttError } from "../../src/MqttError.ts"
import type { Change } from "../../src/MqttStore.ts"
import { NodeMqttStore } from "../../src/node/index.ts"
import {
  fileIn,
  inReader,
  inStore,
  newFastPath,
  newPath,
  put,
  remove,
  stored,
  storeFailure,
  textsOf
} from "./store/directory.ts"

const openFailure = (path: string) => storeFailure(inStore(path, () => Effect.void))

/** Runs SQL on the database of a store that is closed. */
const sql = (path: string, text: string) =>
  Effect.sync(() => {
    const database = new DatabaseSync(fileIn(path))
    database.exec(text)
    database.close()
  })

describe("a store that is full", () => {
  it.effect("fails with Full, keeps what it has, and goes on when there is room", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const text = "x".repeat(1000)
      yield* inStore(path, (store) =>
        Effect.gen(function*() {
          let kept = 0
          const fill = Effect.gen(function*() {
            while (kept < 1000) {
              yield* store.commit([put(kept, text), put(kept + 1, text)])
              kept += 2
            }
          })
          const { message, operation, problem } = yield* storeFailure(fill)
          assert.deepStrictEqual([operation, problem], ["write", "Full"])
          assert.include(message, "make room")
          assert.isAbove(kept, 20)
          const all = Array.from({ length: kept }, (_, key) => `${key} ${text}`)
          assert.deepStrictEqual(yield* textsOf(store), all)
          const large = Array.from({ length: 1000 }, (_, key) => put(10_000 + key, text))
          assert.strictEqual((yield* storeFailure(store.commit([remove(0), ...large]))).problem, "Full")
          assert.deepStrictEqual(yield* textsOf(store), all)
          yield* store.commit([0, 1, 2, 3, 4, 5, 6, 7].map((key) => remove(key)))
          yield* store.commit([put(20_000, text)])
          assert.deepStrictEqual(yield* textsOf(store), [...all.slice(8), `20000 ${text}`])
        }), { maximumBytes: 100_000 })
      assert.isAtMost(Fs.statSync(fileIn(path)).size, 100_000)
    }))
})

/** As a user of the system who owns nothing: the owner of everything may write everything. */
const asNobody = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const user = process.geteuid?.()
      if (user === 0) process.seteuid?.(65_534)
      return user
    }),
    () => effect,
    (user) => Effect.sync(() => user === 0 ? process.seteuid?.(0) : undefined)
  )

/** Where everybody may go, but not change anything. */
const protect = (path: string, files: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      for (const name of Fs.readdirSync(path)) Fs.chmodSync(Path.join(path, name), files)
      Fs.chmodSync(Path.dirname(path), 0o755)
      Fs.chmodSync(path, 0o555)
    }),
    () => Effect.sync(() => Fs.chmodSync(path, 0o755))
  )

describe("a store that cannot be written", () => {
  it.effect("fails with ReadOnly where no directory can be made", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const parent = Path.dirname(path)
      Fs.chmodSync(parent, 0o555)
      const { operation, problem } = yield* asNobody(openFailure(path))
      Fs.chmodSync(parent, 0o755)
      assert.deepStrictEqual([operation, problem], ["open", "ReadOnly"])
      assert.deepStrictEqual(Fs.readdirSync(parent), [])
    }))

  for (const [what, files] of [["that nobody may write", 0o444], ["that nobody may read", 0o000]] as const) {
    it.effect(`fails with ReadOnly where there are files ${what}`, () =>
      Effect.gen(function*() {
        const path = yield* stored(["a"])
        yield* protect(path, files)
        const { operation, problem } = yield* asNobody(openFailure(path))
        assert.deepStrictEqual([operation, problem], ["open", "ReadOnly"])
      }).pipe(Effect.scoped))
  }

  it.effect("fails with ReadOnly where only the directory cannot be written", () =>
    Effect.gen(function*() {
      const path = yield* stored(["a"])
      yield* protect(path, 0o666)
      assert.strictEqual((yield* asNobody(openFailure(path))).problem, "ReadOnly")
    }).pipe(Effect.scoped))

  it.effect("can be read", () =>
    Effect.gen(function*() {
      const path = yield* stored(["a", "b"])
      yield* protect(path, 0o444)
      assert.deepStrictEqual(yield* asNobody(inReader(path, textsOf)), ["0 a", "1 b"])
    }).pipe(Effect.scoped))

  it.effect("fails with Unavailable where the directory is a file", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      Fs.writeFileSync(path, "")
      assert.strictEqual((yield* openFailure(path)).problem, "Unavailable")
    }))
})

describe("a file that is no store", () => {
  for (const [what, bytes] of [["short", "hello"], ["long", "hello ".repeat(10_000)]] as const) {
    it.effect(`is Corrupt and stays as it is (a ${what} text)`, () =>
      Effect.gen(function*() {
        const path = yield* newPath
        Fs.mkdirSync(path)
        Fs.writeFileSync(fileIn(path), bytes)
        const { message, operation, problem, store } = yield* openFailure(path)
        assert.deepStrictEqual([store, operation, problem], [fileIn(path), "open", "Corrupt"])
        assert.include(message, "move it aside to begin with an empty store")
        assert.strictEqual((yield* storeFailure(inReader(path, textsOf))).problem, "Corrupt")
        assert.strictEqual(Fs.readFileSync(fileIn(path), "utf8"), bytes)
      }))
  }

  it.effect("is Corrupt and stays as it is (the database of another program)", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      Fs.mkdirSync(path)
      yield* sql(path, "CREATE TABLE message (key INTEGER PRIMARY KEY, value BLOB)")
      const before = Fs.readFileSync(fileIn(path))
      const { message, problem } = yield* openFailure(path)
      assert.strictEqual(problem, "Corrupt")
      assert.include(message, "another program")
      assert.deepStrictEqual(Fs.readFileSync(fileIn(path)), before)
    }))
})

describe("a store of another time or client", () => {
  it.effect("of a newer format is refused and stays as it is", () =>
    Effect.gen(function*() {
      const path = yield* stored(["a"])
      yield* sql(path, "PRAGMA user_version = 2")
      const before = Fs.readFileSync(fileIn(path))
      assert.strictEqual((yield* openFailure(path)).problem, "NewerFormat")
      assert.strictEqual((yield* storeFailure(inReader(path, textsOf))).problem, "NewerFormat")
      assert.deepStrictEqual(Fs.readFileSync(fileIn(path)), before)
    }))

  it.effect("whose file was renamed does not give its messages to another client", () =>
    Effect.gen(function*() {
      const path = yield* stored(["a"])
      Fs.renameSync(fileIn(path), Path.join(path, "client-other.sqlite"))
      const { open } = yield* NodeMqttStore.make({ path })
      const { message, problem } = yield* storeFailure(Effect.scoped(open("other")))
      assert.strictEqual(problem, "Corrupt")
      assert.include(message, "it is the store of the client \"gateway\"")
    }))
})

const texts = Array.from({ length: 300 }, (_, key) => `${key}: ${"text ".repeat(20)}`)
const whole = texts.map((text, key) => `${key} ${text}`)

/** Everything that can be known of a damaged store: its records, or its problem. */
const outcome = (path: string) =>
  Effect.map(Effect.exit(inStore(path, (store) => textsOf(store))), (exit) => {
    if (Exit.isSuccess(exit)) return { records: exit.value }
    const reason = exit.cause.reasons[0]
    const error = reason?._tag === "Fail" ? reason.error as MqttError : undefined
    return { problem: error?.reason._tag === "StoreFailed" ? error.reason.problem : String(exit.cause) }
  })

/** Bytes of the header that say something else than that the file is sound. */
const otherProblems: ReadonlyArray<readonly [first: number, last: number, problem: string]> = [
  [18, 18, "ReadOnly"], // the version of the format for those who write
  [60, 63, "NewerFormat"] // the version of the store
]

describe("flipped bytes", () => {
  it.effect("are reported, or change nothing", () =>
    Effect.gen(function*() {
      const path = yield* stored(texts, newFastPath)
      const sound = Fs.readFileSync(fileIn(path))
      let reported = 0
      const places = Array.from({ length: sound.length }, (_, place) => place).filter((place) =>
        place < 108 || place % 97 === 0 || place % 4096 < 8
      )
      for (const place of places) {
        const damaged = Buffer.from(sound)
        damaged[place] = (damaged[place] ?? 0) ^ (1 << (place % 8))
        Fs.writeFileSync(fileIn(path), damaged)
        const { problem, records } = yield* outcome(path)
        if (records !== undefined) {
          assert.deepStrictEqual(records, whole, `byte ${place}`)
          continue
        }
        reported += 1
        const other = otherProblems.find(([first, last]) => place >= first && place <= last)?.[2]
        assert.include(["Corrupt", other], problem, `byte ${place}`)
        Fs.rmSync(`${fileIn(path)}-wal`, { force: true })
      }
      assert.isAbove(reported, places.length / 2)
    }), 60_000)

  it.effect("in a value are reported when it is read, and only then", () =>
    Effect.gen(function*() {
      const path = yield* stored(texts, newFastPath)
      const file = Fs.readFileSync(fileIn(path))
      const place = file.indexOf("250: text")
      file[place + 9] = 0x20 ^ 0xff
      Fs.writeFileSync(fileIn(path), file)
      yield* inStore(path, (store) =>
        Effect.gen(function*() {
          yield* store.commit([put(1000, "new")])
          assert.strictEqual((yield* store.read("message", { after: -1, limit: 250 })).length, 250)
          const { message, operation, problem } = yield* storeFailure(textsOf(store))
          assert.deepStrictEqual([operation, problem], ["read", "Corrupt"])
          assert.include(message, "the value under key 250 is not the value that was written")
        }))
    }))

  it.effect("a file that was cut is Corrupt", () =>
    Effect.gen(function*() {
      const path = yield* stored(texts, newFastPath)
      const sound = Fs.readFileSync(fileIn(path))
      for (const length of [0, 1, 2, 50, 100, 1000, 4096, 8192, sound.length - 4096, sound.length - 1]) {
        Fs.writeFileSync(fileIn(path), sound.subarray(0, length))
        assert.deepStrictEqual(yield* outcome(path), { problem: "Corrupt" }, `cut after ${length} bytes`)
      }
      Fs.writeFileSync(fileIn(path), sound)
      assert.deepStrictEqual(yield* outcome(path), { records: whole })
    }))
})

interface Log {
  readonly database: Uint8Array
  readonly log: Uint8Array
  /** After each commit: how long the log was, and what the store had. */
  readonly commits: ReadonlyArray<{ readonly length: number; readonly records: ReadonlyArray<string> }>
}

/** What commit `number` changes: two tables, always with the same number in both. */
const changesOf = (number: number): ReadonlyArray<Change> => [
  put(number, `message ${number}`),
  remove(number - 3),
  put(1, `${number}`, "client")
]

const recordsOf = (path: string) =>
  inStore(path, (store) => Effect.zipWith(textsOf(store), textsOf(store, "client"), (one, other) => [...one, ...other]))

/** A log of several commits, of pages that are small so that there are fewer places to cut it. */
const logOf = (path: string): Effect.Effect<Log, MqttError> =>
  Effect.gen(function*() {
    yield* inStore(path, () => Effect.void)
    yield* sql(path, "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM; PRAGMA journal_mode = WAL")
    const commits: Array<Log["commits"][number]> = []
    const logFile = `${fileIn(path)}-wal`
    return yield* inStore(path, (store) =>
      Effect.gen(function*() {
        for (const number of [1, 2, 3, 4, 5, 6, 7, 8]) {
          yield* store.commit(changesOf(number))
          const records = [...(yield* textsOf(store)), ...(yield* textsOf(store, "client"))]
          commits.push({ length: Fs.statSync(logFile).size, records })
        }
        return { database: Fs.readFileSync(fileIn(path)), log: Fs.readFileSync(logFile), commits }
      }))
  })

const restore = (path: string, { database, log }: Pick<Log, "database" | "log">) =>
  Effect.sync(() => {
    Fs.rmSync(path, { recursive: true, force: true })
    Fs.mkdirSync(path)
    Fs.writeFileSync(fileIn(path), database)
    Fs.writeFileSync(`${fileIn(path)}-wal`, log)
  })

describe("the write-ahead log", () => {
  it.effect("cut at any byte of its last commits gives the state after a commit", () =>
    Effect.gen(function*() {
      const path = yield* newFastPath
      const { commits, database, log } = yield* logOf(path)
      const first = commits.at(-4)?.length ?? 0
      for (let length = first; length <= log.length; length++) {
        yield* restore(path, { database, log: log.subarray(0, length) })
        const expected = commits.findLast((commit) => commit.length <= length)?.records
        assert.deepStrictEqual(yield* recordsOf(path), expected, `cut after ${length} of ${log.length} bytes`)
      }
    }), 120_000)

  it.effect(
    "with a flipped byte gives the state after a commit, and those after it are gone",
    () =>
      Effect.gen(function*() {
        const path = yield* newFastPath
        const { commits, database, log } = yield* logOf(path)
        for (let place = commits[2]?.length ?? 0; place < log.length; place += 13) {
          const damaged = Buffer.from(log)
          damaged[place] = (damaged[place] ?? 0) ^ 0x10
          yield* restore(path, { database, log: damaged })
          const expected = commits.findLast((commit) => commit.length <= place)?.records
          assert.deepStrictEqual(yield* recordsOf(path), expected, `byte ${place} of ${log.length}`)
        }
      }),
    60_000
  )

  it.effect("without its database is Corrupt, and stays", () =>
    Effect.gen(function*() {
      const path = yield* newFastPath
      const { log } = yield* logOf(path)
      yield* restore(path, { database: new Uint8Array(0), log })
      assert.strictEqual((yield* openFailure(path)).problem, "Corrupt")
      assert.strictEqual((yield* storeFailure(inReader(path, textsOf))).problem, "Corrupt")
      Fs.rmSync(fileIn(path))
      assert.strictEqual((yield* openFailure(path)).problem, "Corrupt")
      assert.deepStrictEqual(new Uint8Array(Fs.readFileSync(`${fileIn(path)}-wal`)), new Uint8Array(log))
    }))
})
