/**
 * `mqtt-packet`, the codec of MQTT.js, and our packets in its words, to compare the two.
 */
import mqttPacket from "mqtt-packet"
import { Buffer } from "node:buffer"
import type { Packet, ProtocolVersion } from "../../src/protocol/Packet.ts"
import type { Properties } from "../../src/protocol/Properties.ts"
import * as ReasonCode from "../../src/protocol/ReasonCode.ts"

export type PeerPacket = { readonly [field: string]: unknown }

const level = (version: ProtocolVersion): 4 | 5 => version === "5.0" ? 5 : 4

/** The packets it takes from the bytes, or `undefined` when it refuses them, throws, or waits for more. */
export const decode = (bytes: Uint8Array, version: ProtocolVersion): ReadonlyArray<PeerPacket> | undefined => {
  const parser = mqttPacket.parser({ protocolVersion: level(version) })
  const packets: Array<PeerPacket> = []
  let failed = false
  parser.on("packet", (packet) => {
    packets.push({ ...packet })
  })
  parser.on("error", () => {
    failed = true
  })
  try {
    const rest = parser.parse(Buffer.from(bytes))
    return failed || rest > 0 ? undefined : packets
  } catch {
    return undefined
  }
}

/** The bytes it makes, or `undefined` when it refuses. */
export const encode = (packet: PeerPacket, version: ProtocolVersion): Uint8Array | undefined => {
  try {
    const bytes = mqttPacket.generate(packet as never, { protocolVersion: level(version) } as never)
    return Uint8Array.from(bytes)
  } catch {
    return undefined
  }
}

const names: { readonly [name: string]: string } = {
  maximumQos: "maximumQoS",
  subscriptionIdentifiers: "subscriptionIdentifier",
  subscriptionIdentifierAvailable: "subscriptionIdentifiersAvailable"
}

const booleans = new Set([
  "payloadFormatIndicator",
  "requestProblemInformation",
  "requestResponseInformation",
  "retainAvailable",
  "wildcardSubscriptionAvailable",
  "subscriptionIdentifierAvailable",
  "sharedSubscriptionAvailable"
])

const propertiesOf = (properties: Properties): PeerPacket | undefined => {
  const entries = Object.entries(properties).map(([name, value]): [string, unknown] => {
    if (name === "userProperties") return [name, userPropertiesOf(value)]
    if (name === "subscriptionIdentifiers") return [names[name], value.length === 1 ? value[0] : value]
    return [names[name] ?? name, booleans.has(name) ? value === 1 : value]
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** It keeps an object: order between names is lost, and a value comes after an empty one of its name in its place. */
const userPropertiesOf = (pairs: ReadonlyArray<readonly [string, string]>): unknown => {
  const byName: Record<string, string | Array<string>> = Object.create(null)
  for (const [name, value] of pairs) {
    const earlier = byName[name]
    if (!earlier) byName[name] = value
    else if (Array.isArray(earlier)) earlier.push(value)
    else byName[name] = [earlier, value]
  }
  return byName
}

/** The packet as `mqtt-packet` shows it. */
export const fromOurs = (packet: Packet, version: ProtocolVersion): PeerPacket => {
  const shared = {
    cmd: packet._tag.toLowerCase(),
    properties: "properties" in packet ? propertiesOf(packet.properties) : undefined,
    ...("packetIdentifier" in packet && packet.packetIdentifier !== 0 ? { messageId: packet.packetIdentifier } : {})
  }
  const is50 = version === "5.0"
  switch (packet._tag) {
    case "Connect":
      return {
        ...shared,
        protocolId: "MQTT",
        protocolVersion: level(packet.protocolVersion),
        clean: packet.cleanStart,
        keepalive: packet.keepAlive,
        clientId: packet.clientId,
        will: packet.will === undefined ? undefined : {
          ...packet.will,
          payload: Buffer.from(packet.will.payload),
          properties: propertiesOf(packet.will.properties)
        },
        username: packet.username,
        password: packet.password
      }
    case "Connack":
      return {
        ...shared,
        sessionPresent: packet.sessionPresent,
        ...(is50
          ? { reasonCode: packet.reasonCode }
          : { returnCode: ReasonCode.toConnectReturnCode(packet.reasonCode) })
      }
    case "Publish":
      return {
        ...shared,
        topic: packet.topic,
        payload: Buffer.from(packet.payload),
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup
      }
    case "Puback":
    case "Pubrec":
    case "Pubrel":
    case "Pubcomp":
    case "Disconnect":
    case "Auth":
      return { ...shared, ...(is50 ? { reasonCode: packet.reasonCode } : {}) }
    case "Subscribe":
      return {
        ...shared,
        subscriptions: packet.subscriptions.map((subscription) => ({
          topic: subscription.topicFilter,
          qos: subscription.qos,
          ...(is50
            ? { nl: subscription.noLocal, rap: subscription.retainAsPublished, rh: subscription.retainHandling }
            : {})
        }))
      }
    case "Suback":
      return { ...shared, granted: packet.reasonCodes }
    case "Unsuback":
      return { ...shared, ...(is50 ? { granted: packet.reasonCodes } : {}) }
    case "Unsubscribe":
      return { ...shared, unsubscriptions: packet.topicFilters }
    case "Pingreq":
    case "Pingresp":
      return shared
  }
}

/** The fields of its packet that say something in our words: the rest are its own or those of other packets. */
export const relevant = (packet: PeerPacket, like: PeerPacket): PeerPacket => {
  const chosen: Record<string, unknown> = {}
  for (const field of [...Object.keys(like), "properties", "messageId", "will", "username", "password"]) {
    chosen[field] = packet[field] ?? undefined
  }
  return chosen
}
