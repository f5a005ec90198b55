/** The rules for a batch of changes: in its order, all of it or nothing, and apart from other batches. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Change, type OpenStore, tables } from "../../internal/store/port.ts"
import { clear, put, putOf, recordOf, remove, valueOf, whole } from "./Records.ts"
import { mustBe, mustHave, type Rule, seen, whenOpen } from "./Rule.ts"

/** The records before, the batch, and the records of `message` that must be there afterwards: key and number. */
interface Row {
  readonly before?: ReadonlyArray<Change>
  readonly batch: ReadonlyArray<Change>
  readonly after: ReadonlyArray<readonly [key: number, number: number]>
  readonly when: string
}

/** One rule for rows that each begin with a table without records. */
const table = (promise: string, rows: ReadonlyArray<Row>): Rule => ({
  promise,
  test: whenOpen(Effect.fnUntraced(function*(store) {
    for (const { after, batch, before = [], when } of rows) {
      yield* store.commit([clear()])
      yield* store.commit(before)
      yield* store.commit(batch)
      yield* mustHave(store, "message", after.map(([key, number]) => recordOf(key, number)), when)
    }
  }))
})

const long = put(1, new Uint8Array(1000).fill(1))

const replacing = table("`Put` writes over the record under its key", [
  { before: [long, putOf(2)], batch: [put(1, valueOf(7))], after: [[1, 7], [2, 2]], when: "after a Put over a Put" },
  { batch: [long, put(1, valueOf(7))], after: [[1, 7]], when: "after two Puts in one batch" }
])

const removing = table("`Remove` deletes one record, and removing a missing record is no mistake", [
  {
    before: whole(4).map((key) => putOf(key)),
    batch: [remove(1), remove(2)],
    after: [[0, 0], [3, 3]],
    when: "after two Removes"
  },
  { batch: [remove(1)], after: [], when: "after a Remove from an empty table" },
  { before: [putOf(1)], batch: [remove(2), putOf(3)], after: [[1, 1], [3, 3]], when: "after a Remove of another key" },
  { before: [putOf(1)], batch: [remove(1), remove(1)], after: [], when: "after the same Remove twice" }
])

const sequence = table("the changes of a batch are made in their order", [
  {
    batch: [put(1, valueOf(1)), remove(1), put(1, valueOf(2))],
    after: [[1, 2]],
    when: "after Put, Remove, Put of a key"
  },
  { batch: [putOf(1), remove(1)], after: [], when: "after Put, Remove of a key" },
  { before: [putOf(1)], batch: [remove(1), put(1, valueOf(2))], after: [[1, 2]], when: "after Remove, Put of a key" },
  { before: [putOf(1)], batch: [clear(), putOf(2)], after: [[2, 2]], when: "after Clear, Put" },
  { before: [putOf(1)], batch: [putOf(2), clear()], after: [], when: "after Put, Clear" },
  {
    before: [putOf(1)],
    batch: [putOf(2), clear(), putOf(3), putOf(1)],
    after: [[1, 1], [3, 3]],
    when: "after Put, Clear, Put, Put"
  },
  {
    before: [putOf(1), putOf(2), putOf(3), putOf(4), putOf(6)],
    batch: [remove(1), remove(2), remove(3), put(2, valueOf(9)), remove(5), remove(6)],
    after: [[2, 9], [4, 4]],
    when: "after Remove of keys that follow one another, and Put of one of them"
  }
])

const nothing = table("a batch without changes changes nothing", [
  { before: [putOf(1)], batch: [], after: [[1, 1]], when: "after an empty batch" },
  { batch: [clear(), clear()], after: [], when: "after Clear of an empty table" }
])

const apart: Rule = {
  promise: "a change concerns its own table only",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    yield* store.commit(tables.map((table, index) => put(1, valueOf(index), table)))
    for (const [index, table] of tables.entries()) {
      yield* mustHave(store, table, [recordOf(1, index)], "after a Put of the same key in every table")
    }
    yield* store.commit([clear("exchange"), remove(1, "client")])
    const left = [[recordOf(1, 0)], [], [recordOf(1, 2)], []]
    for (const [index, table] of tables.entries()) {
      yield* mustHave(store, table, left[index] ?? [], "after a Clear of exchange and a Remove from client")
    }
  }))
}

