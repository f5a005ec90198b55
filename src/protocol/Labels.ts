/**
 * The rules the codec keeps, and the specification's label of each in both versions, as one table.
 *
 * Most labels say different things in the two documents, so no other module of the codec writes one. A rule that stands
 * in plain prose has its section instead. MQTT 5.0 appendix B, MQTT 3.1.1 appendix B.
 *
 * @since 0.1.0
 */
import type { ProtocolVersion } from "./Packet.ts"

/**
 * The label of one rule, by version.
 *
 * @since 0.1.0
 * @category models
 */
export type Label = { readonly [Version in ProtocolVersion]: string }

const inBoth = (label: string): Label => ({ "3.1.1": label, "5.0": label })

const perVersion = (v311: string, v50: string): Label => ({ "3.1.1": v311, "5.0": v50 })

/**
 * @since 0.1.0
 * @category constants
 */
export const labels = {
  // Data representation
  utf8: perVersion("1.5.3-1", "1.5.4-1"),
  nul: perVersion("1.5.3-2", "1.5.4-2"),
  tooLong: inBoth("4.7.3-3"),
  variableByteInteger: perVersion("2.2.3", "1.5.5"),
  fewestBytes: perVersion("2.2.3", "1.5.5-1"),
  malformed: perVersion("4.8.0-1", "4.13.1-1"),

  // Fixed header
  packetType: perVersion("2.2.1", "2.1.2"),
  flags: perVersion("2.2.2-2", "2.1.3-1"),
  pubrelFlags: perVersion("2.2.2-2", "3.6.1-1"),
  subscribeFlags: perVersion("2.2.2-2", "3.8.1-1"),
  unsubscribeFlags: perVersion("2.2.2-2", "3.10.1-1"),
  disconnectFlags: perVersion("2.2.2-2", "3.14.1-1"),
  authFlags: perVersion("2.2.2-2", "3.15.1-1"),
  maximumPacketSizeSent: perVersion("2.2.3", "3.2.2-15"),
  maximumPacketSizeReceived: perVersion("2.2.3", "3.1.2-24"),

  // Packet Identifier
  identifierFromClient: perVersion("2.3.1-1", "2.2.1-3"),
  identifierFromServer: perVersion("2.3.1-1", "2.2.1-4"),
  identifierQos0: perVersion("2.3.1-5", "2.2.1-2"),

  // Properties
  property: perVersion("2.2.2.2", "2.2.2.2"),
  propertiesNotInThisVersion: perVersion("2.3", "2.2.2"),
  reasonNotInThisVersion: perVersion("2.3", "2.4"),
  subscriptionIdentifierFromClient: perVersion("2.2.2.2", "3.3.4-6"),
  sessionExpiryFromServer: perVersion("2.2.2.2", "3.14.2-2"),
  topicAliasZero: perVersion("2.2.2.2", "3.3.2-8"),
  responseTopic: perVersion("2.2.2.2", "3.3.2-14"),
  authenticationMethod: perVersion("2.2.2.2", "4.12"),

  // CONNECT
  connectFirst: inBoth("3.1.0-1"),
  protocolName: inBoth("3.1.2-1"),
  protocolLevel: inBoth("3.1.2-2"),
  connectReserved: inBoth("3.1.2-3"),
  willQosWithoutWill: perVersion("3.1.2-13", "3.1.2-11"),
  willQos: perVersion("3.1.2-14", "3.1.2-12"),
  willRetainWithoutWill: perVersion("3.1.2-15", "3.1.2-13"),
  passwordWithoutUsername: perVersion("3.1.2-22", "3.1.2-22"),
  emptyClientId: perVersion("3.1.3-7", "3.1.3-6"),
  keepAlive: perVersion("3.1.2.10", "3.1.2.10"),

  // CONNACK
  acknowledgeFlags: perVersion("3.2.2.1", "3.2.2-1"),
  connectReasonCode: perVersion("3.2.2-6", "3.2.2-8"),

  // PUBLISH
  qos: inBoth("3.3.1-4"),
  dupQos0: inBoth("3.3.1-2"),
  topicWildcard: inBoth("3.3.2-2"),
  topicEmpty: inBoth("4.7.3-1"),

  // SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK
  subscribeEmpty: perVersion("3.8.3-3", "3.8.3-2"),
  subscriptionOptions: perVersion("3-8.3-4", "3.8.3-5"),
  retainHandling: perVersion("3-8.3-4", "3.8.3.1"),
  sharedNoLocal: perVersion("3-8.3-4", "3.8.3-4"),
  unsubscribeEmpty: perVersion("3.10.3-2", "3.10.3-2"),
  subackEmpty: perVersion("3.8.4-5", "3.8.4-6"),
  subackReasonCode: perVersion("3.9.3-2", "3.9.3-2"),
  unsubackEmpty: perVersion("3.11", "3.11.3-1"),
  unsubackReasonCode: perVersion("3.11", "3.11.3-2"),

  // Reason Codes of the other packets
  pubackReasonCode: perVersion("3.4.2", "3.4.2-1"),
  pubrecReasonCode: perVersion("3.5.2", "3.5.2-1"),
  pubrelReasonCode: perVersion("3.6.2", "3.6.2-1"),
  pubcompReasonCode: perVersion("3.7.2", "3.7.2-1"),
  disconnectReasonCode: perVersion("3.14", "3.14.2-1"),
  authReasonCode: perVersion("2.2.1", "3.15.2-1")
} as const satisfies { readonly [rule: string]: Label }
