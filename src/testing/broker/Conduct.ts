/**
 * Judges the conduct of a client on one connection: identifiers, DUP, order, windows.
 *
 * The judge uses the packets that came and everything the client can know, and never calls wrong conduct right. Where
 * the network cannot tell how far the client has read, the client gets the benefit of the doubt. `Lifecycle.report`
 * decides what follows from a broken rule. MQTT 5.0 sections 2.2.1, 4.3, 4.4, 4.6 and 4.9.
 *
 * @since 0.1.0
 */
import type * as Packet from "../../protocol/Packet.ts"
import type { Incoming, Mark, Session } from "./Session.ts"
import type { RuleName } from "./Violations.ts"

const hasRead = ({ bytesRead, offset }: Mark): boolean => bytesRead() >= offset

/**
 * The client has connected to its session again: it is now certain which answers of the last connection it has read.
 *
 * @since 0.1.0
 * @category transitions
 */
export const resume = (session: Session): void => {
  for (const incoming of session.incoming.values()) {
    if (incoming.isSettled || incoming.answer === undefined) continue
    if (!hasRead(incoming.answer)) {
      incoming.answer = undefined
      incoming.isAnswered = false
    } else if (incoming.isAnswered) incoming.isSettled = true
  }
}

/**
 * The client has forgotten its messages in flight, as a process that was started anew has.
 *
 * @since 0.1.0
 * @category transitions
 */
export const forget = (session: Session): void => session.incoming.clear()

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index])

/** The packets that the client still has to answer, in the order they were sent. */
type Owed = Record<"Puback" | "Pubrec" | "Pubrel", Array<Packet.PacketIdentifier>>

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** The ordinal of the connection. */
  readonly connection: number
  readonly session: Session
  readonly sessionPresent: boolean
  readonly cleanStart: boolean
  /** The client has a Will, so its first message may be its birth. */
  readonly hasWill: boolean
  readonly receiveMaximum: number
  readonly bytesRead: (() => number) | undefined
  readonly report: (rule: RuleName) => void
}

/**
 * The judge of one connection.
 *
 * @since 0.1.0
 * @category models
 */
export class Conduct {
  readonly #connection: number
  readonly #session: Session
  readonly #sessionPresent: boolean
  readonly #receiveMaximum: number
  readonly #bytesRead: () => number
  readonly #report: (rule: RuleName) => void
  /** Messages of this connection that count against the Receive Maximum. */
  #outstanding = 0
  /** Messages whose exchange ended with an answer that the client may not have read yet. */
  readonly #ended: Array<Incoming> = []
  readonly #requests = new Map<Packet.PacketIdentifier, Mark | undefined>()
  /** Answers that may come in addition to the owed ones. */
  readonly #repeated = new Map<Packet.PacketIdentifier, number>()
  #lastResent = -1
  #hasSentNew = false
  #mayBeBirth: boolean
  /** Identifiers that the client completed before it used them; `undefined` if it began a new session. */
  readonly #cleared: Set<Packet.PacketIdentifier> | undefined
  readonly #owed: Owed = { Puback: [], Pubrec: [], Pubrel: [] }

  constructor(options: Options) {
    this.#connection = options.connection
    this.#session = options.session
    this.#sessionPresent = options.sessionPresent
    this.#receiveMaximum = options.receiveMaximum
    this.#bytesRead = options.bytesRead ?? (() => Infinity)
    this.#report = options.report
    this.#mayBeBirth = options.hasWill
    this.#cleared = options.cleanStart ? undefined : new Set()
  }

