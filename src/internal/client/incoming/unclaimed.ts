/**
 * Messages that nobody has taken yet and somebody may come for: those of a resumed session, those of a filter whose
 * subscriber has just left, and those a consumer gave back. None is of QoS 0.
 *
 * Who may have which is the deliveries' business.
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
  /** It is for filters with one of these identifiers; `undefined`: for whatever matches. */
  readonly identifiers: ReadonlyArray<number> | undefined
  /** Nobody was there whose filter matches: in the end it is for whoever is then. */
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

  /** The one that arrived first. */
  get first(): Kept | undefined {
    return this.#kept[0]
  }

  /** Since when the one waits that has waited longest, milliseconds; one that was given back may not be the first. */
  get since(): number {
    return this.#kept.reduce((earliest, { since }) => Math.min(earliest, since), Infinity)
  }

  keep(kept: Kept): void {
    this.#kept.push(kept)
    this.#count(sizeOf(kept.publish))
    this.#gateReading()
  }

  /** Has them in the order they arrived in, those that have come since then too. */
  giveBack(kept: ReadonlyArray<Kept>): void {
    this.#kept.push(...kept)
    this.#count(bytesOf(kept))
    this.#kept.sort((one, other) => one.handover.order - other.handover.order)
    this.#gateReading()
  }

  /** Takes out those that fit. What comes next is not read before they are where they belong: it stands behind them. */
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
   * A 3.1.1 server knows no Receive Maximum, and no server knows a bound in bytes: when too many wait, reading no further is
   * all that keeps them away.
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
