/**
 * Valid packets at random, every type of both versions and both senders, drawn from the tables of the source.
 */
import * as Packet from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import * as ReasonCode from "../../src/protocol/ReasonCode.ts"
import { versions } from "../support/versions.ts"
import type { Random } from "./Random.ts"

export interface Case {
  readonly type: Packet.PacketType
  readonly version: Packet.ProtocolVersion
  readonly sender: Packet.Sender
}

const senders = ["client", "server"] as const

export const types = Object.keys(Packet.rules) as ReadonlyArray<Packet.PacketType>

/** Who may send what in which version. */
export const cases: ReadonlyArray<Case> = versions.flatMap((version) =>
  senders.flatMap((sender) =>
    types
      .filter((type) =>
        Packet.rules[type].sentBy.includes(sender) && Packet.rules[type].versions.includes(version) &&
        !(type === "Disconnect" && sender === "server" && version === "3.1.1")
      )
      .map((type) => ({ type, version, sender }))
  )
)

export const packet = (random: Random, { sender, type, version }: Case): Packet.Packet => {
  const propertiesIn = (place: Properties.PropertyPlace): Properties.Properties =>
    version === "3.1.1" ? Properties.none : properties(random, place, sender)
  switch (type) {
    case "Connect":
      return connect(random, version)
    case "Connack":
      return {
        _tag: type,
        sessionPresent: random.chance(0.5),
        reasonCode: version === "5.0" ? random.pick(reasonCodes(type, sender)) : random.pick(connectReturnCodes),
        properties: propertiesIn(type)
      }
    case "Publish":
      return publish(random, version, sender)
    case "Puback":
    case "Pubrec":
    case "Pubrel":
    case "Pubcomp":
      return {
        _tag: type,
        packetIdentifier: identifier(random),
        reasonCode: version === "5.0" ? random.pick(reasonCodes(type, sender)) : 0,
        properties: propertiesIn(type)
      }
    case "Subscribe":
      return {
        _tag: type,
        packetIdentifier: identifier(random),
        subscriptions: several(random, 1, () => subscription(random, version)),
        properties: propertiesIn(type)
      }
    case "Suback":
    case "Unsuback":
      return {
        _tag: type,
        packetIdentifier: identifier(random),
        reasonCodes: type === "Unsuback" && version === "3.1.1"
          ? []
          : several(random, 1, () => random.pick(version === "5.0" ? reasonCodes(type, sender) : [0, 1, 2, 0x80])),
        properties: propertiesIn(type)
      }
    case "Unsubscribe":
      return {
        _tag: type,
        packetIdentifier: identifier(random),
        topicFilters: several(random, 1, () => topicFilter(random, version)),
        properties: propertiesIn(type)
      }
    case "Pingreq":
      return { _tag: type }
    case "Pingresp":
      return { _tag: type }
    case "Disconnect":
      return {
        _tag: type,
        reasonCode: version === "5.0" ? random.pick(reasonCodes(type, sender)) : 0,
        properties: propertiesIn(type)
      }
    case "Auth":
      return auth(random, sender)
  }
}

const connect = (random: Random, version: Packet.ProtocolVersion): Packet.Connect => {
  const username = random.chance(0.5) ? string(random) : undefined
  const hasPassword = random.chance(0.5) && (version === "5.0" || username !== undefined)
  const clientId = string(random)
  return {
    _tag: "Connect",
    protocolVersion: version,
    cleanStart: random.chance(0.5) || (version === "3.1.1" && clientId === ""),
    keepAlive: uint(random, 65_535),
    clientId,
    will: random.chance(0.5) ? will(random, version) : undefined,
    username,
    password: hasPassword ? binary(random) : undefined,
    properties: version === "5.0" ? properties(random, "Connect", "client") : Properties.none
  }
}

const will = (random: Random, version: Packet.ProtocolVersion): Packet.Will => ({
  topic: topicName(random),
  payload: binary(random),
  qos: qos(random),
  retain: random.chance(0.5),
  properties: version === "5.0" ? properties(random, "Will", "client") : Properties.none
})

const publish = (random: Random, version: Packet.ProtocolVersion, sender: Packet.Sender): Packet.Publish => {
  const level = qos(random)
  const all = version === "5.0" && random.chance(0.7) ? properties(random, "Publish", sender) : Properties.none
  return {
    _tag: "Publish",
    topic: all.topicAlias !== undefined && random.chance(0.5) ? "" : topicName(random),
    payload: random.chance(0.01) ? new Uint8Array(random.integer(16_000, 70_000)).fill(1) : binary(random),
    qos: level,
    retain: random.chance(0.5),
    dup: level !== 0 && random.chance(0.5),
    packetIdentifier: level === 0 ? 0 : identifier(random),
    properties: all
  }
}

const subscription = (random: Random, version: Packet.ProtocolVersion): Packet.Subscription => {
  const filter = topicFilter(random, version)
  const is50 = version === "5.0"
  return {
    topicFilter: filter,
    qos: qos(random),
    noLocal: is50 && !filter.startsWith("$share/") && random.chance(0.5),
    retainAsPublished: is50 && random.chance(0.5),
    retainHandling: is50 ? random.pick([0, 1, 2] as const) : 0
  }
}

