/**
 * Whether the network is read: closed while anything in the client asks to read no further. It is read all the same while
 * somebody waits for a message: a handler that waits for one may be what would make room.
 *
 * It counts who asks and who waits. Pausing the reader is `reading.ts`.
 */
export class Gate {
  #closed = 0
  #waiting = 0
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

  /** Somebody waits for a message. */
  get isAwaited(): boolean {
    return this.#waiting > 0
  }

  /** Somebody begins to wait for a message that the server will send. */
  wait(): void {
    if (++this.#waiting === 1 && !this.isOpen) this.#onOpen()
  }

  /** It came, or nobody waits for it any more. */
  stopWaiting(): void {
    this.#waiting--
  }
}
