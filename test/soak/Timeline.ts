/**
 * What happened to one client and its line of late, to look into what went wrong. Holds so many entries and no more.
 */
interface Entry {
  readonly at: number
  readonly text: string
}

const capacity = 150

export class Timeline {
  readonly name: string
  readonly #now: () => number
  readonly #entries: Array<Entry> = []
  #next = 0

  constructor(name: string, now: () => number) {
    this.name = name
    this.#now = now
  }

  add(text: string): void {
    this.#entries[this.#next++ % capacity] = { at: this.#now(), text }
  }

  /** The oldest first. */
  get lines(): ReadonlyArray<string> {
    const first = Math.max(0, this.#next - capacity)
    return Array.from({ length: this.#next - first }, (_, index) => {
      const { at, text } = this.#entries[(first + index) % capacity]
      return `${String(at).padStart(9)}  ${this.name}  ${text}`
    })
  }
}
