/**
 * MQTT Control Packets of 3.1.1 and 5.0 as plain readonly data, from clients and from servers.
 *
 * Data only: `Encoder` and `Decoder` convert to and from bytes, and `Connection` and `Session` decide when a packet may
 * be sent. One type serves both versions; fields that 3.1.1 does not have are absent or empty there. MQTT 5.0 and
 * 3.1.1, section 3.
 *
 * @since 0.1.0
 */
import type { PacketType, ProtocolVersion } from "./PacketType.ts"
import type { Properties, PropertyName } from "./Properties.ts"
import type { ReasonCode } from "./ReasonCode.ts"

export type { PacketType, ProtocolVersion } from "./PacketType.ts"

/**
 * Quality of Service: 0 at most once, 1 at least once, 2 exactly once. Section 4.3.
 *
 * @since 0.1.0
 * @category models
 */
export type Qos = 0 | 1 | 2

/**
 * 1 to 65,535. Section 2.2.1 of 5.0, 2.3.1 of 3.1.1.
 *
 * @since 0.1.0
 * @category models
 */
export type PacketIdentifier = number

/**
 * The message the server publishes when the connection ends without DISCONNECT. Section 3.1.2.5.
 *
 * @since 0.1.0
 * @category models
 */
export interface Will {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Connect {
  readonly _tag: "Connect"
  readonly protocolVersion: ProtocolVersion
  /** Clean Start in 5.0, Clean Session in 3.1.1. */
  readonly cleanStart: boolean
  /** Seconds; 0 switches Keep Alive off. */
  readonly keepAlive: number
  readonly clientId: string
  readonly will: Will | undefined
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Connack {
  readonly _tag: "Connack"
  readonly sessionPresent: boolean
  /** For 3.1.1, the 5.0 code with the same meaning. */
  readonly reasonCode: ReasonCode
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Publish {
  readonly _tag: "Publish"
  /** Empty only in 5.0 and only together with a Topic Alias. */
  readonly topic: string
  /** From a decoder: a view, see `Decoder`. */
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly dup: boolean
  /** 0 if and only if `qos` is 0. */
  readonly packetIdentifier: PacketIdentifier
  readonly properties: Properties
  /**
   * From a decoder: properties whose values are wrong in themselves. They are not in `properties`. Otherwise absent.
   */
  readonly malformedProperties?: ReadonlyArray<MalformedProperty>
  /**
   * From a decoder: the size of the packet in bytes, if that is more than this side accepts. Its payload and its
   * properties were not kept. Otherwise absent.
   */
  readonly tooLarge?: number
  /**
   * From a decoder with `refuses`: the fault of the packet, whose payload and properties were not read. Its topic is
   * possibly not a valid Topic Name. Otherwise absent.
   *
   * @since 0.2.0
   */
  readonly refused?: string
}

/**
 * A property that another client gave to a message and a server passed on, although its value is wrong in itself.
 *
 * @since 0.2.0
 * @category models
 */
export interface MalformedProperty {
  readonly name: PropertyName
  /** The fault, without the value. */
  readonly description: string
}

/**
 * The fields that PUBACK, PUBREC, PUBREL and PUBCOMP share.
 *
 * @since 0.2.0
 * @category packets
 */
export interface Acknowledgement {
  readonly packetIdentifier: PacketIdentifier
  readonly reasonCode: ReasonCode
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Puback extends Acknowledgement {
  readonly _tag: "Puback"
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Pubrec extends Acknowledgement {
  readonly _tag: "Pubrec"
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Pubrel extends Acknowledgement {
  readonly _tag: "Pubrel"
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Pubcomp extends Acknowledgement {
  readonly _tag: "Pubcomp"
}

/**
 * Retained messages when the subscription is made: 0 they are sent, 1 they are sent only if it did not exist, 2 they
 * are not sent.
 *
 * @since 0.1.0
 * @category models
 */
export type RetainHandling = 0 | 1 | 2

/**
 * One Topic Filter of a SUBSCRIBE with its Subscription Options. In 3.1.1 only `qos` exists.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subscription {
  readonly topicFilter: string
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: RetainHandling
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Subscribe {
  readonly _tag: "Subscribe"
  readonly packetIdentifier: PacketIdentifier
  readonly subscriptions: ReadonlyArray<Subscription>
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Suback {
  readonly _tag: "Suback"
  readonly packetIdentifier: PacketIdentifier
  readonly reasonCodes: ReadonlyArray<ReasonCode>
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Unsubscribe {
  readonly _tag: "Unsubscribe"
  readonly packetIdentifier: PacketIdentifier
  readonly topicFilters: ReadonlyArray<string>
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Unsuback {
  readonly _tag: "Unsuback"
  readonly packetIdentifier: PacketIdentifier
  /** Empty in 3.1.1, where UNSUBACK has no payload. */
  readonly reasonCodes: ReadonlyArray<ReasonCode>
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Pingreq {
  readonly _tag: "Pingreq"
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Pingresp {
  readonly _tag: "Pingresp"
}

/**
 * @since 0.1.0
 * @category packets
 */
export interface Disconnect {
  readonly _tag: "Disconnect"
  readonly reasonCode: ReasonCode
  readonly properties: Properties
}

/**
 * 5.0 only.
 *
 * @since 0.1.0
 * @category packets
 */
export interface Auth {
  readonly _tag: "Auth"
  readonly reasonCode: ReasonCode
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category packets
 */
export type Packet =
  | Connect
  | Connack
  | Publish
  | Puback
  | Pubrec
  | Pubrel
  | Pubcomp
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect
  | Auth

/**
 * The packets a client sends.
 *
 * @since 0.1.0
 * @category packets
 */
export type ClientPacket =
  | Connect
  | Publish
  | Puback
  | Pubrec
  | Pubrel
  | Pubcomp
  | Subscribe
  | Unsubscribe
  | Pingreq
  | Disconnect
  | Auth

/**
 * The packets a server sends.
 *
 * @since 0.1.0
 * @category packets
 */
export type ServerPacket =
  | Connack
  | Publish
  | Puback
  | Pubrec
  | Pubrel
  | Pubcomp
  | Suback
  | Unsuback
  | Pingresp
  | Disconnect
  | Auth

/**
 * The sending side. A decoder must know whose packets it reads.
 *
 * @since 0.1.0
 * @category models
 */
export type Sender = "client" | "server"

/**
 * @since 0.1.0
 * @category models
 */
export interface PacketTypeRule {
  /** The four high bits of the first byte. Table 2-1. */
  readonly value: number
  /** The four low bits; PUBLISH has DUP, QoS and RETAIN there instead. Table 2-2. */
  readonly flags: number
  readonly sentBy: ReadonlyArray<Sender>
  readonly versions: ReadonlyArray<ProtocolVersion>
}

const both: ReadonlyArray<Sender> = ["client", "server"]
const everyVersion: ReadonlyArray<ProtocolVersion> = ["3.1.1", "5.0"]

/**
 * Control Packet types. Section 2.1.2 (2.2.1 of 3.1.1), table 2-1, and the flags of table 2-2. The side that sends
 * DISCONNECT depends on the version: in 3.1.1 a server never does.
 *
 * @since 0.1.0
 * @category constants
 */
export const rules: { readonly [Type in PacketType]: PacketTypeRule } = {
  Connect: { value: 1, flags: 0, sentBy: ["client"], versions: everyVersion },
  Connack: { value: 2, flags: 0, sentBy: ["server"], versions: everyVersion },
  Publish: { value: 3, flags: 0, sentBy: both, versions: everyVersion },
  Puback: { value: 4, flags: 0, sentBy: both, versions: everyVersion },
  Pubrec: { value: 5, flags: 0, sentBy: both, versions: everyVersion },
  Pubrel: { value: 6, flags: 2, sentBy: both, versions: everyVersion },
  Pubcomp: { value: 7, flags: 0, sentBy: both, versions: everyVersion },
  Subscribe: { value: 8, flags: 2, sentBy: ["client"], versions: everyVersion },
  Suback: { value: 9, flags: 0, sentBy: ["server"], versions: everyVersion },
  Unsubscribe: { value: 10, flags: 2, sentBy: ["client"], versions: everyVersion },
  Unsuback: { value: 11, flags: 0, sentBy: ["server"], versions: everyVersion },
  Pingreq: { value: 12, flags: 0, sentBy: ["client"], versions: everyVersion },
  Pingresp: { value: 13, flags: 0, sentBy: ["server"], versions: everyVersion },
  Disconnect: { value: 14, flags: 0, sentBy: both, versions: everyVersion },
  Auth: { value: 15, flags: 0, sentBy: both, versions: ["5.0"] }
}
