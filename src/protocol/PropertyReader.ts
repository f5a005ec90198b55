/**
 * The properties of a received packet: Property Length, then each property once unless it may repeat.
 *
 * Reads the table of `Properties`; `Reader` reads the bytes of the values. A value that another client gave to a
 * message, and that is wrong in itself, costs that property only: the server passed it on. MQTT 5.0 section 2.2.2.
 *
 * @since 0.1.0
 */
import type { Label } from "./Labels.ts"
import { labels } from "./Labels.ts"
import { type MalformedProperty, rules, type Sender } from "./Packet.ts"
import * as Properties from "./Properties.ts"
import type { Reader } from "./Reader.ts"
import * as Topic from "./Topic.ts"

/**
 * Reads Property Length and the properties; in 3.1.1 there is nothing to read. For a PUBLISH from a server,
 * `reader.leftOut` then has the properties whose values are wrong in themselves.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (reader: Reader, place: Properties.PropertyPlace, sender: Sender): Properties.Properties => {
  if (reader.version === "3.1.1") return Properties.none
  if (reader.offset < reader.end && reader.bytes[reader.offset] === 0) {
    reader.offset++
    return Properties.none
  }
  const length = reader.variableByteInteger("the Property Length")
  const packetEnd = reader.end
  const end = reader.offset + length
  if (end > packetEnd) {
    reader.malformed("The Property Length goes past the end of the packet")
    return Properties.none
  }
  reader.end = end
  const properties: MutableProperties = {}
  const placeBit = placeBits[place]
  let seen: Bits = 0
  reader.isForgiving = place === "Publish" && sender === "server"
  while (reader.offset < end) seen |= readProperty(reader, properties, seen, place, placeBit, sender)
  reader.isForgiving = false
  checkMethod(reader, properties)
  reader.end = packetEnd
  if (reader.failure !== undefined) reader.offset = packetEnd
  return properties as Properties.Properties
}

type Value = string | number | Uint8Array | Properties.UserProperty

type MutableProperties = { [Name in Properties.PropertyName]?: Value | Array<Value> }

/** A set of at most 31 things, one bit each. */
type Bits = number

interface Entry {
  readonly name: Properties.PropertyName
  readonly rule: Properties.PropertyRule
  /** The bit of this property. */
  readonly bit: Bits
  /** The places where the property may occur, for each sender. */
  readonly allowedIn: { readonly [By in Sender]: Bits }
  readonly repeatsIn: Bits
}

const places = [...Object.keys(rules), "Will"] as ReadonlyArray<Properties.PropertyPlace>

const bitsOf = (some: ReadonlyArray<Properties.PropertyPlace>): Bits =>
  some.reduce((bits, place) => bits | (1 << places.indexOf(place)), 0)

const placeBits = Object.fromEntries(places.map((place) => [place, bitsOf([place])])) as {
  readonly [Place in Properties.PropertyPlace]: Bits
}

/** Entries by identifier. All identifiers are below 128: one byte, though the format has room for four. */
const entries: ReadonlyArray<Entry | undefined> = (() => {
  const byIdentifier = Array.from<Entry | undefined>({ length: 128 })
  for (const [index, name] of (Object.keys(Properties.rules) as ReadonlyArray<Properties.PropertyName>).entries()) {
    const rule = Properties.rules[name]
    byIdentifier[rule.identifier] = {
      name,
      rule,
      bit: 1 << index,
      allowedIn: { client: bitsOf(rule.fromClient), server: bitsOf(rule.fromServer) },
      repeatsIn: bitsOf(rule.repeatsIn ?? [])
    }
  }
  return byIdentifier
})()

