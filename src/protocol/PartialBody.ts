/**
 * The bytes of one packet that arrives in several chunks, until all of them are there.
 *
 * Only keeps the bytes: `Decoder` knows where a packet begins and ends.
 *
 * @since 0.1.0
 */
import { noBytes } from "./Reader.ts"

/** A smaller chunk is copied: an object of its own would take more memory than its bytes do. */
const smallestKept = 1024

/** The initial and the largest size of the buffer that small chunks are copied into. */
const smallestGathering = 64
const largestGathering = 65_536

/**
 * Takes memory only for bytes that arrived, not for the declared length. Large chunks are copied once, when all of them
 * are there; a buffer that grew with them would copy every byte twice.
 *
 * @since 0.1.0
 * @category models
 */
export class PartialBody {
  #pieces: Array<Uint8Array> = []
  /** Chunks too small to keep, one after another. */
  #gathering: Uint8Array = noBytes
  #gathered = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Keeps large pieces without copying them: the owner of the bytes must not change them. */
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

  /** All bytes in one array. The body is empty afterwards. */
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
