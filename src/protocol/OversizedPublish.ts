/**
 * A PUBLISH that is larger than this side accepts. It is passed over by its length, and only its beginning is kept.
 *
 * The beginning identifies the message, so that it can be acknowledged. `Decoder` reads that beginning. MQTT 5.0 and
 * 3.1.1, section 3.3; 5.0 section 3.1.2.11.4.
 *
 * @since 0.2.0
 */
import { PartialBody } from "./PartialBody.ts"

/** Room for the longest Topic Name, the Packet Identifier and the usual properties. */
const longestHead = 131_072

/**
 * Takes memory only for bytes that arrived, not for the declared length, and never more than 128 KiB.
 *
 * @since 0.2.0
 * @category models
 */
export class OversizedPublish {
  readonly #remaining: number
  readonly #headLength: number
  readonly #head = new PartialBody()
  #passed = 0

  /** `remaining` is the Remaining Length. */
  constructor(remaining: number) {
    this.#remaining = remaining
    this.#headLength = Math.min(remaining, longestHead)
  }

  /** How many bytes have arrived. */
  get passed(): number {
    return this.#passed
  }

  get isWhole(): boolean {
    return this.#passed === this.#remaining
  }

  /** Goes on with a chunk from `offset`. Returns the offset after the bytes of this packet. */
  add(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#remaining - this.#passed)
    const headEnd = Math.min(end, offset + this.#headLength - this.#head.length)
    // A copy: a view would keep the whole chunk in memory.
    if (headEnd > offset) this.#head.add(new Uint8Array(chunk.subarray(offset, headEnd)))
    this.#passed += end - offset
    return end
  }

  /** The beginning of the body, or the whole body if it is short. */
  takeHead(): Uint8Array {
    return this.#head.take()
  }
}
