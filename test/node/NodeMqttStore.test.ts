/**
 * The store in files: the promises of every store, its files, its one owner among processes, and its readers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import { repository } from "../../scripts/files.ts"
import { NodeMqttStore } from "../../src/node/index.ts"
import { StoreSuite } from "../../src/testing/index.ts"
import { clientId, inReader, inStore, newPath, put, stored, storeFailure, textsOf } from "./store/directory.ts"

describe("every promise of a store, in files", () => {
  const newPlace = Effect.map(newPath, (path) => NodeMqttStore.make({ path }))
  // A hundred stores are made in one of them, and each waits for the disk.
  for (const { check, name } of StoreSuite.checks(newPlace)) it.effect(name, () => check, 60_000)
})

describe("its promises with `sync: \"full\"`", () => {
  const newPlace = Effect.map(newPath, (path) => NodeMqttStore.make({ path, sync: "full" }))
  for (const { check, name } of StoreSuite.checks(newPlace, { seeds: [6] })) {
    if (!name.startsWith("each client identifier has")) it.effect(name, () => check)
  }
})

const modesIn = (path: string) =>
  Object.fromEntries(
    Fs.readdirSync(path).map((name) => [name, (Fs.statSync(Path.join(path, name)).mode & 0o777).toString(8)])
  )

describe("its files", () => {
  it.effect("are for the owner of the process only", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* newPath, "deeper")
      yield* inStore(path, (store) =>
        Effect.gen(function*() {
          yield* store.commit([put(1, "a")])
          assert.strictEqual((Fs.statSync(path).mode & 0o777).toString(8), "700")
          assert.deepStrictEqual(modesIn(path), {
            "client-gateway.lock": "600",
            "client-gateway.sqlite": "600",
            "client-gateway.sqlite-shm": "600",
            "client-gateway.sqlite-wal": "600"
          })
        }))
      assert.sameMembers(Fs.readdirSync(path), ["client-gateway.lock", "client-gateway.sqlite"])
    }))

  it.effect("leave the mode of a directory that is there", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      Fs.mkdirSync(path)
      Fs.chmodSync(path, 0o750)
      yield* inStore(path, (store) => store.commit([put(1, "a")]))
      assert.strictEqual((Fs.statSync(path).mode & 0o777).toString(8), "750")
    }))

  it.effect("have names that no file system takes for another one", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const store = yield* NodeMqttStore.make({ path })
      const clientIds = ["", "CON", "con", "a/b", "..", "caf\u00e9", "x".repeat(1000), "y".repeat(193), "z".repeat(194)]
      yield* Effect.forEach(clientIds, (clientId) => Effect.scoped(store.open(clientId)))
      const names = Fs.readdirSync(path).filter((name) => name.endsWith(".sqlite"))
      for (const name of names) assert.match(name, /^(client|hash)-[a-z0-9%_-]*\.sqlite$/)
      assert.include(names, "client-%43%4f%4e.sqlite")
      assert.include(names, "client-%2e%2e.sqlite")
      assert.strictEqual(names.length, clientIds.length)
      Fs.writeFileSync(Path.join(path, "notes.txt"), "")
      Fs.writeFileSync(Path.join(path, "client-%ZZ.sqlite"), "")
      assert.deepStrictEqual(yield* NodeMqttStore.clientIds(path), [...clientIds].sort())
    }))
})

describe("options", () => {
  for (
    const [option, options] of [
      ["path", { path: "" }],
      ["sync", { path: "a", sync: "fast" as "full" }],
      ["maximumBytes", { path: "a", maximumBytes: 1000 }],
      ["maximumBytes", { path: "a", maximumBytes: Number.NaN }]
    ] as const
  ) {
    it.effect(`that cannot be are refused: ${JSON.stringify(options)}`, () =>
      Effect.gen(function*() {
        const { reason } = yield* Effect.flip(NodeMqttStore.make(options))
        assert.strictEqual(reason._tag === "InvalidOptions" && reason.option, option)
      }))
  }
})

/** A program that opens the store, writes a record and waits. It says when it is that far. */
const other = (path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const module = (name: string) => JSON.stringify(pathToFileURL(Path.join(repository, "src", name)).href)
      const program = `
        import { Effect } from ${JSON.stringify(import.meta.resolve("effect"))}
        import * as NodeMqttStore from ${module("node/NodeMqttStore.ts")}
        const value = new TextEncoder().encode("of another process")
        await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
          const store = yield* NodeMqttStore.make({ path: ${JSON.stringify(path)} })
          const open = yield* store.open("gateway")
          yield* open.commit([{ _tag: "Put", table: "message", key: 1, value }])
          console.log("open")
          process.stdin.resume()
          yield* Effect.never
        })))
      `
      const stdio = ["pipe", "pipe", "inherit"] as const
      const child = ChildProcess.spawn(process.execPath, ["--input-type=module", "--eval", program], {
        stdio: [...stdio]
      })
      const said = await Promise.race([once(child.stdout, "data"), once(child, "exit")])
      assert.strictEqual(String(said[0]), "open\n")
      return child
    }),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.kill("SIGKILL")
        await once(child, "exit")
      })
  )

