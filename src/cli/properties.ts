/**
 * MQTT 5.0 properties as in `-D command name value`. Names are the same as in `mosquitto_pub`: the specification's in
 * small letters, with dashes.
 *
 * MQTT 5.0 section 2.2.2.2.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { type Properties, type PropertyName, rules, type UserProperty } from "../protocol/Properties.ts"

/**
 * The packets that `-D` can give properties to.
 *
 * @since 0.1.0
 * @category models
 */
export type PacketName = "connect" | "publish" | "subscribe" | "disconnect" | "will"

/**
 * @since 0.1.0
 * @category models
 */
export type ByPacket = { readonly [Name in PacketName]: Properties }

/**
 * The properties that a message may have.
 *
 * @since 0.2.0
 * @category constants
 */
export const ofMessage = [
  "payloadFormatIndicator",
  "messageExpiryInterval",
  "contentType",
  "responseTopic",
  "correlationData",
  "userProperties"
] as const satisfies ReadonlyArray<PropertyName>

/** The properties that a program can set. The client sends the others by itself, or not at all. */
const carried: { readonly [Name in PacketName]: ReadonlyArray<PropertyName> } = {
  connect: ["receiveMaximum", "maximumPacketSize", "topicAliasMaximum", "sessionExpiryInterval", "userProperties"],
  publish: ofMessage,
  subscribe: ["userProperties"],
  disconnect: ["sessionExpiryInterval", "reasonString", "userProperties"],
  will: [...ofMessage, "willDelayInterval"]
}

const inSingular: { readonly [Name in PropertyName]?: string } = {
  userProperties: "user-property",
  subscriptionIdentifiers: "subscription-identifier"
}

/**
 * The name on a command line and in `mosquitto_sub -F %j`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const dashed = (name: PropertyName): string =>
  inSingular[name] ?? name.replace(/[A-Z]+/g, (capitals) => `-${capitals.toLowerCase()}`)

const isPacketName = (name: string): name is PacketName => Object.hasOwn(carried, name)

const largest = { flag: 1, uint16: 0xffff, uint32: 0xffff_ffff, variableByteInteger: 0x0fff_ffff } as const

const valueOf = (name: PropertyName, text: string): string | number | Uint8Array | undefined => {
  const { nonZero, type } = rules[name]
  if (type === "string" || type === "pair") return text
  if (type === "binary") return new TextEncoder().encode(text)
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  return value >= (nonZero === true ? 1 : 0) && value <= largest[type] ? value : undefined
}

type Mutable = { [Name in PacketName]: { [name: string]: unknown } }

const add = (all: Mutable, words: ReadonlyArray<string>): string | undefined => {
  const [packet, given, text, second] = words
  if (!isPacketName(packet)) {
    return `-D ${packet}: the packets are ${Object.keys(carried).join(", ")}`
  }
  const name = carried[packet].find((name) => dashed(name) === given)
  if (name === undefined) return `-D ${packet} ${given}: can be ${carried[packet].map(dashed).join(", ")}`
  if (name === "userProperties") {
    const pairs = (all[packet][name] ?? []) as ReadonlyArray<UserProperty>
    all[packet][name] = [...pairs, [text, second]]
    return undefined
  }
  const value = valueOf(name, text)
  if (value === undefined) return `-D ${packet} ${given} ${text}: is not a number this property can have`
  all[packet][name] = value
  return undefined
}

/** Each is the JSON of its words, as `arguments.ts` joins them. */
const wordsOf = (text: string): ReadonlyArray<string> | undefined => {
  try {
    const words: unknown = JSON.parse(text)
    const isComplete = Array.isArray(words) && words.length === (words[1] === "user-property" ? 4 : 3)
    return isComplete && words.every((word) => typeof word === "string") ? words : undefined
  } catch {
    return undefined
  }
}

/**
 * The properties of several `-D`; a failure is a sentence for people.
 *
 * @since 0.1.0
 * @category conversions
 */
export const parse = (list: ReadonlyArray<string>): Result.Result<ByPacket, string> => {
  const all: Mutable = { connect: {}, publish: {}, subscribe: {}, disconnect: {}, will: {} }
  for (const text of list) {
    const words = wordsOf(text)
    const problem = words === undefined ? "-D takes a packet, a property and its value" : add(all, words)
    if (problem !== undefined) return Result.fail(problem)
  }
  return Result.succeed(all)
}
