/**
 * Reason Codes, with which a server or a client says how a request ended, as one table.
 *
 * The table says which packets may carry a code and whether another attempt can help. It decides nothing: the client
 * decides whether to try again. MQTT 5.0 section 2.4, MQTT 3.1.1 sections 3.2.2.3 and 3.9.3.
 *
 * @since 0.1.0
 */
import type { PacketType, ProtocolVersion } from "./PacketType.ts"

/**
 * The number on the wire.
 *
 * @since 0.1.0
 * @category models
 */
export type ReasonCode = number

/** Whether another attempt can help: `retryable` may end otherwise next time, `fatal` will not by itself. */
type Outlook = "success" | "retryable" | "fatal"

interface ReasonCodeRule {
  readonly name: string
  readonly outlook: Outlook
  /** The packets that may carry the code, MQTT 5.0. */
  readonly in: ReadonlyArray<PacketType>
}

/** MQTT 5.0 section 2.4, table 2-6. Where packets use different names, users see the first one. */
const table: { readonly [code: number]: ReasonCodeRule } = {
  0x00: {
    name: "Success",
    outlook: "success",
    in: ["Connack", "Puback", "Pubrec", "Pubrel", "Pubcomp", "Suback", "Unsuback", "Disconnect", "Auth"]
  },
  0x01: { name: "Granted QoS 1", outlook: "success", in: ["Suback"] },
  0x02: { name: "Granted QoS 2", outlook: "success", in: ["Suback"] },
  0x04: { name: "Disconnect with Will Message", outlook: "success", in: ["Disconnect"] },
  0x10: { name: "No matching subscribers", outlook: "success", in: ["Puback", "Pubrec"] },
  0x11: { name: "No subscription existed", outlook: "success", in: ["Unsuback"] },
  0x18: { name: "Continue authentication", outlook: "success", in: ["Auth"] },
  0x19: { name: "Re-authenticate", outlook: "success", in: ["Auth"] },
  0x80: {
    name: "Unspecified error",
    outlook: "retryable",
    in: ["Connack", "Puback", "Pubrec", "Suback", "Unsuback", "Disconnect"]
  },
  0x81: { name: "Malformed Packet", outlook: "fatal", in: ["Connack", "Disconnect"] },
  0x82: { name: "Protocol Error", outlook: "fatal", in: ["Connack", "Disconnect"] },
  0x83: {
    name: "Implementation specific error",
    outlook: "retryable",
    in: ["Connack", "Puback", "Pubrec", "Suback", "Unsuback", "Disconnect"]
  },
  0x84: { name: "Unsupported Protocol Version", outlook: "fatal", in: ["Connack"] },
  0x85: { name: "Client Identifier not valid", outlook: "fatal", in: ["Connack"] },
  0x86: { name: "Bad User Name or Password", outlook: "fatal", in: ["Connack"] },
  0x87: {
    name: "Not authorized",
    outlook: "fatal",
    in: ["Connack", "Puback", "Pubrec", "Suback", "Unsuback", "Disconnect"]
  },
  0x88: { name: "Server unavailable", outlook: "retryable", in: ["Connack"] },
  0x89: { name: "Server busy", outlook: "retryable", in: ["Connack", "Disconnect"] },
  0x8a: { name: "Banned", outlook: "fatal", in: ["Connack"] },
  0x8b: { name: "Server shutting down", outlook: "retryable", in: ["Disconnect"] },
  // Table 2-6 lists this code for DISCONNECT and table 3-10 does not. It is accepted, because brokers send it.
  0x8c: { name: "Bad authentication method", outlook: "fatal", in: ["Connack", "Disconnect"] },
  0x8d: { name: "Keep Alive timeout", outlook: "retryable", in: ["Disconnect"] },
  0x8e: { name: "Session taken over", outlook: "fatal", in: ["Disconnect"] },
  0x8f: { name: "Topic Filter invalid", outlook: "fatal", in: ["Suback", "Unsuback", "Disconnect"] },
  0x90: { name: "Topic Name invalid", outlook: "fatal", in: ["Connack", "Puback", "Pubrec", "Disconnect"] },
  0x91: { name: "Packet Identifier in use", outlook: "retryable", in: ["Puback", "Pubrec", "Suback", "Unsuback"] },
  0x92: { name: "Packet Identifier not found", outlook: "success", in: ["Pubrel", "Pubcomp"] },
  0x93: { name: "Receive Maximum exceeded", outlook: "retryable", in: ["Disconnect"] },
  0x94: { name: "Topic Alias invalid", outlook: "retryable", in: ["Disconnect"] },
  0x95: { name: "Packet too large", outlook: "fatal", in: ["Connack", "Disconnect"] },
  0x96: { name: "Message rate too high", outlook: "retryable", in: ["Disconnect"] },
  0x97: {
    name: "Quota exceeded",
    outlook: "retryable",
    in: ["Connack", "Puback", "Pubrec", "Suback", "Disconnect"]
  },
  0x98: { name: "Administrative action", outlook: "retryable", in: ["Disconnect"] },
  0x99: {
    name: "Payload format invalid",
    outlook: "fatal",
    in: ["Connack", "Puback", "Pubrec", "Disconnect"]
  },
  0x9a: { name: "Retain not supported", outlook: "fatal", in: ["Connack", "Disconnect"] },
  0x9b: { name: "QoS not supported", outlook: "fatal", in: ["Connack", "Disconnect"] },
  0x9c: { name: "Use another server", outlook: "fatal", in: ["Connack", "Disconnect"] },
  0x9d: { name: "Server moved", outlook: "fatal", in: ["Connack", "Disconnect"] },
  0x9e: { name: "Shared Subscriptions not supported", outlook: "fatal", in: ["Suback", "Disconnect"] },
  0x9f: { name: "Connection rate exceeded", outlook: "retryable", in: ["Connack", "Disconnect"] },
  0xa0: { name: "Maximum connect time", outlook: "retryable", in: ["Disconnect"] },
  0xa1: { name: "Subscription Identifiers not supported", outlook: "fatal", in: ["Suback", "Disconnect"] },
  0xa2: { name: "Wildcard Subscriptions not supported", outlook: "fatal", in: ["Suback", "Disconnect"] }
}

