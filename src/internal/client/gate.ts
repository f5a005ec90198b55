/**
 * Whether the network is read. The gate is closed while any part of the client asks to stop reading. The client reads
 * all the same while somebody waits for a message, because a handler that waits for one may be the one to make room.
 * That too has a limit.
 *
 * The gate counts both kinds of requests. `reading.ts` pauses the reader.
 */
/** With so many bytes outside full buffers or without a subscriber, nothing is read, even for somebody who waits. */
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

  /** Too much is parked to read on, even if somebody waits for a message. */
  get isFlooded(): boolean {
    return this.#isFlooded
  }

  /** This many more bytes are parked, or fewer if it is negative. */
  park(bytes: number): void {
    this.#parked += bytes
    if (this.#parked < mostParked) this.calm()
    else if (bytes > 0) this.#isFlooded = true
  }

  /** Reads on until more is parked: on a new connection the awaited message may come first. */
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

  /** The message came, or nobody waits for it any more. */
  stopWaiting(): void {
    this.#waiting--
  }
}
