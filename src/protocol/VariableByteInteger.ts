/**
 * Variable Byte Integers: how long one is and how it is written. `Reader` reads them, because it knows where to stop.
 *
 * MQTT 5.0 section 1.5.5, MQTT 3.1.1 section 2.2.3.
 *
 * @since 0.1.0
 */

/**
 * The highest value: four bytes of seven bits.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximum = 268_435_455

/**
 * The fewest bytes that hold `value`, `[MQTT-1.5.5-1]`.
 *
 * @since 0.1.0
 * @category sizes
 */
export const sizeOf = (value: number): number => value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4

/**
 * Writes `value`, 0 to `maximum`, and returns the offset after it.
 *
 * @since 0.1.0
 * @category encoding
 */
export const write = (target: Uint8Array, offset: number, value: number): number => {
  let rest = value
  while (rest > 127) {
    target[offset++] = (rest & 127) | 128
    rest >>>= 7
  }
  target[offset++] = rest
  return offset
}
