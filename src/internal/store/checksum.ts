/**
 * CRC-32 of ISO 3309, as zip files have it: finds bytes that a disk changed.
 */

const polynomial = 0xedb88320

const table = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1
  return remainder
})

/** The checksum of all bytes from `start` on. */
export const checksum = (bytes: Uint8Array, start: number): number => {
  let remainder = 0xffffffff
  for (let index = start; index < bytes.length; index++) {
    remainder = (remainder >>> 8) ^ table[(remainder ^ bytes[index]) & 0xff]
  }
  return ~remainder >>> 0
}