  /** A PUBLISH of QoS 1 or 2. Returns whether it begins an exchange; otherwise it continues one. */
  publish(packet: Packet.Publish, topic: string): boolean {
    this.#settle()
    const qos = packet.qos === 2 ? 2 : 1
    const before = this.#session.incoming.get(packet.packetIdentifier)
    // The client sends a birth only once, so a message sent again is no birth.
    if (packet.dup && before !== undefined) before.isBirth = false
    const isBirth = this.#mayBeBirth && !packet.dup
    this.#mayBeBirth = false
    this.#outstanding++
    if (this.#outstanding > this.#receiveMaximum) this.#report("receiveMaximum")
    if (before === undefined || before.isSettled || (this.#isAbandoned(before) && qos === 1)) {
      this.#judgeFirst(packet, before, isBirth)
      this.#begin(packet, topic, isBirth)
      return true
    }
    if (before.connection === this.#connection) {
      this.#outstanding--
      this.#report(packet.dup ? "resentOnLiveConnection" : "identifierInUse")
    } else {
      this.#judgeResent(packet, topic, before)
    }
    const isSameExchange = before.qos === qos && before.stage !== "released"
    if (isSameExchange) {
      before.connection = this.#connection
      before.isAnswered = false
    } else {
      this.#begin(packet, topic, isBirth)
    }
    return !isSameExchange
  }

  /** The birth of an earlier connection is not sent again. */
  #isAbandoned({ connection, isBirth, isSettled }: Incoming): boolean {
    return isBirth && !isSettled && connection !== this.#connection
  }

  /** A PUBREL. Returns whether it belongs to an exchange. */
  pubrel(packetIdentifier: Packet.PacketIdentifier): boolean {
    const incoming = this.#session.incoming.get(packetIdentifier)
    if (this.#clears(packetIdentifier, incoming)) return false
    const isOfThisConnection = incoming?.connection === this.#connection
    const isFreed = incoming !== undefined && incoming.qos === 2 && this.#isAbandoned(incoming)
    if (!isFreed && (incoming === undefined || incoming.qos === 1 || incoming.stage === "published")) {
      this.#report("pubrelUnexpected")
      // Another program may have begun the exchange on another connection, so servers accept its PUBREL all the same.
      if (incoming?.qos !== 2 || isOfThisConnection) return false
    }
    if (incoming.stage === "released" && isOfThisConnection) this.#report("resentOnLiveConnection")
    this.#takeOwed("Pubrel", packetIdentifier, "pubrelOrder")
    if (incoming.stage === "released" && incoming.isSettled) return false
    // On a connection that resumes the session the PUBLISH does not come again, so only its PUBREL counts in the
    // window.
    if (!isOfThisConnection) this.#outstanding++
    incoming.connection = this.#connection
    incoming.stage = "released"
    return true
  }

  /**
   * A client that asks for a session of which it knows nothing may complete an identifier before it uses it: once on
   * each connection, and only if the identifier is in no exchange.
   */
  #clears(packetIdentifier: Packet.PacketIdentifier, incoming: Incoming | undefined): boolean {
    if (this.#cleared === undefined || this.#cleared.has(packetIdentifier)) return false
    if (incoming !== undefined && (!incoming.isSettled || incoming.connection === this.#connection)) return false
    this.#cleared.add(packetIdentifier)
    return true
  }

  /** SUBSCRIBE or UNSUBSCRIBE. */
  request(packetIdentifier: Packet.PacketIdentifier): void {
    this.#settle()
    const incoming = this.#session.incoming.get(packetIdentifier)
    const isOfMessage = incoming !== undefined && !incoming.isSettled
    if (this.#isRequested(packetIdentifier) || isOfMessage) this.#report("identifierInUse")
    this.#requests.set(packetIdentifier, undefined)
  }

  /** An answer to the client has really been sent; `offset` bytes have gone out with it. */
  answered(packet: Packet.Packet, offset: number): void {
    const mark = { offset, bytesRead: this.#bytesRead }
    switch (packet._tag) {
      case "Suback":
      case "Unsuback":
        if (this.#requests.has(packet.packetIdentifier)) this.#requests.set(packet.packetIdentifier, mark)
        return
      case "Puback":
      case "Pubrec":
      case "Pubcomp": {
        const incoming = this.#session.incoming.get(packet.packetIdentifier)
        if (incoming === undefined || incoming.isAnswered) return
        // A PUBCOMP for an identifier that was completed before this message began does not answer the message.
        if (packet._tag === "Pubcomp" && incoming.stage !== "released") return
        incoming.answer = mark
        // The client that hears "identifier in use" has sent the message before, so the exchange goes on.
        const isLast = packet._tag !== "Pubrec" || (packet.reasonCode >= 0x80 && packet.reasonCode !== 0x91)
        if (isLast) {
          incoming.isAnswered = true
          this.#ended.push(incoming)
        } else if (incoming.stage !== "released") {
          incoming.stage = "received"
          this.#owed.Pubrel.push(packet.packetIdentifier)
        }
      }
    }
  }

  /** A PUBLISH of QoS 1 or 2 was sent to the client. */
  sent(packetIdentifier: Packet.PacketIdentifier, qos: 1 | 2): void {
    this.#owed[qos === 1 ? "Puback" : "Pubrec"].push(packetIdentifier)
  }

  /** The broker sent a packet again on this connection, so the client may answer once more than it owes. */
  repeated(packetIdentifier: Packet.PacketIdentifier): void {
    this.#repeated.set(packetIdentifier, (this.#repeated.get(packetIdentifier) ?? 0) + 1)
  }

  /** Takes one answer to a packet that was sent more than once. Returns whether one was still to come. */
  takeRepeated(packetIdentifier: Packet.PacketIdentifier): boolean {
    const left = this.#repeated.get(packetIdentifier) ?? 0
    if (left > 0) this.#repeated.set(packetIdentifier, left - 1)
    return left > 0
  }

  /** PUBACK or PUBREC of the client. Returns whether the client owed it. */
  acknowledged(packet: Packet.Puback | Packet.Pubrec): boolean {
    const order = packet._tag === "Puback" ? "pubackOrder" : "pubrecOrder"
    const isOwed = this.#takeOwed(packet._tag, packet.packetIdentifier, order)
    if (!isOwed && !this.takeRepeated(packet.packetIdentifier)) this.#report("answerUnexpected")
    return isOwed
  }

  #settle(): void {
    const ended = this.#ended
    for (let first = ended[0]; first?.answer !== undefined && hasRead(first.answer); first = ended[0]) {
      first.isSettled = true
      this.#outstanding--
      ended.shift()
    }
  }

  #isRequested(packetIdentifier: Packet.PacketIdentifier): boolean {
    const mark = this.#requests.get(packetIdentifier)
    if (mark !== undefined && hasRead(mark)) this.#requests.delete(packetIdentifier)
    return this.#requests.has(packetIdentifier)
  }

  /** Takes an answer off the owed ones, and returns whether it was owed. Reports if others were owed before it. */
  #takeOwed(kind: keyof Owed, identifier: Packet.PacketIdentifier, order: RuleName): boolean {
    const owed = this.#owed[kind]
    const index = owed.indexOf(identifier)
    if (index > 0) this.#report(order)
    if (index >= 0) owed.splice(index, 1)
    return index >= 0
  }

  #begin(packet: Packet.Publish, topic: string, isBirth: boolean): void {
    this.#session.incoming.set(packet.packetIdentifier, {
      packetIdentifier: packet.packetIdentifier,
      qos: packet.qos === 2 ? 2 : 1,
      topic,
      payload: packet.payload.slice(),
      sequence: this.#session.incomingCount++,
      stage: "published",
      answer: undefined,
      isAnswered: false,
      isSettled: false,
      connection: this.#connection,
      isBirth
    })
  }

  #judgeFirst(packet: Packet.Publish, before: Incoming | undefined, isBirth: boolean): void {
    if (this.#isRequested(packet.packetIdentifier)) this.#report("identifierInUse")
    if (packet.dup) {
      if (!this.#sessionPresent || before?.connection === this.#connection) this.#report("dupOnFirstSending")
      return
    }
    if (isBirth || this.#hasSentNew) return
    this.#hasSentNew = true
    for (const incoming of this.#session.incoming.values()) {
      if (!this.#isAbandoned(incoming) && !incoming.isSettled && incoming.connection !== this.#connection) {
        return this.#report("notResent")
      }
    }
  }

  #judgeResent(packet: Packet.Publish, topic: string, before: Incoming): void {
    if (!packet.dup) this.#report("dupMissing")
    // Another message under the same identifier is not a message sent again, and the PUBREL belonged to the first one.
    if (before.topic !== topic || before.qos !== packet.qos || !isSame(before.payload, packet.payload)) {
      return this.#report("changedOnResend")
    }
    if (before.stage === "released") this.#report("publishAfterPubrel")
    if (before.sequence < this.#lastResent) this.#report("resendOrder")
    this.#lastResent = before.sequence
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Conduct => new Conduct(options)
