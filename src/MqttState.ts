/**
 * What a client says about itself: the connection as it is, what happened, and numbers.
 *
 * Data only; the client keeps it.
 *
 * @since 0.1.0
 */
import type { MqttError } from "./MqttError.ts"
import type * as Packet from "./protocol/Packet.ts"
import type * as Properties from "./protocol/Properties.ts"
import type { ServerLimits } from "./protocol/ServerLimits.ts"

/**
 * The connection as it is now.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionState =
  | { readonly _tag: "Connecting"; readonly attempt: number }
  | {
    readonly _tag: "Connected"
    readonly protocolVersion: Packet.ProtocolVersion
    readonly clientId: string
    readonly sessionPresent: boolean
    /** In force, seconds. */
    readonly keepAlive: number
    /** What the server announced that it does not do, or does only so much of. */
    readonly limits: ServerLimits
    /** How long the server keeps the session without a connection, seconds; `undefined` in 3.1.1, which does not say. */
    readonly sessionExpiry: number | undefined
    /** What the server wants Response Topics to begin with, if it was asked and says so. */
    readonly responseInformation: string | undefined
    readonly reasonString: string | undefined
    readonly userProperties: ReadonlyArray<Properties.UserProperty>
    /** The server that another one sent the client to; `undefined` where the transport leads. */
    readonly serverReference: string | undefined
  }
  /** Waiting for the next attempt; `attempt` failed attempts so far. */
  | { readonly _tag: "Disconnected"; readonly error: MqttError; readonly attempt: number }
  /** For good: by `disconnect`, by the end of the scope, or because of `error`. */
  | { readonly _tag: "Closed"; readonly error: MqttError | undefined }

/**
 * What happened.
 *
 * @since 0.1.0
 * @category models
 */
export type MqttEvent =
  | {
    readonly _tag: "ConnectionAccepted"
    readonly sessionPresent: boolean
    readonly protocolVersion: Packet.ProtocolVersion
    readonly clientId: string
  }
  | { readonly _tag: "ConnectionEnded"; readonly error: MqttError | undefined }
  /** A server sent the client to another one, which is tried next: once with 0x9C, from now on with 0x9D. */
  | { readonly _tag: "Redirected"; readonly reasonCode: number; readonly serverReference: string }
  /**
   * The server has forgotten the session: what was unfinished was sent again as new, all filters subscribed again. With a
   * clean session that is so on every connection but the first.
   */
  | { readonly _tag: "SessionLost" }
  /**
   * A message that breaks a rule came again and again, and had ended three connections: at QoS 1 and 2 refused with 0x80, or
   * acknowledged in 3.1.1. `topic` is what can be read of its Topic Name. At most once in 10 seconds.
   *
   * @since 0.2.0
   */
  | {
    readonly _tag: "MessageRefused"
    readonly topic: string
    readonly qos: Packet.Qos
    /** What is wrong with it. */
    readonly description: string
    readonly messages: number
  }
  /**
   * A QoS 1 or 2 message of a topic that nobody subscribes to waits for a subscriber: the server queued it for an earlier
   * program, or its subscriber has just left. It holds up the acknowledgements of all messages behind it. At most once in 10
   * seconds; `messages` says how many there were since the last time, with this one.
   *
   * @since 0.2.0
   */
  | {
    readonly _tag: "MessageUnclaimed"
    readonly topic: string
    readonly qos: Packet.Qos
    readonly messages: number
  }
  /**
   * Nobody came for messages within `unclaimedTimeout`: acknowledged and dropped. `topic` is that of the first.
   *
   * @since 0.2.0
   */
  | { readonly _tag: "UnclaimedDropped"; readonly topic: string; readonly messages: number }
  /**
   * A message was larger than `maximumPacketSize`: passed over, and at QoS 1 and 2 refused with 0x97, or acknowledged in
   * 3.1.1. At most once in 10 seconds; `messages` says how many there were since the last time, with this one.
   */
  | {
    readonly _tag: "MessageTooLarge"
    readonly topic: string
    readonly qos: Packet.Qos
    /** Of the packet, bytes. */
    readonly size: number
    readonly messages: number
  }
  /**
   * The store could not be written or read. At most once in 10 seconds; `failures` says how many there were since the last
   * time, with this one.
   *
   * @since 0.2.0
   */
  | { readonly _tag: "StoreFailed"; readonly error: MqttError; readonly failures: number }
  /**
   * A message was delivered without properties whose values are wrong in themselves: its publisher gave them, and the
   * server passed them on. At most once in 10 seconds; `messages` says how many there were since the last time.
   */
  | {
    readonly _tag: "MalformedMessage"
    readonly topic: string
    readonly properties: ReadonlyArray<Packet.MalformedProperty>
    readonly messages: number
  }

