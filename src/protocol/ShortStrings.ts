/**
 * A cache of short ASCII strings: the same bytes become a string only once.
 *
 * Strings in properties, such as a Content Type or the name of a User Property, come again with every packet. One cache
 * serves all connections, because they receive the same strings and an idle one should hold nothing.
 *
 * @since 0.1.0
 */
import * as Utf8 from "./Utf8.ts"

/** A power of two: the slot is taken from the low bits of the hash. */
const slotCount = 256

/** Longer strings are read anew each time. So the cache stays small however long they are. */
const maximumLength = 32

const slots = Array.from({ length: slotCount }, () => "")

/**
 * The string in `bytes` from `start` to `end`, or `undefined` when it is long, is not ASCII or holds U+0000.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  const length = end - start
  if (length > maximumLength) return undefined
  let hash = length
  for (let index = start; index < end; index++) {
    const byte = bytes[index]
    if (byte === 0 || byte > 0x7f) return undefined
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  const slot = (hash ^ (hash >>> 8)) & (slotCount - 1)
  const earlier = slots[slot]
  if (earlier.length === length && isSame(earlier, bytes, start)) return earlier
  const text = Utf8.readAscii(bytes, start, end)
  slots[slot] = text
  return text
}

const isSame = (text: string, bytes: Uint8Array, start: number): boolean => {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false
  }
  return true
}
