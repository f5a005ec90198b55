/**
 * Session State: what is in flight in both directions, as data.
 *
 * What changes it is `Outgoing` and `Incoming`; everything of it is reached through `Session`.
 * MQTT 5.0 and 3.1.1, section 4.1.
 *
 * @since 0.1.0
 */
import * as Arrivals from "./Arrivals.ts"
import type { PacketIdentifier, ProtocolVersion, Qos } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import type * as Properties from "./Properties.ts"
import type * as ReasonCode from "./ReasonCode.ts"

/**
 * An application message on its way out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties.Properties
}

/**
 * What one of our Packet Identifiers stands for. `request` is whatever the caller wants to get back with the outcome.
 * `isOfConnection`: no later connection sends the message again (`Announcing`).
 *
 * @since 0.1.0
 * @category models
 */
export type Outgoing<R> =
  | {
    readonly _tag: "Publish"
    readonly message: Message
    readonly request: R
    /** Messages are sent again in the order they were sent first. */
    readonly order: number
    /** The connection it was sent on last, 0 for none: a server that lost the session has seen nothing of it. */
    readonly sentOn: number
    /** When it was sent last, milliseconds. */
    readonly sentAt: number
    /** It was sent last with DUP: the server may have had it before. */
    readonly isSentAgain: boolean
    /** Its place among the packets that were sent on that connection. */
    readonly sequence: number
    readonly isOfConnection?: true
  }
  /** A message that waits until its identifier stands for none of an earlier program (`Clearing`). */
  | {
    readonly _tag: "Clear"
    readonly message: Message
    readonly request: R
    readonly order: number
    /** The connection on which PUBREL was sent. */
    readonly sentOn: number
    readonly sequence: number
    readonly isOfConnection?: true
  }
  | {
    readonly _tag: "Release"
    readonly request: R
    /** What PUBREC said: from then on the message is delivered, whatever comes after. */
    readonly outcome: Outcome
    /** PUBREL are sent again in the order their PUBREC came. */
    readonly order: number
    /** The place of its PUBREL among the packets that were sent on this connection. */
    readonly sequence: number
  }
  /** A message that was given up and that the server may have; `request` stands for nobody. */
  | { readonly _tag: "Reserved"; readonly request: R; readonly isOfConnection?: true }
  | Asked<"Subscribe", R>
  | Asked<"Unsubscribe", R>

/**
 * SUBSCRIBE or UNSUBSCRIBE, sent and not answered.
 *
 * @since 0.2.0
 * @category models
 */
export interface Asked<Tag, R> {
  readonly _tag: Tag
  readonly request: R
  /** How many. */
  readonly topicFilters: number
  readonly sequence: number
  /** It was sent before all messages, at the beginning of the connection. */
  readonly isAhead: boolean
}

