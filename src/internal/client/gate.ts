/**
 * Whether the network is read: closed while anything in the client asks to read no further.
 *
 * It counts who asks. Pausing the reader is `reading.ts`.
 */
export class Gate {
  #closed = 0
  readonly #onOpen: () => void

  constructor(onOpen: () => void) {
    this.#onOpen = onOpen
  }

  get isOpen(): boolean {
    return this.#closed === 0
  }

  close(): void {
    this.#closed++
  }

  open(): void {
    if (--this.#closed === 0) this.#onOpen()
  }
}
