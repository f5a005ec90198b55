/**
 * First in, first out, at a constant cost at any length: `Array.prototype.shift` would move the rest each time.
 */
export class Fifo<A> {
  #items: Array<A | undefined> = []
  #start = 0

  get size(): number {
    return this.#items.length - this.#start
  }

  get isEmpty(): boolean {
    return this.#items.length === this.#start
  }

  get first(): A | undefined {
    return this.#items[this.#start]
  }

  push(item: A): void {
    this.#items.push(item)
  }

  /** Puts items before all others, in their order. */
  prepend(items: ReadonlyArray<A>): void {
    this.#items = [...items, ...this.#items.slice(this.#start)]
    this.#start = 0
  }

  shift(): A | undefined {
    if (this.isEmpty) return undefined
    const item = this.#items[this.#start]
    this.#items[this.#start++] = undefined
    // Half of the array is used up: closing the gap now costs each item one move in all.
    if (this.#start > 32 && this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start)
      this.#start = 0
    }
    return item
  }

  /** Removes the items that `keep` rejects. */
  retain(keep: (item: A) => boolean): void {
    this.#items = this.toArray().filter(keep)
    this.#start = 0
  }

  toArray(): Array<A> {
    return this.#items.slice(this.#start) as Array<A>
  }

  takeAll(): Array<A> {
    const items = this.toArray()
    this.#items = []
    this.#start = 0
    return items
  }
}
