/**
 * Control Packets to bytes: a pooled buffer that is written once and handed out in views.
 *
 * Packets are checked before anything is written and errors are values; what a connection's state forbids is not
 * checked here. MQTT 5.0 and 3.1.1, sections 2 and 3.
 *
 * @since 0.1.0
 */
import { labels } from "./Labels.ts"
import * as Packet from "./Packet.ts"
import * as Properties from "./Properties.ts"
import type { InvalidPacket } from "./ProtocolError.ts"
import { invalidPacket } from "./ProtocolError.ts"
import * as ReasonCode from "./ReasonCode.ts"
import * as Utf8 from "./Utf8.ts"
import * as Validity from "./Validity.ts"
import * as VariableByteInteger from "./VariableByteInteger.ts"

/**
 * The version and whose packets they are.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = Validity.Options

/**
 * @since 0.1.0
 * @category models
 */
export interface Encoder {
  /**
   * Appends one packet, or says why it cannot be written; then nothing was written.
   *
   * A payload of 16 KiB or more is not copied: it leaves as a chunk of its own, so it must not be modified until its
   * publish completes. An acknowledgement, DISCONNECT or AUTH that is too large for the peer loses its User Properties
   * and then its Reason String before it is refused (`[MQTT-3.4.2-2]`, `[MQTT-3.14.2-3]` and their like).
   */
  readonly encode: (packet: Packet.Packet) => InvalidPacket | undefined
  /** All that was encoded since the last call, in order. These bytes are never written to again. */
  readonly take: () => Array<Uint8Array>
  /** Bytes encoded and not yet taken. */
  readonly pendingBytes: () => number
  /** The peer's Maximum Packet Size (5.0), once known. */
  readonly setMaximumPacketSize: (bytes: number) => void
}

/** What four length bytes can say, with the fixed header. */
const largestPacket = VariableByteInteger.maximum + 5

/**
 * What a turn begins with and what it goes on with when that is full: with 64 KiB from the start, they would be half of
 * what an idle client holds.
 */
const smallBuffer = 1024
const largeBuffer = 65_536

/** Of the one property that a common PUBLISH may have. */
const topicAliasSize = 3

/** From here on handing out a payload by reference costs less than copying it. */
const byReferenceFrom = 16_384

const noBytes = new Uint8Array(0)