/**
 * What went over the network. Failed attempts to connect count too, TLS and WebSocket framing do not.
 *
 * @since 0.1.0
 * @category models
 */
export interface Traffic {
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Control Packets of every type. */
  readonly packetsSent: number
  readonly packetsReceived: number
  /**
   * Milliseconds from a PINGREQ to its PINGRESP or from a QoS 1 PUBLISH to its PUBACK, whichever was measured last, at most
   * once a second; `undefined` until there was one. The time it waited in this process, to be written or read, is part of it.
   */
  readonly roundTrip: number | undefined
}

/**
 * Numbers since the client was made, and of now.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats extends Traffic {
  /** Packet Identifiers of what waits for an acknowledgement. */
  readonly inFlight: number
  /** Packet Identifiers of messages that were given up (`Quarantined`) and that the server may have in this session. */
  readonly reserved: number
  /** QoS 1 and 2 messages that may be in flight on this connection. */
  readonly window: number
  readonly outboxMessages: number
  /** What they cost in memory: topic, properties and payload. */
  readonly outboxBytes: number
  readonly outboxDropped: number
  /**
   * Messages in the store that are not over: they wait, or are in flight. 0 without a store.
   *
   * @since 0.2.0
   */
  readonly storedMessages: number
  /**
   * What they cost in memory: topic, properties and payload.
   *
   * @since 0.2.0
   */
  readonly storedBytes: number
  /**
   * Times that the store could not be written or read.
   *
   * @since 0.2.0
   */
  readonly storeFailures: number
  readonly expired: number
  /** Messages sent again on another connection; as new ones where the server did not keep the session. */
  readonly republications: number
  /** Connections the server accepted. */
  readonly connections: number
  /** Those after the first. */
  readonly reconnects: number
  /** Messages that wait in the buffers of subscriptions and consumers, those that did not fit included. */
  readonly bufferMessages: number
  /** What they cost in memory: topic, properties and payload. */
  readonly bufferBytes: number
  /**
   * Messages that servers sent above `receiveMaximum`, which were taken all the same.
   *
   * @since 0.2.0
   */
  readonly receiveMaximumExceeded: number
  /** Dropped by the policies of the subscriptions. */
  readonly subscriptionsDropped: number
  /**
   * Received messages that nobody took: no subscriber was there, or came in time.
   *
   * @since 0.2.0
   */
  readonly unclaimedDropped: number
  /**
   * Times that `consume` ran a handler again that had failed, as its `attempts` say.
   *
   * @since 0.2.0
   */
  readonly handlerRetries: number
  /**
   * Messages that `consume` published to its `deadLetter` topic, and that the server has taken.
   *
   * @since 0.2.0
   */
  readonly deadLetters: number
  /** Messages that were larger than `maximumPacketSize`, and were not delivered. */
  readonly messagesTooLarge: number
  /** Messages that were delivered without properties whose values are wrong in themselves. */
  readonly messagesMalformed: number
  /**
   * Messages that break a rule and had ended several connections, so that they were refused.
   *
   * @since 0.2.0
   */
  readonly messagesRefused: number
  /** Answers that no request waited for, or no longer: late, given twice, or somebody else's. */
  readonly answersDropped: number
}

/**
 * Whether the client is fit for work, for a readiness check.
 *
 * `up`: connected. `degraded`: connected, and something stands still or is about to. `down`: there is no connection, so
 * nothing is delivered, although a publish may still wait in the outbox.
 *
 * @since 0.1.0
 * @category models
 */
export interface Health {
  readonly status: "up" | "degraded" | "down"
  /**
   * The client has closed for good, so it does not come back by itself: for a liveness check. A client that is `down` and not
   * closed tries to connect.
   *
   * @since 0.2.0
   */
  readonly isClosed: boolean
  /** Why it is not `up`, a sentence each, without secrets. */
  readonly reasons: ReadonlyArray<string>
}
