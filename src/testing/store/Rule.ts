/** A rule that every store keeps, and how a store broke it. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { OpenStore, Store, StoredRecord, Table } from "../../internal/store/port.ts"
import type { MqttError } from "../../MqttError.ts"

/** Makes a store over the records of one place. Done twice, both stores have the same records. */
export type Place = Effect.Effect<Store, MqttError, Scope.Scope>

/** How the store behaved, as the second half of a sentence. */
export class Seen extends Data.TaggedError("Seen")<{ readonly description: string }> {}

export interface Rule {
  /** A sentence without its full stop, which the store breaks or keeps. */
  readonly promise: string
  /** Gets a place without records. */
  readonly test: (place: Place) => Effect.Effect<void, Seen | MqttError, Scope.Scope>
}

export const seen = (description: string): Effect.Effect<never, Seen> => Effect.fail(new Seen({ description }))

/** A test of the store that is open under one client identifier. */
export const whenOpen = (
  test: (store: OpenStore) => Effect.Effect<void, Seen | MqttError, Scope.Scope>
): Rule["test"] =>
(place) => Effect.flatMap(place, (store) => Effect.flatMap(store.open("gateway"), test))

const hexadecimal = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")

const described = (record: StoredRecord | undefined): string => {
  if (record === undefined) return "missing"
  const { key, value } = record
  if (!(value instanceof Uint8Array)) return `key ${key} with a value that is no Uint8Array`
  if (value.length === 0) return `key ${key} with 0 bytes`
  return `key ${key} with ${value.length} bytes (${hexadecimal(value.subarray(0, 8))}${value.length > 8 ? " ..." : ""})`
}

const isSameValue = (one: Uint8Array, other: Uint8Array): boolean =>
  other instanceof Uint8Array && one.length === other.length && one.every((byte, index) => byte === other[index])

const isSame = (one: StoredRecord, other: StoredRecord | undefined): boolean =>
  other !== undefined && one.key === other.key && isSameValue(one.value, other.value)

/** Describes how the records differ from the required records. */
const difference = (expected: ReadonlyArray<StoredRecord>, found: ReadonlyArray<StoredRecord>): string | undefined => {
  const index = expected.findIndex((record, index) => !isSame(record, found[index]))
  if (index !== -1) {
    return `record ${index + 1} of ${expected.length} is ${described(found[index])} instead of ${
      described(expected[index])
    }`
  }
  if (found.length === expected.length) return undefined
  return `there are ${found.length} records instead of ${expected.length}, the next is ${
    described(found[expected.length])
  }`
}

/** The store gave these records, and must have given the others. */
export const mustBe = (
  found: ReadonlyArray<StoredRecord>,
  expected: ReadonlyArray<StoredRecord>,
  when: string
): Effect.Effect<void, Seen> => {
  const different = difference(expected, found)
  return different === undefined ? Effect.void : seen(`${when}, ${different}`)
}

/** The table must have these records and no others, read in one page. */
export const mustHave = (store: OpenStore, table: Table, expected: ReadonlyArray<StoredRecord>, when: string) =>
  Effect.flatMap(
    store.read(table, { after: -1, limit: expected.length + 1 }),
    (found) => mustBe(found, expected, `${when}, in the table ${table}`)
  )