/**
 * An encoder for one network connection: what was not taken when it ends must not go out on the next.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Encoder => {
  const { protocolVersion } = options
  const is50 = protocolVersion === "5.0"
  const topics = makeTopicCache()
  let maximumPacketSize = largestPacket
  let chunks: Array<Uint8Array> = []
  let chunksLength = 0
  // The buffer: handed out before `start`, encoded up to `position`, free after it.
  let buffer: Uint8Array = noBytes
  let start = 0
  let position = 0

  /** Ends the view that is being written. */
  const endView = (): void => {
    if (position === start) return
    chunks.push(buffer.subarray(start, position))
    chunksLength += position - start
    start = position
  }

  /** Makes room for `size` bytes in one piece. */
  const reserve = (size: number): void => {
    if (buffer.length - position >= size) return
    if (position - start > smallBuffer) endView()
    // So little is copied, so that a turn leaves in one piece as far as it can.
    const begun = buffer.subarray(start, position)
    const needed = begun.length + size
    buffer = new Uint8Array(needed <= smallBuffer ? smallBuffer : Math.max(needed, largeBuffer))
    start = 0
    position = writeBytes(buffer, 0, begun)
  }

  const appendPayload = (payload: Uint8Array): void => {
    if (payload.length < byReferenceFrom) {
      position = writeBytes(buffer, position, payload)
      return
    }
    endView()
    chunks.push(payload)
    chunksLength += payload.length
  }

  /** The common PUBLISH: a topic that was checked before, valid fields, at most a Topic Alias. Says whether it was written. */
  const encodePlainPublish = (packet: Packet.Publish): boolean => {
    const { packetIdentifier, payload, qos } = packet
    if (qos === 0 ? packetIdentifier !== 0 || packet.dup : !isPlainIdentifier(packetIdentifier, qos)) return false
    const alias = packet.properties.topicAlias ?? 0
    const topic = alias !== 0 && packet.topic === "" ? noBytes : topics.get(packet.topic)
    if (topic === undefined || !isBytes(payload)) return false
    const properties = alias === 0 ? 0 : topicAliasSize
    const remaining = topic.length + (qos === 0 ? 2 : 4) + (is50 ? 1 + properties : 0) + payload.length
    const size = withHeader(remaining)
    if (size > maximumPacketSize) return false
    reserve(payload.length < byReferenceFrom ? size : size - payload.length)
    let offset = position
    const target = buffer
    target[offset++] = 0x30 | (packet.dup ? 8 : 0) | (qos << 1) | (packet.retain ? 1 : 0)
    offset = VariableByteInteger.write(target, offset, remaining)
    target[offset++] = topic.length >> 8
    target[offset++] = topic.length
    offset = writeBytes(target, offset, topic)
    if (qos !== 0) {
      target[offset++] = packetIdentifier >> 8
      target[offset++] = packetIdentifier
    }
    if (is50) target[offset++] = properties
    if (alias !== 0) {
      target[offset++] = Properties.rules.topicAlias.identifier
      offset = writeUint16(target, offset, alias)
    }
    position = offset
    appendPayload(payload)
    return true
  }

  /** PUBACK, PUBREC, PUBREL and PUBCOMP in their four bytes. Says whether it was written. */
  const encodePlainAcknowledgement = (packet: Acknowledgement): boolean => {
    const { packetIdentifier } = packet
    if (packet.reasonCode !== 0 || maximumPacketSize < 4 || !isPlainIdentifier(packetIdentifier, 1)) return false
    reserve(4)
    buffer[position] = firstByteOf(packet)
    buffer[position + 1] = 2
    buffer[position + 2] = packetIdentifier >> 8
    buffer[position + 3] = packetIdentifier
    position += 4
    return true
  }

  const isPlain = (properties: Properties.Properties): boolean =>
    properties === Properties.none || (is50 && Properties.isOnlyTopicAlias(properties))

  const encodePlain = (packet: Packet.Packet): boolean => {
    switch (packet._tag) {
      case "Publish":
        return isPlain(packet.properties) && encodePlainPublish(packet)
      case "Puback":
      case "Pubrec":
      case "Pubrel":
      case "Pubcomp":
        return packet.properties === Properties.none && encodePlainAcknowledgement(packet)
      default:
        return false
    }
  }

  const encodeChecked = (packet: Packet.Packet): InvalidPacket | undefined => {
    const invalid = Validity.check(packet, options)
    if (invalid !== undefined) return invalid
    const fitting = fit(packet, protocolVersion, maximumPacketSize)
    const remaining = remainingLengthOf(fitting, protocolVersion)
    const size = withHeader(remaining)
    if (size > maximumPacketSize) return tooLarge(fitting, size, protocolVersion, maximumPacketSize)
    const payload = fitting._tag === "Publish" ? fitting.payload : noBytes
    reserve(payload.length < byReferenceFrom ? size : size - payload.length)
    position = writeUpToPayload(buffer, position, fitting, remaining, protocolVersion)
    appendPayload(payload)
    if (fitting._tag === "Publish" && fitting.topic !== "") topics.add(fitting.topic)
    return undefined
  }

  return {
    encode: (packet) => encodePlain(packet) ? undefined : encodeChecked(packet),
    take: () => {
      endView()
      const taken = chunks
      chunks = []
      chunksLength = 0
      return taken
    },
    pendingBytes: () => chunksLength + position - start,
    setMaximumPacketSize: (bytes) => {
      maximumPacketSize = Math.min(bytes, largestPacket)
    }
  }
}

