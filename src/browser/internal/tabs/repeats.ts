/**
 * Finds messages that this tab has already: the former leader had not acknowledged them, so the server sends them again
 * to a new leader.
 *
 * It knows only the latest messages, so it finds the messages that were on their way at the end of a leader, and no
 * others. MQTT 5.0 and 3.1.1, sections 3.3.1.1 and 4.4.
 */
import type { MqttMessage } from "../../../MqttMessage.ts"

type Publish = MqttMessage["packet"]

/** A leader waits for each batch before it hands on the next, but its acknowledgements may leave later. */
const remembered = 8

const isSame = (one: Publish, other: Publish): boolean =>
  one.packetIdentifier === other.packetIdentifier && one.topic === other.topic &&
  one.payload.length === other.payload.length && one.payload.every((byte, index) => byte === other.payload[index])

/** The repeats of one subscription. */
export class Repeats {
  readonly #batches: Array<{ readonly leader: string; readonly packets: Array<Publish> }> = []

  /** The packets that the tab has not had from another leader. */
  fresh(leader: string, packets: ReadonlyArray<Publish>): ReadonlyArray<Publish> {
    const fresh = packets.filter((packet) => !packet.dup || !this.#forget(leader, packet))
    this.#batches.push({ leader, packets: fresh.filter(({ qos }) => qos > 0) })
    if (this.#batches.length > remembered) this.#batches.shift()
    return fresh
  }

  /** It comes again only once. */
  #forget(leader: string, packet: Publish): boolean {
    return this.#batches.some((batch) => {
      const index = batch.leader === leader ? -1 : batch.packets.findIndex((other) => isSame(packet, other))
      if (index >= 0) batch.packets.splice(index, 1)
      return index >= 0
    })
  }
}