const kill = (child: ChildProcess.ChildProcess) =>
  Effect.promise(async () => {
    child.kill("SIGKILL")
    await once(child, "exit")
  })

describe("another process", () => {
  it.effect("that has the store is named, and what it wrote can be read; once it is killed, the store opens", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const child = yield* other(path)
      const { holder, message, operation, problem } = yield* storeFailure(inStore(path, () => Effect.void))
      assert.deepStrictEqual([operation, problem], ["open", "InUse"])
      assert.strictEqual(holder, `process ${child.pid} on ${Os.hostname()}`)
      assert.include(message, `client-gateway.sqlite (process ${child.pid} on`)
      assert.deepStrictEqual(yield* inReader(path, textsOf), ["1 of another process"])
      assert.strictEqual((yield* storeFailure(inStore(path, () => Effect.void))).problem, "InUse")
      yield* kill(child)
      assert.deepStrictEqual(yield* inStore(path, (store) => textsOf(store)), ["1 of another process"])
    }).pipe(Effect.scoped))

  it.effect("that has the store of another client identifier is in nobody's way", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      yield* other(path)
      const store = yield* NodeMqttStore.make({ path })
      const open = yield* store.open("another gateway")
      yield* open.commit([put(1, "a")])
      assert.deepStrictEqual(yield* textsOf(open), ["1 a"])
    }).pipe(Effect.scoped))
})

describe("reading only", () => {
  it.effect("sees what is committed while the store is open, and keeps nobody from committing", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      yield* inStore(path, (store) =>
        inReader(path, (reader) =>
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* textsOf(reader), [])
            for (const key of [1, 2, 3]) {
              yield* store.commit([put(key, "a")])
              assert.strictEqual((yield* textsOf(reader)).length, key)
            }
          })))
    }))

  it.effect("reads a closed store, and the store opens meanwhile", () =>
    Effect.gen(function*() {
      const path = yield* stored(["a"])
      yield* inReader(path, (reader) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* textsOf(reader), ["0 a"])
          yield* inStore(path, (store) => store.commit([put(1, "b")]))
          assert.deepStrictEqual(yield* textsOf(reader), ["0 a", "1 b"])
        }))
      assert.deepStrictEqual(yield* inStore(path, (store) => textsOf(store)), ["0 a", "1 b"])
    }))

  it.effect("makes no store, and no directory", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const { operation, problem } = yield* storeFailure(inReader(path, () => Effect.void))
      assert.deepStrictEqual([operation, problem], ["open", "Unavailable"])
      assert.strictEqual((yield* storeFailure(NodeMqttStore.clientIds(path))).problem, "Unavailable")
      assert.isFalse(Fs.existsSync(path))
      Fs.mkdirSync(path)
      assert.strictEqual((yield* storeFailure(inReader(path, () => Effect.void))).problem, "Unavailable")
      assert.deepStrictEqual(Fs.readdirSync(path), [])
      assert.deepStrictEqual(yield* NodeMqttStore.clientIds(path), [])
    }))
})

describe("a closed store", () => {
  it.effect("fails with Closed", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const store = yield* inStore(path, Effect.succeed)
      const written = yield* storeFailure(store.commit([put(1, "a")]))
      assert.deepStrictEqual([written.operation, written.problem], ["write", "Closed"])
      const read = yield* storeFailure(store.read("message", { after: -1, limit: 1 }))
      assert.deepStrictEqual([read.operation, read.problem], ["read", "Closed"])
      assert.deepStrictEqual(yield* NodeMqttStore.clientIds(path), [clientId])
    }))
})
