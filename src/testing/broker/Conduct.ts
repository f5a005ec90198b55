/**
 * Judges what a client does on one connection: identifiers, DUP, order, windows.
 *
 * It looks at what came and what the client can know, and never calls right what is wrong; where the network cannot
 * tell what the client has read, it gives the client the benefit of the doubt. What a broken rule leads to is not its
 * business. MQTT 5.0 sections 2.2.1, 4.3, 4.4, 4.6 and 4.9.
 *
 * @since 0.1.0
 */
import type * as Packet from "../../protocol/Packet.ts"
import type { Incoming, Mark, Session } from "./Session.ts"
import type { RuleName } from "./Violations.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Conduct {
  /** A PUBLISH of QoS 1 or 2. Whether it begins an exchange; otherwise it goes on with one. */
  readonly publish: (packet: Packet.Publish, topic: string) => boolean
  /** A PUBREL. Whether there is an exchange it belongs to. */
  readonly pubrel: (packetIdentifier: Packet.PacketIdentifier) => boolean
  /** SUBSCRIBE or UNSUBSCRIBE. */
  readonly request: (packetIdentifier: Packet.PacketIdentifier) => void
  /** An answer to the client has really been sent; `offset` bytes have gone out with it. */
  readonly answered: (packet: Packet.Packet, offset: number) => void
  /** A PUBLISH of QoS 1 or 2 was sent to the client. */
  readonly sent: (packetIdentifier: Packet.PacketIdentifier, qos: 1 | 2) => void
  /** PUBACK or PUBREC of the client. Whether one is owed. */
  readonly acknowledged: (packet: Packet.Puback | Packet.Pubrec) => boolean
}

const hasRead = ({ bytesRead, offset }: Mark): boolean => bytesRead() >= offset

/**
 * The client has connected to its session again: what it can know of the last connection's answers is now certain.
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
 * The client has forgotten what it had in flight, as a process that was started anew has.
 *
 * @since 0.1.0
 * @category transitions
 */
