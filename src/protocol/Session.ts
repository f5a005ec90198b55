/**
 * Session State and its rules: the messages in flight in both directions, and how each packet changes them.
 *
 * Pure: a function from state and input to the next state and actions as plain data, with time passed in. It knows no
 * bytes, no socket and no fiber. Messages outside the window wait in the outbox, which it does not know either. The
 * rules of messages are in `Outgoing` and `Incoming`, the rules of subscriptions in `Subscribing`; this module has the
 * rules that concern all of them. MQTT 5.0 and 3.1.1, sections 4.1, 4.3, 4.4 and 4.6; 5.0 section 4.9.
 *
 * @since 0.1.0
 */
import * as Announcing from "./Announcing.ts"
import * as Clearing from "./Clearing.ts"
import type { SessionPacket } from "./Connection.ts"
import * as Incoming from "./Incoming.ts"
import * as Outgoing from "./Outgoing.ts"
import type { PacketIdentifier, ProtocolVersion } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import { noArrivals, type Session } from "./SessionState.ts"
import { type Draft, type PublishRequest, type Step, step } from "./SessionStep.ts"
import * as Subscribing from "./Subscribing.ts"

export {
  /** @since 0.2.0 */
  announce,
  /** @since 0.2.0 */
  isBeginning
} from "./Announcing.ts"
export {
  /** @since 0.2.0 */
  type Arrival,
  /** @since 0.2.0 */
  type Arrivals
} from "./Arrivals.ts"
export {
  /** @since 0.1.0 */
  acknowledge
} from "./Incoming.ts"
export {
  /** @since 0.1.0 */
  giveUp,
  /** @since 0.1.0 */
  publish,
  /** @since 0.1.0 */
  room,
  /** @since 0.1.0 */
  withdraw
} from "./Outgoing.ts"
export {
  /** @since 0.2.0 */
  type Change
} from "./SessionChange.ts"
export {
  /** @since 0.2.0 */
  type Asked,
  /** @since 0.1.0 */
  make,
  /** @since 0.1.0 */
  type Message,
  /** @since 0.1.0 */
  type Outcome,
  /** @since 0.1.0 */
  type Outgoing,
  /** @since 0.1.0 */
  type Received,
  /** @since 0.1.0 */
  type Session
} from "./SessionState.ts"
export {
  /** @since 0.1.0 */
  type Action,
  /** @since 0.2.0 */
  isPacket,
  /** @since 0.1.0 */
  type PublishRequest,
  /** @since 0.1.0 */
  type Step
} from "./SessionStep.ts"
export {
  /** @since 0.1.0 */
  subscribe,
  /** @since 0.1.0 */
  unsubscribe
} from "./Subscribing.ts"

/**
 * CONNACK accepted a connection, so unfinished messages are sent again: first PUBREL, then PUBLISH with DUP and the
 * same identifiers in the original order, as far as the window goes. The rest follows as acknowledgements arrive
 * (`[MQTT-4.4.0-1]`, `[MQTT-4.6.0-1]`).
 *
 * With Session Present 0 the server has nothing of ours: unfinished messages are sent as new ones, and a released
 * message counts as delivered.
 *
 * @since 0.1.0
 * @category transitions
 */
export const connected = <R>(self: Session<R>, options: {
  readonly protocolVersion: ProtocolVersion
  readonly sessionPresent: boolean
  /** The server may have made the session since our last connection, without our hearing of it. Default: `false`. */
  readonly isInDoubt?: boolean | undefined
  /** The Receive Maximum of the server. */
  readonly receiveMaximum: number
  /**
   * Connections have ended with a message that is sent again now. So the window begins at one message and grows with
   * each acknowledgement: the client finds the guilty message before many others are lost with it. Default: `false`.
   */
  readonly isWary?: boolean | undefined
  /** QoS 1 or 2. Nothing is published before it, and no other connection sends it again. Default: none. */
  readonly birth?: PublishRequest<R> | undefined
}, now: number): Step<R> =>
  step(self, now, (draft) => {
    draft.protocolVersion = options.protocolVersion
    draft.connection++
    draft.isConnected = true
    if (!options.sessionPresent) draft.doubtedOn = 0
    else if (options.isInDoubt === true) draft.doubtedOn = draft.connection
    draft.quota = Math.min(draft.maximumInFlight, options.receiveMaximum)
    draft.window = options.isWary === true ? 1 : draft.quota
    draft.owed = 0
    draft.unacknowledged = 0
    draft.arrivals = noArrivals
    if (!options.sessionPresent) {
      Incoming.forget(self, draft)
      Outgoing.forget(self, draft)
    }
    Outgoing.resume(self, draft, options.birth)
  })

/**
 * The network connection is gone. Published messages stay for the next one. SUBSCRIBE and UNSUBSCRIBE are not part of
 * the Session State and are abandoned.
 *
 * @since 0.1.0
 * @category transitions
 */
export const disconnected = <R>(self: Session<R>, now: number): Step<R> =>
  step(self, now, (draft) => {
    Clearing.disconnected(draft)
    draft.isConnected = false
    draft.window = 0
    draft.outstanding = 0
    draft.owed = 0
    draft.arrivals = noArrivals
    draft.replay = []
    draft.replayed = 0
    Subscribing.abandon(self, draft)
    Announcing.abandon(self, draft)
  })

/**
 * The server sent more than our Receive Maximum, which ended the connection. Some servers do so whenever much is queued
 * for a session, and would do so on every connection. So the next connection announces four times as much.
 *
 * @since 0.1.0
 * @category transitions
 */