/**
 * One packet as bytes of its own, for tests and tools.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toBytes = (packet: Packet.Packet, options: Options): Uint8Array | InvalidPacket => {
  const invalid = Validity.check(packet, options)
  if (invalid !== undefined) return invalid
  const { protocolVersion } = options
  const remaining = remainingLengthOf(packet, protocolVersion)
  const size = withHeader(remaining)
  if (size > largestPacket) return tooLarge(packet, size, protocolVersion, largestPacket)
  const bytes = new Uint8Array(size)
  const offset = writeUpToPayload(bytes, 0, packet, remaining, protocolVersion)
  if (packet._tag === "Publish") bytes.set(packet.payload, offset)
  return bytes
}

// ---------------------------------------------------------------------------------------------------------------------
// What is too large
// ---------------------------------------------------------------------------------------------------------------------

type WithDroppableProperties = Acknowledgement | Packet.Disconnect | Packet.Auth

/**
 * The packet without what it may do without: User Properties first, then the Reason String. `[MQTT-3.4.2-2]`,
 * `[MQTT-3.4.2-3]`, the same of PUBREC, PUBREL and PUBCOMP, `[MQTT-3.14.2-3]`, `[MQTT-3.14.2-4]`, `[MQTT-3.15.2-2]`,
 * `[MQTT-3.15.2-3]`.
 */
const fit = (packet: Packet.Packet, version: Packet.ProtocolVersion, maximumPacketSize: number): Packet.Packet => {
  if (!hasDroppableProperties(packet) || sizeOf(packet, version) <= maximumPacketSize) return packet
  const { userProperties: _userProperties, ...withoutUserProperties } = packet.properties
  const shorter = { ...packet, properties: withoutUserProperties }
  if (sizeOf(shorter, version) <= maximumPacketSize) return shorter
  const { reasonString: _reasonString, ...withoutReasonString } = withoutUserProperties
  return { ...packet, properties: withoutReasonString }
}

const hasDroppableProperties = (packet: Packet.Packet): packet is WithDroppableProperties =>
  packet._tag === "Disconnect" || packet._tag === "Auth" || isAcknowledgement(packet)

const tooLarge = (
  packet: Packet.Packet,
  size: number,
  version: Packet.ProtocolVersion,
  maximumPacketSize: number
): InvalidPacket => {
  const field = packet._tag === "Publish" ? "payload" : "_tag"
  const message = `${packet._tag} takes ${size} bytes and the Maximum Packet Size is ${maximumPacketSize}; send less`
  return invalidPacket(version, labels.maximumPacketSizeSent[version], field, message)
}

// ---------------------------------------------------------------------------------------------------------------------
// Sizes
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The size on the wire of a valid packet, fixed header counted.
 *
 * @since 0.1.0
 * @category sizes
 */
export const sizeOf = (packet: Packet.Packet, protocolVersion: Packet.ProtocolVersion): number =>
  withHeader(remainingLengthOf(packet, protocolVersion))

const withHeader = (remaining: number): number => 1 + VariableByteInteger.sizeOf(remaining) + remaining

const remainingLengthOf = (packet: Packet.Packet, version: Packet.ProtocolVersion): number => {
  switch (packet._tag) {
    case "Connect":
      return connectLengthOf(packet, version)
    case "Connack":
      return 2 + propertiesSizeOf(packet.properties, version)
    case "Publish":
      return stringSizeOf(packet.topic) + (packet.qos === 0 ? 0 : 2) + propertiesSizeOf(packet.properties, version) +
        packet.payload.length
    case "Puback":
    case "Pubrec":
    case "Pubrel":
    case "Pubcomp":
      return 2 + reasonSizeOf(packet, version)
    case "Subscribe": {
      let size = 2 + propertiesSizeOf(packet.properties, version)
      for (const { topicFilter } of packet.subscriptions) size += stringSizeOf(topicFilter) + 1
      return size
    }
    case "Unsubscribe": {
      let size = 2 + propertiesSizeOf(packet.properties, version)
      for (const topicFilter of packet.topicFilters) size += stringSizeOf(topicFilter)
      return size
    }
    case "Suback":
    case "Unsuback":
      return 2 + propertiesSizeOf(packet.properties, version) + packet.reasonCodes.length
    case "Pingreq":
    case "Pingresp":
      return 0
    case "Disconnect":
    case "Auth":
      return reasonSizeOf(packet, version)
  }
}

const connectLengthOf = (packet: Packet.Connect, version: Packet.ProtocolVersion): number => {
  const { clientId, password, properties, username, will } = packet
  return 10 + propertiesSizeOf(properties, version) + stringSizeOf(clientId) +
    (will === undefined
      ? 0
      : propertiesSizeOf(will.properties, version) + stringSizeOf(will.topic) + binarySizeOf(will.payload)) +
    (username === undefined ? 0 : stringSizeOf(username)) +
    (password === undefined ? 0 : binarySizeOf(password))
}

