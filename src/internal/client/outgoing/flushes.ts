/**
 * Callers that wait until all messages accepted so far are over, for messages in a store. Most are not in memory, so
 * they are counted. Keys of messages grow in the order of acceptance.
 */

interface Flush {
  readonly upTo: number
  left: number
}

export class Flushes {
  #unfinished = 0
  readonly #flushes = new Map<() => void, Flush>()

  /** Messages were accepted. */
  begun(messages = 1): void {
    this.#unfinished += messages
  }

  /** How many messages are not over. */
  get unfinished(): number {
    return this.#unfinished
  }

  /** The message of this key is over. */
  over(key: number): void {
    this.#unfinished--
    for (const [over, flush] of this.#flushes) {
      if (key > flush.upTo || --flush.left > 0) continue
      this.#flushes.delete(over)
      over()
    }
  }

  /** Calls `over` once all messages up to `key` are over. */
  observe(over: () => void, key: number): void {
    this.#flushes.set(over, { upTo: key, left: this.#unfinished })
  }

  unobserve(over: () => void): void {
    this.#flushes.delete(over)
  }

  /** No more messages will be over. */
  end(): void {
    const flushes = [...this.#flushes.keys()]
    this.#flushes.clear()
    for (const over of flushes) over()
  }
}
