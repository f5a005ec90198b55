/**
 * MQTT 5.0 properties as one table: identifier, type, the packets that may carry each, and the allowed values.
 *
 * The encoder, the decoder and the validity checks all read this table; nothing else knows property numbers.
 * MQTT 5.0 section 2.2.2.2, table 2-4.
 *
 * @since 0.1.0
 */
import type { PacketType } from "./PacketType.ts"

/**
 * A name and a value, both UTF-8 strings. The same name may occur more than once and order is kept (`[MQTT-3.3.2-17]`,
 * `[MQTT-3.3.2-18]`), so they are pairs and not an object.
 *
 * @since 0.1.0
 * @category models
 */
export type UserProperty = readonly [name: string, value: string]

/**
 * Every property there is. `rules` lists the packets that may carry each. Durations are in seconds, sizes in bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Properties {
  readonly payloadFormatIndicator?: 0 | 1 | undefined
  readonly messageExpiryInterval?: number | undefined
  readonly contentType?: string | undefined
  readonly responseTopic?: string | undefined
  readonly correlationData?: Uint8Array | undefined
  /** One in SUBSCRIBE, any number in PUBLISH from a server. */
  readonly subscriptionIdentifiers?: ReadonlyArray<number> | undefined
  readonly sessionExpiryInterval?: number | undefined
  readonly assignedClientIdentifier?: string | undefined
  readonly serverKeepAlive?: number | undefined
  readonly authenticationMethod?: string | undefined
  readonly authenticationData?: Uint8Array | undefined
  readonly requestProblemInformation?: 0 | 1 | undefined
  readonly willDelayInterval?: number | undefined
  readonly requestResponseInformation?: 0 | 1 | undefined
  readonly responseInformation?: string | undefined
  readonly serverReference?: string | undefined
  readonly reasonString?: string | undefined
  readonly receiveMaximum?: number | undefined
  readonly topicAliasMaximum?: number | undefined
  readonly topicAlias?: number | undefined
  readonly maximumQos?: 0 | 1 | undefined
  readonly retainAvailable?: 0 | 1 | undefined
  readonly userProperties?: ReadonlyArray<UserProperty> | undefined
  readonly maximumPacketSize?: number | undefined
  readonly wildcardSubscriptionAvailable?: 0 | 1 | undefined
  readonly subscriptionIdentifierAvailable?: 0 | 1 | undefined
  readonly sharedSubscriptionAvailable?: 0 | 1 | undefined
}

/**
 * The properties of a packet without any.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Properties = Object.freeze({})

const onlyAliases: Array<Properties> = []

/**
 * The properties of a PUBLISH that has a Topic Alias, 1 to 65,535, and no others. The same alias always gives the same
 * object.
 *
 * @since 0.1.0
 * @category constructors
 */
export const onlyTopicAlias = (topicAlias: number): Properties =>
  onlyAliases[topicAlias] ??= Object.freeze({ topicAlias })

/**
 * @since 0.1.0
 * @category models
 */
export type PropertyName = keyof Properties

/**
 * A packet type, or the Will inside CONNECT, which has properties of its own.
 *
 * @since 0.1.0
 * @category models
 */
export type PropertyPlace = PacketType | "Will"

/**
 * How a value is written. `flag` is a byte that is 0 or 1.
 *
 * @since 0.1.0
 * @category models
 */
export type PropertyType =
  | "flag"
  | "uint16"
  | "uint32"
  | "variableByteInteger"
  | "string"
  | "binary"
  | "pair"

/**
 * @since 0.1.0
 * @category models
 */
export interface PropertyRule {
  readonly identifier: number
  readonly type: PropertyType
  /** The places where a client may send it. */
  readonly fromClient: ReadonlyArray<PropertyPlace>
  /** The places where a server may send it. */
  readonly fromServer: ReadonlyArray<PropertyPlace>
  /** The places where it may occur more than once; such a property is an array everywhere. */
  readonly repeatsIn?: ReadonlyArray<PropertyPlace>
  /** Zero is a Protocol Error. */
  readonly nonZero?: true
  /** The value names a topic, so it contains no wildcard and is not empty. */
  readonly topicName?: true
}

const acknowledgements = ["Puback", "Pubrec", "Pubrel", "Pubcomp"] as const
const userPropertiesFromClient = [
  "Connect",
  "Will",
  "Publish",
  "Subscribe",
  "Unsubscribe",
  ...acknowledgements,
  "Disconnect",
  "Auth"
] as const
const userPropertiesFromServer = [
  "Connack",
  "Publish",
  ...acknowledgements,
  "Suback",
  "Unsuback",
  "Disconnect",
  "Auth"
] as const

