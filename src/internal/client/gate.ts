/**
 * Whether the network is read: closed while anything in the client asks to read no further. It is read all the same while
 * somebody waits for a message: a handler that waits for one may be what would make room. That has an end too.
 *
 * It counts who asks and who waits. Pausing the reader is `reading.ts`.
 */
/** Of all that waits outside full buffers and for a subscriber, bytes: with so much nothing is read, whoever waits. */
const mostParked = 128 * 1024 * 1024

export class Gate {
  #closed = 0
  #parked = 0
  #isFlooded = false
  #waiting = 0
  readonly #onOpen: () => void

  constructor(onOpen: () => void) {
    this.#onOpen = onOpen
  }

  get isOpen(): boolean {
    return this.#closed === 0
  }

  /** Too much is parked to read on, even for somebody who waits. */
  get isFlooded(): boolean {
    return this.#isFlooded
  }

  /** So many bytes more are parked, or less. */
  park(bytes: number): void {
    this.#parked += bytes
    if (this.#parked < mostParked) this.calm()
    else if (bytes > 0) this.#isFlooded = true
  }

  /** Reads on until more is parked: on a new connection what somebody waits for may come first. */
  calm(): void {
    if (!this.#isFlooded) return
    this.#isFlooded = false
    this.#onOpen()
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
