/**
 * Packet Identifiers of a session that the server kept and of which this client knows nothing: each may stand for a QoS 2
 * message of an earlier program, whose PUBLISH the server has and whose PUBREL never came.
 *
 * Under such an identifier a server would take a new QoS 2 message for the old one and drop it. So the old exchange is
 * completed first, with PUBREL. Not every server answers the PUBREL of an identifier that it does not know, and some answer
 * in another order; so a PINGREQ follows, and its answer says that the server has received what went before it. One part of
 * the rules of a session, used by `Outgoing`. MQTT 5.0 and 3.1.1, section 4.3.3.
 *
 * @since 0.2.0
 */
import type { PacketIdentifier } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import type { Message, Outgoing } from "./SessionState.ts"
import { acknowledgement, type Draft, owe, send } from "./SessionStep.ts"

/**
 * A message that waits until its identifier is free for it.
 *
 * @since 0.2.0
 * @category models
 */
export type Clear<R> = Outgoing<R> & { readonly _tag: "Clear" }

/**
 * Whether a message must wait: its identifier is to be cleared, or that of a message before it.
 *
 * @since 0.2.0
 * @category getters
 */
export const isNeeded = <R>(draft: Draft<R>, { qos }: Message, packetIdentifier: PacketIdentifier): boolean =>
  draft.isUnknown && (draft.fences.length > 0 || draft.clearing.length > 0 ||
    (qos === 2 && !PacketIdentifiers.has(draft.cleared, packetIdentifier)))

/**
 * Sends PUBREL ahead of the message, which takes its place in the window already.
 *
 * @since 0.2.0
 * @category operations
 */
export const begin = <R>(
  draft: Draft<R>,
  packetIdentifier: PacketIdentifier,
  { isOfConnection, message, order, request }: Pick<Clear<R>, "isOfConnection" | "message" | "order" | "request">
): void => {
  const sequence = draft.nextSequence++
  const sentOn = draft.connection
  const waiting = { _tag: "Clear", message, request, order, sentOn, sequence } as const
  draft.outgoing.set(packetIdentifier, isOfConnection ? { ...waiting, isOfConnection } : waiting)
  draft.outstanding++
  owe(draft)
  clear(draft, packetIdentifier)
}

/**
 * Sends PUBREL for whatever the server has under this identifier. The answer to the PINGREQ behind it says that it is over.
 *
 * @since 0.2.0
 * @category operations
 */
export const clear = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier): void => {
  draft.clearing.push(packetIdentifier)
  send(draft, acknowledgement("Pubrel", packetIdentifier, 0x00))
}

/**
 * Whether the server takes PUBREL for an identifier that it may not know: connections did not keep ending with it.
 *
 * @since 0.2.0
 * @category getters
 */
export const isAllowed = <R>({ unansweredClears }: Draft<R>): boolean => unansweredClears < allowedHangUps

/**
 * The server has received the PUBREL packets of these identifiers: whatever stood under them is over. Returns them in the
 * order of their messages.
 *
 * @since 0.2.0
 * @category operations
 */
export const end = <R>(draft: Draft<R>): ReadonlyArray<PacketIdentifier> => {
  const [identifiers = [], ...fences] = draft.fences
  draft.fences = fences
  draft.unansweredClears = 0
  for (const packetIdentifier of identifiers) {
    draft.cleared = PacketIdentifiers.set(draft.cleared, packetIdentifier, true)
  }
  return identifiers
}

/** A server that hangs up on PUBREL of an identifier it does not know does so twice. */
const allowedHangUps = 2

/**
 * The connection ended. Where it ends with such a PUBREL again and again, the server does not allow it, and messages go
 * out without.
 *
 * @since 0.2.0
 * @category operations
 */
export const disconnected = <R>(draft: Draft<R>): void => {
  if (draft.fences.length === 0) return
  draft.fences = []
  draft.unansweredClears++
  if (draft.unansweredClears >= allowedHangUps) draft.isUnknown = false
}

/**
 * The message, as one that the server has seen nothing of: it is sent first behind messages that were published after it,
 * and has its place behind them from then on.
 *
 * @since 0.2.0
 * @category conversions
 */
export const neverSent = <R>(
  { isOfConnection, message, request, sequence }: Clear<R>,
  order: number
): Outgoing<R> & { readonly _tag: "Publish" } => ({
  _tag: "Publish",
  message,
  request,
  order,
  sentOn: 0,
  sentAt: 0,
  isSentAgain: false,
  sequence,
  ...(isOfConnection && { isOfConnection })
})
