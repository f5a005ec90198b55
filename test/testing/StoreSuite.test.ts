/**
 * The suite for stores: the store in memory passes it, and it notices each way to break a promise.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Semaphore } from "effect"
import * as MqttError from "../../src/MqttError.ts"
import * as MqttStore from "../../src/MqttStore.ts"
import { StoreSuite } from "../../src/testing/index.ts"

describe("the store in memory", () => {
  const newPlace = Effect.map(MqttStore.makeMemory, (store) => Effect.succeed(store))
  for (const { check, name } of StoreSuite.checks(newPlace)) it.effect(name, () => check)
})

type Records = Map<number, Uint8Array>
type Range = { readonly after: number; readonly limit: number }

/** What a store of this file does in each of its steps, so that a test can have one of them wrong. */
interface Habits {
  readonly key: (key: number) => number
  readonly table: (table: MqttStore.Table) => MqttStore.Table
  readonly clientId: (clientId: string) => string
  readonly write: (value: Uint8Array) => Uint8Array
  readonly give: (value: Uint8Array) => Uint8Array
  readonly order: (one: number, other: number) => number
  readonly page: (records: ReadonlyArray<MqttStore.StoredRecord>, range: Range) => typeof records
  readonly batch: (changes: ReadonlyArray<MqttStore.Change>) => typeof changes
  readonly change: (records: Records, change: MqttStore.Change, value: Uint8Array) => void
  /** Between two changes of a batch. */
  readonly pause: Effect.Effect<void>
  /** Around a commit. */
  readonly whole: (commit: Effect.Effect<void>) => Effect.Effect<void>
  readonly inUse: MqttError.StoreProblem | undefined
  readonly refused: (open: Set<string>, clientId: string) => void
  readonly closed: (open: Set<string>, clientId: string, kept: Map<string, unknown>) => void
}

const sound: Habits = {
  key: (key) => key,
  table: (table) => table,
  clientId: (clientId) => clientId,
  write: (value) => value.slice(),
  give: (value) => value.slice(),
  order: (one, other) => one - other,
  page: (records, { after, limit }) => records.filter(({ key }) => key > after).slice(0, limit),
  batch: (changes) => changes,
  change: (records, change, value) => {
    if (change._tag === "Put") records.set(change.key, value)
    else if (change._tag === "Remove") records.delete(change.key)
    else records.clear()
  },
  pause: Effect.void,
  whole: (commit) => commit,
  inUse: "InUse",
  refused: () => {},
  closed: (open, clientId) => open.delete(clientId)
}

const failure = (problem: MqttError.StoreProblem) =>
  MqttError.fromReason(new MqttError.StoreFailed({ store: "odd", operation: "open", problem }))

/** What all stores of one place share. */
const placeWith = (habits: Habits) => {
  const kept = new Map<string, ReadonlyMap<MqttStore.Table, Records>>()
  const open = new Set<string>()
  const openStore = (tables: ReadonlyMap<MqttStore.Table, Records>): MqttStore.OpenStore => {
    const recordsOf = (table: MqttStore.Table) => tables.get(habits.table(table)) ?? new Map()
    const change = (change: MqttStore.Change) => {
      const value = change._tag === "Put" ? habits.write(change.value) : new Uint8Array(0)
      const keyed = change._tag === "Clear" ? change : { ...change, key: habits.key(change.key) }
      habits.change(recordsOf(change.table), keyed, value)
    }
    return {
      read: (table, range) =>
        Effect.sync(() => {
          const records = [...recordsOf(table)].sort(([one], [other]) => habits.order(one, other))
          return habits.page(records.map(([key, value]) => ({ key, value: habits.give(value) })), range)
        }),
      commit: (changes) =>
        habits.whole(
          Effect.forEach(habits.batch(changes), (one) => Effect.andThen(Effect.sync(() => change(one)), habits.pause), {
            discard: true
          })
        )
    }
  }
  const store = (): MqttStore.Store => ({
    name: "odd",
    open: (written) => {
      const clientId = habits.clientId(written)
      const acquire = Effect.suspend(() => {
        if (open.has(clientId) && habits.inUse !== undefined) {
          habits.refused(open, clientId)
          return Effect.fail(failure(habits.inUse))
        }
        open.add(clientId)
        const tables = kept.get(clientId) ?? new Map(MqttStore.tables.map((table) => [table, new Map()]))
        kept.set(clientId, tables)
        return Effect.succeed(openStore(tables))
      })
      return Effect.acquireRelease(acquire, () => Effect.sync(() => habits.closed(open, clientId, kept)))
    }
  })
  return Effect.sync(store)
}

