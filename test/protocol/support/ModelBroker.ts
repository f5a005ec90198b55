/**
 * A server with only the rules of QoS 1 and 2: it accepts messages, and sends its own.
 *
 * It keeps its session across connections and checks that the client sends everything due. It knows no topic filters
 * and no bytes.
 */
import { assert } from "@effect/vitest"
import type { SessionPacket } from "../../../src/protocol/Connection.ts"
import type * as Packet from "../../../src/protocol/Packet.ts"
import { incoming, puback, pubcomp, pubrec, pubrel } from "./session.ts"

interface Sending {
  readonly topic: string
  readonly qos: 1 | 2
  state: "waits" | "published" | "released"
}

export class ModelBroker {
  /** The topics it took over, in order; at QoS 2 each exactly once. */
  readonly taken: Array<string> = []
  readonly #receiveMaximum: number
  /** QoS 2 identifiers of the client between PUBLISH and PUBREL. */
  readonly #received = new Set<number>()
  /** By identifier, in order. */
  readonly #sending = new Map<number, Sending>()

  constructor(options: {
    readonly messages: ReadonlyArray<readonly [qos: 1 | 2, topic: string]>
    /** The client's. */
    readonly receiveMaximum: number
  }) {
    this.#receiveMaximum = options.receiveMaximum
    options.messages.forEach(([qos, topic], index) => this.#sending.set(index + 1, { topic, qos, state: "waits" }))
  }

  get isDone(): boolean {
    return this.#received.size === 0 && this.#sending.size === 0
  }

  /** What it sends first on a connection. */
  connect(): ReadonlyArray<SessionPacket> {
    const again: Array<SessionPacket> = []
    for (const [identifier, { qos, state, topic }] of this.#sending) {
      if (state === "released") again.push(pubrel(identifier))
      else if (state === "published") again.push(incoming(qos, identifier, topic, { dup: true }))
    }
    return [...again, ...this.#fillWindow()]
  }

  #fillWindow(): ReadonlyArray<SessionPacket> {
    const packets: Array<SessionPacket> = []
    let inFlight = [...this.#sending.values()].filter(({ state }) => state !== "waits").length
    for (const [identifier, sending] of this.#sending) {
      if (sending.state !== "waits") continue
      if (inFlight++ === this.#receiveMaximum) break
      sending.state = "published"
      packets.push(incoming(sending.qos, identifier, sending.topic))
    }
    return packets
  }

  receive(packet: Packet.ClientPacket): ReadonlyArray<SessionPacket> {
    switch (packet._tag) {
      case "Publish":
        return this.#receivePublish(packet)
      case "Pubrel":
        return [pubcomp(packet.packetIdentifier, this.#received.delete(packet.packetIdentifier) ? 0x00 : 0x92)]
      case "Puback":
      case "Pubcomp":
        this.#sending.delete(packet.packetIdentifier)
        return this.#fillWindow()
      case "Pubrec":
        return this.#release(packet.packetIdentifier)
      default:
        return assert.fail(`unexpected ${packet._tag}`)
    }
  }

  #receivePublish({ packetIdentifier, qos, topic }: Packet.Publish): ReadonlyArray<SessionPacket> {
    if (!this.#received.has(packetIdentifier)) this.taken.push(topic)
    if (qos === 1) return [puback(packetIdentifier)]
    this.#received.add(packetIdentifier)
    return [pubrec(packetIdentifier)]
  }

  #release(identifier: number): ReadonlyArray<SessionPacket> {
    const sending = this.#sending.get(identifier)
    if (sending === undefined) return [pubrel(identifier, 0x92)]
    sending.state = "released"
    return [pubrel(identifier)]
  }
}
