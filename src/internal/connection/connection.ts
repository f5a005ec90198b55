/**
 * The options and the operations of an MQTT connection, for users (`MqttConnection`) and for the client's session.
 *
 * Types only. `link.ts` implements them.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as MqttError from "../../MqttError.ts"
import type { NetworkConnection } from "../../MqttTransport.ts"
import type * as Connection from "../../protocol/Connection.ts"
import type * as Deadlines from "../../protocol/Deadlines.ts"
import type * as Decoder from "../../protocol/Decoder.ts"
import type * as Encoder from "../../protocol/Encoder.ts"
import type * as Packet from "../../protocol/Packet.ts"
import type * as Properties from "../../protocol/Properties.ts"
import type { InvalidPacket, ProtocolViolation } from "../../protocol/ProtocolError.ts"
import type { ServerLimits } from "../../protocol/ServerLimits.ts"
import type { PacketLog } from "./packetLog.ts"
import type * as Traffic from "./traffic.ts"

/**
 * The contents of CONNECT, and the time limits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Default: `"5.0"`. */
  readonly protocolVersion?: Packet.ProtocolVersion | undefined
  /** Default: empty, which asks the server to assign one (5.0) or to keep no session (3.1.1). */
  readonly clientId?: string | undefined
  /** Clean Start, in 3.1.1 Clean Session. Default: `true`. */
  readonly cleanStart?: boolean | undefined
  /** Whole seconds; 0 switches it off. A Server Keep Alive replaces it. Default: 60 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** How long either direction may be quiet before a ping, also without Keep Alive. Default: a quarter of it. */
  readonly pingInterval?: Duration.Input | undefined
  /** A PINGREQ without any sign of life for so long means that the connection is dead. Default: 10 seconds. */
  readonly responseTimeout?: Duration.Input | undefined
  readonly will?: Packet.Will | undefined
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted<string | Uint8Array> | undefined
  /** CONNECT properties, 5.0 only. `maximumPacketSize` is announced and enforced; see below for 3.1.1. */
  readonly properties?: Properties.Properties | undefined
  /** The largest packet we read, bytes. Announced to a 5.0 server, enforced always. Default: 1 MiB. */
  readonly maximumPacketSize?: number | undefined
  /**
   * How long a packet may take to arrive once it has begun; time in which nobody pulls does not count. Default: a
   * minute for each MiB of `maximumPacketSize`, and no less than one.
   */
  readonly packetTimeout?: Duration.Input | undefined
  /** For network connection and CONNACK together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** Answers AUTH of the server, 5.0 section 4.12. `properties` name the method. Default: no answer. */
  readonly authenticate?:
    | ((auth: Packet.Auth) => Effect.Effect<Packet.Auth | undefined, MqttError.MqttError>)
    | undefined
  /**
   * How many Topic Aliases are assigned to published messages, if the server accepts as many. When all are taken, the
   * least recently used one gets a new topic. Without them a PUBLISH may bring an alias of its own. Default: 0.
   */
  readonly outgoingTopicAliasMaximum?: number | undefined
  /** Connects to this server instead, if the transport can. 5.0 section 4.11. */
  readonly serverReference?: string | undefined
  /** How long the last bytes may take to leave when this side ends the connection. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
}

/**
 * One MQTT connection that a server has accepted.
 *
 * @since 0.1.0
 * @category models
 */
export interface MqttConnection {
  readonly protocolVersion: Packet.ProtocolVersion
  readonly connack: Packet.Connack
  /** The client identifier that the server assigned, or ours. */
  readonly clientId: string
  /** The Keep Alive in force, seconds. */
  readonly keepAlive: number
  readonly limits: ServerLimits
  /**
   * Sends a packet; completes when the network took it. `make` sends CONNECT and `disconnect` sends DISCONNECT. Fails
   * with `InvalidRequest` when MQTT cannot express the packet, with `ServerLimit` when the server announced that it
   * does not accept it, with `Closed` after `disconnect`, or with the error that ended the connection.
   */
  readonly send: (
    packet: Exclude<Packet.ClientPacket, Packet.Connect | Packet.Disconnect>
  ) => Effect.Effect<void, MqttError.MqttError>
  /**
   * The next packets for the owner of the session, in the order they came. The caller must answer them. While nobody
   * pulls, nothing is read from the network, and silence does not count against the server.
   */
  readonly pull: Effect.Effect<ReadonlyArray<Connection.SessionPacket>, MqttError.MqttError>
  /** Asks the server for a sign of life. Completes when anything is heard, so somebody must pull meanwhile. */
  readonly ping: Effect.Effect<void, MqttError.MqttError>
  /**
   * Sends DISCONNECT and ends the connection. Default reason: 0x00, so the server drops the Will. Fails with
   * `InvalidRequest`, and ends nothing, when DISCONNECT cannot express the options.
   */
  readonly disconnect: (options?: DisconnectOptions) => Effect.Effect<void, MqttError.MqttError>
  /** Ends the connection without DISCONNECT: the server publishes the Will. */
  readonly abort: Effect.Effect<void>
  /** Fails with the error that ended the connection, as soon as it has ended. */
  readonly ended: Effect.Effect<never, MqttError.MqttError>
}