/**
 * Properties by name. MQTT 5.0 section 2.2.2.2, table 2-4, and the section of each packet.
 *
 * @since 0.1.0
 * @category constants
 */
export const rules: { readonly [Name in PropertyName]-?: PropertyRule } = {
  payloadFormatIndicator: {
    identifier: 0x01,
    type: "flag",
    fromClient: ["Publish", "Will"],
    fromServer: ["Publish"]
  },
  messageExpiryInterval: {
    identifier: 0x02,
    type: "uint32",
    fromClient: ["Publish", "Will"],
    fromServer: ["Publish"]
  },
  contentType: { identifier: 0x03, type: "string", fromClient: ["Publish", "Will"], fromServer: ["Publish"] },
  responseTopic: {
    identifier: 0x08,
    type: "string",
    fromClient: ["Publish", "Will"],
    fromServer: ["Publish"],
    topicName: true
  },
  correlationData: { identifier: 0x09, type: "binary", fromClient: ["Publish", "Will"], fromServer: ["Publish"] },
  subscriptionIdentifiers: {
    identifier: 0x0b,
    type: "variableByteInteger",
    fromClient: ["Subscribe"],
    fromServer: ["Publish"],
    repeatsIn: ["Publish"],
    nonZero: true
  },
  sessionExpiryInterval: {
    identifier: 0x11,
    type: "uint32",
    fromClient: ["Connect", "Disconnect"],
    fromServer: ["Connack"]
  },
  assignedClientIdentifier: { identifier: 0x12, type: "string", fromClient: [], fromServer: ["Connack"] },
  serverKeepAlive: { identifier: 0x13, type: "uint16", fromClient: [], fromServer: ["Connack"] },
  authenticationMethod: {
    identifier: 0x15,
    type: "string",
    fromClient: ["Connect", "Auth"],
    fromServer: ["Connack", "Auth"]
  },
  authenticationData: {
    identifier: 0x16,
    type: "binary",
    fromClient: ["Connect", "Auth"],
    fromServer: ["Connack", "Auth"]
  },
  requestProblemInformation: { identifier: 0x17, type: "flag", fromClient: ["Connect"], fromServer: [] },
  willDelayInterval: { identifier: 0x18, type: "uint32", fromClient: ["Will"], fromServer: [] },
  requestResponseInformation: { identifier: 0x19, type: "flag", fromClient: ["Connect"], fromServer: [] },
  responseInformation: { identifier: 0x1a, type: "string", fromClient: [], fromServer: ["Connack"] },
  serverReference: { identifier: 0x1c, type: "string", fromClient: [], fromServer: ["Connack", "Disconnect"] },
  reasonString: {
    identifier: 0x1f,
    type: "string",
    fromClient: [...acknowledgements, "Disconnect", "Auth"],
    fromServer: ["Connack", ...acknowledgements, "Suback", "Unsuback", "Disconnect", "Auth"]
  },
  receiveMaximum: {
    identifier: 0x21,
    type: "uint16",
    fromClient: ["Connect"],
    fromServer: ["Connack"],
    nonZero: true
  },
  topicAliasMaximum: { identifier: 0x22, type: "uint16", fromClient: ["Connect"], fromServer: ["Connack"] },
  topicAlias: { identifier: 0x23, type: "uint16", fromClient: ["Publish"], fromServer: ["Publish"] },
  maximumQos: { identifier: 0x24, type: "flag", fromClient: [], fromServer: ["Connack"] },
  retainAvailable: { identifier: 0x25, type: "flag", fromClient: [], fromServer: ["Connack"] },
  userProperties: {
    identifier: 0x26,
    type: "pair",
    fromClient: userPropertiesFromClient,
    fromServer: userPropertiesFromServer,
    repeatsIn: [...userPropertiesFromClient, ...userPropertiesFromServer]
  },
  maximumPacketSize: {
    identifier: 0x27,
    type: "uint32",
    fromClient: ["Connect"],
    fromServer: ["Connack"],
    nonZero: true
  },
  wildcardSubscriptionAvailable: { identifier: 0x28, type: "flag", fromClient: [], fromServer: ["Connack"] },
  subscriptionIdentifierAvailable: { identifier: 0x29, type: "flag", fromClient: [], fromServer: ["Connack"] },
  sharedSubscriptionAvailable: { identifier: 0x2a, type: "flag", fromClient: [], fromServer: ["Connack"] }
}
