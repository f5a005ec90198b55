/**
 * The bytes of one packet that comes in several chunks, until they are all there.
 *
 * Only their keeping: where a packet begins and ends is `Decoder`'s.
 *
 * @since 0.1.0
 */
import { noBytes } from "./Reader.ts"

/** A chunk of fewer bytes is copied: as an object of its own it would take more memory than its bytes do. */
const smallestKept = 1024

/** What chunks are copied into begins with, and ends with. */
const smallestGathering = 64
const largestGathering = 65_536

/**
 * Takes memory for what came and not for what was declared. What came in large chunks is copied once, when it is all
 * there; a buffer that grew with it would copy every byte twice.
 *
 * @since 0.1.0
 * @category models
 */
export class PartialBody {
  #pieces: Array<Uint8Array> = []
  /** Chunks too small to be kept, one after another. */
  #gathering: Uint8Array = noBytes
  #gathered = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Large ones are kept and not copied: whoever has the bytes must leave them as they are. */
  add(piece: Uint8Array): void {
    this.#length += piece.length
    if (piece.length < smallestKept) return this.#gather(piece)
    this.#closeGathering()
    this.#pieces.push(piece)
  }

  #gather(piece: Uint8Array): void {
    const length = this.#gathered + piece.length
    if (length > largestGathering) {
      this.#closeGathering()
      return this.#gather(piece)
    }
    if (length > this.#gathering.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#gathering.length, smallestGathering))
      larger.set(this.#gathering.subarray(0, this.#gathered))
      this.#gathering = larger
    }
    this.#gathering.set(piece, this.#gathered)
    this.#gathered = length
  }

  #closeGathering(): void {
    if (this.#gathered > 0) this.#pieces.push(this.#gathering.subarray(0, this.#gathered))
    this.#gathering = noBytes
    this.#gathered = 0
  }

  /** All of it in one; it is empty then. */
  take(): Uint8Array {
    this.#closeGathering()
    const pieces = this.#pieces
    const whole = pieces.length === 1 ? pieces[0] : join(pieces, this.#length)
    this.#pieces = []
    this.#length = 0
    return whole
  }
}

const join = (pieces: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const whole = new Uint8Array(length)
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}