const stringSizeOf = (text: string): number => 2 + Utf8.byteLength(text)

const binarySizeOf = (bytes: Uint8Array): number => 2 + bytes.length

/** Reason Code and properties of a packet that may end before them when they say nothing, `[MQTT-2.2.2-1]`. */
const reasonSizeOf = (packet: WithReason, version: Packet.ProtocolVersion): number => {
  if (version === "3.1.1") return 0
  const length = propertiesLengthOf(packet.properties)
  if (length > 0) return 1 + VariableByteInteger.sizeOf(length) + length
  return packet.reasonCode === 0 ? 0 : 1
}

/** Property Length and the properties; nothing in 3.1.1. */
const propertiesSizeOf = (properties: Properties.Properties, version: Packet.ProtocolVersion): number => {
  if (version === "3.1.1") return 0
  const length = propertiesLengthOf(properties)
  return VariableByteInteger.sizeOf(length) + length
}

const propertiesLengthOf = (properties: Properties.Properties): number => {
  if (properties === Properties.none) return 0
  let length = 0
  for (const name of Object.keys(properties) as Array<Properties.PropertyName>) {
    const value: PropertyValue | undefined = properties[name]
    if (value === undefined) continue
    const { repeatsIn, type } = Properties.rules[name]
    if (repeatsIn === undefined) length += 1 + valueSizeOf(type, value)
    else for (const each of value as ReadonlyArray<PropertyValue>) length += 1 + valueSizeOf(type, each)
  }
  return length
}

// ---------------------------------------------------------------------------------------------------------------------
// Property values
// ---------------------------------------------------------------------------------------------------------------------

/** `Validity` has made sure that each value is what its row of the table says. */
type PropertyValue = NonNullable<Properties.Properties[Properties.PropertyName]> | Properties.UserProperty

interface ValueFormat {
  readonly sizeOf: (value: never) => number
  readonly write: (target: Uint8Array, offset: number, value: never) => number
}

const valueFormats: { readonly [Type in Properties.PropertyType]: ValueFormat } = {
  flag: {
    sizeOf: () => 1,
    write: (target, offset, value: number) => {
      target[offset] = value
      return offset + 1
    }
  },
  uint16: { sizeOf: () => 2, write: (target, offset, value: number) => writeUint16(target, offset, value) },
  uint32: {
    sizeOf: () => 4,
    write: (target, offset, value: number) => writeUint16(target, writeUint16(target, offset, value >>> 16), value)
  },
  variableByteInteger: { sizeOf: VariableByteInteger.sizeOf, write: VariableByteInteger.write },
  string: {
    sizeOf: (value: string) => stringSizeOf(value),
    write: (target, offset, value: string) => writeString(target, offset, value)
  },
  binary: {
    sizeOf: (value: Uint8Array) => binarySizeOf(value),
    write: (target, offset, value: Uint8Array) => writeBinary(target, offset, value)
  },
  pair: {
    sizeOf: ([name, value]: Properties.UserProperty) => stringSizeOf(name) + stringSizeOf(value),
    write: (target, offset, [name, value]: Properties.UserProperty) =>
      writeString(target, writeString(target, offset, name), value)
  }
}

const valueSizeOf = (type: Properties.PropertyType, value: PropertyValue): number =>
  valueFormats[type].sizeOf(value as never)

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------

type Acknowledgement = Packet.Puback | Packet.Pubrec | Packet.Pubrel | Packet.Pubcomp
type WithReason = Acknowledgement | Packet.Disconnect | Packet.Auth

const isAcknowledgement = (packet: Packet.Packet): packet is Acknowledgement =>
  packet._tag === "Puback" || packet._tag === "Pubrec" || packet._tag === "Pubrel" || packet._tag === "Pubcomp"

/** Writes everything but the payload of a PUBLISH and returns the offset after it. */
const writeUpToPayload = (
  target: Uint8Array,
  start: number,
  packet: Packet.Packet,
  remaining: number,
  version: Packet.ProtocolVersion
): number => {
  target[start] = firstByteOf(packet)
  const offset = VariableByteInteger.write(target, start + 1, remaining)
  return writeBody(target, offset, packet, version, remaining)
}