/** Returns the bit of the property it has read. */
const readProperty = (
  reader: Reader,
  properties: MutableProperties,
  seen: Bits,
  place: Properties.PropertyPlace,
  placeBit: Bits,
  sender: Sender
): Bits => {
  const identifier = reader.variableByteInteger("a Property Identifier")
  if (reader.failure !== undefined) return 0
  const entry = entries[identifier]
  if (entry === undefined) {
    reader.fail(labels.property, 0x81, `There is no property with the identifier ${identifier}`)
    return 0
  }
  const { bit, name, rule } = entry
  if ((entry.allowedIn[sender] & placeBit) === 0) {
    failMisplaced(reader, name, place, sender)
    return 0
  }
  const isAgain = (seen & bit) !== 0
  if (isAgain && (entry.repeatsIn & placeBit) === 0) {
    reader.fail(labels.property, 0x82, `${name} appears more than once in ${place}`)
    return 0
  }
  const value = readValue(reader, name, rule)
  if (reader.flaw !== undefined) {
    leaveOut(reader, name, reader.flaw)
    return bit
  }
  if (rule.repeatsIn === undefined) properties[name] = value
  else if (properties[name] === undefined) properties[name] = [value]
  else (properties[name] as Array<Value>).push(value)
  return bit
}

/** Noted once for each name, however often the property occurs. */
const leaveOut = (reader: Reader, name: Properties.PropertyName, description: string): void => {
  const leftOut: Array<MalformedProperty> = reader.leftOut ??= []
  if (!leftOut.some((property) => property.name === name)) leftOut.push({ name, description })
  reader.flaw = undefined
}

const failMisplaced = (
  reader: Reader,
  name: Properties.PropertyName,
  place: Properties.PropertyPlace,
  sender: Sender
): void => {
  const { label, reasonCode } = misplaced[`${name} in ${place}`] ?? { label: labels.property, reasonCode: 0x81 }
  reader.fail(label, reasonCode, `${name} is not allowed in ${place} from a ${sender}`)
}

/** A property in the wrong packet makes the packet malformed, but these have a rule of their own. */
const misplaced: { readonly [where: string]: { readonly label: Label; readonly reasonCode: number } } = {
  "subscriptionIdentifiers in Publish": { label: labels.subscriptionIdentifierFromClient, reasonCode: 0x82 },
  "sessionExpiryInterval in Disconnect": { label: labels.sessionExpiryFromServer, reasonCode: 0x82 }
}

const readValue = (reader: Reader, name: Properties.PropertyName, rule: Properties.PropertyRule): Value => {
  switch (rule.type) {
    case "flag":
      return readFlag(reader, name)
    case "uint16":
      return notZero(reader, name, rule, reader.uint16(name))
    case "uint32":
      return notZero(reader, name, rule, reader.uint32(name))
    case "variableByteInteger":
      return notZero(reader, name, rule, reader.variableByteInteger(name))
    case "string":
      return rule.topicName === true ? readResponseTopic(reader, name) : reader.string(name)
    case "binary":
      return reader.binary(name)
    case "pair":
      return [reader.string(name), reader.string(name)]
  }
}

const readFlag = (reader: Reader, name: Properties.PropertyName): number => {
  const value = reader.uint8(name)
  if (value > 1) reader.wrong(labels.property, 0x82, `${name} is ${value} and not 0 or 1`)
  return value
}

const notZero = (
  reader: Reader,
  name: Properties.PropertyName,
  rule: Properties.PropertyRule,
  value: number
): number => {
  if (value !== 0) return value
  if (name === "topicAlias") reader.fail(labels.topicAliasZero, 0x94, `${name} is 0`)
  else if (rule.nonZero === true) reader.fail(labels.property, 0x82, `${name} is 0`)
  return value
}

const readResponseTopic = (reader: Reader, name: Properties.PropertyName): string => {
  const topic = reader.string(name)
  if (Topic.hasWildcard(topic)) reader.wrong(labels.responseTopic, 0x81, `${name} contains a wildcard`)
  if (topic === "") reader.wrong(labels.topicEmpty, 0x82, `${name} is empty`)
  return topic
}

/** Sections 3.1.2.11.10 and 3.2.2.3.18. */
const checkMethod = (reader: Reader, properties: MutableProperties): void => {
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    reader.fail(labels.authenticationMethod, 0x82, "There is Authentication Data without an Authentication Method")
  }
}
