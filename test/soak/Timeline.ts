/**
 * The latest events of one client and its line, for looking into a failure. Holds a fixed number of entries.
 */
interface Entry {
  readonly at: number
  readonly text: string
}

export class Timeline {
  readonly name: string
  readonly #now: () => number
  readonly #entries: Array<Entry> = []
  readonly #capacity: number
  #next = 0

  constructor(name: string, now: () => number, capacity = 150) {
    this.name = name
    this.#now = now
    this.#capacity = capacity
  }

  add(text: string): void {
    this.#entries[this.#next++ % this.#capacity] = { at: this.#now(), text }
  }

  /** The oldest first. */
  get lines(): ReadonlyArray<string> {
    const first = Math.max(0, this.#next - this.#capacity)
    return Array.from({ length: this.#next - first }, (_, index) => {
      const { at, text } = this.#entries[(first + index) % this.#capacity]
      return `${String(at).padStart(9)}  ${this.name}  ${text}`
    })
  }
}
