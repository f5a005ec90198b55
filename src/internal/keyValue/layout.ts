/**
 * How records are laid out over the keys of a `KeyValueStore`: the names of the keys, and the Schemas of their
 * contents.
 *
 * - a page has the records of 64 successive keys; a large value has a name of its own
 * - a group lists which of 1,024 successive pages have records
 * - the root has the numbers of the groups of each table
 * - the batch has everything that the last commit wrote and removed
 *
 * So a commit rewrites the pages that it touches. It rewrites a group when a page begins or ends, and the root when a
 * group does: with a million messages in order, once in 65,536 messages.
 */
import * as Schema from "effect/Schema"
import type { Table } from "../store/port.ts"

const keysOfPage = 64
const pagesOfGroup = 1024

/** A longer value has a name of its own, because every change of a page writes the whole page again. */
export const largestInPage = 1024

export const pageOf = (key: number): number => Math.floor(key / keysOfPage)
export const groupOf = (page: number): number => Math.floor(page / pagesOfGroup)
export const firstPageOf = (group: number): number => group * pagesOfGroup

const encoder = new TextEncoder()

const hexadecimal = (number: number, digits: number): string => number.toString(16).padStart(digits, "0")

/**
 * Escapes a name into characters that mean nothing special in the name of a file, and differ in more than their case.
 */
const escaped = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte)
    return /[a-z0-9-]/.test(character) ? character : `_${hexadecimal(byte, 2)}`
  }).join("")

/** FNV-1a of 32 bits, from a basis. */
const hash = (bytes: Uint8Array, basis: number): number =>
  bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, basis)

/** Files have names of at most 255 bytes, and keys in a database of at most 191 characters. */
const longestName = 100

/**
 * A client identifier in a name. A long one is cut, and its hash tells it from most others; the root has the whole
 * client identifier.
 */
const nameOf = (clientId: string): string => {
  const bytes = encoder.encode(clientId)
  const name = escaped(bytes)
  if (name.length <= longestName) return name
  const hashes = [0x811c9dc5, 0x5bd1e995].map((basis) => hexadecimal(hash(bytes, basis), 8)).join("")
  return `${name.slice(0, longestName - 17)}~${hashes}`
}

export interface Names {
  readonly root: string
  readonly batch: string
  readonly group: (table: Table, group: number) => string
  readonly page: (table: Table, page: number) => string
  readonly value: (table: Table, key: number) => string
}

export const names = (clientId: string): Names => {
  const prefix = `effect-mqtt.${nameOf(clientId)}`
  return {
    root: `${prefix}.root`,
    batch: `${prefix}.batch`,
    group: (table, group) => `${prefix}.${table}.group.${group}`,
    page: (table, page) => `${prefix}.${table}.page.${page}`,
    value: (table, key) => `${prefix}.${table}.value.${key}`
  }
}

const WholeNumber = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const WholeNumbers = Schema.Array(WholeNumber)

export const Group = WholeNumbers

export const Root = Schema.Struct({
  clientId: Schema.String,
  message: WholeNumbers,
  exchange: WholeNumbers,
  received: WholeNumbers,
  client: WholeNumbers
})

/** Keys with their values in Base64; `null` for a value that has a name of its own. */
export const Page = Schema.Array(Schema.Tuple([WholeNumber, Schema.NullOr(Schema.String)]))

export const Value = Schema.String

/** Names with the texts to write under them, and names to remove. Doing it again changes nothing. */
export const Batch = Schema.Struct({
  set: Schema.Array(Schema.Tuple([Schema.String, Schema.String])),
  remove: Schema.Array(Schema.String)
})

export type Batch = typeof Batch.Type
