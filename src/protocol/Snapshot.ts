/**
 * Session State as it is kept between processes: what is unfinished in both directions, and nothing of a connection.
 *
 * Data only: who waits for an outcome is not part of it, and where it is kept is the store's.
 * MQTT 5.0 and 3.1.1, section 4.1.
 *
 * @since 0.1.0
 */
import type { PacketIdentifier } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import type { ReasonCode } from "./ReasonCode.ts"
import type { Message, Outcome, Outgoing, Received, Session } from "./SessionState.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  /** Sent and not acknowledged, in the order they were sent first. */
  readonly messages: ReadonlyArray<{ readonly packetIdentifier: PacketIdentifier; readonly message: Message }>
  /** Released by PUBREL and not completed, in the order their PUBREC came. */
  readonly releases: ReadonlyArray<{ readonly packetIdentifier: PacketIdentifier; readonly outcome: Outcome }>
  /** Of messages that were given up while the server may have them. */
  readonly reserved: ReadonlyArray<PacketIdentifier>
  /** QoS 2 messages of the server between our PUBREC and its PUBREL. */
  readonly received: ReadonlyArray<{ readonly packetIdentifier: PacketIdentifier; readonly answer: ReasonCode }>
}

/**
 * Nothing unfinished.
 *
 * @since 0.1.0
 * @category constants
 */
export const empty: Snapshot = { messages: [], releases: [], reserved: [], received: [] }

/**
 * What has to be kept of a session. A message that was received and not decided about is not: it comes again.
 *
 * @since 0.1.0
 * @category conversions
 */
export const take = <R>(session: Session<R>): Snapshot => {
  const messages: Array<Snapshot["messages"][number] & { readonly order: number }> = []
  const releases: Array<Snapshot["releases"][number] & { readonly order: number }> = []
  const reserved: Array<PacketIdentifier> = []
  const received: Array<Snapshot["received"][number]> = []
  PacketIdentifiers.forEach(session.outgoing, (outgoing, packetIdentifier) => {
    const { order } = "order" in outgoing ? outgoing : { order: 0 }
    if (outgoing._tag === "Publish" || outgoing._tag === "Clear") {
      messages.push({ packetIdentifier, message: withOwnPayload(outgoing.message), order })
    } else if (outgoing._tag === "Release") releases.push({ packetIdentifier, outcome: outgoing.outcome, order })
    else if (outgoing._tag === "Reserved") reserved.push(packetIdentifier)
  })
  PacketIdentifiers.forEach(session.received, ({ answer }, packetIdentifier) => {
    if (answer !== undefined) received.push({ packetIdentifier, answer })
  })
  return {
    messages: inOrder(messages).map(({ message, packetIdentifier }) => ({ packetIdentifier, message })),
    releases: inOrder(releases).map(({ outcome, packetIdentifier }) => ({ packetIdentifier, outcome })),
    reserved,
    received
  }
}

/** Who published the message has its payload back, and the snapshot lives on. */
const withOwnPayload = (message: Message): Message => ({
  ...message,
  // One whose buffer was transferred is empty, and has no copy.
  payload: message.payload.length === 0 ? message.payload : new Uint8Array(message.payload)
})

const inOrder = <A extends { readonly order: number }>(all: Array<A>): Array<A> => all.sort((a, b) => a.order - b.order)

/**
 * A session that goes on where another one ended: what was unfinished is sent again on the next connection. `request`
 * stands for all who no longer wait.
 *
 * @since 0.1.0
 * @category conversions
 */
export const restore = <R>(session: Session<R>, snapshot: Snapshot, request: R): Session<R> => {
  // As if there had been one connection, on which all of it was sent.
  const connection = 1
  let order = 0
  const outgoing = PacketIdentifiers.mutate<Outgoing<R>>(session.outgoing, (batch) => {
    for (const packetIdentifier of snapshot.reserved) batch.set(packetIdentifier, { _tag: "Reserved", request })
    for (const { outcome, packetIdentifier } of snapshot.releases) {
      batch.set(packetIdentifier, { _tag: "Release", request, outcome, order: ++order, sequence: 0 })
    }
    for (const { message, packetIdentifier } of snapshot.messages) {
      const sent = { sentOn: connection, sentAt: 0, isSentAgain: false, sequence: 0 }
      batch.set(packetIdentifier, { _tag: "Publish", message, request, order: ++order, ...sent })
    }
  })
  let exchange = 0
  const received = PacketIdentifiers.mutate<Received>(session.received, (batch) => {
    for (const { answer, packetIdentifier } of snapshot.received) {
      batch.set(packetIdentifier, { exchange: ++exchange, answer, connection, position: 0 })
    }
  })
  const nextOrder = order + 1
  return { ...session, isUnknown: false, connection, outgoing, received, nextOrder, nextExchange: exchange + 1 }
}
