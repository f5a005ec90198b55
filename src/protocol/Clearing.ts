/**
 * Packet Identifiers of a session that the server kept and this client knows nothing about. Each may stand for a QoS 2
 * message of an earlier program: the server received its PUBLISH but never its PUBREL.
 *
 * Under such an identifier, a server would take a new QoS 2 message for the old one and drop it. So the client first
 * completes the old exchange with PUBREL. Some servers do not answer PUBREL for an identifier they do not know, and
 * some answer out of order. So the client sends PINGREQ behind it: the PINGRESP shows that the server has received
 * everything before. One part of the rules of a session, used by `Outgoing`. MQTT 5.0 and 3.1.1, section 4.3.3.
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
 * Whether a message must wait, because its identifier or an earlier message's identifier must be cleared first.
 *
 * @since 0.2.0
 * @category getters
 */
export const isNeeded = <R>(draft: Draft<R>, { qos }: Message, packetIdentifier: PacketIdentifier): boolean =>
  draft.isUnknown && (draft.fences.length > 0 || draft.clearing.length > 0 ||
    (qos === 2 && !PacketIdentifiers.has(draft.cleared, packetIdentifier)))

/**
 * Sends PUBREL ahead of the message. The message already takes its place in the window.
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
 * Sends PUBREL for any message the server has under this identifier. The answer to the PINGREQ behind it says that the
 * old exchange is over.
 *
 * @since 0.2.0
 * @category operations
 */
export const clear = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier): void => {
  draft.clearing.push(packetIdentifier)
  send(draft, acknowledgement("Pubrel", packetIdentifier, 0x00))
}

/**
 * Whether the server accepts PUBREL for an identifier it may not know: connections have not kept ending with it.
 *
 * @since 0.2.0
 * @category getters
 */
export const isAllowed = <R>({ unansweredClears }: Draft<R>): boolean => unansweredClears < allowedHangUps

/**
 * The server has received the PUBREL packets of these identifiers, so the old exchanges under them are over. Returns
 * the identifiers in the order of their messages.
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

/** A server that hangs up on PUBREL for an unknown identifier does so this many times. */
const allowedHangUps = 2

/**
 * The connection ended. If connections keep ending with such a PUBREL, the server does not allow it, and messages go
 * out without it.
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
 * The message as one the server has never seen. It is first sent behind messages that were published after it, and from
 * then on it has its place behind them.
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
