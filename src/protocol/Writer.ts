/**
 * Writes the fields of a packet. Each function returns the offset after the bytes it wrote, or -1 for a value that has
 * no encoding.
 *
 * The caller provides enough room: bytes past the end of the buffer are lost. The counterpart of `Reader`. MQTT 5.0 and
 * 3.1.1, section 1.5.
 *
 * @since 0.1.0
 */
import * as Utf8 from "./Utf8.ts"

/**
 * @since 0.1.0
 * @category encoding
 */
export const uint16 = (target: Uint8Array, offset: number, value: number): number => {
  target[offset] = value >> 8
  target[offset + 1] = value
  return offset + 2
}

/**
 * @since 0.1.0
 * @category encoding
 */
export const uint32 = (target: Uint8Array, offset: number, value: number): number =>
  uint16(target, uint16(target, offset, value >>> 16), value)

/**
 * A string, preceded by its length, `[MQTT-1.5.4-1]`, `[MQTT-1.5.4-2]`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const string = (target: Uint8Array, offset: number, text: string): number => {
  const end = Utf8.write(target, offset + 2, text)
  const length = end - offset - 2
  if (end < 0 || length > Utf8.maximumLength) return -1
  uint16(target, offset, length)
  return end
}

/**
 * Bytes, preceded by their length.
 *
 * @since 0.1.0
 * @category encoding
 */
export const binary = (target: Uint8Array, offset: number, value: Uint8Array): number =>
  value.length > Utf8.maximumLength ? -1 : bytes(target, uint16(target, offset, value.length), value)

/** Up to this length a loop is faster than a call of `set`. */
const shortCopy = 32

/**
 * @since 0.1.0
 * @category encoding
 */
export const bytes = (target: Uint8Array, offset: number, value: Uint8Array): number => {
  const length = value.length
  const end = offset + length
  if (length > shortCopy && end <= target.length) target.set(value, offset)
  else for (let index = 0; index < length; index++) target[offset + index] = value[index]
  return end
}

/**
 * @since 0.1.0
 * @category sizes
 */
export const sizeOfString = (text: string): number => 2 + Utf8.byteLength(text)

/**
 * @since 0.1.0
 * @category sizes
 */
export const sizeOfBinary = (value: Uint8Array): number => 2 + value.length
