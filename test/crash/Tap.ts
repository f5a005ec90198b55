/**
 * Reads the packets between one client and the broker. It notes QoS 2 messages that the client has answered, messages
 * that the broker published again although it had released them, and messages published before an older message of
 * their topic.
 *
 * mosquitto 2.0 does the last if a connection ends between CONNECT and CONNACK: at the next connection it has forgotten
 * that only PUBREL was to be sent again (see `test/soak/Witness.ts`). A receiver cannot tell such a message from a new
 * one.
 */
import * as Decoder from "../../src/protocol/Decoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"

const largest = 268_435_460

/** Names a message among all that pass. */
type Name = string

export const nameOf = (topic: string, text: string): Name => `${topic} ${text.split(" ", 1)[0]}`

const nameOfPublish = ({ payload, topic }: Packet.Publish): Name => nameOf(topic, new TextDecoder().decode(payload))

/** Which messages the client has published, and which of them after a newer one. */
class Order {
  readonly #seen = new Set<Name>()
  readonly #last = new Map<string, number>()
  readonly late = new Set<Name>()

  published(topic: string, name: Name): void {
    if (this.#seen.has(name)) return
    this.#seen.add(name)
    const number = Number(name.slice(topic.length + 1))
    const last = this.#last.get(topic) ?? 0
    if (number < last) this.late.add(name)
    else this.#last.set(topic, number)
  }
}

interface FromBroker {
  readonly name: Name
  isReleased: boolean
  isCompleted: boolean
}

/** A packet, and who sent it. */
export interface Passing {
  readonly packet: Packet.Packet
  readonly sender: Packet.Sender
}

export class Tap {
  readonly #version: Packet.ProtocolVersion
  readonly #onPacket: (passing: Passing) => void
  /** QoS 2 messages of the broker, by Packet Identifier. */
  readonly #fromBroker = new Map<number, FromBroker>()
  readonly answered = new Set<Name>()
  readonly repeatedByBroker = new Set<Name>()
  /**
   * Published under an identifier that still stood for another message: if the client had that one, it has to take this one
   * for a repetition.
   */
  readonly misnamedByBroker = new Set<Name>()
  readonly order = new Order()

  constructor(version: Packet.ProtocolVersion, onPacket: (passing: Passing) => void = () => {}) {
    this.#version = version
    this.#onPacket = onPacket
  }

  /** Reads one direction of one connection, chunk by chunk. */
  readonly connection = (sender: Packet.Sender) => (): (bytes: Uint8Array) => void => {
    const decoder = Decoder.make({ protocolVersion: this.#version, sender, maximumPacketSize: largest })
    return (bytes) => {
      for (const packet of decoder.push(bytes)) {
        if (sender === "server") this.#sentByBroker(packet)
        else this.#sentByClient(packet)
        this.#onPacket({ packet, sender })
      }
    }
  }

  #sentByBroker(packet: Packet.Packet): void {
    if (packet._tag === "Publish" && packet.qos === 2) {
      const name = nameOfPublish(packet)
      const before = this.#fromBroker.get(packet.packetIdentifier)
      if (before?.name === name && before.isReleased) this.repeatedByBroker.add(name)
      if (before !== undefined && before.name !== name && !before.isCompleted) this.misnamedByBroker.add(name)
      this.#fromBroker.set(packet.packetIdentifier, { name, isReleased: false, isCompleted: false })
    }
    if (packet._tag === "Pubrel") {
      const released = this.#fromBroker.get(packet.packetIdentifier)
      if (released !== undefined) released.isReleased = true
    }
  }

  #sentByClient(packet: Packet.Packet): void {
    if (packet._tag === "Publish") this.order.published(packet.topic, nameOfPublish(packet))
    if (packet._tag !== "Pubrec" && packet._tag !== "Pubcomp") return
    const published = this.#fromBroker.get(packet.packetIdentifier)
    if (published === undefined) return
    if (packet._tag === "Pubrec") this.answered.add(published.name)
    else published.isCompleted = true
  }
}