const firstByteOf = (packet: Packet.Packet): number => {
  const { flags, value } = Packet.rules[packet._tag]
  return packet._tag === "Publish"
    ? (value << 4) | (packet.dup ? 8 : 0) | (packet.qos << 1) | (packet.retain ? 1 : 0)
    : (value << 4) | flags
}

const writeBody = (
  target: Uint8Array,
  start: number,
  packet: Packet.Packet,
  version: Packet.ProtocolVersion,
  remaining: number
): number => {
  switch (packet._tag) {
    case "Connect":
      return writeConnect(target, start, packet, version)
    case "Connack": {
      target[start] = packet.sessionPresent ? 1 : 0
      target[start + 1] = version === "5.0" ? packet.reasonCode : ReasonCode.toConnectReturnCode(packet.reasonCode)
      return writeProperties(target, start + 2, packet.properties, version)
    }
    case "Publish": {
      let offset = writeString(target, start, packet.topic)
      if (packet.qos !== 0) offset = writeUint16(target, offset, packet.packetIdentifier)
      return writeProperties(target, offset, packet.properties, version)
    }
    case "Puback":
    case "Pubrec":
    case "Pubrel":
    case "Pubcomp":
      return writeReason(target, writeUint16(target, start, packet.packetIdentifier), packet, version, remaining - 2)
    case "Subscribe": {
      let offset = writeUint16(target, start, packet.packetIdentifier)
      offset = writeProperties(target, offset, packet.properties, version)
      for (const subscription of packet.subscriptions) {
        offset = writeString(target, offset, subscription.topicFilter)
        target[offset++] = subscriptionOptionsOf(subscription)
      }
      return offset
    }
    case "Unsubscribe": {
      let offset = writeUint16(target, start, packet.packetIdentifier)
      offset = writeProperties(target, offset, packet.properties, version)
      for (const topicFilter of packet.topicFilters) offset = writeString(target, offset, topicFilter)
      return offset
    }
    case "Suback":
    case "Unsuback": {
      const offset = writeUint16(target, start, packet.packetIdentifier)
      return writeReasonCodes(target, writeProperties(target, offset, packet.properties, version), packet.reasonCodes)
    }
    case "Pingreq":
    case "Pingresp":
      return start
    case "Disconnect":
    case "Auth":
      return writeReason(target, start, packet, version, remaining)
  }
}

/** "MQTT" with its length. */
const protocolName = [0, 4, 0x4d, 0x51, 0x54, 0x54]

const writeConnect = (
  target: Uint8Array,
  start: number,
  packet: Packet.Connect,
  version: Packet.ProtocolVersion
): number => {
  const { clientId, password, properties, username, will } = packet
  target.set(protocolName, start)
  let offset = start + protocolName.length
  target[offset++] = version === "5.0" ? 5 : 4
  target[offset++] = connectFlagsOf(packet)
  offset = writeUint16(target, offset, packet.keepAlive)
  offset = writeProperties(target, offset, properties, version)
  offset = writeString(target, offset, clientId)
  if (will !== undefined) {
    offset = writeProperties(target, offset, will.properties, version)
    offset = writeString(target, offset, will.topic)
    offset = writeBinary(target, offset, will.payload)
  }
  if (username !== undefined) offset = writeString(target, offset, username)
  return password === undefined ? offset : writeBinary(target, offset, password)
}

const connectFlagsOf = ({ cleanStart, password, username, will }: Packet.Connect): number =>
  (username === undefined ? 0 : 0x80) |
  (password === undefined ? 0 : 0x40) |
  (will === undefined ? 0 : (will.retain ? 0x20 : 0) | (will.qos << 3) | 0x04) |
  (cleanStart ? 0x02 : 0)

const subscriptionOptionsOf = (subscription: Packet.Subscription): number =>
  (subscription.retainHandling << 4) | (subscription.retainAsPublished ? 8 : 0) | (subscription.noLocal ? 4 : 0) |
  subscription.qos

