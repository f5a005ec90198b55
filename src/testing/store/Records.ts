/**
 * Records and changes that the rules of a store are tried with.
 */
import type { Change, StoredRecord, Table } from "../../internal/store/port.ts"

export const put = (key: number, value: Uint8Array, table: Table = "message"): Change => ({
  _tag: "Put",
  table,
  key,
  value
})
export const remove = (key: number, table: Table = "message"): Change => ({ _tag: "Remove", table, key })
export const clear = (table: Table = "message"): Change => ({ _tag: "Clear", table })

/** Bytes of a number, different for different numbers. */
export const valueOf = (number: number): Uint8Array => new TextEncoder().encode(`value ${number}`)

export const recordOf = (key: number, number = key): StoredRecord => ({ key, value: valueOf(number) })
export const putOf = (key: number, table: Table = "message"): Change => put(key, valueOf(key), table)

/** Every byte there is, over and over. */
export const manyBytes = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff)

export const whole = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, index) => index)

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export const randomOf = (seed: number): () => number => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