const most = 10_000

const large: Rule = {
  promise: `a batch may have ${most.toLocaleString("en")} changes`,
  test: whenOpen(Effect.fnUntraced(function*(store) {
    yield* store.commit(whole(most).map((key) => putOf(key)))
    yield* mustHave(store, "message", whole(most).map((key) => recordOf(key)), "after a batch of Puts")
    yield* store.commit(whole(most).map((key) => key % 2 === 0 ? remove(key) : put(key, valueOf(key + 1))))
    const odd = whole(most).filter((key) => key % 2 === 1).map((key) => recordOf(key, key + 1))
    yield* mustHave(store, "message", odd, "after a batch of Puts and Removes")
  }))
}

const shared = whole(5)

const concurrent: Rule = {
  promise: "commits that are under way at the same time are all made, and none goes in between another",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    const commit = (number: number) =>
      store.commit([putOf(1000 + number), ...shared.map((key) => put(key, valueOf(number)))])
    yield* Effect.forEach(whole(100), commit, { concurrency: "unbounded", discard: true })
    const own = yield* store.read("message", { after: 999, limit: 1000 })
    yield* mustBe(own, whole(100).map((number) => recordOf(1000 + number)), "after 100 commits of a record each")
    const last = yield* store.read("message", { after: -1, limit: shared.length })
    const winner = whole(100).find((number) => `${last[0]?.value}` === `${valueOf(number)}`)
    if (winner === undefined) return yield* seen("a record that every commit wrote has the value of none of them")
    yield* mustBe(last, shared.map((key) => recordOf(key, winner)), "in five records that every commit wrote together")
  }))
}

const fiveOf = (number: number) => whole(5).map((key) => recordOf(key + 10 * number, number))

/** Five records that replace the earlier ones. */
const batchOf = (number: number): ReadonlyArray<Change> => [
  clear(),
  ...fiveOf(number).map(({ key, value }) => put(key, value))
]

/** For use after the first batch and a second one whose outcome is unknown. */
const mustBeWhole = Effect.fnUntraced(function*(store: OpenStore, when: string) {
  const found = yield* store.read("message", { after: -1, limit: 100 })
  const isMade = (found[0]?.key ?? 0) >= 20
  yield* mustBe(found, fiveOf(isMade ? 2 : 1), when)
  yield* mustHave(store, "message", found, `${when}, read once more`)
})

/** How many turns of the event loop a commit gets before it is interrupted. */
const moments = whole(12)

const interrupted: Rule = {
  promise: "an interrupted commit has made all of its changes or none, and the next commit is made",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    for (const turns of moments) {
      yield* store.commit(batchOf(1))
      const commit = yield* Effect.forkChild(store.commit(batchOf(2)), { startImmediately: true })
      for (const _ of whole(turns)) yield* Effect.yieldNow
      yield* Fiber.interrupt(commit)
      yield* mustBeWhole(store, `after an interruption ${turns} turns after the commit began`)
      yield* store.commit(batchOf(3))
      yield* mustHave(store, "message", fiveOf(3), "after a commit that followed an interrupted one")
    }
  }))
}

const closedMeanwhile: Rule = {
  promise: "a store that closes during a commit has all of its changes or none when it is opened again",
  test: Effect.fnUntraced(function*(place) {
    const store = yield* place
    for (const turns of moments) {
      yield* Effect.scoped(Effect.gen(function*() {
        const first = yield* store.open("gateway")
        yield* first.commit(batchOf(1))
        yield* Effect.forkScoped(first.commit(batchOf(2)), { startImmediately: true })
        for (const _ of whole(turns)) yield* Effect.yieldNow
      }))
      const check = Effect.flatMap(
        store.open("gateway"),
        (open) => mustBeWhole(open, `after the store closed ${turns} turns after the commit began`)
      )
      yield* Effect.scoped(check)
    }
  })
}

export const rules: ReadonlyArray<Rule> = [
  replacing,
  removing,
  nothing,
  sequence,
  apart,
  large,
  concurrent,
  interrupted,
  closedMeanwhile
]
