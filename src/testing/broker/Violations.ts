/**
 * The rules a client can break that a single packet does not show, as one table.
 *
 * The decoder checks what a single packet shows by itself; `Conduct` decides when a rule is broken.
 *
 * @since 0.1.0
 */
import type { ProtocolVersion } from "../../protocol/Packet.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"

/**
 * A rule the client broke.
 *
 * @since 0.1.0
 * @category models
 */
export interface Violation {
  /** The specification's label without brackets and prefix, or the section of a rule that has none. */
  readonly label: string
  readonly version: ProtocolVersion
  readonly description: string
  readonly clientId: string
  readonly connection: number
  /** Milliseconds of the broker's time. */
  readonly at: number
}

interface Rule {
  readonly "3.1.1": string
  readonly "5.0": string
  readonly description: string
  /** The code the connection ends with; absent when the broker only takes note. */
  readonly reasonCode?: ReasonCode
}

/**
 * @since 0.1.0
 * @category constants
 */
export const rules = {
  secondConnect: {
    "3.1.1": "3.1.0-2",
    "5.0": "3.1.0-2",
    description: "CONNECT came a second time",
    reasonCode: 0x82
  },
  afterDisconnect: {
    "3.1.1": "3.14.4-2",
    "5.0": "3.14.4-1",
    description: "something came after DISCONNECT"
  },
  halfPacket: {
    "3.1.1": "2.1",
    "5.0": "2.1",
    description: "the client closed the connection in the middle of a packet"
  },
  keepAlive: {
    "3.1.1": "3.1.2-23",
    "5.0": "3.1.2-20",
    description: "the client sent nothing for longer than the Keep Alive",
    reasonCode: 0x8d
  },
  identifierInUse: {
    "3.1.1": "2.3.1-2",
    "5.0": "2.2.1-3",
    description: "a Packet Identifier is used again while it is in flight"
  },
  resentOnLiveConnection: {
    "3.1.1": "4.4.0-1",
    "5.0": "4.4.0-1",
    description: "a packet was sent again on a connection that did not end"
  },
  dupOnFirstSending: {
    "3.1.1": "4.3.2-1",
    "5.0": "4.3.2-2",
    description: "DUP is set on a message that is sent for the first time"
  },
  dupMissing: {
    "3.1.1": "3.3.1-1",
    "5.0": "3.3.1-1",
    description: "a message that is sent again does not have DUP set"
  },
  changedOnResend: {
    "3.1.1": "4.4.0-1",
    "5.0": "4.4.0-1",
    description: "a message is sent again under its Packet Identifier, but with another content"
  },
  notResent: {
    "3.1.1": "4.4.0-1",
    "5.0": "4.4.0-1",
    description: "a new message came before the unfinished ones of the session were sent again"
  },
  resendOrder: {
    "3.1.1": "4.6.0-1",
    "5.0": "4.6.0-1",
    description: "messages are sent again in another order than the first time"
  },
  publishAfterPubrel: {
    "3.1.1": "4.3.3-1",
    "5.0": "4.3.3-6",
    description: "a message is sent again after its PUBREL"
  },
  pubrelUnexpected: {
    "3.1.1": "4.3.3-1",
    "5.0": "4.3.3-4",
    description: "PUBREL came for a Packet Identifier for which no PUBREC was sent"
  },
  pubrelOrder: {
    "3.1.1": "4.6.0-4",
    "5.0": "4.6.0-4",
    description: "PUBREL packets come in another order than the PUBREC packets went"
  },
  pubackOrder: {
    "3.1.1": "4.6.0-2",
    "5.0": "4.6.0-2",
    description: "PUBACK packets come in another order than the PUBLISH packets went"
  },
  pubrecOrder: {
    "3.1.1": "4.6.0-3",
    "5.0": "4.6.0-3",
    description: "PUBREC packets come in another order than the PUBLISH packets went"
  },
  answerUnexpected: {
    "3.1.1": "2.3.1-6",
    "5.0": "2.2.1-5",
    description: "an acknowledgement came for a Packet Identifier that does not wait for it"
  },
  receiveMaximum: {
    "3.1.1": "3.3.4-7",
    "5.0": "3.3.4-7",
    description: "more messages are in flight than the Receive Maximum allows",
    reasonCode: 0x93
  },
  packetTooLarge: {
    "3.1.1": "3.2.2-15",
    "5.0": "3.2.2-15",
    description: "a packet is larger than the Maximum Packet Size",
    reasonCode: 0x95
  },
  maximumQos: {
    "3.1.1": "3.2.2-11",
    "5.0": "3.2.2-11",
    description: "a message has a QoS above the Maximum QoS",
    reasonCode: 0x9b
  },
  retainNotAvailable: {
    "3.1.1": "3.2.2-14",
    "5.0": "3.2.2-14",
    description: "a message has RETAIN set and the broker does not keep messages",
    reasonCode: 0x9a
  },
  topicAliasTooHigh: {
    "3.1.1": "3.2.2-17",
    "5.0": "3.2.2-17",
    description: "a Topic Alias is above the Topic Alias Maximum",
    reasonCode: 0x94
  },
  topicAliasNotAllowed: {
    "3.1.1": "3.2.2-18",
    "5.0": "3.2.2-18",
    description: "a Topic Alias is used and the broker allows none",
    reasonCode: 0x94
  },
  topicAliasUnknown: {
    "3.1.1": "3.3.2.3.4",
    "5.0": "3.3.2.3.4",
    description: "a Topic Alias is used that has no topic on this connection",
    reasonCode: 0x82
  },
  wildcardSubscription: {
    "3.1.1": "3.2.2.3.11",
    "5.0": "3.2.2.3.11",
    description: "a Topic Filter has a wildcard and the broker allows none",
    reasonCode: 0xa2
  },
  subscriptionIdentifier: {
    "3.1.1": "3.2.2.3.12",
    "5.0": "3.2.2.3.12",
    description: "a subscription has a Subscription Identifier and the broker allows none",
    reasonCode: 0xa1
  },
  sharedSubscription: {
    "3.1.1": "3.2.2.3.13",
    "5.0": "3.2.2.3.13",
    description: "a subscription is shared and the broker allows no shared ones",
    reasonCode: 0x9e
  },
  sessionExpiryOnDisconnect: {
    "3.1.1": "3.14.2.2.2",
    "5.0": "3.14.2.2.2",
    description: "DISCONNECT has a Session Expiry Interval, but CONNECT had none",
    reasonCode: 0x82
  },
  packetDuringAuthentication: {
    "3.1.1": "3.1.2-30",
    "5.0": "3.1.2-30",
    description: "a packet other than AUTH or DISCONNECT came before CONNACK in an authentication exchange",
    reasonCode: 0x82
  },
  authenticationNotBegun: {
    "3.1.1": "4.12.0-7",
    "5.0": "4.12.0-7",
    description: "AUTH came, but CONNECT named no Authentication Method",
    reasonCode: 0x82
  },
  authenticationMethodChanged: {
    "3.1.1": "4.12.0-5",
    "5.0": "4.12.0-5",
    description: "AUTH names another Authentication Method than CONNECT did",
    reasonCode: 0x82
  },
  authenticationUnexpected: {
    "3.1.1": "3.15.2-1",
    "5.0": "3.15.2-1",
    description: "AUTH has a Reason Code that does not belong here",
    reasonCode: 0x82
  }
} as const satisfies Record<string, Rule>

/**
 * @since 0.1.0
 * @category models
 */
export type RuleName = keyof typeof rules

/**
 * @since 0.1.0
 * @category getters
 */
export const ruleOf = (name: RuleName): Rule => rules[name]