const auth = (random: Random, sender: Packet.Sender): Packet.Auth => {
  const reasonCode = random.pick(reasonCodes("Auth", sender))
  if (reasonCode === 0 && random.chance(0.3)) return { _tag: "Auth", reasonCode, properties: Properties.none }
  const all = { ...properties(random, "Auth", sender), authenticationMethod: string(random) }
  return { _tag: "Auth", reasonCode, properties: all }
}

// -- Parts ------------------------------------------------------------------------------------------------------------

export const connectReturnCodes = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87]

const everyCode = Array.from({ length: 256 }, (_, code) => code)

/** The Reason Codes of 5.0. */
export const reasonCodes = (type: Packet.PacketType, sender: Packet.Sender): ReadonlyArray<number> => {
  if (type === "Auth") return sender === "client" ? [0x18, 0x19] : [0x00, 0x18]
  if (type !== "Disconnect") return everyCode.filter((code) => ReasonCode.isAllowedIn(code, type, "5.0"))
  return everyCode.filter((code) =>
    sender === "client"
      ? ReasonCode.isAllowedInDisconnectFromClient(code)
      : ReasonCode.isAllowedInDisconnectFromServer(code)
  )
}

const several = <A>(random: Random, minimum: number, make: () => A): Array<A> =>
  Array.from({ length: random.integer(minimum, minimum + 3) }, make)

const identifier = (random: Random): number => random.pick([1, 255, 256, 65_535, random.integer(1, 65_535)])

const qos = (random: Random): Packet.Qos => random.pick([0, 1, 2] as const)

const uint = (random: Random, maximum: number): number =>
  random.pick([0, 1, 127, 128, 255, 256, 16_383, 16_384, 65_535, maximum, random.integer(0, maximum)])
  % (maximum + 1)

const alphabet = [
  "a",
  "Z",
  "0",
  " ",
  "/",
  "$",
  "\u0001",
  "\u007f",
  "é",
  "߿",
  "ࠀ",
  "漢",
  "\uFEFF",
  "\uFFFF",
  "😀",
  "\u{10FFFF}"
]

const string = (random: Random): string => {
  if (random.chance(0.6)) {
    return random.pick(["", "a", "sensor", "__proto__", "constructor", "x".repeat(127), "y".repeat(128)])
  }
  if (random.chance(0.002)) return "z".repeat(65_535)
  return several(random, random.integer(0, 12), () => random.pick(alphabet)).join("")
}

const topicName = (random: Random): string => {
  const name = random.chance(0.5) ? random.pick(["a/b", "/", "site/1/temperature", "$SYS/x"]) : string(random)
  return name === "" ? "/" : name
}

const topicFilter = (random: Random, version: Packet.ProtocolVersion): string => {
  const filter = random.chance(0.5) ? topicName(random) : random.pick(["#", "+", "+/a/#", "a/+/b", "/+", "$SYS/#"])
  if (version === "5.0" && filter.startsWith("$share/")) return "a"
  return version === "5.0" && filter.length < 1_000 && random.chance(0.2) ? `$share/group/${filter}` : filter
}

const binary = (random: Random): Uint8Array =>
  random.bytes(random.pick([0, 1, 2, random.integer(3, 40), random.chance(0.05) ? 200 : 64]))

/** Any selection of the properties that the table allows in this place from this sender. */
export const properties = (
  random: Random,
  place: Properties.PropertyPlace,
  sender: Packet.Sender
): Properties.Properties => {
  if (random.chance(0.2)) return Properties.none
  const probability = random.pick([0.1, 0.3, 1])
  const chosen: Record<string, unknown> = {}
  for (const name of Object.keys(Properties.rules) as ReadonlyArray<Properties.PropertyName>) {
    const rule = Properties.rules[name]
    const places = sender === "client" ? rule.fromClient : rule.fromServer
    if (!places.includes(place) || !random.chance(probability)) continue
    if (name === "authenticationData" && chosen["authenticationMethod"] === undefined) continue
    chosen[name] = rule.repeatsIn === undefined
      ? propertyValue(random, rule)
      : several(random, 1, () => propertyValue(random, rule)).slice(0, rule.repeatsIn.includes(place) ? 9 : 1)
  }
  return chosen as Properties.Properties
}

const propertyValue = (random: Random, rule: Properties.PropertyRule): unknown => {
  const minimum = rule.nonZero === true || rule.identifier === Properties.rules.topicAlias.identifier ? 1 : 0
  switch (rule.type) {
    case "flag":
      return random.integer(0, 1)
    case "uint16":
      return Math.max(minimum, uint(random, 65_535))
    case "uint32":
      return Math.max(minimum, uint(random, 4_294_967_295))
    case "variableByteInteger":
      return Math.max(minimum, random.pick([1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]))
    case "string":
      return rule.topicName === true ? topicName(random) : string(random)
    case "binary":
      return binary(random)
    case "pair":
      return [string(random), string(random)]
  }
}

// -- Comparing --------------------------------------------------------------------------------------------------------

/** Deep equality that is fast enough for hundreds of thousands of packets: absent and `undefined` are the same. */
export const isSame = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  for (const key of Object.keys(left)) {
    if (!isSame(left[key], right[key])) return false
  }
  for (const key of Object.keys(right)) {
    if (right[key] !== undefined && left[key] === undefined) return false
  }
  return Array.isArray(a) === Array.isArray(b)
}
