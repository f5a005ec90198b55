/**
 * Messages that belong to one connection: the birth it begins with, and the goodbye it ends with.
 *
 * Each connection has a birth of its own, so no connection sends an older one again: an older message could replace a
 * newer one. A store keeps neither message. At QoS 1 the identifier is free when the connection ends. At QoS 2 the
 * server may still have the message under it, so the identifier stays reserved until PUBREL on a later connection frees
 * it. One part of the rules of a session, working on a draft of it. MQTT 5.0 and 3.1.1, sections 4.3 and 4.4.
 *
 * @since 0.2.0
 */
import * as Clearing from "./Clearing.ts"
import type { PacketIdentifier } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import * as Change from "./SessionChange.ts"
import type { Message, Outgoing, Session } from "./SessionState.ts"
import { type Draft, type PublishRequest, sendPublish, type Step, step } from "./SessionStep.ts"

/** A birth or goodbye of QoS 1 or 2 that the server has not answered. */
type Announcement<R> = Outgoing<R> & { readonly _tag: "Publish" | "Clear"; readonly isOfConnection: true }

/**
 * Whether this is a birth or goodbye, sent or about to be sent.
 *
 * @since 0.2.0
 * @category guards
 */
export const isOne = <R>(outgoing: Outgoing<R> | undefined): outgoing is Announcement<R> =>
  (outgoing?._tag === "Publish" || outgoing?._tag === "Clear") && outgoing.isOfConnection === true

/**
 * Gives a message of QoS 1 or 2 an identifier and returns it. The message must leave before all messages that are sent
 * again. Returns nothing when all identifiers are in use.
 *
 * @since 0.2.0
 * @category operations
 */
export const take = <R>(
  draft: Draft<R>,
  { message, request }: PublishRequest<R>
): ReadonlyArray<PacketIdentifier> => {
  const order = draft.nextOrder++
  const unsent = { message, request, order, sentOn: 0, sequence: 0, isOfConnection: true } as const
  const published = { _tag: "Publish", ...unsent, sentAt: 0, isSentAgain: false } as const
  const packetIdentifier = draft.outgoing.allocate(published)
  if (packetIdentifier === 0) {
    draft.actions.push({ _tag: "Abandon", request })
    return []
  }
  if (Clearing.isNeeded(draft, message, packetIdentifier)) {
    draft.outgoing.set(packetIdentifier, { _tag: "Clear", ...unsent })
  }
  return [packetIdentifier]
}

/**
 * Sends the message, unless its identifier must be cleared first. Says whether it was sent.
 *
 * @since 0.2.0
 * @category operations
 */
export const begin = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier, outgoing: Announcement<R>): boolean => {
  if (outgoing._tag === "Clear") {
    if (outgoing.sentOn !== draft.connection) Clearing.begin(draft, packetIdentifier, outgoing)
    return false
  }
  const { connection: sentOn, now: sentAt } = draft
  draft.outgoing.set(packetIdentifier, { ...outgoing, sentOn, sentAt, sequence: draft.nextSequence++ })
  send(draft, packetIdentifier, outgoing)
  return true
}

/**
 * Sends the message under its identifier. While the server may have a QoS 2 message under the identifier, a later
 * process must not take the identifier for a free one.
 *
 * @since 0.2.0
 * @category operations
 */
export const send = <R>(
  draft: Draft<R>,
  packetIdentifier: PacketIdentifier,
  { message, request }: { readonly message: Message; readonly request: R }
): void => {
  if (message.qos === 2) Change.reserved(draft, packetIdentifier, request)
  sendPublish(draft, packetIdentifier, message, false)
}

/**
 * Publishes a message of QoS 1 or 2 that belongs to this connection. Needs `room`.
 *
 * @since 0.2.0
 * @category transitions
 */
export const announce = <R>(self: Session<R>, request: PublishRequest<R>, now: number): Step<R> =>
  step(self, now, (draft) => {
    for (const packetIdentifier of take(draft, request)) {
      const outgoing = draft.outgoing.get(packetIdentifier)
      if (isOne(outgoing)) begin(draft, packetIdentifier, outgoing)
    }
  })

/**
 * Whether the birth of this connection still waits for the window or for its identifier. Nothing is published before
 * it.
 *
 * @since 0.2.0
 * @category getters
 */
export const isBeginning = <R>(self: Session<R>): boolean =>
  self.replayed < self.replay.length && isOne(PacketIdentifiers.get(self.outgoing, self.replay[self.replayed]))

/**
 * Whether the server may have a QoS 2 message under the identifier.
 *
 * @since 0.2.0
 * @category getters
 */
export const mayBeKnown = (outgoing: Announcement<unknown>): boolean =>
  outgoing._tag === "Publish" && outgoing.sentOn !== 0 && outgoing.message.qos === 2

/**
 * The connection ended, and its birth and goodbye with it.
 *
 * @since 0.2.0
 * @category operations
 */
export const abandon = <R>(self: Session<R>, draft: Draft<R>): void =>
  PacketIdentifiers.forEach(self.outgoing, (outgoing, packetIdentifier) => {
    if (!isOne(outgoing)) return
    const { request } = outgoing
    if (mayBeKnown(outgoing)) draft.outgoing.set(packetIdentifier, { _tag: "Reserved", request, isOfConnection: true })
    else draft.outgoing.release(packetIdentifier)
    draft.actions.push({ _tag: "Abandon", request })
  })

/**
 * Frees the identifiers of births and goodbyes of earlier connections. If the server still has such a message, it may
 * publish it now, before the new birth.
 *
 * @since 0.2.0
 * @category operations
 */
export const clear = <R>(self: Session<R>, draft: Draft<R>): void => {
  if (!Clearing.isAllowed(draft)) return
  PacketIdentifiers.forEach(self.outgoing, (_, packetIdentifier) => {
    const outgoing = draft.outgoing.get(packetIdentifier)
    if (outgoing?._tag === "Reserved" && outgoing.isOfConnection === true) Clearing.clear(draft, packetIdentifier)
  })
}
