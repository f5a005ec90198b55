/**
 * A store on a `KeyValueStore` keeps the promises of every store, even if the store below dies at any of its keys, or
 * if somebody changes its contents.
 */
import { NodeFileSystem, NodePath } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, type Scope } from "effect"
import { KeyValueStore } from "effect/persistence"
import * as KeyValueMqttStore from "../src/KeyValueMqttStore.ts"
import type * as MqttError from "../src/MqttError.ts"
import type { Change, OpenStore, Store } from "../src/MqttStore.ts"
import { tables } from "../src/MqttStore.ts"
import { StoreSuite } from "../src/testing/index.ts"
import { assertReason } from "./support/reasons.ts"

const over = (below: KeyValueStore.KeyValueStore): Effect.Effect<Store> =>
  Effect.provideService(KeyValueMqttStore.make, KeyValueStore.KeyValueStore, below)

const placeOf = (
  layer: Layer.Layer<KeyValueStore.KeyValueStore>
): Effect.Effect<Effect.Effect<Store>, never, Scope.Scope> =>
  Effect.map(
    Layer.build(Layer.fresh(layer)),
    (context) => Effect.provide(KeyValueMqttStore.make, context)
  )

const files = Layer.unwrap(
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (system) => system.makeTempDirectoryScoped()),
    (folder) => KeyValueStore.layerFileSystem(folder)
  )
).pipe(Layer.provide([NodeFileSystem.layer, NodePath.layer]), Layer.orDie)

/** What `localStorage` is: nothing but strings. */
class Strings implements Storage {
  readonly #kept = new Map<string, string>()
  get length() {
    return this.#kept.size
  }
  clear() {
    this.#kept.clear()
  }
  getItem(key: string) {
    return this.#kept.get(key) ?? null
  }
  key(index: number) {
    return [...this.#kept.keys()][index] ?? null
  }
  removeItem(key: string) {
    this.#kept.delete(key)
  }
  setItem(key: string, value: string) {
    this.#kept.set(key, value)
  }
}

describe("in memory", () => {
  for (const { check, name } of StoreSuite.checks(placeOf(KeyValueStore.layerMemory))) it.effect(name, () => check)
})

describe("on files", () => {
  for (const { check, name } of StoreSuite.checks(placeOf(files))) it.live(name, () => check)
})

describe("on localStorage", () => {
  const layer = KeyValueStore.layerStorage(() => new Strings())
  for (const { check, name } of StoreSuite.checks(placeOf(layer))) it.effect(name, () => check)
})

// ---------------------------------------------------------------------------
// A store below that a test can see, change and break
// ---------------------------------------------------------------------------

/** What happens to a request that writes or removes: `undefined` lets it be. */
type Fault = "Before" | "Middle" | "After" | "Hang" | undefined

interface Below {
  readonly kept: Map<string, string>
  readonly store: KeyValueStore.KeyValueStore
  /** The names of all requests that wrote or removed, with how much they wrote. */
  readonly requests: Array<readonly [name: string, length: number]>
}

const failed = (method: string, key: string, cause?: unknown) =>
  new KeyValueStore.KeyValueStoreError({ message: `cannot ${method}`, method, key, cause })

const makeBelow = (
  kept: Map<string, string> = new Map(),
  faultOf: (request: number) => Fault = () => undefined,
  cause?: unknown
): Below => {
  const requests: Below["requests"] = []
  const request = (method: string, key: string, length: number, work: (part: number) => void) =>
    Effect.suspend(() => {
      const fault = faultOf(requests.length)
      requests.push([key, length])
      if (fault === "Hang") return Effect.never
      if (fault !== "Before") work(fault === "Middle" ? 0.5 : 1)
      return fault === undefined ? Effect.void : Effect.fail(failed(method, key, cause))
    })
  const store = KeyValueStore.makeStringOnly({
    get: (key) => Effect.sync(() => kept.get(key)),
    set: (key, value) =>
      request("set", key, value.length, (part) => kept.set(key, value.slice(0, Math.floor(value.length * part)))),
    remove: (key) => request("remove", key, 0, (part) => part === 1 && kept.delete(key)),
    clear: Effect.die("nobody clears it"),
    size: Effect.die("nobody counts it"),
    keys: Effect.die("nobody lists it")
  })
  return { kept, store, requests }
}

/** Everything fails from a request on, the first one with this fault. */
const dyingAt = (death: number, fault: Fault) => (request: number): Fault =>
  request < death ? undefined : request === death ? fault : "Before"

const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 7 + seed) & 0xff)

