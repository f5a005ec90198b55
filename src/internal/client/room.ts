/**
 * A bound in messages and bytes, and the decision about a message that does not fit.
 *
 * It counts and decides; its owner keeps the messages. The outbox has one, and so has every inbox.
 */
import type { ResolvedBounds } from "../options.ts"

/** The decision about a message without room. */
export type Verdict = "Wait" | "ReplaceOldest" | "Drop" | "Fail"

const verdicts = {
  suspend: "Wait",
  dropOldest: "ReplaceOldest",
  dropNewest: "Drop",
  fail: "Fail"
} as const satisfies Record<ResolvedBounds["policy"], Verdict>

export class Room {
  readonly #bounds: ResolvedBounds
  #messages = 0
  #bytes = 0

  constructor(bounds: ResolvedBounds) {
    this.#bounds = bounds
  }

  get messages(): number {
    return this.#messages
  }

  get bytes(): number {
    return this.#bytes
  }

  get policy(): ResolvedBounds["policy"] {
    return this.#bounds.policy
  }

  /** The bound in messages. */
  get capacity(): number {
    return this.#bounds.messages
  }

  /** The bound in bytes. */
  get most(): number {
    return this.#bounds.bytes
  }

  /** A message larger than all the room goes in alone: otherwise it would wait for ever. */
  fits(bytes: number): boolean {
    if (this.#messages === 0) return true
    return this.#messages < this.#bounds.messages && this.#bytes + bytes <= this.#bounds.bytes
  }

  /** For a message that does not fit, or that came after others that wait for room: no message overtakes them. */
  get whenFull(): Verdict {
    return verdicts[this.#bounds.policy]
  }

  add(bytes: number): void {
    this.#messages++
    this.#bytes += bytes
  }

  /** Messages that were there before. */
  addAll(messages: number, bytes: number): void {
    this.#messages += messages
    this.#bytes += bytes
  }

  remove(bytes: number): void {
    this.#messages--
    this.#bytes -= bytes
  }

  clear(): void {
    this.#messages = 0
    this.#bytes = 0
  }
}
