/**
 * A Control Packet as text for people: enough to tell it from others, but no secrets and no data of a user.
 *
 * Every field and every property is hidden unless it stands in a table here. Text that another side chose is made harmless.
 */
import type * as Packet from "../../protocol/Packet.ts"
import * as Properties from "../../protocol/Properties.ts"
import { harmless } from "../harmlessText.ts"

type Shown = string | number | boolean

/** Fields whose values may be seen by everybody who reads a report, in this order. */
const fields = [
  "packetIdentifier",
  "topic",
  "qos",
  "retain",
  "dup",
  "protocolVersion",
  "clientId",
  "cleanStart",
  "keepAlive",
  "sessionPresent",
  "reasonCode",
  "tooLarge",
  "refused"
] as const

/** Properties of text whose values may be seen. Numbers may all be seen. */
const seenTexts: ReadonlySet<string> = new Set<Properties.PropertyName>([
  "assignedClientIdentifier",
  "authenticationMethod",
  "contentType",
  "reasonString",
  "responseInformation",
  "responseTopic"
])

/** With quotes if it could be taken for several words. */
const quoted = (text: string): string => {
  const safe = harmless(text)
  return /^[^\s"=]+$/.test(safe) ? safe : JSON.stringify(safe)
}

const code = (reasonCode: number): string => `0x${reasonCode.toString(16).padStart(2, "0")}`

const word = (name: string, value: Shown): string => {
  const text = name === "reasonCode" && typeof value === "number" ? code(value) : String(value)
  return `${name}=${quoted(text)}`
}

/** The size of a hidden value. */
const sizeOf = (value: unknown): string => {
  if (typeof value === "string") return `${value.length} characters`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return Array.isArray(value) ? `${value.length} of them` : "hidden"
}

const hidden = (name: string, value: unknown): string => `${name}=(${sizeOf(value)})`

const isProperty = (name: string): name is Properties.PropertyName => Object.hasOwn(Properties.rules, name)

const property = ([name, value]: readonly [string, unknown]): ReadonlyArray<string> => {
  if (value === undefined || !isProperty(name)) return []
  if (typeof value === "number" || (typeof value === "string" && seenTexts.has(name))) return [word(name, value)]
  return [name === "subscriptionIdentifiers" ? `${name}=${String(value)}` : hidden(name, value)]
}

const decoder = new TextDecoder()

/** Its size, and the beginning of it, as far as it may be seen. */
const payloadOf = (payload: Uint8Array, most: number): string => {
  const shown = harmless(decoder.decode(payload.subarray(0, most)), most)
  return most === 0 ? hidden("payload", payload) : `${hidden("payload", payload)}${JSON.stringify(shown)}`
}

/** The lists in packets whose types have more than single values. */
const listed = (packet: Packet.Packet, payload: number): ReadonlyArray<string> => {
  switch (packet._tag) {
    case "Publish":
      return [
        payloadOf(packet.payload, payload),
        ...(packet.malformedProperties ?? []).map(({ name }) => `malformed=${name}`)
      ]
    case "Connect":
      return [
        ...(packet.username === undefined ? [] : ["username=(hidden)"]),
        ...(packet.password === undefined ? [] : ["password=(hidden)"]),
        ...(packet.will === undefined ? [] : [
          `will=${quoted(packet.will.topic)}`,
          `willQos=${packet.will.qos}`,
          `willRetain=${packet.will.retain}`
        ])
      ]
    case "Subscribe":
      return packet.subscriptions.map(({ qos, topicFilter }) => `${quoted(topicFilter)}:${qos}`)
    case "Unsubscribe":
      return packet.topicFilters.map(quoted)
    case "Suback":
    case "Unsuback":
      return packet.reasonCodes.map(code)
    default:
      return []
  }
}

/** `payload` is the number of bytes of a payload that may be seen. */
export const packetLine = (packet: Packet.Packet, payload: number): string => {
  const values: Readonly<Partial<Record<string, unknown>>> = { ...packet }
  const known = fields.flatMap((name) => {
    const value = values[name]
    const isShown = typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    return isShown ? [word(name, value)] : []
  })
  const properties = "properties" in packet ? Object.entries(packet.properties).flatMap(property) : []
  return [packet._tag.toUpperCase(), ...known, ...listed(packet, payload), ...properties].join(" ")
}