const put = (key: number, length: number, seed = key): Change => ({
  _tag: "Put",
  table: "message",
  key,
  value: bytes(length, seed)
})

const remove = (key: number): Change => ({ _tag: "Remove", table: "message", key })

const contents = (open: OpenStore) =>
  Effect.map(
    Effect.forEach(tables, (table) => open.read(table, { after: -1, limit: 1_000_000 })),
    (all) => all.map((records) => records.map(({ key, value }) => `${key}: ${Array.from(value).join()}`))
  )

const withOpen = <A, E>(
  below: KeyValueStore.KeyValueStore,
  use: (open: OpenStore) => Effect.Effect<A, E, Scope.Scope>
) => Effect.scoped(Effect.flatMap(Effect.flatMap(over(below), (store) => store.open("gateway")), use))

const contentsOf = (kept: Map<string, string>) => withOpen(makeBelow(kept).store, contents)

const problemOf = <A, R>(effect: Effect.Effect<A, MqttError.MqttError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => assertReason(reason, "StoreFailed").problem)

/** Values in pages and of their own, pages that end, and tables of both kinds. */
const before: ReadonlyArray<Change> = [
  ...Array.from({ length: 70 }, (_, key) => put(key, 8)),
  put(100, 2000),
  put(101, 3000),
  { _tag: "Put", table: "client", key: 1, value: bytes(4, 0) }
]

const batches: ReadonlyArray<readonly [name: string, changes: ReadonlyArray<Change>]> = [
  ["records of one page", [put(3, 16, 9), remove(4)]],
  ["records of several pages and tables", [
    put(200_000, 8),
    remove(64),
    { _tag: "Put", table: "received", key: 7, value: bytes(1, 1) },
    { _tag: "Remove", table: "client", key: 1 }
  ]],
  ["large values", [put(100, 8), remove(101), put(102, 4000), put(1, 1500, 5)]],
  ["a table that is cleared and filled", [{ _tag: "Clear", table: "message" }, put(5, 8, 77), put(300, 5000)]],
  ["a table that is cleared", [{ _tag: "Clear", table: "message" }]]
]

describe("a store below that dies", () => {
  for (const [name, changes] of batches) {
    for (const fault of ["Before", "Middle", "After"] as const) {
      it.effect(`at any of its keys, ${fault.toLowerCase()}: all of the batch or nothing: ${name}`, () =>
        Effect.gen(function*() {
          const start = makeBelow()
          yield* withOpen(start.store, (open) => open.commit(before))
          const old = yield* contentsOf(new Map(start.kept))
          const whole = makeBelow(new Map(start.kept))
          yield* withOpen(whole.store, (open) => open.commit(changes))
          const made = yield* contentsOf(whole.kept)
          assert.notDeepEqual(made, old)

          let outcomes = 0
          for (let death = 0; death < whole.requests.length; death++) {
            const below = makeBelow(new Map(start.kept), dyingAt(death, fault))
            const exit = yield* Effect.exit(withOpen(below.store, (open) => open.commit(changes)))
            const left = yield* contentsOf(below.kept)
            const isMade = JSON.stringify(left) === JSON.stringify(made)
            if (!isMade) assert.deepStrictEqual(left, old, `death ${death}`)
            if (exit._tag === "Success") assert.isTrue(isMade, `death ${death}`)
            outcomes |= isMade ? 2 : 1
          }
          assert.strictEqual(outcomes, 3)
        }))
    }
  }

  it.effect("while it is opened, and again and again: nothing of a commit is lost", () =>
    Effect.gen(function*() {
      const start = makeBelow()
      yield* withOpen(start.store, (open) => open.commit(before))
      const whole = makeBelow(new Map(start.kept))
      const changes = batches.flatMap(([, changes]) => changes)
      yield* withOpen(whole.store, (open) => open.commit(changes))
      const made = yield* contentsOf(whole.kept)
      // Opening does the last batch again; only then comes the commit.
      const batchWritten = whole.requests.findIndex(([name]) => name.endsWith(".batch"))
      const dead = makeBelow(new Map(start.kept), dyingAt(batchWritten + 1, "Middle"))
      yield* withOpen(dead.store, (open) => open.commit(changes))
      for (let death = 0; death < whole.requests.length - batchWritten - 1; death++) {
        for (const fault of ["Before", "Middle", "After"] as const) {
          const below = makeBelow(new Map(dead.kept), dyingAt(death, fault))
          assert.strictEqual(yield* problemOf(withOpen(below.store, contents)), "Unavailable")
          assert.deepStrictEqual(yield* contentsOf(below.kept), made)
        }
      }
    }))
})

