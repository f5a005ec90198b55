/**
 * Acknowledgements that are decided and not sent yet: all of one turn leave in one step and one write.
 *
 * The session rules decide their order, and `handover.ts` decides when a message counts as dealt with.
 */
import type { Arrival } from "../../../protocol/Arrivals.ts"
import type { SessionConnection } from "../../connection/connection.ts"

/** With a write for every chunk of 64 KiB, a third of receiving large messages at QoS 1 was spent on writing. */
const answersWorthAWrite = 32

export class Acknowledgements {
  #arrivals: Array<Arrival> = []

  get isEmpty(): boolean {
    return this.#arrivals.length === 0
  }

  /** Messages were dealt with: they are acknowledged when the network takes more. */
  add(arrivals: ReadonlyArray<Arrival>, connection: SessionConnection | undefined): void {
    for (const arrival of arrivals) this.#arrivals.push(arrival)
    connection?.wake()
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

  takeAll(): ReadonlyArray<Arrival> {
    const arrivals = this.#arrivals
    this.#arrivals = []
    return arrivals
  }
}
