/**
 * What a client reports about itself: the state of its connection, its events, and numbers.
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
    /** The Keep Alive in force, in seconds. */
    readonly keepAlive: number
    /** The limits that the server announced: features it lacks, and how much it takes. */
    readonly limits: ServerLimits
    /**
     * How long the server keeps the session without a connection, seconds; `undefined` in 3.1.1, where the server does
     * not say.
     */
    readonly sessionExpiry: number | undefined
    /** The prefix that the server wants for Response Topics, if the client asked and the server says so. */
    readonly responseInformation: string | undefined
    readonly reasonString: string | undefined
    readonly userProperties: ReadonlyArray<Properties.UserProperty>
    /** The server that another server sent the client to; `undefined` for the transport's own server. */
    readonly serverReference: string | undefined
  }
  /** The client waits for its next attempt; `attempt` attempts have failed so far. */
  | { readonly _tag: "Disconnected"; readonly error: MqttError; readonly attempt: number }
  /** Closed for good: by `disconnect`, by the end of the scope, or because of `error`. */
  | { readonly _tag: "Closed"; readonly error: MqttError | undefined }

/**
 * An event of a client.
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
   * The server has forgotten the session. Unfinished messages were sent again as new, all filters subscribed again.
   * With a clean session this happens on every connection but the first.
   */
  | { readonly _tag: "SessionLost" }
  /**
   * A message that breaks a rule came again and again, and had ended three connections. At QoS 1 and 2 it was refused
   * with 0x80, or acknowledged in 3.1.1. `topic` is the readable part of its Topic Name. At most once in 10 seconds.
   *
   * @since 0.2.0
   */
  | {
    readonly _tag: "MessageRefused"
    readonly topic: string
    readonly qos: Packet.Qos
    /** The error in the message. */
    readonly description: string
    readonly messages: number
  }
  /**
   * A QoS 1 or 2 message of a topic without subscribers waits for one: the server queued it for an earlier program, or
   * its subscriber has just left. It holds up the acknowledgements of all messages behind it. At most once in 10
   * seconds; `messages` counts them since the last time, including this one.
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
   * Messages found no subscriber within `unclaimedTimeout`, so they were acknowledged and dropped. `topic` is the topic
   * of the first.
   *
   * @since 0.2.0
   */
  | { readonly _tag: "UnclaimedDropped"; readonly topic: string; readonly messages: number }
  /**
   * A message was larger than `maximumPacketSize`: passed over, and at QoS 1 and 2 refused with 0x97, or acknowledged
   * in 3.1.1. At most once in 10 seconds; `messages` counts them since the last time, including this one.
   */
  | {
    readonly _tag: "MessageTooLarge"
    readonly topic: string
    readonly qos: Packet.Qos
    /** The size of the packet, in bytes. */
    readonly size: number
    readonly messages: number
  }
  /**
   * The store could not be written or read. At most once in 10 seconds; `failures` counts them since the last time,
   * including this one.
   *
   * @since 0.2.0
   */
  | { readonly _tag: "StoreFailed"; readonly error: MqttError; readonly failures: number }
  /**
   * A message was delivered without properties whose values are wrong in themselves: its publisher gave them, and the
   * server passed them on. At most once in 10 seconds; `messages` counts them since the last time.
   */
  | {
    readonly _tag: "MalformedMessage"
    readonly topic: string
    readonly properties: ReadonlyArray<Packet.MalformedProperty>
    readonly messages: number
  }

/**
 * How much went over the network. Failed attempts to connect count too, TLS and WebSocket framing do not.
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
   * Milliseconds from a PINGREQ to its PINGRESP or from a QoS 1 PUBLISH to its PUBACK: the latest measurement, at most
   * one a second; `undefined` until there is one. It includes the time that the packets waited in this process, to be
   * written or read.
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
  /** Packet Identifiers that wait for an acknowledgement. */
  readonly inFlight: number
  /** Packet Identifiers of messages that were given up (`Quarantined`) and that the server may have in this session. */
  readonly reserved: number
  /** QoS 1 and 2 messages that may be in flight on this connection. */
  readonly window: number
  readonly outboxMessages: number
  /** The memory of the waiting messages: topic, properties and payload. */
  readonly outboxBytes: number
  readonly outboxDropped: number
  /**
   * Unfinished messages in the store: they wait, or are in flight. 0 without a store.
   *
   * @since 0.2.0
   */
  readonly storedMessages: number
  /**
   * The memory of the stored messages: topic, properties and payload.
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
  /** Connections after the first. */
  readonly reconnects: number
  /**
   * Messages that wait in the buffers of subscriptions and consumers, including those for which the buffers had no
   * room.
   */
  readonly bufferMessages: number
  /** The memory of the messages in buffers: topic, properties and payload. */
  readonly bufferBytes: number
  /**
   * Messages that servers sent above `receiveMaximum`, and that the client accepted.
   *
   * @since 0.2.0
   */
  readonly receiveMaximumExceeded: number
  /** Messages dropped by the policies of the subscriptions. */
  readonly subscriptionsDropped: number
  /**
   * Received messages without a subscriber: none was there, or none came in time.
   *
   * @since 0.2.0
   */
  readonly unclaimedDropped: number
  /**
   * How often `consume` ran a handler again after it failed, because of `attempts`.
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
   * Messages that were refused, because they break a rule and had ended several connections.
   *
   * @since 0.2.0
   */
  readonly messagesRefused: number
  /** Answers that came too late, came twice, or belong to no request of this client. */
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
   * The client has closed for good and does not come back by itself, so a liveness check should fail. A client that is
   * `down` and not closed tries to connect.
   *
   * @since 0.2.0
   */
  readonly isClosed: boolean
  /** Why it is not `up`, a sentence each, without secrets. */
  readonly reasons: ReadonlyArray<string>
}
