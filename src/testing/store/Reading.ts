/** The rules for reading: which records, in which order, and who owns their bytes. */
import * as Effect from "effect/Effect"
import type { StoredRecord } from "../../internal/store/port.ts"
import { manyBytes, put, putOf, recordOf, valueOf, whole } from "./Records.ts"
import { mustBe, mustHave, type Rule, whenOpen } from "./Rule.ts"

const greatest = Number.MAX_SAFE_INTEGER

/** Numbers at which formats that are too narrow change the number. */
const keysOfEverySize = [
  0,
  1,
  2 ** 8,
  2 ** 15,
  2 ** 16,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 40 + 1,
  2 ** 52 + 1,
  greatest - 1,
  greatest
]

const mixed = [100, 9, 2, 1000, 0, 10, 99, 20, 1]
const inOrder = [0, 1, 2, 9, 10, 20, 99, 100, 1000]

const order: Rule = {
  promise: "records come in the order of their keys as numbers, in whatever order they were written",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    yield* store.commit(mixed.slice(0, 5).map((key) => putOf(key)))
    yield* store.commit(mixed.slice(5).map((key) => putOf(key)))
    yield* mustHave(store, "message", inOrder.map((key) => recordOf(key)), "after records were written out of order")
  }))
}

/** A key to read after, the most records to read, and the keys that the store must give. */
const pages: ReadonlyArray<readonly [after: number, limit: number, keys: ReadonlyArray<number>]> = [
  [-1, 3, [0, 1, 2]],
  [0, 3, [1, 2, 9]],
  [2, 3, [9, 10, 20]],
  [5, 2, [9, 10]],
  [98, 100, [99, 100, 1000]],
  [99, 2, [100, 1000]],
  [100, 2, [1000]],
  [999, 1, [1000]],
  [1000, 10, []],
  [greatest, 10, []],
  [-1, 9, inOrder],
  [-1, 1_000_000, inOrder],
  [-1, 1, [0]]
]

const paging: Rule = {
  promise: "a page has the records with a key above `after`, at most `limit` of them, and fewer only at the end",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    yield* store.commit(mixed.map((key) => putOf(key)))
    for (const [after, limit, keys] of pages) {
      const found = yield* store.read("message", { after, limit })
      yield* mustBe(found, keys.map((key) => recordOf(key)), `in a page after ${after} of at most ${limit}`)
    }
  }))
}

const wideKeys: Rule = {
  promise: "keys are whole numbers from 0 to 2^53 - 1",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    yield* store.commit(keysOfEverySize.map((key) => putOf(key)))
    yield* mustHave(store, "message", keysOfEverySize.map((key) => recordOf(key)), "after keys of every size")
    const last = yield* store.read("message", { after: greatest - 1, limit: 10 })
    yield* mustBe(last, [recordOf(greatest)], `in a page after ${greatest - 1}`)
    yield* store.commit([{ _tag: "Remove", table: "message", key: greatest }])
    const expected = keysOfEverySize.slice(0, -1).map((key) => recordOf(key))
    yield* mustHave(store, "message", expected, `after key ${greatest} was removed`)
  }))
}

const empty: Rule = {
  promise: "a store that nobody has written to has no records",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    for (const table of ["message", "exchange", "received", "client"] as const) {
      yield* mustHave(store, table, [], "in a new store")
    }
  }))
}

const values: Rule = {
  promise: "values come back byte for byte, from 0 bytes to 1 MiB",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    const records: ReadonlyArray<StoredRecord> = [0, 1, 256, 65_536, 2 ** 20].map((length, key) => ({
      key,
      value: manyBytes(length)
    }))
    yield* store.commit(records.map(({ key, value }) => put(key, value)))
    yield* mustHave(store, "message", records, "after values of 0, 1, 256, 65,536 and 1,048,576 bytes were written")
  }))
}

const views: Rule = {
  promise: "a value that is a part of a larger buffer is stored without the rest of the buffer",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    const buffer = manyBytes(100)
    const value = buffer.subarray(10, 20)
    yield* store.commit([put(1, value)])
    yield* mustHave(
      store,
      "message",
      [{ key: 1, value: value.slice() }],
      "after bytes 10 to 19 of a buffer were written"
    )
  }))
}

const changedAfterCommit: Rule = {
  promise: "bytes that change after the commit change no record",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    const value = valueOf(1)
    yield* store.commit([put(1, value)])
    value.fill(0xff)
    yield* mustHave(store, "message", [recordOf(1)], "after the committed bytes were changed")
  }))
}

const changedAfterRead: Rule = {
  promise: "bytes that change after they were read change no record",
  test: whenOpen(Effect.fnUntraced(function*(store) {
    yield* store.commit(whole(3).map((key) => putOf(key)))
    const read = yield* store.read("message", { after: -1, limit: 3 })
    for (const { value } of read) value.fill(0xff)
    yield* mustHave(store, "message", whole(3).map((key) => recordOf(key)), "after the bytes of a page were changed")
  }))
}

export const rules: ReadonlyArray<Rule> = [
  empty,
  order,
  paging,
  wideKeys,
  values,
  views,
  changedAfterCommit,
  changedAfterRead
]