export const forget = (session: Session): void => session.incoming.clear()

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index])

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly connection: number
  readonly session: Session
  readonly sessionPresent: boolean
  readonly receiveMaximum: number
  readonly bytesRead: (() => number) | undefined
  readonly report: (rule: RuleName) => void
}): Conduct => {
  const { connection, report, session } = options
  const bytesRead = options.bytesRead ?? (() => Infinity)
  /** Messages of this connection that count against the Receive Maximum. */
  let outstanding = 0
  /** Those whose exchange was ended by an answer the client may not have read yet. */
  const ended: Array<Incoming> = []
  const requests = new Map<Packet.PacketIdentifier, Mark | undefined>()
  let lastResent = -1
  let hasSentNew = false
  const owed: Record<"Puback" | "Pubrec" | "Pubrel", Array<Packet.PacketIdentifier>> = {
    Puback: [],
    Pubrec: [],
    Pubrel: []
  }

  const settle = (): void => {
    for (let first = ended[0]; first?.answer !== undefined && hasRead(first.answer); first = ended[0]) {
      first.isSettled = true
      outstanding--
      ended.shift()
    }
  }

  const isRequested = (packetIdentifier: Packet.PacketIdentifier): boolean => {
    const mark = requests.get(packetIdentifier)
    if (mark !== undefined && hasRead(mark)) requests.delete(packetIdentifier)
    return requests.has(packetIdentifier)
  }

  /** Takes one that is owed. Whether it was. Reports when others were owed before it. */
  const takeOwed = (kind: keyof typeof owed, identifier: Packet.PacketIdentifier, order: RuleName): boolean => {
    const index = owed[kind].indexOf(identifier)
    if (index > 0) report(order)
    if (index >= 0) owed[kind].splice(index, 1)
    return index >= 0
  }

  const begin = (packet: Packet.Publish, topic: string, qos: 1 | 2): void => {
    session.incoming.set(packet.packetIdentifier, {
      packetIdentifier: packet.packetIdentifier,
      qos,
      topic,
      payload: packet.payload.slice(),
      sequence: session.incomingCount++,
      stage: "published",
      answer: undefined,
      isAnswered: false,
      isSettled: false,
      connection
    })
  }

  const judgeFirst = (packet: Packet.Publish, before: Incoming | undefined): void => {
    if (isRequested(packet.packetIdentifier)) report("identifierInUse")
    if (packet.dup) {
      if (!options.sessionPresent || before?.connection === connection) report("dupOnFirstSending")
      return
    }
    if (hasSentNew) return
    hasSentNew = true
    for (const incoming of session.incoming.values()) {
      if (!incoming.isSettled && incoming.connection !== connection) return report("notResent")
    }
  }

  const judgeResent = (packet: Packet.Publish, topic: string, before: Incoming): void => {
    if (!packet.dup) report("dupMissing")
    if (before.stage === "released") report("publishAfterPubrel")
    if (before.topic !== topic || before.qos !== packet.qos || !isSame(before.payload, packet.payload)) {
      report("changedOnResend")
    }
    if (before.sequence < lastResent) report("resendOrder")
    lastResent = before.sequence
  }

  return {
    publish: (packet, topic) => {
      settle()
      const qos = packet.qos === 2 ? 2 : 1
      const before = session.incoming.get(packet.packetIdentifier)
      outstanding++
      if (outstanding > options.receiveMaximum) report("receiveMaximum")
      if (before === undefined || before.isSettled) {
        judgeFirst(packet, before)
        begin(packet, topic, qos)
        return true
      }
      if (before.connection === connection) {
        outstanding--
        report(packet.dup ? "resentOnLiveConnection" : "identifierInUse")
      } else {
        judgeResent(packet, topic, before)
      }
      const isSameExchange = before.qos === qos && before.stage !== "released"
      if (isSameExchange) {
        before.connection = connection
        before.isAnswered = false
      } else {
        begin(packet, topic, qos)
      }
      return !isSameExchange
    },

    pubrel: (packetIdentifier) => {
      const incoming = session.incoming.get(packetIdentifier)
      if (incoming === undefined || incoming.qos === 1 || incoming.stage === "published") {
        report("pubrelUnexpected")
        return false
      }
      if (incoming.stage === "released" && incoming.connection === connection) report("resentOnLiveConnection")
      takeOwed("Pubrel", packetIdentifier, "pubrelOrder")
      if (incoming.stage === "released" && incoming.isSettled) return false
      // On a connection that resumes the session the PUBLISH does not come again, so it takes no part of the window.
      if (incoming.connection !== connection) outstanding++
      incoming.connection = connection
      incoming.stage = "released"
      return true
    },

    request: (packetIdentifier) => {
      settle()
      const incoming = session.incoming.get(packetIdentifier)
      if (isRequested(packetIdentifier) || (incoming !== undefined && !incoming.isSettled)) report("identifierInUse")
      requests.set(packetIdentifier, undefined)
    },

    answered: (packet, offset) => {
      const mark = { offset, bytesRead }
      switch (packet._tag) {
        case "Suback":
        case "Unsuback":
          if (requests.has(packet.packetIdentifier)) requests.set(packet.packetIdentifier, mark)
          return
        case "Puback":
        case "Pubrec":
        case "Pubcomp": {
          const incoming = session.incoming.get(packet.packetIdentifier)
          if (incoming === undefined || incoming.isAnswered) return
          incoming.answer = mark
          const isLast = packet._tag !== "Pubrec" || packet.reasonCode >= 0x80
          if (isLast) {
            incoming.isAnswered = true
            ended.push(incoming)
          } else if (incoming.stage !== "released") {
            incoming.stage = "received"
            owed.Pubrel.push(packet.packetIdentifier)
          }
        }
      }
    },

    sent: (packetIdentifier, qos) => {
      owed[qos === 1 ? "Puback" : "Pubrec"].push(packetIdentifier)
    },

    acknowledged: (packet) => {
      const order = packet._tag === "Puback" ? "pubackOrder" : "pubrecOrder"
      const isOwed = takeOwed(packet._tag, packet.packetIdentifier, order)
      if (!isOwed) report("answerUnexpected")
      return isOwed
    }
  }
}
