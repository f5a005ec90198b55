/**
 * The Session State a server keeps for one client, across network connections. MQTT 5.0 section 4.1.
 *
 * Data and the few rules that concern it alone; `Delivery` moves messages through it.
 *
 * @since 0.1.0
 */
import type * as Packet from "../../protocol/Packet.ts"
import * as Topic from "../../protocol/Topic.ts"
import type { Appointment } from "../network/Timeline.ts"
import type { Message } from "./Message.ts"

/**
 * One subscription of a client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Held {
  readonly subscription: Packet.Subscription
  readonly subscriptionIdentifier: number | undefined
  readonly shared: Topic.SharedFilter | undefined
}

/**
 * A message on its way to a client, as its subscriptions ask for it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Delivery {
  readonly message: Message
  readonly qos: Packet.Qos
  readonly retain: boolean
  readonly subscriptionIdentifiers: ReadonlyArray<number>
}

/**
 * A QoS 1 or 2 message that was sent to the client and is not completely acknowledged.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outgoing {
  readonly delivery: Delivery
  readonly packetIdentifier: Packet.PacketIdentifier
  stage: "published" | "released"
}

/**
 * A position in the bytes sent to a client, and how many of those bytes the client has read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mark {
  readonly offset: number
  readonly bytesRead: () => number
}

/**
 * A QoS 1 or 2 message from the client, by its Packet Identifier. It stays after it was acknowledged, until the client
 * uses the identifier again. The client may do that only once it has read the final answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Incoming {
  readonly packetIdentifier: Packet.PacketIdentifier
  readonly qos: 1 | 2
  readonly topic: string
  readonly payload: Uint8Array
  /** Counts the client's messages in the order they came first. */
  readonly sequence: number
  /** How far the client's side of the exchange has come, as far as the broker knows. */
  stage: "published" | "received" | "released"
  /** The last answer that was really sent. */
  answer: Mark | undefined
  /** Whether that answer ends the exchange. */
  isAnswered: boolean
  /** The client knows that it is over: the identifier is free. */
  isSettled: boolean
  /** The connection it was sent on last, by its ordinal. */
  connection: number
  /**
   * The first message of a connection whose client has a Will. On its next connection the client may send another
   * message instead.
   */
  isBirth: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Session {
  readonly clientId: string
  readonly subscriptions: Map<string, Held>
  readonly incoming: Map<Packet.PacketIdentifier, Incoming>
  readonly inflight: Map<Packet.PacketIdentifier, Outgoing>
  /** Messages that wait for room in the client's window, or for the client to connect. */
  readonly queue: Array<Delivery>
  incomingCount: number
  lastIdentifier: Packet.PacketIdentifier
  /** Seconds; 0xFFFFFFFF for ever. */
  expiryInterval: number
  /** The connection the client is connected on, by its ordinal: `Core.connectionOf` finds it. */
  connection: number | undefined
  will: Packet.Will | undefined
  willAppointment: Appointment | undefined
  expiryAppointment: Appointment | undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (clientId: string): Session => ({
  clientId,
  subscriptions: new Map(),
  incoming: new Map(),
  inflight: new Map(),
  queue: [],
  incomingCount: 0,
  lastIdentifier: 0,
  expiryInterval: 0,
  connection: undefined,
  will: undefined,
  willAppointment: undefined,
  expiryAppointment: undefined
})

/**
 * An identifier that is not in flight to this client.
 *
 * @since 0.1.0
 * @category identifiers
 */
export const takeIdentifier = (session: Session): Packet.PacketIdentifier => {
  let next = session.lastIdentifier
  do {
    next = next === 65_535 ? 1 : next + 1
  } while (session.inflight.has(next))
  session.lastIdentifier = next
  return next
}

/**
 * Makes the subscription or replaces it. Returns whether it is new.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscribe = (
  session: Session,
  subscription: Packet.Subscription,
  subscriptionIdentifier: number | undefined
): boolean => {
  const isNew = !session.subscriptions.has(subscription.topicFilter)
  session.subscriptions.set(subscription.topicFilter, {
    subscription,
    subscriptionIdentifier,
    shared: Topic.parseSharedFilter(subscription.topicFilter)
  })
  return isNew
}
