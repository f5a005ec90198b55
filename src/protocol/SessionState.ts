/**
 * Session State: the messages in flight in both directions, as data.
 *
 * `Outgoing` and `Incoming` change it; other modules reach all of it through `Session`. MQTT 5.0 and 3.1.1, section
 * 4.1.
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
 * The meaning of one of our Packet Identifiers. The caller chooses `request` and gets it back with the outcome.
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
    /** The connection it was last sent on. 0 if never sent, or if the server lost the session and has not seen it. */
    readonly sentOn: number
    /** When it was sent last, milliseconds. */
    readonly sentAt: number
    /** It was last sent with DUP: the server may have had it before. */
    readonly isSentAgain: boolean
    /** Its place among the packets sent on that connection. */
    readonly sequence: number
    readonly isOfConnection?: true
  }
  /** A message that waits until its identifier stands for no message of an earlier program (`Clearing`). */
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
    /** The outcome that PUBREC gave. From then on the message is delivered, even if something else follows. */
    readonly outcome: Outcome
    /** PUBREL packets are sent again in the order in which their PUBREC arrived. */
    readonly order: number
    /** The place of its PUBREL among the packets sent on this connection. */
    readonly sequence: number
  }
  /** A message that was given up and that the server may have; `request` is an owner that ignores the outcome. */
  | { readonly _tag: "Reserved"; readonly request: R; readonly isOfConnection?: true }
  | Asked<"Subscribe", R>
  | Asked<"Unsubscribe", R>

/**
 * A SUBSCRIBE or UNSUBSCRIBE that was sent and is not answered.
 *
 * @since 0.2.0
 * @category models
 */
export interface Asked<Tag, R> {
  readonly _tag: Tag
  readonly request: R
  /** The number of Topic Filters. */
  readonly topicFilters: number
  readonly sequence: number
  /** It was sent before all messages, at the beginning of the connection. */
  readonly isAhead: boolean
}

/**
 * A QoS 2 message of the server between its PUBLISH and its PUBREL. `answer` is the Reason Code of our PUBREC, once
 * decided.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  /** Distinguishes one use of the identifier from the next. */
  readonly exchange: number
  readonly answer: ReasonCode.ReasonCode | undefined
  /** The connection it last came on. It counts against the Receive Maximum of that connection. */
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
  /** Each step reports the changes that outlive the process. */
  readonly isKept: boolean
  /** QoS 1 and 2 messages that may be in flight at once, before the server's Receive Maximum. */
  readonly maximumInFlight: number
  /** Our own: QoS 1 and 2 messages that the server may have in flight at once. */
  readonly receiveMaximum: number
  /** This many more than that are accepted all the same. */
  readonly tolerance: number
  /** The network connection, counted from 1; 0 before the first. */
  readonly connection: number
  readonly isConnected: boolean
  /**
   * The last connection whose Session Present was ambiguous: the server may have made the session since, unable to tell
   * us; 0 for none. On this and all later connections, messages received before it may belong to another session.
   */
  readonly doubtedOn: number
  /** The server kept a session that this client knows nothing about. */
  readonly isUnknown: boolean
  /** Connections that ended before the server answered the PUBREL for such an identifier. */
  readonly unansweredClears: number
  /** Identifiers that wait for the answer to a PINGREQ of ours on this connection, one array for each PINGREQ. */
  readonly fences: ReadonlyArray<ReadonlyArray<PacketIdentifier>>
  /** Identifiers under which the unknown session has no QoS 2 message any more. */
  readonly cleared: PacketIdentifiers.PacketIdentifiers<true>
  /** The send quota of this connection, 0 without one. MQTT 5.0 section 4.9. */
  readonly window: number
  /** The full size, up to which the window grows if the connection began warily. */
  readonly quota: number
  /** How much of the window is used; more than all of it, if it shrank below the number of released messages. */
  readonly outstanding: number
  /** Acknowledgements the server owes us on this connection. */
  readonly owed: number
  /** Milliseconds: when the first owed acknowledgement fell due, or when the last one came if that is later. */
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
  /** Messages of the server that were accepted above our Receive Maximum. */
  readonly excess: number
  /** Messages sent again since the session began. */
  readonly republications: number
  /** Acknowledgements that answered no packet we know of. */
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
 * An empty session.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R>(options: {
  readonly protocolVersion: ProtocolVersion
  readonly maximumInFlight: number
  readonly receiveMaximum: number
  /**
   * This many messages above our Receive Maximum are accepted; with more the server breaks the rule. Default: 0.
   *
   * @since 0.2.0
   */
  readonly tolerance?: number
  /**
   * The server may keep a session of an earlier program that this client knows nothing about. Session Present does not
   * decide it: some servers keep unfinished messages without saying so. Default: `false`.
   *
   * @since 0.2.0
   */
  readonly isUnknown?: boolean
  /**
   * A store keeps the session, so each step reports its changes to it. Default: `false`.
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