/** Codes that have another name in one kind of packet. */
const nameIn: { readonly [Type in PacketType]?: { readonly [code: number]: string } } = {
  Suback: { 0x00: "Granted QoS 0" },
  Disconnect: { 0x00: "Normal disconnection" }
}

/** MQTT 3.1.1 Connect Return Codes, table 3.1, as the 5.0 Reason Codes with the same meaning. */
const connectReturnCodes: ReadonlyArray<ReasonCode> = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87]

/** The codes a client may send in DISCONNECT, MQTT 5.0 table 3-10. Only a server may send the others. */
const disconnectFromClient: ReadonlySet<ReasonCode> = new Set([
  0x00,
  0x04,
  0x80,
  0x81,
  0x82,
  0x83,
  0x90,
  0x93,
  0x94,
  0x95,
  0x96,
  0x97,
  0x98,
  0x99
])

/** The codes allowed in each kind of packet: the column `in` of the table above, by packet. */
const allowedByPacket = (() => {
  const allowed = new Map<PacketType, Set<ReasonCode>>()
  for (const key of Object.keys(table)) {
    const code = Number(key)
    for (const type of table[code].in) {
      let codes = allowed.get(type)
      if (codes === undefined) allowed.set(type, codes = new Set())
      codes.add(code)
    }
  }
  return allowed
})()

const suback311: ReadonlySet<ReasonCode> = new Set([0x00, 0x01, 0x02, 0x80])

/**
 * Whether a packet of this type may carry the code. CONNACK codes of 3.1.1 are given as the 5.0 code with the same
 * meaning (`fromConnectReturnCode`).
 *
 * @since 0.1.0
 * @category guards
 */
export const isAllowedIn = (code: ReasonCode, type: PacketType, version: ProtocolVersion): boolean =>
  version === "3.1.1" && type === "Suback" ? suback311.has(code) : allowedByPacket.get(type)?.has(code) === true

/**
 * Whether a client may send the code in DISCONNECT. MQTT 5.0 table 3-10, `[MQTT-3.14.2-1]`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAllowedInDisconnectFromClient = (code: ReasonCode): boolean => disconnectFromClient.has(code)

/**
 * Whether a server may send the code in DISCONNECT: all except 0x04, with which a client asks for its Will.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAllowedInDisconnectFromServer = (code: ReasonCode): boolean =>
  code !== 0x04 && isAllowedIn(code, "Disconnect", "5.0")

/**
 * Whether the code says that the request failed.
 *
 * @since 0.1.0
 * @category guards
 */
export const isError = (code: ReasonCode): boolean => code >= 0x80

/**
 * Whether the same request may succeed later, with nothing else changed.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRetryable = (code: ReasonCode): boolean => table[code]?.outlook === "retryable"

/**
 * The specification's name for the code in this kind of packet.
 *
 * @since 0.1.0
 * @category getters
 */
export const nameOf = (code: ReasonCode, type?: PacketType): string =>
  (type !== undefined ? nameIn[type]?.[code] : undefined) ?? table[code]?.name ??
    `Reason Code 0x${code.toString(16).padStart(2, "0")}`

/**
 * The Reason Code with the meaning of a Connect Return Code of 3.1.1; `undefined` for a code that is not in the table.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromConnectReturnCode = (returnCode: number): ReasonCode | undefined => connectReturnCodes[returnCode]

/**
 * The Connect Return Code of 3.1.1 for a Reason Code. A code that 3.1.1 cannot express becomes 3, Server unavailable.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toConnectReturnCode = (code: ReasonCode): number => {
  const returnCode = connectReturnCodes.indexOf(code)
  return returnCode === -1 ? 3 : returnCode
}
