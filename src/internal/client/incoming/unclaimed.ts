/**
 * Messages that nobody has taken yet and somebody may come for: messages of a resumed session, messages of a filter
 * whose subscriber has just left, and messages that a consumer gave back. None has QoS 0.
 *
 * `deliveries.ts` decides who may have which.
 */
import type * as Packet from "../../../protocol/Packet.ts"
import type { Gate } from "../gate.ts"
import { sizeOf } from "../messageSize.ts"
import type { Handover } from "./handover.ts"

export interface Kept {
  readonly publish: Packet.Publish
  readonly handover: Handover
  /** Milliseconds. */
  readonly since: number
  /** The message is for filters with one of these identifiers; `undefined` means any matching filter. */
  readonly identifiers: ReadonlyArray<number> | undefined
  /** No filter matched when the message came: in the end, any filter that matches by then gets it. */
  readonly isAnybodys: boolean
}

export class Unclaimed {
  readonly #gate: Gate
  readonly #maximum: number
  readonly #maximumBytes: number
  #kept: Array<Kept> = []
  #bytes = 0
  #isGateClosed = false

  constructor(options: { readonly maximum: number; readonly maximumBytes: number; readonly gate: Gate }) {
    this.#maximum = options.maximum
    this.#maximumBytes = options.maximumBytes
    this.#gate = options.gate
  }

  get isEmpty(): boolean {
    return this.#kept.length === 0
  }

  get size(): number {
    return this.#kept.length
  }

  /** The message that arrived first. */
  get first(): Kept | undefined {
    return this.#kept[0]
  }

  /** Since when the oldest message waits, milliseconds. A message that was given back may not be the first. */
  get since(): number {
    return this.#kept.reduce((earliest, { since }) => Math.min(earliest, since), Infinity)
  }

  keep(kept: Kept): void {
    this.#kept.push(kept)
    this.#count(sizeOf(kept.publish))
    this.#gateReading()
  }

  /** Puts messages back in the order they arrived, among messages that have come since. */
  giveBack(kept: ReadonlyArray<Kept>): void {
    this.#kept.push(...kept)
    this.#count(bytesOf(kept))
    this.#kept.sort((one, other) => one.handover.order - other.handover.order)
    this.#gateReading()
  }

  /** Takes out the messages that fit. Reading goes on only after that, so later messages come behind them. */
  take(fits: (kept: Kept) => boolean, taken: (kept: Kept) => void): void {
    const kept = this.#kept
    this.#kept = []
    for (const one of kept) {
      if (!fits(one)) {
        this.#kept.push(one)
        continue
      }
      this.#count(-sizeOf(one.publish))
      taken(one)
    }
    this.#gateReading()
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#gate.park(bytes)
  }

  get #isFull(): boolean {
    return this.#kept.length >= this.#maximum || this.#bytes >= this.#maximumBytes
  }

  /**
   * A 3.1.1 server knows no Receive Maximum, and no server knows a bound in bytes. So when too many messages wait, only
   * a pause in reading keeps more from coming.
   */
  #gateReading(): void {
    const isFull = this.#isFull
    if (isFull === this.#isGateClosed) return
    this.#isGateClosed = isFull
    if (isFull) this.#gate.close()
    else this.#gate.open()
  }
}

const bytesOf = (kept: ReadonlyArray<Kept>): number => kept.reduce((sum, { publish }) => sum + sizeOf(publish), 0)
