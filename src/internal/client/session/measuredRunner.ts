/**
 * A session at work that counts its messages, a batch at a time. It is a class of its own, so that the plain session
 * does not even look.
 */
import type { SessionPacket } from "../../../protocol/Connection.ts"
import type { ProtocolViolation } from "../../../protocol/ProtocolError.ts"
import type { Receiver } from "../incoming/receiver.ts"
import type { Publication } from "../outgoing/publication.ts"
import { SessionRunner } from "./sessionRunner.ts"

/** Messages since the client was made. */
export interface Tally {
  /** Handed to the network for the first time. */
  sent: number
  /** QoS 1 and 2. */
  acknowledged: number
  /** By the server, with a Reason Code from 0x80. */
  refused: number
  /** PUBLISH of every kind. */
  received: number
  /** The received messages with DUP. */
  redelivered: number
}

/** The server has the message already, so it goes on. MQTT 5.0 section 4.3.3. */
const packetIdentifierInUse = 0x91

export class MeasuredRunner<out R extends Receiver = Receiver> extends SessionRunner<R> {
  readonly tally: Tally = { sent: 0, acknowledged: 0, refused: 0, received: 0, redelivered: 0 }

  override receive(packets: ReadonlyArray<SessionPacket>, now: number): ProtocolViolation | undefined {
    const { tally } = this
    for (const packet of packets) {
      if (packet._tag === "Publish") {
        tally.received++
        if (packet.dup) tally.redelivered++
      } else if (packet._tag === "Puback" || packet._tag === "Pubrec") {
        if (packet.reasonCode >= 0x80 && packet.reasonCode !== packetIdentifierInUse) tally.refused++
        else if (packet._tag === "Puback") tally.acknowledged++
      } else if (packet._tag === "Pubcomp") tally.acknowledged++
    }
    return super.receive(packets, now)
  }

  protected override sent(publications: ReadonlyArray<Publication>): void {
    this.tally.sent += publications.length
    super.sent(publications)
  }
}
