/**
 * UTF-8 Encoded Strings, strict both ways: ill-formed text is refused and never replaced.
 *
 * The two length bytes are not included; `Reader` and `Writer` handle them. MQTT 5.0 section 1.5.4, MQTT 3.1.1 section
 * 1.5.3.
 *
 * @since 0.1.0
 */

/**
 * The longest string or binary field, in bytes: its length is two bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumLength = 65_535

/**
 * Why a string cannot be written.
 *
 * @since 0.1.0
 * @category models
 */
export type Defect = "loneSurrogate" | "nul" | "tooLong"

/**
 * How many bytes the string takes, or -1 when it holds a lone surrogate and has no UTF-8 form (`[MQTT-1.5.4-1]` of 5.0).
 *
 * @since 0.1.0
 * @category sizes
 */
export const byteLength = (text: string): number => {
  const length = text.length
  let bytes = length
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    if (unit < 0xd800 || unit > 0xdfff) continue
    // A pair is two units and four bytes.
    if (unit > 0xdbff || !isLowSurrogate(text.charCodeAt(index + 1))) return -1
    index++
  }
  return bytes
}

/**
 * The defect that keeps a string from being written, if any.
 *
 * @since 0.1.0
 * @category guards
 */
export const defectOf = (text: string): Defect | undefined => {
  const bytes = byteLength(text)
  if (bytes < 0) return "loneSurrogate"
  if (bytes > maximumLength) return "tooLong"
  return text.includes("\u0000") ? "nul" : undefined
}

const encoder = new TextEncoder()

/** Above this many units, calling the encoder costs less than a loop here, if the string is ASCII. */
const longLength = 64

/**
 * Writes a string of any length and returns the offset after it, or -1 if it has another defect. Bytes past the end of
 * `target` are lost.
 *
 * @since 0.1.0
 * @category encoding
 */
export const write = (target: Uint8Array, offset: number, text: string): number => {
  const length = text.length
  if (length > longLength) {
    const { written } = encoder.encodeInto(text, target.subarray(offset))
    // One byte for each unit: the string is all ASCII, so there are no surrogates.
    if (written === length) return text.includes("\u0000") ? -1 : offset + length
  }
  for (let index = 0; index < length; index++) {
    let unit = text.charCodeAt(index)
    if (unit < 0x80) {
      if (unit === 0) return -1
      target[offset++] = unit
      continue
    }
    if (unit < 0x800) {
      target[offset++] = 0xc0 | (unit >> 6)
    } else {
      if (unit >= 0xd800 && unit <= 0xdfff) {
        const low = text.charCodeAt(++index)
        if (unit > 0xdbff || !isLowSurrogate(low)) return -1
        unit = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff)
        target[offset++] = 0xf0 | (unit >> 18)
        target[offset++] = 0x80 | ((unit >> 12) & 0x3f)
      } else {
        target[offset++] = 0xe0 | (unit >> 12)
      }
      target[offset++] = 0x80 | ((unit >> 6) & 0x3f)
    }
    target[offset++] = 0x80 | (unit & 0x3f)
  }
  return offset
}

/** Up to this many bytes, an ASCII string is built here: calling the decoder costs more. */
const shortLength = 32

/**
 * Keeps U+FEFF, `[MQTT-1.5.4-3]`, and has U+FFFD for overlong forms, surrogates and everything past U+10FFFF. It is not
 * fatal: a packet may have two hundred thousand ill-formed names, and an exception costs as much as a hundred names.
 */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

const replacement = "\ufffd"

/**
 * The string in `bytes` from `start` to `end`, or `undefined` when it is ill-formed. U+0000 is well-formed here; the
 * reader of a packet's field refuses it.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (end - start <= shortLength && isAscii(bytes, start, end)) return readAscii(bytes, start, end)
  const text = decoder.decode(bytes.subarray(start, end))
  return text.includes(replacement) && replacementsIn(text) !== replacementsSent(bytes, start, end) ? undefined : text
}

const replacementsIn = (text: string): number => {
  let count = 0
  for (let index = text.indexOf(replacement); index >= 0; index = text.indexOf(replacement, index + 1)) count++
  return count
}

/** U+FFFD itself is `ef bf bd`, wherever these bytes stand: `ef` only ever begins a character. */
const replacementsSent = (bytes: Uint8Array, start: number, end: number): number => {
  let count = 0
  for (let index = start; index + 2 < end; index++) {
    if (bytes[index] === 0xef && bytes[index + 1] === 0xbf && bytes[index + 2] === 0xbd) count++
  }
  return count
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

const isAscii = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let index = start; index < end; index++) {
    if (bytes[index] > 0x7f) return false
  }
  return true
}

/**
 * The string of these bytes, none of which is above 0x7f.
 *
 * @since 0.1.0
 * @category decoding
 */
export const readAscii = (bytes: Uint8Array, start: number, end: number): string => {
  let text = ""
  let index = start
  // Eight at a time: the intermediate strings cost more than the characters.
  for (; index + 8 <= end; index += 8) {
    text += String.fromCharCode(
      bytes[index],
      bytes[index + 1],
      bytes[index + 2],
      bytes[index + 3],
      bytes[index + 4],
      bytes[index + 5],
      bytes[index + 6],
      bytes[index + 7]
    )
  }
  for (; index < end; index++) text += String.fromCharCode(bytes[index])
  return text
}
