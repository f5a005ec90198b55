/**
 * Reads the packets between the cluster and one consumer, to tell who lost a message: the broker never sent it, the
 * client acknowledged it, or it was on its way when a connection ended.
 */
import * as Decoder from "../../src/protocol/Decoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"

const largest = 268_435_460

/** How far a message has got on the network. */
export type Trace = "never sent by the broker" | "sent by the broker, not acknowledged" | "acknowledged by the client"

export class Witness {
  readonly #version: Packet.ProtocolVersion
  readonly #sent = new Set<string>()
  readonly #acknowledged = new Set<string>()
  /** Identifiers that the broker gave to another message before the client had acknowledged the first. */
  readonly reused: Array<string> = []

  constructor(version: Packet.ProtocolVersion) {
    this.#version = version
  }

  /** One connection: the readers of the bytes of the broker and of the client. */
  connection(): { readonly fromBroker: (bytes: Uint8Array) => void; readonly fromClient: (bytes: Uint8Array) => void } {
    const settings = { protocolVersion: this.#version, maximumPacketSize: largest }
    const broker = Decoder.make({ ...settings, sender: "server" })
    const client = Decoder.make({ ...settings, sender: "client" })
    const open = new Map<number, string>()
    return {
      fromBroker: (bytes) => {
        for (const packet of broker.push(bytes)) if (packet._tag === "Publish") this.#published(packet, open)
      },
      fromClient: (bytes) => {
        for (const packet of client.push(bytes)) {
          if (packet._tag !== "Puback") continue
          const text = open.get(packet.packetIdentifier)
          if (text !== undefined) this.#acknowledged.add(text)
          open.delete(packet.packetIdentifier)
        }
      }
    }
  }

  #published({ packetIdentifier, payload }: Packet.Publish, open: Map<number, string>): void {
    const text = new TextDecoder().decode(payload)
    const before = open.get(packetIdentifier)
    if (before !== undefined && before !== text) this.reused.push(`${packetIdentifier}: ${before}, then ${text}`)
    this.#sent.add(text)
    open.set(packetIdentifier, text)
  }

  /** How far the message with this text has got. */
  traceOf(text: string): Trace {
    if (this.#acknowledged.has(text)) return "acknowledged by the client"
    return this.#sent.has(text) ? "sent by the broker, not acknowledged" : "never sent by the broker"
  }
}
