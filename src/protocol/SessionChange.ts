/**
 * The changes that a step makes to the part of the Session State that outlives a process, as data. A store writes them
 * down before the packets of the step leave, and a later process goes on from there.
 *
 * State that lasts only as long as a process is not in here, such as windows, deadlines and the order of
 * acknowledgements. MQTT 5.0 and 3.1.1, section 4.1.
 *
 * @since 0.2.0
 */
import type { PacketIdentifier } from "./Packet.ts"
import type { ReasonCode } from "./ReasonCode.ts"
import type { Outcome } from "./SessionState.ts"

/**
 * - `Sent`: from now on the identifier stands for the message of this request
 * - `Released`: the server has it (PUBREC of QoS 2), and only PUBREL is still to be sent
 * - `Settled`: the exchange is over, and nothing of it is sent again
 * - `Reserved`: the message was given up, and the server may have it under this identifier
 * - `Received`: a QoS 2 message of the server was dealt with, and PUBREC answers it like this
 * - `Completed`: the server's identifier is free for another message
 *
 * @since 0.2.0
 * @category models
 */
export type Change<R> =
  | {
    readonly _tag: "Sent"
    readonly packetIdentifier: PacketIdentifier
    readonly request: R
    /** Messages are sent again in this order. */
    readonly order: number
  }
  | {
    readonly _tag: "Released"
    readonly packetIdentifier: PacketIdentifier
    readonly request: R
    readonly outcome: Outcome
    /** PUBREL are sent again in this order. */
    readonly order: number
  }
  | { readonly _tag: "Settled"; readonly packetIdentifier: PacketIdentifier; readonly request: R }
  | { readonly _tag: "Reserved"; readonly packetIdentifier: PacketIdentifier; readonly request: R }
  | { readonly _tag: "Received"; readonly packetIdentifier: PacketIdentifier; readonly answer: ReasonCode }
  | { readonly _tag: "Completed"; readonly packetIdentifier: PacketIdentifier }

/** The draft of a session. It has no list if nobody keeps the session. */
interface Draft<R> {
  readonly changes: Array<Change<R>> | undefined
}

/**
 * @since 0.2.0
 * @category operations
 */
export const sent = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier, request: R, order: number): void => {
  draft.changes?.push({ _tag: "Sent", packetIdentifier, request, order })
}

/**
 * @since 0.2.0
 * @category operations
 */
export const released = <R>(
  draft: Draft<R>,
  packetIdentifier: PacketIdentifier,
  { order, outcome, request }: { readonly request: R; readonly outcome: Outcome; readonly order: number }
): void => {
  draft.changes?.push({ _tag: "Released", packetIdentifier, request, outcome, order })
}

/**
 * @since 0.2.0
 * @category operations
 */
export const settled = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier, request: R): void => {
  draft.changes?.push({ _tag: "Settled", packetIdentifier, request })
}

/**
 * @since 0.2.0
 * @category operations
 */
export const reserved = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier, request: R): void => {
  draft.changes?.push({ _tag: "Reserved", packetIdentifier, request })
}

/**
 * @since 0.2.0
 * @category operations
 */
export const received = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier, answer: ReasonCode): void => {
  draft.changes?.push({ _tag: "Received", packetIdentifier, answer })
}

/**
 * @since 0.2.0
 * @category operations
 */
export const completed = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier): void => {
  draft.changes?.push({ _tag: "Completed", packetIdentifier })
}
