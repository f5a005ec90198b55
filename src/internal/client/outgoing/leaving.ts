/**
 * QoS 0 messages on their way to the network: nobody else would know of them if the connection ended now.
 *
 * A QoS 0 publish ends when the network took its bytes. MQTT 5.0 and 3.1.1, section 4.3.1.
 */
import * as MqttError from "../../../MqttError.ts"
import * as Properties from "../../../protocol/Properties.ts"
import type { Outcome } from "../../../protocol/Session.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import { Fifo } from "../fifo.ts"
import type { Outbox } from "./outbox.ts"
import type { Publication } from "./publication.ts"

/** The messages of one write. */
interface Batch {
  readonly publications: Array<Publication>
  /** The network has begun to take them, and has not said that it is done. */
  mayBeOut: boolean
}

/** How a QoS 0 publish ends: nobody answers it. */
export const noOutcome: Outcome = { reasonCode: 0x00, reasonCodes: [], properties: Properties.none }

export class Leaving {
  readonly #batches = new Fifo<Batch>()

  /** Messages that were enqueued for the next write. The array is handed over. */
  add(publications: Array<Publication>, connection: SessionConnection): void {
    const batch = { publications, mayBeOut: false }
    this.#batches.push(batch)
    connection.onWritten(() => {
      this.#batches.shift()
      for (const publication of publications) publication.completed(noOutcome)
      // V8 may have allocated the array as an old one. It would keep a thousand messages alive until a full collection.
      publications.length = 0
    }, () => {
      batch.mayBeOut = true
    })
  }

  get publications(): ReadonlyArray<Publication> {
    return this.#batches.toArray().flatMap(({ publications }) => publications)
  }

  /**
   * The connection ended. A message that the server may have received, in part or whole, is not sent again: at most
   * once. The other messages have not left, and go back to the outbox.
   */
  returnTo(outbox: Outbox<Publication>): void {
    const cutOff = MqttError.fromReason(
      new MqttError.ConnectionLost({ cause: "it ended while the message was being written" })
    )
    const batches = this.#batches.takeAll()
    outbox.restore(batches.filter(({ mayBeOut }) => !mayBeOut).flatMap(({ publications }) => publications))
    for (const { mayBeOut, publications } of batches) {
      if (mayBeOut) { for (const publication of publications) publication.failed(cutOff) }
    }
  }
}
