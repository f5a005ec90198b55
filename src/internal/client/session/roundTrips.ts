/**
 * How long an answer takes, by a QoS 1 message now and then.
 *
 * One at a time and at most once a second, so that the other messages cost only a comparison. The connection measures
 * PINGREQ.
 */
import type { SessionPacket } from "../../../protocol/Connection.ts"
import type { PacketIdentifier } from "../../../protocol/Packet.ts"
import type * as Traffic from "../../connection/traffic.ts"

/** Milliseconds. */
const pause = 1000

interface Measured {
  readonly packetIdentifier: PacketIdentifier
  readonly sent: number
}

export class RoundTrips {
  readonly #traffic: Traffic.Counters
  #measured: Measured | undefined
  #notBefore = -Infinity

  constructor(traffic: Traffic.Counters) {
    this.#traffic = traffic
  }

  isDue(now: number): boolean {
    return this.#measured === undefined && now >= this.#notBefore
  }

  /** A QoS 1 PUBLISH leaves; its PUBACK is the answer. */
  measure(packetIdentifier: PacketIdentifier, now: number): void {
    this.#measured = { packetIdentifier, sent: now }
  }

  received(packets: ReadonlyArray<SessionPacket>, now: number): void {
    if (this.#measured === undefined) return
    const { packetIdentifier, sent } = this.#measured
    if (!packets.some((packet) => packet._tag === "Puback" && packet.packetIdentifier === packetIdentifier)) return
    this.#traffic.roundTrip = now - sent
    this.#measured = undefined
    this.#notBefore = now + pause
  }

  /** The answer will not come, or will answer another sending of the message. */
  disconnected(): void {
    this.#measured = undefined
  }
}