/**
 * A QoS 2 message of the server between its PUBLISH and its PUBREL. `answer` is what our PUBREC says, once decided.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  /** Tells one use of the identifier from the next. */
  readonly exchange: number
  readonly answer: ReasonCode.ReasonCode | undefined
  /** The connection it came on last, whose Receive Maximum it counts against. */
  readonly connection: number
  /** Its place among the arrivals of that connection. */
  readonly position: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Session<R> {
  readonly protocolVersion: ProtocolVersion
  /** Each step says what changes of it outlives the process. */
  readonly isKept: boolean
  /** QoS 1 and 2 messages that may be in flight at once, before the server's Receive Maximum. */
  readonly maximumInFlight: number
  /** Ours: QoS 1 and 2 messages the server may have in flight at once. */
  readonly receiveMaximum: number
  /** So many more than that are taken all the same. */
  readonly tolerance: number
  /** The network connection, counted from 1; 0 before the first. */
  readonly connection: number
  readonly isConnected: boolean
  /**
   * The last connection whose Session Present may have been about a session that the server had made since, and of which it
   * could not tell us; 0 for none. What was received before that connection may be of another session, on all that follow.
   */
  readonly doubtedOn: number
  /** The server kept a session that this client knows nothing of. */
  readonly isUnknown: boolean
  /** Connections that ended before the server answered the PUBREL of such an identifier. */
  readonly unansweredClears: number
  /** Identifiers that each wait for the answer to a PINGREQ of ours on this connection, one array for each PINGREQ. */
  readonly fences: ReadonlyArray<ReadonlyArray<PacketIdentifier>>
  /** Identifiers under which the unknown session has no QoS 2 message any more. */
  readonly cleared: PacketIdentifiers.PacketIdentifiers<true>
  /** The send quota of this connection, 0 without one. MQTT 5.0 section 4.9. */
  readonly window: number
  /** What the window grows to, when the connection was begun warily. */
  readonly quota: number
  /** How much of it is used; more than the window when that has become smaller than what is released. */
  readonly outstanding: number
  /** Acknowledgements the server owes us on this connection. */
  readonly owed: number
  /** The later of the first of them falling due and the last one that came, milliseconds. */
  readonly owedSince: number
  readonly nextOrder: number
  readonly nextSequence: number
  readonly outgoing: PacketIdentifiers.PacketIdentifiers<Outgoing<R>>
  /** Messages of earlier connections that are still to be sent again on this one, in order. */
  readonly replay: ReadonlyArray<PacketIdentifier>
  readonly replayed: number
  readonly received: PacketIdentifiers.PacketIdentifiers<Received>
  readonly nextExchange: number
  /** Received messages of this connection that wait for our acknowledgement, by QoS. */
  readonly arrivals: { readonly 1: Arrivals.Arrivals; readonly 2: Arrivals.Arrivals }
  /** How much of our Receive Maximum the server uses. */
  readonly unacknowledged: number
  /** Messages of the server above our Receive Maximum that were taken. */
  readonly excess: number
  /** Messages sent again since the session began. */
  readonly republications: number
  /** Acknowledgements that answered nothing we know of. */
  readonly ignored: number
}

/**
 * How a request ended, in the server's words.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outcome {
  readonly reasonCode: ReasonCode.ReasonCode
  /** One for each Topic Filter of SUBSCRIBE or UNSUBSCRIBE. */
  readonly reasonCodes: ReadonlyArray<ReasonCode.ReasonCode>
  readonly properties: Properties.Properties
}

/**
 * No connection has messages that wait for our acknowledgement.
 *
 * @since 0.1.0
 * @category constants
 */
export const noArrivals: Session<never>["arrivals"] = { 1: Arrivals.empty, 2: Arrivals.empty }

/**
 * A session with nothing in it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R>(options: {
  readonly protocolVersion: ProtocolVersion
  readonly maximumInFlight: number
  readonly receiveMaximum: number
  /**
   * So many messages above our Receive Maximum are taken; with more the server breaks the rule. Default: 0.
   *
   * @since 0.2.0
   */
  readonly tolerance?: number
  /**
   * The server may keep a session of an earlier program, of which this client knows nothing. Session Present does not
   * decide it: some servers keep what is unfinished without saying so. Default: `false`.
   *
   * @since 0.2.0
   */
  readonly isUnknown?: boolean
  /**
   * A store keeps the session, so each step says what it changes of it. Default: `false`.
   *
   * @since 0.2.0
   */
  readonly isKept?: boolean
}): Session<R> => ({
  protocolVersion: options.protocolVersion,
  isKept: options.isKept ?? false,
  maximumInFlight: options.maximumInFlight,
  receiveMaximum: options.receiveMaximum,
  tolerance: options.tolerance ?? 0,
  connection: 0,
  isConnected: false,
  doubtedOn: 0,
  isUnknown: options.isUnknown ?? false,
  unansweredClears: 0,
  fences: [],
  cleared: PacketIdentifiers.empty(),
  window: 0,
  quota: 0,
  outstanding: 0,
  owed: 0,
  owedSince: 0,
  nextOrder: 1,
  nextSequence: 1,
  outgoing: PacketIdentifiers.empty(),
  replay: [],
  replayed: 0,
  received: PacketIdentifiers.empty(),
  nextExchange: 1,
  arrivals: noArrivals,
  unacknowledged: 0,
  excess: 0,
  republications: 0,
  ignored: 0
})