/** As much of Reason Code and properties as `reasonSizeOf` has left room for. */
const writeReason = (
  target: Uint8Array,
  offset: number,
  packet: WithReason,
  version: Packet.ProtocolVersion,
  size: number
): number => {
  if (size === 0) return offset
  target[offset] = packet.reasonCode
  return size === 1 ? offset + 1 : writeProperties(target, offset + 1, packet.properties, version)
}

const writeReasonCodes = (
  target: Uint8Array,
  offset: number,
  reasonCodes: ReadonlyArray<ReasonCode.ReasonCode>
): number => {
  target.set(reasonCodes, offset)
  return offset + reasonCodes.length
}

const writeProperties = (
  target: Uint8Array,
  start: number,
  properties: Properties.Properties,
  version: Packet.ProtocolVersion
): number => {
  if (version === "3.1.1") return start
  let offset = VariableByteInteger.write(target, start, propertiesLengthOf(properties))
  if (properties === Properties.none) return offset
  for (const name of Object.keys(properties) as Array<Properties.PropertyName>) {
    const value: PropertyValue | undefined = properties[name]
    if (value === undefined) continue
    const rule = Properties.rules[name]
    if (rule.repeatsIn === undefined) offset = writeProperty(target, offset, rule, value)
    else for (const each of value as ReadonlyArray<PropertyValue>) offset = writeProperty(target, offset, rule, each)
  }
  return offset
}

const writeProperty = (
  target: Uint8Array,
  offset: number,
  rule: Properties.PropertyRule,
  value: PropertyValue
): number => {
  target[offset] = rule.identifier
  return valueFormats[rule.type].write(target, offset + 1, value as never)
}

const writeUint16 = (target: Uint8Array, offset: number, value: number): number => {
  target[offset] = value >> 8
  target[offset + 1] = value
  return offset + 2
}

const writeString = (target: Uint8Array, offset: number, text: string): number => {
  const end = Utf8.write(target, offset + 2, text)
  writeUint16(target, offset, end - offset - 2)
  return end
}

const writeBinary = (target: Uint8Array, offset: number, bytes: Uint8Array): number =>
  writeBytes(target, writeUint16(target, offset, bytes.length), bytes)

/** Up to here a loop is faster than the call of `set`. */
const shortCopy = 32

const writeBytes = (target: Uint8Array, offset: number, bytes: Uint8Array): number => {
  const length = bytes.length
  if (length > shortCopy) target.set(bytes, offset)
  else for (let index = 0; index < length; index++) target[offset + index] = bytes[index]
  return offset + length
}

const isPlainIdentifier = (packetIdentifier: number, qos: number): boolean =>
  (packetIdentifier & 0xffff) === packetIdentifier && packetIdentifier !== 0 && (qos === 1 || qos === 2)

/** In the common case; `Validity` knows the others. */
const isBytes = (payload: Uint8Array): boolean => payload instanceof Uint8Array

// ---------------------------------------------------------------------------------------------------------------------
// Topics seen before
// ---------------------------------------------------------------------------------------------------------------------

interface TopicCache {
  /** The bytes of a Topic Name that was valid the last time. */
  readonly get: (topic: string) => Uint8Array | undefined
  readonly add: (topic: string) => void
}

const cachedTopics = 1_024

/** Longer names are encoded anew each time, so that the cache stays small whatever they are. */
const cachedTopicLength = 256

/** Most programs publish to few topics again and again: each is checked and encoded once. */
const makeTopicCache = (): TopicCache => {
  const encoded = new Map<string, Uint8Array>()
  let lastTopic = ""
  let lastBytes: Uint8Array | undefined = undefined
  return {
    get: (topic) => {
      if (topic === lastTopic) return lastBytes
      const bytes = encoded.get(topic)
      if (bytes !== undefined) {
        lastTopic = topic
        lastBytes = bytes
      }
      return bytes
    },
    add: (topic) => {
      if (topic.length > cachedTopicLength || encoded.has(topic)) return
      if (encoded.size === cachedTopics) encoded.clear()
      const bytes = new Uint8Array(Utf8.byteLength(topic))
      Utf8.write(bytes, 0, topic)
      encoded.set(topic, bytes)
    }
  }
}