const failed = Effect.fnUntraced(function*(habits: Partial<Habits>) {
  const names: Array<string> = []
  const sentences: Array<string> = []
  for (const { check, name } of StoreSuite.checks(Effect.sync(() => placeWith({ ...sound, ...habits })))) {
    const exit = yield* Effect.exit(check)
    if (Exit.isSuccess(exit)) continue
    names.push(name)
    sentences.push(String(exit.cause))
  }
  return { names, sentences }
})

interface Break {
  readonly fault: string
  readonly habits: Partial<Habits>
  /** The check that must notice it. */
  readonly noticed: RegExp
  /** What that one must say. */
  readonly says?: RegExp
}

const put = (records: Records, change: MqttStore.Change, value: Uint8Array, write: Habits["change"] = sound.change) =>
  write(records, change, value)

const breaks: ReadonlyArray<Break> = [
  {
    fault: "sorts keys as text",
    habits: { order: (one, other) => `${one}` < `${other}` ? -1 : 1 },
    noticed: /^records come in the order/,
    says: /record 3 of 9 is key 10 with 8 bytes \(76 61 6c 75 65 20 31 30\) instead of key 2 with/
  },
  { fault: "gives records in the order they were written in", habits: { order: () => 0 }, noticed: /^records come in/ },
  {
    fault: "begins a page with the key itself",
    habits: { page: (records, { after, limit }) => records.filter(({ key }) => key >= after).slice(0, limit) },
    noticed: /^a page has/,
    says: /in a page after 0 of at most 3, record 1 of 3 is key 0/
  },
  {
    fault: "has no limit",
    habits: { page: (records, { after }) => records.filter(({ key }) => key > after) },
    noticed: /^a page has/,
    says: /there are 9 records instead of 3, the next is key 9/
  },
  {
    fault: "takes `after` for a position",
    habits: { page: (records, { after, limit }) => records.slice(after + 1, after + 1 + limit) },
    noticed: /^a page has/
  },
  {
    fault: "passes over key 0",
    habits: { page: (records, range) => sound.page(records, { ...range, after: Math.max(range.after, 0) }) },
    noticed: /^records come in the order/
  },
  { fault: "has keys of 32 bits", habits: { key: (key) => key >>> 0 }, noticed: /^keys are whole numbers/ },
  { fault: "has keys of 24 bits of precision", habits: { key: Math.fround }, noticed: /^keys are whole numbers/ },
  {
    fault: "cuts values at 64 KiB",
    habits: { write: (value) => value.slice(0, 65_536) },
    noticed: /^values come back/
  },
  {
    fault: "cannot tell no bytes from no record",
    habits: { page: (records, range) => sound.page(records, range).filter(({ value }) => value.length > 0) },
    noticed: /^values come back/
  },
  {
    fault: "takes values for text",
    habits: { write: (value) => new TextEncoder().encode(new TextDecoder().decode(value)) },
    noticed: /^values come back/
  },
  {
    fault: "stores the buffer of a view",
    habits: { write: (value) => new Uint8Array(value.buffer.slice(0)) },
    noticed: /^a value that is a part/
  },
  {
    fault: "keeps the bytes of others",
    habits: { write: (value) => value },
    noticed: /^bytes that change after the commit/
  },
  {
    fault: "gives its bytes away",
    habits: { give: (value) => value },
    noticed: /^bytes that change after they were read/
  },
  {
    fault: "keeps the first of two values",
    habits: {
      change: (records, change, value) => {
        if (change._tag !== "Put" || !records.has(change.key)) put(records, change, value)
      }
    },
    noticed: /^`Put` writes over/
  },
  {
    fault: "dies of a Remove of nothing",
    habits: {
      change: (records, change, value) => {
        if (change._tag === "Remove" && !records.has(change.key)) throw new Error("no such record")
        put(records, change, value)
      }
    },
    noticed: /^`Remove` deletes one record/
  },
  {
    fault: "makes all Removes of a batch first",
    habits: {
      batch: (changes) => [
        ...changes.filter(({ _tag }) => _tag === "Remove"),
        ...changes.filter(({ _tag }) => _tag !== "Remove")
      ]
    },
    noticed: /^the changes of a batch are made in their order/,
    says: /after Put, Remove of a key, in the table message, there are 1 records instead of 0/
  },
  {
    fault: "makes all Clears of a batch last",
    habits: {
      batch: (changes) => [
        ...changes.filter(({ _tag }) => _tag !== "Clear"),
        ...changes.filter(({ _tag }) => _tag === "Clear")
      ]
    },
    noticed: /^the changes of a batch are made in their order/
  },
  { fault: "has one table for all", habits: { table: () => "message" }, noticed: /^a change concerns its own table/ },
  {
    fault: "drops what is too much for a batch",
    habits: { batch: (changes) => changes.slice(0, 9_999) },
    noticed: /^a batch may have 10,000/
  },
  {
    fault: "mixes commits, and leaves half of an interrupted one",
    habits: { pause: Effect.yieldNow },
    noticed: /^commits that are under way|^an interrupted commit|^a store that closes/
  },
  {
    fault: "forgets everything when it closes",
    habits: {
      closed: (open, clientId, kept) => {
        open.delete(clientId)
        kept.clear()
      }
    },
    noticed: /^records are still there/
  },
  {
    fault: "takes upper and lower case for the same",
    habits: { clientId: (clientId) => clientId.toLowerCase() },
    noticed: /^each client identifier has/,
    says: /"Gateway" is in use while other client identifiers are open/
  },
  {
    fault: "replaces odd characters of client identifiers",
    habits: { clientId: (clientId) => clientId.replaceAll("/", "_") },
    noticed: /^each client identifier has/
  },
  {
    fault: "decodes client identifiers",
    habits: { clientId: (clientId) => clientId === "%25" ? "%" : clientId },
    noticed: /^each client identifier has/
  },
  {
    fault: "cuts client identifiers",
    habits: { clientId: (clientId) => clientId.slice(0, 127) },
    noticed: /^each client identifier has/
  },
  {
    fault: "normalizes client identifiers",
    habits: { clientId: (clientId) => clientId.normalize() },
    noticed: /^each client identifier has/
  },
  {
    fault: "lets two open it",
    habits: { inUse: undefined },
    noticed: /^while a client identifier is open/,
    says: /it was opened a second time through the same store/
  },
  {
    fault: "says something else than that it is in use",
    habits: { inUse: "Unavailable" },
    noticed: /^while a client identifier is open/,
    says: /failed with StoreFailed Unavailable on open instead of StoreFailed InUse on open/
  },
  {
    fault: "takes it away from its owner for somebody who was refused",
    habits: { refused: (open, clientId) => open.delete(clientId) },
    noticed: /^while a client identifier is open/,
    says: /after an attempt that was refused/
  },
  { fault: "stays in use", habits: { closed: () => {} }, noticed: /^while a client identifier is open/ }
]

describe("a store that", () => {
  it.effect("is sound passes", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* failed({})).sentences, [])
    }))

  it.effect("pauses in a commit, one at a time and to its end, passes", () =>
    Effect.gen(function*() {
      const turn = yield* Semaphore.make(1)
      const whole = (commit: Effect.Effect<void>) => Effect.uninterruptible(turn.withPermit(commit))
      assert.deepStrictEqual((yield* failed({ pause: Effect.yieldNow, whole })).sentences, [])
    }))

  for (const { fault, habits, noticed, says = /./ } of breaks) {
    it.effect(`${fault} is noticed`, () =>
      Effect.gen(function*() {
        const { names, sentences } = yield* failed(habits)
        const index = names.findIndex((name) => noticed.test(name))
        assert.notStrictEqual(index, -1, names.join("\n"))
        assert.match(sentences[index] ?? "", says)
      }))
  }
})
