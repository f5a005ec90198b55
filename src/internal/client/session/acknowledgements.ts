/**
 * Acknowledgements that are decided and not sent yet: all of one turn leave in one step and one write. Until they leave,
 * the exchange is open, so a message that the server sends again is not taken for another one.
 *
 * The session rules decide their order, and `handover.ts` decides when a message counts as dealt with.
 */
import type { Arrival } from "../../../protocol/Arrivals.ts"
import type { ReasonCode } from "../../../protocol/ReasonCode.ts"
import type { SessionConnection } from "../../connection/connection.ts"

/** With a write for every chunk of 64 KiB, a third of receiving large messages at QoS 1 was spent on writing. */
const answersWorthAWrite = 32

/** Messages that get the same answer. */
export interface Answers {
  readonly arrivals: ReadonlyArray<Arrival>
  readonly reasonCode: ReasonCode
}

export class Acknowledgements {
  #arrivals: Array<Arrival> = []
  #refusals: Array<Answers> = []
  /** So many of the first arrivals were dealt with for certain; the others may be left over from a subscriber that ended. */
  #certain = 0

  get isEmpty(): boolean {
    return this.#arrivals.length === 0 && this.#refusals.length === 0
  }

  /** Messages were dealt with: they are acknowledged when the network takes more. */
  add(arrivals: ReadonlyArray<Arrival>, connection: SessionConnection | undefined): void {
    for (const arrival of arrivals) this.#arrivals.push(arrival)
    connection?.wake()
  }

  /** Messages were refused, with a Reason Code of 0x80 and above. */
  refuse(answers: Answers, connection: SessionConnection): void {
    this.#refusals.push(answers)
    connection.wake()
  }

  /**
   * Messages were taken in while the network was read. Few acknowledgements wait for more of them from the bytes that have
   * arrived already; with many the server can go on filling its window. The array is handed over.
   */
  addWhileReading(arrivals: Array<Arrival>, connection: SessionConnection | undefined): void {
    if (arrivals.length === 0) return
    if (this.#arrivals.length === 0) this.#arrivals = arrivals
    else for (const arrival of arrivals) this.#arrivals.push(arrival)
    if (this.#arrivals.length < answersWorthAWrite) connection?.wakeAfterReading()
    else connection?.wake()
  }

  /** A consumer has ended: what it dealt with so far is acknowledged even if the client ends now. */
  confirm(): void {
    this.#certain = this.#arrivals.length
  }

  takeCertain(): ReadonlyArray<Answers> {
    return this.#take(this.#certain)
  }

  takeAll(): ReadonlyArray<Answers> {
    return this.#take(this.#arrivals.length)
  }

  #take(count: number): ReadonlyArray<Answers> {
    const refusals = this.#refusals
    const arrivals = this.#arrivals
    this.#refusals = []
    this.#arrivals = count === arrivals.length ? [] : arrivals.slice(count)
    this.#certain = 0
    if (count === 0) return refusals
    return [
      { arrivals: count === arrivals.length ? arrivals : arrivals.slice(0, count), reasonCode: 0x00 },
      ...refusals
    ]
  }
}
