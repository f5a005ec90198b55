/**
 * Control Packets to bytes: a pooled buffer that is written once and handed out in views.
 *
 * A packet that cannot be written leaves nothing behind, and errors are values; what a connection's state forbids is
 * not checked here. MQTT 5.0 and 3.1.1, sections 2 and 3.
 *
 * @since 0.1.0
 */
import { labels } from "./Labels.ts"
import * as Packet from "./Packet.ts"
import * as Properties from "./Properties.ts"
import * as PropertyWriter from "./PropertyWriter.ts"
import type { InvalidPacket } from "./ProtocolError.ts"
import { invalidPacket } from "./ProtocolError.ts"
import * as ReasonCode from "./ReasonCode.ts"
import * as Topic from "./Topic.ts"
import * as Utf8 from "./Utf8.ts"
import * as Validity from "./Validity.ts"
import * as VariableByteInteger from "./VariableByteInteger.ts"
import * as Writer from "./Writer.ts"

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

/** Only PINGREQ is as short: the client is idle. */
const idleSize = 2

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
  const topics = makeTopicCache(protocolVersion)
  const publishFields = PropertyWriter.publishFields[options.sender]
  /** With the Property Length. */
  let lastPropertiesSize = 1
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

  const pendingBytes = (): number => chunksLength + position - start

  /** With a kilobyte for what it says next, an idle client would hold a twentieth more. */
  const giveBack = (): void => {
    buffer = noBytes
    start = position = 0
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
    position = Writer.bytes(buffer, 0, begun)
  }

  const appendPayload = (payload: Uint8Array): void => {
    if (payload.length < byReferenceFrom) {
      position = Writer.bytes(buffer, position, payload)
      return
    }
    endView()
    chunks.push(payload)
    chunksLength += payload.length
  }

  /**
   * Writes the properties of a PUBLISH where they belong, before what stands in front of them: it begins with how long
   * they are. Returns their size, or -1 when they cannot be written or there is no room for the packet.
   */
  const writePropertiesAhead = (properties: Properties.Properties, before: number, payload: Uint8Array): number => {
    // Mostly they are as long as the last ones and need not be moved.
    const expected = before + lastPropertiesSize + payload.length
    reserve(sizeInBuffer(expected, payload))
    const start = position + headerSizeOf(expected) + before
    const end = PropertyWriter.write(buffer, start, properties, publishFields)
    if (end < 0) return -1
    const size = end - start
    const remaining = before + size + payload.length
    if (buffer.length - position < sizeInBuffer(remaining, payload)) return -1
    const destination = position + headerSizeOf(remaining) + before
    if (destination !== start) buffer.copyWithin(destination, start, end)
    lastPropertiesSize = size
    return size
  }

  /** The common PUBLISH, in one go. Says whether it was written: what may be wrong with it is for `Validity` to say. */
  const encodePlainPublish = (packet: Packet.Publish): boolean => {
    const { packetIdentifier, payload, properties, qos } = packet
    if (qos === 0 ? packetIdentifier !== 0 || packet.dup : !isPlainIdentifier(packetIdentifier, qos)) return false
    const hasProperties = properties !== Properties.none
    if (!Validity.isBytes(payload) || (hasProperties && !is50)) return false
    const topic = packet.topic === "" && properties.topicAlias !== undefined ? noBytes : topics.bytesOf(packet.topic)
    if (topic === undefined) return false
    const before = topic.length + (qos === 0 ? 2 : 4)
    const propertiesSize = hasProperties ? writePropertiesAhead(properties, before, payload) : is50 ? 1 : 0
    const remaining = before + propertiesSize + payload.length
    if (propertiesSize < 0 || withHeader(remaining) > maximumPacketSize) return false
    reserve(sizeInBuffer(remaining, payload))
    const target = buffer
    target[position] = 0x30 | (packet.dup ? 8 : 0) | (qos << 1) | (packet.retain ? 1 : 0)
    let offset = VariableByteInteger.write(target, position + 1, remaining)
    offset = Writer.bytes(target, Writer.uint16(target, offset, topic.length), topic)
    if (qos !== 0) offset = Writer.uint16(target, offset, packetIdentifier)
    if (is50 && !hasProperties) target[offset] = 0
    position = offset + propertiesSize
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

  const encodePlain = (packet: Packet.Packet): boolean => {
    switch (packet._tag) {
      case "Publish":
        return encodePlainPublish(packet)
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
    reserve(sizeInBuffer(remaining, payload))
    writeUpToPayload(buffer, position, fitting, remaining, protocolVersion)
    position += size - payload.length
    appendPayload(payload)
    return undefined
  }

  return {
    encode: (packet) => encodePlain(packet) ? undefined : encodeChecked(packet),
    take: () => {
      const isIdle = pendingBytes() === idleSize
      endView()
      if (isIdle) giveBack()
      const taken = chunks
      chunks = []
      chunksLength = 0
      return taken
    },
    pendingBytes,
    setMaximumPacketSize: (bytes) => {
      maximumPacketSize = Math.min(bytes, largestPacket)
      // CONNECT has left, and what comes next may be long in coming.
      if (pendingBytes() === 0) giveBack()
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
  writeUpToPayload(bytes, 0, packet, remaining, protocolVersion)
  if (packet._tag === "Publish") bytes.set(packet.payload, size - packet.payload.length)
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

const headerSizeOf = (remaining: number): number => 1 + VariableByteInteger.sizeOf(remaining)

const withHeader = (remaining: number): number => headerSizeOf(remaining) + remaining

/** Without a payload that leaves by reference. */
const sizeInBuffer = (remaining: number, payload: Uint8Array): number =>
  withHeader(remaining) - (payload.length < byReferenceFrom ? 0 : payload.length)

const remainingLengthOf = (packet: Packet.Packet, version: Packet.ProtocolVersion): number => {
  switch (packet._tag) {
    case "Connect":
      return connectLengthOf(packet, version)
    case "Connack":
      return 2 + propertiesSizeOf(packet.properties, version)
    case "Publish":
      return Writer.sizeOfString(packet.topic) + (packet.qos === 0 ? 0 : 2) +
        propertiesSizeOf(packet.properties, version) +
        packet.payload.length
    case "Puback":
    case "Pubrec":
    case "Pubrel":
    case "Pubcomp":
      return 2 + reasonSizeOf(packet, version)
    case "Subscribe": {
      let size = 2 + propertiesSizeOf(packet.properties, version)
      for (const { topicFilter } of packet.subscriptions) size += Writer.sizeOfString(topicFilter) + 1
      return size
    }
    case "Unsubscribe": {
      let size = 2 + propertiesSizeOf(packet.properties, version)
      for (const topicFilter of packet.topicFilters) size += Writer.sizeOfString(topicFilter)
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
  return 10 + propertiesSizeOf(properties, version) + Writer.sizeOfString(clientId) +
    (will === undefined
      ? 0
      : propertiesSizeOf(will.properties, version) + Writer.sizeOfString(will.topic) +
        Writer.sizeOfBinary(will.payload)) +
    (username === undefined ? 0 : Writer.sizeOfString(username)) +
    (password === undefined ? 0 : Writer.sizeOfBinary(password))
}

/** Reason Code and properties of a packet that may end before them when they say nothing, `[MQTT-2.2.2-1]`. */
const reasonSizeOf = (packet: WithReason, version: Packet.ProtocolVersion): number => {
  if (version === "3.1.1") return 0
  const length = PropertyWriter.lengthOf(packet.properties)
  if (length > 0) return 1 + VariableByteInteger.sizeOf(length) + length
  return packet.reasonCode === 0 ? 0 : 1
}

/** Property Length and the properties; nothing in 3.1.1. */
const propertiesSizeOf = (properties: Properties.Properties, version: Packet.ProtocolVersion): number => {
  if (version === "3.1.1") return 0
  const length = PropertyWriter.lengthOf(properties)
  return VariableByteInteger.sizeOf(length) + length
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------

type Acknowledgement = Packet.Puback | Packet.Pubrec | Packet.Pubrel | Packet.Pubcomp
type WithReason = Acknowledgement | Packet.Disconnect | Packet.Auth

const isAcknowledgement = (packet: Packet.Packet): packet is Acknowledgement =>
  packet._tag === "Puback" || packet._tag === "Pubrec" || packet._tag === "Pubrel" || packet._tag === "Pubcomp"

/** Writes everything but the payload of a PUBLISH. */
const writeUpToPayload = (
  target: Uint8Array,
  start: number,
  packet: Packet.Packet,
  remaining: number,
  version: Packet.ProtocolVersion
): void => {
  target[start] = firstByteOf(packet)
  writeBody(target, VariableByteInteger.write(target, start + 1, remaining), packet, version, remaining)
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
      let offset = Writer.string(target, start, packet.topic)
      if (packet.qos !== 0) offset = Writer.uint16(target, offset, packet.packetIdentifier)
      return writeProperties(target, offset, packet.properties, version)
    }
    case "Puback":
    case "Pubrec":
    case "Pubrel":
    case "Pubcomp":
      return writeReason(target, Writer.uint16(target, start, packet.packetIdentifier), packet, version, remaining - 2)
    case "Subscribe": {
      let offset = Writer.uint16(target, start, packet.packetIdentifier)
      offset = writeProperties(target, offset, packet.properties, version)
      for (const subscription of packet.subscriptions) {
        offset = Writer.string(target, offset, subscription.topicFilter)
        target[offset++] = subscriptionOptionsOf(subscription)
      }
      return offset
    }
    case "Unsubscribe": {
      let offset = Writer.uint16(target, start, packet.packetIdentifier)
      offset = writeProperties(target, offset, packet.properties, version)
      for (const topicFilter of packet.topicFilters) offset = Writer.string(target, offset, topicFilter)
      return offset
    }
    case "Suback":
    case "Unsuback": {
      const offset = Writer.uint16(target, start, packet.packetIdentifier)
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
  offset = Writer.uint16(target, offset, packet.keepAlive)
  offset = writeProperties(target, offset, properties, version)
  offset = Writer.string(target, offset, clientId)
  if (will !== undefined) {
    offset = writeProperties(target, offset, will.properties, version)
    offset = Writer.string(target, offset, will.topic)
    offset = Writer.binary(target, offset, will.payload)
  }
  if (username !== undefined) offset = Writer.string(target, offset, username)
  return password === undefined ? offset : Writer.binary(target, offset, password)
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

/** Where and how often each may stand has been checked. */
const writeProperties = (
  target: Uint8Array,
  offset: number,
  properties: Properties.Properties,
  version: Packet.ProtocolVersion
): number => version === "3.1.1" ? offset : PropertyWriter.write(target, offset, properties, PropertyWriter.everyField)

const isPlainIdentifier = (packetIdentifier: number, qos: number): boolean =>
  (packetIdentifier & 0xffff) === packetIdentifier && packetIdentifier !== 0 && (qos === 1 || qos === 2)

// ---------------------------------------------------------------------------------------------------------------------
// Topics seen before
// ---------------------------------------------------------------------------------------------------------------------

interface TopicCache {
  /** The bytes of a Topic Name, or `undefined` when it is none. */
  readonly bytesOf: (topic: string) => Uint8Array | undefined
}

const cachedTopics = 1_024

/** Longer names are encoded anew each time, so that the cache stays small whatever they are. */
const cachedTopicLength = 256

/** Most programs publish to few topics again and again: each is checked and encoded once. */
const makeTopicCache = (version: Packet.ProtocolVersion): TopicCache => {
  const encoded = new Map<string, Uint8Array>()
  let lastTopic = ""
  let lastBytes: Uint8Array | undefined = undefined

  const encode = (topic: string): Uint8Array | undefined => {
    if (typeof topic !== "string" || Topic.validateTopicName(topic, version) !== undefined) return undefined
    const bytes = new Uint8Array(Utf8.byteLength(topic))
    Utf8.write(bytes, 0, topic)
    if (topic.length > cachedTopicLength) return bytes
    if (encoded.size === cachedTopics) encoded.clear()
    encoded.set(topic, bytes)
    return bytes
  }

  return {
    bytesOf: (topic) => {
      if (topic === lastTopic) return lastBytes
      const bytes = encoded.get(topic) ?? encode(topic)
      if (bytes !== undefined && topic.length <= cachedTopicLength) {
        lastTopic = topic
        lastBytes = bytes
      }
      return bytes
    }
  }
}
