/**
 * Reads the packets from the broker to one subscriber, to tell its repetitions from ours: a QoS 2 message is over for
 * the broker when it sends PUBREL, and it may not publish it again. `[MQTT-4.3.3-6]` of 5.0, `[MQTT-4.3.3-1]` of 3.1.1.
 *
 * mosquitto 2.0 does so when a connection ends between CONNECT and CONNACK: at the next one it has forgotten that only
 * PUBREL was to be sent again. A receiver that had answered PUBREL cannot tell the message from a new one.
 */
import * as Decoder from "../../src/protocol/Decoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { contentOf } from "./message.ts"

const identifiers = 65_536
const kept = 256
const largest = 268_435_460

export class Witness {
  readonly #version: Packet.ProtocolVersion
  readonly #publisher = new Uint8Array(identifiers)
  readonly #sequence = new Uint32Array(identifiers)
  readonly #isReleased = new Uint8Array(identifiers)
  /** The latest messages that were published after they had been released. */
  readonly #repeated: Array<string> = []

  constructor(version: Packet.ProtocolVersion) {
    this.#version = version
  }

  /** Reads one connection, chunk by chunk. */
  connection(): (bytes: Uint8Array) => void {
    const decoder = Decoder.make({ protocolVersion: this.#version, sender: "server", maximumPacketSize: largest })
    return (bytes) => {
      for (const packet of decoder.push(bytes)) {
        if (packet._tag === "Publish" && packet.qos === 2) this.#published(packet)
        if (packet._tag === "Pubrel") this.#isReleased[packet.packetIdentifier] = 1
      }
    }
  }

  #published({ packetIdentifier, payload, topic }: Packet.Publish): void {
    const content = contentOf(topic, new TextDecoder().decode(payload))
    if (content === undefined) return
    const { publisher, sequence } = content
    const isSame = this.#publisher[packetIdentifier] === publisher && this.#sequence[packetIdentifier] === sequence
    if (isSame && this.#isReleased[packetIdentifier] === 1) {
      if (this.#repeated.length === kept) this.#repeated.shift()
      this.#repeated.push(`${publisher} ${sequence}`)
    }
    this.#publisher[packetIdentifier] = publisher
    this.#sequence[packetIdentifier] = sequence
    this.#isReleased[packetIdentifier] = 0
  }

  /** Whether the broker published this QoS 2 message although it had released it. */
  hasRepeated(publisher: number, sequence: number): boolean {
    return this.#repeated.includes(`${publisher} ${sequence}`)
  }
}
