/**
 * Session State as it is kept between processes: the unfinished messages in both directions, and nothing of a
 * connection.
 *
 * Data only: a store decides where it is kept. The changes of all steps (`SessionChange`) add up to it. MQTT 5.0 and
 * 3.1.1, section 4.1.
 *
 * @since 0.1.0
 */
import * as Announcing from "./Announcing.ts"
import type { PacketIdentifier } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import type { ReasonCode } from "./ReasonCode.ts"
import type { Message, Outcome, Outgoing, Received, Session } from "./SessionState.ts"

/**
 * `order` is the place of a message, or of its PUBREL, among all of them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot<R> {
  /** Sent and not acknowledged, in the order they were sent first. */
  readonly messages: ReadonlyArray<{
    readonly packetIdentifier: PacketIdentifier
    readonly message: Message
    readonly request: R
    readonly order: number
  }>
  /** Released by PUBREL and not completed, in the order their PUBREC came. */
  readonly releases: ReadonlyArray<{
    readonly packetIdentifier: PacketIdentifier
    readonly outcome: Outcome
    readonly request: R
    readonly order: number
  }>
  /** Identifiers of messages that were given up while the server may have them. */
  readonly reserved: ReadonlyArray<PacketIdentifier>
  /** QoS 2 messages of the server between our PUBREC and its PUBREL. */
  readonly received: ReadonlyArray<{ readonly packetIdentifier: PacketIdentifier; readonly answer: ReasonCode }>
}

/**
 * A session with nothing unfinished.
 *
 * @since 0.1.0
 * @category constants
 */
export const empty: Snapshot<never> = { messages: [], releases: [], reserved: [], received: [] }

/**
 * The part of a session to keep. A received message without a decision is not kept: it comes again. A message that
 * waits until its identifier is cleared has not been sent, and a birth belongs to its connection.
 *
 * @since 0.1.0
 * @category conversions
 */
export const take = <R>(session: Session<R>): Snapshot<R> => {
  const messages: Array<Snapshot<R>["messages"][number]> = []
  const releases: Array<Snapshot<R>["releases"][number]> = []
  const reserved: Array<PacketIdentifier> = []
  const received: Array<Snapshot<R>["received"][number]> = []
  PacketIdentifiers.forEach(session.outgoing, (outgoing, packetIdentifier) => {
    if (Announcing.isOne(outgoing)) {
      if (Announcing.mayBeKnown(outgoing)) reserved.push(packetIdentifier)
    } else if (outgoing._tag === "Publish") {
      const { message, order, request } = outgoing
      messages.push({ packetIdentifier, message, request, order })
    } else if (outgoing._tag === "Release") {
      const { order, outcome, request } = outgoing
      releases.push({ packetIdentifier, outcome, request, order })
    } else if (outgoing._tag === "Reserved") reserved.push(packetIdentifier)
  })
  PacketIdentifiers.forEach(session.received, ({ answer }, packetIdentifier) => {
    if (answer !== undefined) received.push({ packetIdentifier, answer })
  })
  return { messages: inOrder(messages), releases: inOrder(releases), reserved, received }
}

const inOrder = <A extends { readonly order: number }>(all: Array<A>): Array<A> => all.sort((a, b) => a.order - b.order)

/**
 * A session that goes on where another one ended: unfinished messages are sent again on the next connection. `nobody`
 * becomes the request of messages that were given up.
 *
 * @since 0.1.0
 * @category conversions
 */
export const restore = <R>(session: Session<R>, snapshot: Snapshot<R>, nobody: R): Session<R> => {
  // As if there had been one connection, on which all packets were sent.
  const connection = 1
  let nextOrder = session.nextOrder
  const outgoing = PacketIdentifiers.mutate<Outgoing<R>>(session.outgoing, (batch) => {
    for (const packetIdentifier of snapshot.reserved) {
      batch.set(packetIdentifier, { _tag: "Reserved", request: nobody })
    }
    for (const { order, outcome, packetIdentifier, request } of snapshot.releases) {
      batch.set(packetIdentifier, { _tag: "Release", request, outcome, order, sequence: 0 })
      nextOrder = Math.max(nextOrder, order + 1)
    }
    for (const { message, order, packetIdentifier, request } of snapshot.messages) {
      const sent = { sentOn: connection, sentAt: 0, isSentAgain: false, sequence: 0 }
      batch.set(packetIdentifier, { _tag: "Publish", message, request, order, ...sent })
      nextOrder = Math.max(nextOrder, order + 1)
    }
  })
  let exchange = 0
  const received = PacketIdentifiers.mutate<Received>(session.received, (batch) => {
    for (const { answer, packetIdentifier } of snapshot.received) {
      batch.set(packetIdentifier, { exchange: ++exchange, answer, connection, position: 0 })
    }
  })
  return { ...session, connection, outgoing, received, nextOrder, nextExchange: exchange + 1 }
}
