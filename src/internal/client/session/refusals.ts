/**
 * Packets that could not be sent: the server's limits forbid them, or the encoder cannot write them.
 *
 * Such a packet is no longer in flight, and its owner hears why. It leaves the session after everything else was sent,
 * so that the packets it makes room for come later in the order.
 */
import type { MqttError } from "../../../MqttError.ts"
import type { ClientPacket } from "../../../protocol/Packet.ts"
import * as ServerLimits from "../../../protocol/ServerLimits.ts"
import * as Session from "../../../protocol/Session.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import * as failures from "../../connection/failures.ts"
import { Fifo } from "../fifo.ts"
import type { Publication } from "../outgoing/publication.ts"
import { nobody, type Owner } from "../owner.ts"

interface Refused {
  readonly packet: ClientPacket
  readonly owner: Owner
  readonly error: MqttError
}

/** Enqueues a packet, or says why it cannot be sent. */
export const trySend = (
  connection: SessionConnection,
  packet: ClientPacket,
  isJudged: boolean
): MqttError | undefined => {
  // A message that is sent again was judged by the limits of another connection.
  const exceeded = isJudged || packet._tag !== "Publish" ? undefined : failures.limitExceeded(connection.limits, packet)
  if (exceeded !== undefined) return exceeded
  const invalid = connection.enqueue(packet)
  return invalid === undefined ? undefined : failures.fromInvalid(invalid, packet, connection)
}

interface Forbidden {
  readonly publication: Publication
  readonly error: MqttError
}

/** A message that the server's limits forbid uses no Packet Identifier. */
export const judge = (
  publications: ReadonlyArray<Publication>,
  { limits }: SessionConnection
): { readonly allowed: ReadonlyArray<Publication>; readonly refused: ReadonlyArray<Forbidden> } => {
  // Hardly any server forbids anything, and sorting all messages cost publishing one part in twenty-five.
  if (publications.every(({ message }) => ServerLimits.checkPublish(limits, message) === undefined)) {
    return { allowed: publications, refused: [] }
  }
  const refused: Array<Forbidden> = []
  const allowed = publications.filter((publication) => {
    const error = failures.limitExceeded(limits, publication.message)
    if (error !== undefined) refused.push({ publication, error })
    return error === undefined
  })
  return { allowed, refused }
}

/** The owner of a packet that has one of our Packet Identifiers. */
const ownerOf = (session: Session.Session<Owner>, packet: ClientPacket): Owner | undefined => {
  switch (packet._tag) {
    case "Publish":
    case "Subscribe":
    case "Unsubscribe":
      return Session.requestOf(session, packet.packetIdentifier)
    default:
      return undefined
  }
}

export class Refusals {
  readonly #refused = new Fifo<Refused>()
  #isWithdrawing = false

  add(packet: ClientPacket, error: MqttError, session: Session.Session<Owner>, publication?: Publication): void {
    const owner = publication ?? ownerOf(session, packet)
    if (owner !== undefined) this.#refused.push({ packet, owner, error })
  }

  /** Calls `withdraw` for each packet, then tells its owner. */
  withdraw(withdraw: (packet: ClientPacket) => void): void {
    if (this.#refused.isEmpty || this.#isWithdrawing) return
    this.#isWithdrawing = true
    for (let refused = this.#refused.shift(); refused !== undefined; refused = this.#refused.shift()) {
      const { error, owner, packet } = refused
      withdraw(packet)
      owner.failed(error)
    }
    this.#isWithdrawing = false
  }
}

/** The session without the packet; `undefined` if it is not a packet of the session. */
export const withdrawn = (
  session: Session.Session<Owner>,
  packet: ClientPacket,
  now: number
): Session.Step<Owner> | undefined => {
  // The server may have a message that is sent again.
  if (packet._tag === "Publish" && packet.dup) return Session.giveUp(session, packet.packetIdentifier, nobody, now)
  return "packetIdentifier" in packet && packet.packetIdentifier !== 0
    ? Session.withdraw(session, packet.packetIdentifier, now)
    : undefined
}