/**
 * The contents of DISCONNECT. Section 3.14.2.
 *
 * @since 0.2.0
 * @category models
 */
export interface DisconnectOptions {
  /** Default: 0x00, so the server drops the Will. */
  readonly reasonCode?: number | undefined
  readonly properties?: Properties.Properties | undefined
}

/** Further options, for the client's session. */
export interface SessionConnectionOptions extends Options {
  /** Called before each write, when the network takes more: the moment to `enqueue` more packets. */
  readonly fill?: (() => void) | undefined
  /** Must be done before the packets of a write leave; `undefined` for nothing. Its failure ends the connection. */
  readonly beforeWrite?: (() => Effect.Effect<void, MqttError.MqttError> | undefined) | undefined
  /** Counts the bytes and packets of this connection too, beside those of earlier ones. Default: counters of its own. */
  readonly traffic?: Traffic.Counters | undefined
  /** Decides by Topic Name which malformed messages are refused. Default: none, so that each ends the connection. */
  readonly refuses?: Decoder.Options["refuses"]
  /** For the packets that this client sends. */
  readonly makeEncoder: typeof Encoder.makeForClient
}

/** A connection as the client's session uses it: many packets in one turn, deadlines of the session's own. */
export interface SessionConnection extends MqttConnection {
  /** Starts to check Keep Alive, the packet that is being read, and the deadlines of the session. To be called once. */
  readonly checkDeadlines: (session: SessionDeadlines) => Effect.Effect<void>
  /** As `ping`, but completes with the answer to this very PINGREQ: packets already on their way do not count. */
  readonly roundTrip: Effect.Effect<void, MqttError.MqttError>
  /**
   * Ends the connection with an error of the caller, and everything pending fails with it. By default, `reasonCode`
   * makes the server publish the Will, because nobody knows whether there will be another connection.
   */
  readonly fail: (error: MqttError.MqttError, reasonCode?: number) => Effect.Effect<void>
  /** Ends the connection because the server broke a rule of the session. */
  readonly violated: (violation: ProtocolViolation) => Effect.Effect<void>
  /** Encodes a packet into the write at the end of this turn, or says why the packet cannot be written. */
  readonly enqueue: (packet: Packet.ClientPacket) => InvalidPacket | undefined
  /** Asks for a write, which also calls `fill`. */
  readonly wake: () => void
  /** As `wake`, once all bytes that have arrived already are read: the answers to them leave in one write. */
  readonly wakeAfterReading: () => void
  /**
   * Calls `written` when the network took everything enqueued so far. Calls `begun` when the network makes the write wait:
   * from then on nobody knows how much of it went out. Calls neither if the connection ended before the write began.
   */
  readonly onWritten: (written: () => void, begun?: () => void) => void
  /** Bytes enqueued that the network has not taken. */
  readonly unsent: number
  /** The error that ended the connection; `undefined` while it lives. */
  readonly failure: MqttError.MqttError | undefined
  /** Milliseconds of the clock that deadlines use. */
  readonly now: () => number
  /** Milliseconds since anything was heard. */
  readonly silence: number
}

/** The deadlines that the session has on a connection. One fiber serves them and the connection's own. */
export interface SessionDeadlines {
  /** When to check, milliseconds; too early does no harm. */
  readonly due: (now: number) => Pick<Deadlines.Deadlines, "Response" | "Unclaimed">
  /** A deadline is due. The timer was late by this many milliseconds. */
  readonly check: (name: "Response" | "Unclaimed", now: number, late: number) => Effect.Effect<void>
}

/** The parts of a link: `opening.ts` makes them from the options and their defaults. */
export interface LinkOptions {
  readonly connect: Packet.Connect
  readonly network: NetworkConnection
  /** Closing it closes the network connection and ends the fibers. */
  readonly scope: Scope.Closeable
  readonly maximumPacketSize: number
  readonly refuses: Decoder.Options["refuses"]
  readonly makeEncoder: typeof Encoder.makeForClient
  /** Milliseconds. */
  readonly packetTimeout: number
  /** Milliseconds. */
  readonly pingInterval: number | undefined
  readonly responseTimeout: number
  readonly drainTimeout: Duration.Input
  readonly fill: () => void
  readonly beforeWrite: SessionConnectionOptions["beforeWrite"]
  /** Counts the bytes and packets of the link. */
  readonly traffic: Traffic.Counters
  /** Told of every packet, if somebody wants to see the packets. */
  readonly packetLog: PacketLog | undefined
  /** At most this many Topic Aliases are assigned, if the server accepts as many. */
  readonly outgoingTopicAliasMaximum: number
  readonly authenticate:
    | ((auth: Packet.Auth) => Effect.Effect<Packet.Auth | undefined, MqttError.MqttError>)
    | undefined
}