export const overrun = <R>(self: Session<R>): Session<R> => ({
  ...self,
  receiveMaximum: Math.min(4 * self.receiveMaximum, 65_535)
})

/** The packet of this connection that awaits an answer. */
const awaiting = {
  Publish: "PUBLISH",
  Clear: "PUBREL",
  Release: "PUBREL",
  Subscribe: "SUBSCRIBE",
  Unsubscribe: "UNSUBSCRIBE"
} as const

/**
 * A packet that the server has not answered, with the request that waits for it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Unanswered<R> {
  readonly packet: "PUBLISH" | "PUBREL" | "SUBSCRIBE" | "UNSUBSCRIBE"
  readonly packetIdentifier: PacketIdentifier
  readonly request: R
}

/**
 * The unanswered packet that was sent first on this connection. Servers answer in order, so the client suspects this
 * packet first when connections keep ending.
 *
 * @since 0.2.0
 * @category getters
 */
export const unanswered = <R>(self: Session<R>): Unanswered<R> | undefined => {
  let first: Unanswered<R> | undefined
  let place = Infinity
  PacketIdentifiers.forEach(self.outgoing, (outgoing, packetIdentifier) => {
    if (outgoing._tag === "Reserved") return
    if ((outgoing._tag === "Publish" || outgoing._tag === "Clear") && outgoing.sentOn !== self.connection) return
    const isAhead = (outgoing._tag === "Subscribe" || outgoing._tag === "Unsubscribe") && outgoing.isAhead
    const own = isAhead ? outgoing.sequence - self.nextSequence : outgoing.sequence
    if (own >= place) return
    place = own
    first = { packet: awaiting[outgoing._tag], packetIdentifier, request: outgoing.request }
  })
  return first
}

/**
 * The oldest message that is unacknowledged on this connection, with the request that waits for it.
 *
 * @since 0.1.0
 * @category getters
 */
export const oldest = <R>(
  self: Session<R>
): { readonly packetIdentifier: PacketIdentifier; readonly request: R; readonly sentAt: number } | undefined => {
  let first: { packetIdentifier: PacketIdentifier; request: R; sentAt: number; order: number } | undefined
  PacketIdentifiers.forEach(self.outgoing, (outgoing, packetIdentifier) => {
    if (outgoing._tag !== "Publish" || outgoing.sentOn !== self.connection) return
    const { order, request, sentAt } = outgoing
    if (first === undefined || order < first.order) first = { packetIdentifier, request, sentAt, order }
  })
  return first
}

/** A single message may stay unacknowledged for this many timeouts while others progress. */
const patienceWithOne = 10

/**
 * When the connection counts as dead because an acknowledgement is missing; `Infinity` when none is owed. A slow server
 * that keeps acknowledging is not punished, unless it leaves out one message for ten times as long.
 *
 * @since 0.1.0
 * @category getters
 */
export const responseDeadline = <R>(self: Session<R>, responseTimeout: number): number => {
  if (!self.isConnected || self.owed === 0) return Infinity
  const first = oldest(self)
  const ofAll = self.owedSince + responseTimeout
  return first === undefined ? ofAll : Math.min(ofAll, first.sentAt + patienceWithOne * responseTimeout)
}

/**
 * Reading goes on after a pause of ours. The client could not hear the server meanwhile, so the server is not late.
 *
 * @since 0.1.0
 * @category transitions
 */
export const resumed = <R>(self: Session<R>, now: number): Session<R> => ({ ...self, owedSince: now })

/**
 * Everybody who waits for an outcome, in the order of the identifiers.
 *
 * @since 0.1.0
 * @category getters
 */
export const requests = <R>(self: Session<R>): ReadonlyArray<R> =>
  PacketIdentifiers.values(self.outgoing).map((outgoing) => outgoing.request)

/**
 * How many Packet Identifiers are reserved for messages that were given up.
 *
 * @since 0.1.0
 * @category getters
 */
export const reserved = <R>(self: Session<R>): number => {
  let count = 0
  PacketIdentifiers.forEach(self.outgoing, ({ _tag }) => {
    if (_tag === "Reserved") count++
  })
  return count
}

/**
 * The request that waits for the outcome of this identifier.
 *
 * @since 0.1.0
 * @category getters
 */
export const requestOf = <R>(self: Session<R>, packetIdentifier: PacketIdentifier): R | undefined =>
  PacketIdentifiers.get(self.outgoing, packetIdentifier)?.request

/**
 * Packets arrived, in this order. Stops at the first packet that breaks a rule.
 *
 * @since 0.1.0
 * @category transitions
 */
export const receive = <R>(self: Session<R>, packets: ReadonlyArray<SessionPacket>, now: number): Step<R> =>
  step(self, now, (draft) => {
    for (const packet of packets) {
      receivePacket(draft, packet)
      if (draft.isViolated) break
    }
  })

const receivePacket = <R>(draft: Draft<R>, packet: SessionPacket): void => {
  switch (packet._tag) {
    case "Publish":
      return Incoming.receivePublish(draft, packet)
    case "Puback":
      return Outgoing.receivePuback(draft, packet)
    case "Pubrec":
      return Outgoing.receivePubrec(draft, packet)
    case "Pubrel":
      return Incoming.receivePubrel(draft, packet)
    case "Pubcomp":
      return Outgoing.receivePubcomp(draft, packet)
    case "Pingresp":
      return Outgoing.receivePingresp(draft)
    case "Suback":
    case "Unsuback":
      return Subscribing.receiveAcknowledgement(draft, packet)
  }
}