describe("a store below that fails once", () => {
  it.effect("at the batch: the commit fails, nothing of it is there, and the next one is made", () =>
    Effect.gen(function*() {
      for (const fault of ["Before", "Middle", "After"] as const) {
        const below = makeBelow(new Map(), (request) => request === 0 ? fault : undefined)
        yield* withOpen(below.store, (open) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* problemOf(open.commit([put(1, 8)])), "Unavailable")
            assert.deepStrictEqual(yield* open.read("message", { after: -1, limit: 9 }), [])
            assert.deepStrictEqual((yield* contentsOf(new Map(below.kept)))[0], [])
            yield* open.commit([put(2, 8)])
            const [record] = yield* open.read("message", { after: -1, limit: 9 })
            assert.strictEqual(record?.key, 2)
          }))
      }
    }))

  it.effect("after the batch: the commit is made, and the next operation goes on with it", () =>
    Effect.gen(function*() {
      const below = makeBelow(new Map(), (request) => request === 1 ? "Middle" : undefined)
      yield* withOpen(below.store, (open) =>
        Effect.gen(function*() {
          yield* open.commit([put(1, 8), put(500, 8)])
          const records = yield* open.read("message", { after: -1, limit: 9 })
          assert.deepStrictEqual(records.map(({ key }) => key), [1, 500])
        }))
    }))

  it.effect("there is no room: Full, whether a browser or a file system says so", () =>
    Effect.gen(function*() {
      const causes = [
        Object.assign(new Error("no room"), { name: "QuotaExceededError" }),
        new Error("wrapped", { cause: Object.assign(new Error("no room"), { code: "ENOSPC" }) })
      ]
      for (const cause of causes) {
        const below = makeBelow(new Map(), () => "Before", cause)
        assert.strictEqual(yield* problemOf(withOpen(below.store, (open) => open.commit([put(1, 8)]))), "Full")
      }
    }))
})

describe("a store below that does not answer", () => {
  it.effect("holds nobody who closes the store or gives up", () =>
    Effect.gen(function*() {
      const below = makeBelow(new Map(), (request) => request === 0 ? "Hang" : undefined)
      const commit = yield* withOpen(below.store, (open) =>
        Effect.forkDetach(open.commit([put(1, 8)]), { startImmediately: true }))
      const exit = commit.pollUnsafe()
      assert.isDefined(exit)
      assert.strictEqual(yield* problemOf(exit ?? Effect.never), "Closed")
      assert.deepStrictEqual(yield* contentsOf(below.kept), [[], [], [], []])
    }))

  it.effect("closed, it says so", () =>
    Effect.gen(function*() {
      const open = yield* withOpen(makeBelow().store, Effect.succeed)
      assert.strictEqual(yield* problemOf(open.read("message", { after: -1, limit: 1 })), "Closed")
      assert.strictEqual(yield* problemOf(open.commit([put(1, 1)])), "Closed")
    }))
})

// ---------------------------------------------------------------------------
// Values that somebody changed
// ---------------------------------------------------------------------------

