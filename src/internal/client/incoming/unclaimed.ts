/**
 * Messages that nobody has taken yet and somebody may come for: those of a resumed session, those of a filter whose
 * subscriber has just left, and those a consumer gave back. None is of QoS 0.
 *
 * Who may have which is the deliveries' business.
 */
import type * as Packet from "../../../protocol/Packet.ts"
import type { Gate } from "../gate.ts"
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
  #kept: Array<Kept> = []
  #isGateClosed = false

  constructor(options: { readonly maximum: number; readonly gate: Gate }) {
    this.#maximum = options.maximum
    this.#gate = options.gate
  }

  get isEmpty(): boolean {
    return this.#kept.length === 0
  }

  keep(kept: Kept): void {
    this.#kept.push(kept)
    this.#gateReading()
  }

  /** Has them in the order they arrived in, those that have come since then too. */
  giveBack(kept: ReadonlyArray<Kept>): void {
    this.#kept.push(...kept)
    this.#kept.sort((one, other) => one.handover.order - other.handover.order)
    this.#gateReading()
  }

  /** Takes out those that fit. What comes next is not read before they are where they belong: it stands behind them. */
  take(fits: (kept: Kept) => boolean, taken: (kept: Kept) => void): void {
    const kept = this.#kept
    this.#kept = []
    for (const one of kept) {
      if (fits(one)) taken(one)
      else this.#kept.push(one)
    }
    this.#gateReading()
  }

  /** A 3.1.1 server knows no Receive Maximum: when too many wait, reading no further is all that keeps them away. */
  #gateReading(): void {
    const isFull = this.#kept.length >= this.#maximum
    if (isFull === this.#isGateClosed) return
    this.#isGateClosed = isFull
    if (isFull) this.#gate.close()
    else this.#gate.open()
  }
}