const changed: ReadonlyArray<readonly [how: string, change: (text: string) => string | undefined]> = [
  ["another text", () => "{}"],
  ["one character is another", (text) => text.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10))],
  ["one letter is another", (text) => text.replace(/[A-Za-z](?=[^A-Za-z]*$)/, (letter) => letter === "A" ? "B" : "A")],
  ["text after its end", (text) => `${text} `],
  ["another content of the right length", (text) => text.replace(/[[{].*/s, (content) => " ".repeat(content.length))]
]

describe("values that somebody changed", () => {
  const full = Effect.gen(function*() {
    const below = makeBelow()
    yield* withOpen(below.store, (open) => open.commit(before))
    return below.kept
  })

  for (const [how, change] of changed) {
    it.effect(`under any key: Corrupt, and nothing is removed: ${how}`, () =>
      Effect.gen(function*() {
        const kept = yield* full
        const batch = [...kept.keys()].find((name) => name.endsWith(".batch")) ?? ""
        for (const [name, text] of kept) {
          const damaged = new Map(kept)
          if (name !== batch) damaged.delete(batch)
          const other = change(text)
          if (other === text) continue
          if (other === undefined) damaged.delete(name)
          else damaged.set(name, other)
          const copy = new Map(damaged)
          const error = yield* Effect.flip(contentsOf(damaged))
          const reason = assertReason(error.reason, "StoreFailed")
          assert.strictEqual(reason.problem, "Corrupt", name)
          assert.include(error.message, name)
          assert.deepStrictEqual(damaged, copy)
        }
      }))
  }

  it.effect("a page, a group or a large value that is not there, or is cut short: Corrupt", () =>
    Effect.gen(function*() {
      const kept = yield* full
      const names = [...kept.keys()].filter((name) => !/\.(batch|root)$/.test(name))
      assert.isAtLeast(names.length, 6)
      for (const name of names) {
        for (const text of [undefined, "", kept.get(name)?.slice(0, -1)]) {
          const damaged = new Map(kept)
          for (const other of kept.keys()) if (other.endsWith(".batch")) damaged.delete(other)
          if (text === undefined) damaged.delete(name)
          else damaged.set(name, text)
          assert.strictEqual(yield* problemOf(contentsOf(damaged)), "Corrupt", name)
        }
      }
    }))

  it.effect("a batch that is cut short anywhere was never committed", () =>
    Effect.gen(function*() {
      const kept = yield* full
      const [batch = "", text = ""] = [...kept].find(([name]) => name.endsWith(".batch")) ?? []
      const records = yield* contentsOf(new Map(kept))
      const cuts = [...Array(60).keys(), text.length - 1]
      for (const length of cuts) {
        const cut = new Map(kept).set(batch, text.slice(0, length))
        assert.deepStrictEqual(yield* contentsOf(cut), records)
        assert.isFalse(cut.has(batch))
      }
    }))

  it.effect("of a newer version: NewerFormat", () =>
    Effect.gen(function*() {
      const kept = yield* full
      for (const [name, text] of kept) {
        if (!/\.(batch|root)$/.test(name)) continue
        const newer = new Map(kept).set(name, text.replace("effect-mqtt 1 ", "effect-mqtt 2 "))
        if (name.endsWith(".root")) {
          for (const other of kept.keys()) if (other.endsWith(".batch")) newer.delete(other)
        }
        assert.strictEqual(yield* problemOf(contentsOf(newer)), "NewerFormat")
      }
    }))
})

// ---------------------------------------------------------------------------
// What it costs
// ---------------------------------------------------------------------------

describe("a hundred thousand waiting messages", () => {
  it.effect("a commit writes a few pages, and opening reads a few keys", () =>
    Effect.gen(function*() {
      const below = makeBelow()
      const count = 100_000
      yield* withOpen(below.store, (open) =>
        Effect.gen(function*() {
          for (let first = 0; first < count; first += 5000) {
            yield* open.commit(Array.from({ length: 5000 }, (_, index) => put(first + index, 16)))
          }
          below.requests.length = 0
          yield* open.commit([remove(0), put(count, 16)])
          const lengths = below.requests.map(([, length]) => length)
          assert.isAtMost(below.requests.length, 4)
          assert.isAtMost(lengths.reduce((sum, length) => sum + length, 0), 20_000)
        }))
      let read = 0
      const counting = {
        ...below.store,
        get: (key: string) =>
          Effect.suspend(() => {
            read++
            return below.store.get(key)
          })
      }
      const [record] = yield* withOpen(counting, (open) => open.read("message", { after: 70_000, limit: 1 }))
      assert.strictEqual(record?.key, 70_001)
      assert.isAtMost(read, 8)
    }))
})

describe("names", () => {
  it.effect("of all keys begin with effect-mqtt, and are short enough for files and databases", () =>
    Effect.gen(function*() {
      const below = makeBelow()
      const store = yield* over(below.store)
      for (const clientId of ["gateway-7", "Gateway 7", "x".repeat(65_535)]) {
        yield* Effect.scoped(
          Effect.flatMap(store.open(clientId), (open) => open.commit([put(Number.MAX_SAFE_INTEGER, 2000)]))
        )
      }
      for (const name of below.kept.keys()) {
        assert.match(name, /^effect-mqtt\.[a-z0-9_~.-]+$/)
        assert.isAtMost(name.length, 191)
      }
    }))

  it.effect("a client identifier whose records another one has is refused", () =>
    Effect.gen(function*() {
      const below = makeBelow()
      yield* withOpen(below.store, (open) => open.commit(before))
      const renamed = new Map([...below.kept].map(([name, text]) => [name.replace(".gateway.", ".another."), text]))
      for (const name of renamed.keys()) if (name.endsWith(".batch")) renamed.delete(name)
      const store = yield* over(makeBelow(renamed).store)
      assert.strictEqual(yield* problemOf(Effect.scoped(store.open("another"))), "Unavailable")
    }))
})
