/**
 * Control Packets to bytes: a pooled buffer that is written once and handed out in views.
 *
 * If a packet cannot be written, nothing is left behind, and the error is a value. The rules that depend on a
 * connection's state are not checked here. MQTT 5.0 and 3.1.1, sections 2 and 3.
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
import type { Options } from "./Validity.ts"
import * as VariableByteInteger from "./VariableByteInteger.ts"
import * as Writer from "./Writer.ts"

export type { Options } from "./Validity.ts"

/** The largest packet that four length bytes can express, fixed header included. */
const largestPacket = VariableByteInteger.maximum + 5

/**
 * The size of the first buffer of a turn, and of the next ones when it is full. With 64 KiB from the start, buffers
 * would be half of the memory of an idle client.
 */
const smallBuffer = 1024
const largeBuffer = 65_536

/** Only PINGREQ is this short: the client is idle. */
const idleSize = 2

/**
 * A payload of at least this many bytes leaves as a chunk of its own. At QoS 1 and 2 the chunk is the payload itself,
 * because the acknowledgement says when nobody needs it any more. At QoS 0 nothing says so, and it is copied.
 *
 * @since 0.2.0
 * @category constants
 */
export const ownChunkFrom = 16_384

const noBytes = new Uint8Array(0)

/**
 * Writes the packets of one network connection. The next connection needs an encoder of its own, because bytes that
 * were not taken must not go out there.
 *
 * @since 0.1.0
 * @category models
 */
export interface Encoder {
  /**
   * Appends one packet, or says why it cannot be written; then nothing was written.
   *
   * A payload of 16 KiB or more leaves as a chunk of its own. At QoS 1 and 2 it is not copied, so it must not be
   * modified until the server has acknowledged it. If an acknowledgement, DISCONNECT or AUTH is too large for the peer,
   * it loses its User Properties and then its Reason String before it is refused (`[MQTT-3.4.2-2]`, `[MQTT-3.14.2-3]`
   * and their like).
   */
  encode(packet: Packet.Packet): InvalidPacket | undefined
  /** All bytes encoded since the last call, in order. They are never written to again. */
  take(): Array<Uint8Array>
  /** Bytes encoded and not yet taken. */
  pendingBytes(): number
  /** The peer's Maximum Packet Size (5.0), once known. */
  setMaximumPacketSize(bytes: number): void
}

/** The checks of the packets that an encoder may get, and the functions that write their bodies. */
interface Kinds {
  readonly checks: Validity.Checks
  readonly bodies: {
    readonly [type: string]: (
      target: Uint8Array,
      start: number,
      packet: never,
      version: Packet.ProtocolVersion,
      remaining: number
    ) => number
  }
}

class PacketEncoder implements Encoder {
  readonly #kinds: Kinds
  readonly #options: Options
  readonly #is50: boolean
  readonly #topics: EncodedTopics
  readonly #publishFields: PropertyWriter.Fields
  /** Includes the Property Length. */
  #lastPropertiesSize = 1
  #maximumPacketSize = largestPacket
  #chunks: Array<Uint8Array> = []
  #chunksLength = 0
  // The buffer: handed out before `start`, encoded up to `position`, free after it.
  #buffer: Uint8Array = noBytes
  #start = 0
  #position = 0

  constructor(options: Options, kinds: Kinds) {
    this.#options = options
    this.#kinds = kinds
    this.#is50 = options.protocolVersion === "5.0"
    this.#topics = new EncodedTopics(options.protocolVersion)
    this.#publishFields = PropertyWriter.publishFields[options.sender]
  }

  encode(packet: Packet.Packet): InvalidPacket | undefined {
    try {
      return this.#encodePlain(packet) ? undefined : this.#encodeChecked(packet)
    } catch (cause) {
      return unwritable(packet, cause, this.#options)
    }
  }

  take(): Array<Uint8Array> {
    const isIdle = this.pendingBytes() === idleSize
    this.#endView()
    if (isIdle) this.#giveBack()
    const taken = this.#chunks
    this.#chunks = []
    this.#chunksLength = 0
    return taken
  }

  pendingBytes(): number {
    return this.#chunksLength + this.#position - this.#start
  }

  setMaximumPacketSize(bytes: number): void {
    this.#maximumPacketSize = Math.min(bytes, largestPacket)
    // CONNECT has left, and the next packet may be long in coming.
    if (this.pendingBytes() === 0) this.#giveBack()
  }

  /** Ends the view that is being written. */
  #endView(): void {
    const start = this.#start
    const position = this.#position
    if (position === start) return
    this.#chunks.push(this.#buffer.subarray(start, position))
    this.#chunksLength += position - start
    this.#start = position
  }

  /** If it kept a kilobyte for its next packet, an idle client would hold a twentieth more. */
  #giveBack(): void {
    this.#buffer = noBytes
    this.#start = this.#position = 0
  }

  /** Makes room for `size` bytes in one piece. */
  #reserve(size: number): void {
    if (this.#buffer.length - this.#position >= size) return
    if (this.#position - this.#start > smallBuffer) this.#endView()
    // These few bytes are copied, so that a turn leaves in one piece as far as possible.
    const begun = this.#buffer.subarray(this.#start, this.#position)
    const needed = begun.length + size
    this.#buffer = new Uint8Array(needed <= smallBuffer ? smallBuffer : Math.max(needed, largeBuffer))
    this.#start = 0
    this.#position = Writer.bytes(this.#buffer, 0, begun)
  }

  #appendPayload(payload: Uint8Array, qos: Packet.Qos): void {
    if (payload.length >= ownChunkFrom) this.#appendChunk(payload, qos)
    else this.#position = Writer.bytes(this.#buffer, this.#position, payload)
  }

  #appendChunk(payload: Uint8Array, qos: Packet.Qos): void {
    this.#endView()
    // The network may keep it for long after it took it, and the publisher may reuse it by then.
    this.#chunks.push(qos === 0 ? new Uint8Array(payload) : payload)
    this.#chunksLength += payload.length
  }

  /**
   * Writes the properties of a PUBLISH to their place, before the fields in front of them: the packet begins with its
   * length. Returns their size, or -1 when they cannot be written or there is no room for the packet.
   */
  #writePropertiesAhead(properties: Properties.Properties, before: number, payload: Uint8Array): number {
    // Mostly they are as long as the last ones and need not be moved.
    const expected = before + this.#lastPropertiesSize + payload.length
    this.#reserve(sizeInBuffer(expected, payload))
    const target = this.#buffer
    const position = this.#position
    const start = position + headerSizeOf(expected) + before
    const end = PropertyWriter.write(target, start, properties, this.#publishFields)
    if (end < 0) return -1
    const size = end - start
    const remaining = before + size + payload.length
    if (target.length - position < sizeInBuffer(remaining, payload)) return -1
    const destination = position + headerSizeOf(remaining) + before
    if (destination !== start) target.copyWithin(destination, start, end)
    this.#lastPropertiesSize = size
    return size
  }

  /** The common PUBLISH, in one go. Returns whether it was written: if not, `Validity` looks for the fault. */
  #encodePlainPublish(packet: Packet.Publish): boolean {
    const { packetIdentifier, payload, properties, qos } = packet
    if (qos === 0 ? packetIdentifier !== 0 || packet.dup : !isPlainIdentifier(packetIdentifier, qos)) return false
    if (typeof packet.retain !== "boolean" || typeof packet.dup !== "boolean") return false
    const is50 = this.#is50
    const hasProperties = properties !== Properties.none
    if (!Validity.isBytes(payload) || (hasProperties && !is50)) return false
    const hasAlias = packet.topic === "" && properties.topicAlias !== undefined
    const topic = hasAlias ? noBytes : this.#topics.bytesOf(packet.topic)
    if (topic === undefined) return false
    const before = topic.length + (qos === 0 ? 2 : 4)
    const propertiesSize = hasProperties ? this.#writePropertiesAhead(properties, before, payload) : is50 ? 1 : 0
    const remaining = before + propertiesSize + payload.length
    if (propertiesSize < 0 || withHeader(remaining) > this.#maximumPacketSize) return false
    const needed = sizeInBuffer(remaining, payload)
    // Checks for room itself, and copies a small payload itself: two calls less gained four per cent.
    if (this.#buffer.length - this.#position < needed) this.#reserve(needed)
    const target = this.#buffer
    const position = this.#position
    target[position] = 0x30 | (packet.dup ? 8 : 0) | (qos << 1) | (packet.retain ? 1 : 0)
    let offset = VariableByteInteger.write(target, position + 1, remaining)
    offset = Writer.bytes(target, Writer.uint16(target, offset, topic.length), topic)
    if (qos !== 0) offset = Writer.uint16(target, offset, packetIdentifier)
    if (is50 && !hasProperties) target[offset] = 0
    this.#position = offset + propertiesSize
    if (payload.length >= ownChunkFrom) this.#appendChunk(payload, qos)
    else this.#position = Writer.bytes(target, this.#position, payload)
    return true
  }

  /** PUBACK, PUBREC, PUBREL and PUBCOMP in their four bytes. Returns whether the packet was written. */
  #encodePlainAcknowledgement(packet: Acknowledgement): boolean {
    const { packetIdentifier } = packet
    if (packet.reasonCode !== 0 || this.#maximumPacketSize < 4 || !isPlainIdentifier(packetIdentifier, 1)) return false
    this.#reserve(4)
    const target = this.#buffer
    const position = this.#position
    target[position] = firstByteOf(packet)
    target[position + 1] = 2
    target[position + 2] = packetIdentifier >> 8
    target[position + 3] = packetIdentifier
    this.#position = position + 4
    return true
  }

  #encodePlain(packet: Packet.Packet): boolean {
    switch (packet._tag) {
      case "Publish":
        return this.#encodePlainPublish(packet)
      case "Puback":
      case "Pubrec":
      case "Pubrel":
      case "Pubcomp":
        return packet.properties === Properties.none && this.#encodePlainAcknowledgement(packet)
      default:
        return false
    }
  }

  #encodeChecked(packet: Packet.Packet): InvalidPacket | undefined {
    const invalid = Validity.checkWith(this.#kinds.checks, packet, this.#options)
    if (invalid !== undefined) return invalid
    const { protocolVersion } = this.#options
    const maximumPacketSize = this.#maximumPacketSize
    const fitting = fit(packet, protocolVersion, maximumPacketSize)
    const remaining = remainingLengthOf(fitting, protocolVersion)
    const size = withHeader(remaining)
    if (size > maximumPacketSize) return tooLarge(fitting, size, protocolVersion, maximumPacketSize)
    const payload = fitting._tag === "Publish" ? fitting.payload : noBytes
    this.#reserve(sizeInBuffer(remaining, payload))
    writeUpToPayload(this.#kinds, this.#buffer, this.#position, fitting, remaining, protocolVersion)
    this.#position += size - payload.length
    this.#appendPayload(payload, fitting._tag === "Publish" ? fitting.qos : 0)
    return undefined
  }
}

/**
 * An encoder for one network connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Encoder => new PacketEncoder(options, everyKind)

/**
 * As `make`, for the client's side: it writes the packets a client sends. A program that uses it does not carry the
 * code for packets that only a server writes.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeForClient = ({ protocolVersion }: Pick<Options, "protocolVersion">): Encoder =>
  new PacketEncoder({ protocolVersion, sender: "client" }, kindsOfClient)

/**
 * As `makeForClient`, for a client that neither subscribes nor authenticates with AUTH.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeForPublisher = ({ protocolVersion }: Pick<Options, "protocolVersion">): Encoder =>
  new PacketEncoder({ protocolVersion, sender: "client" }, kindsOfPublisher)

/** The types forbid such a packet. Its bytes in the buffer will be overwritten: the position has not moved. */
const unwritable = (packet: Packet.Packet, cause: unknown, { protocolVersion }: Options): InvalidPacket => {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `${packet?._tag} holds a value that its type does not allow: ${why}`
  return invalidPacket(protocolVersion, labels.malformed[protocolVersion], "_tag", message)
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
  writeUpToPayload(everyKind, bytes, 0, packet, remaining, protocolVersion)
  if (packet._tag === "Publish") bytes.set(packet.payload, size - packet.payload.length)
  return bytes
}

// ---------------------------------------------------------------------------------------------------------------------
// Packets that are too large
// ---------------------------------------------------------------------------------------------------------------------

type WithDroppableProperties = Acknowledgement | Packet.Disconnect | Packet.Auth

/**
 * The packet without its droppable parts: User Properties first, then the Reason String. `[MQTT-3.4.2-2]`,
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
 * The size on the wire of a valid packet, fixed header included.
 *
 * @since 0.1.0
 * @category sizes
 */
export const sizeOf = (packet: Packet.Packet, protocolVersion: Packet.ProtocolVersion): number =>
  withHeader(remainingLengthOf(packet, protocolVersion))

const headerSizeOf = (remaining: number): number => 1 + VariableByteInteger.sizeOf(remaining)

const withHeader = (remaining: number): number => headerSizeOf(remaining) + remaining

/** Does not count a payload that leaves as a chunk of its own. */
const sizeInBuffer = (remaining: number, payload: Uint8Array): number =>
  withHeader(remaining) - (payload.length < ownChunkFrom ? 0 : payload.length)

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

/** Reason Code and properties of a packet. It may end before them if they say nothing, `[MQTT-2.2.2-1]`. */
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
  { bodies }: Kinds,
  target: Uint8Array,
  start: number,
  packet: Packet.Packet,
  remaining: number,
  version: Packet.ProtocolVersion
): void => {
  target[start] = firstByteOf(packet)
  const offset = VariableByteInteger.write(target, start + 1, remaining)
  bodies[packet._tag](target, offset, packet as never, version, remaining)
}

const firstByteOf = (packet: Packet.Packet): number => {
  const { flags, value } = Packet.rules[packet._tag]
  return packet._tag === "Publish"
    ? (value << 4) | (packet.dup ? 8 : 0) | (packet.qos << 1) | (packet.retain ? 1 : 0)
    : (value << 4) | flags
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

/** It was checked already where each property may occur, and how often. */
const writeProperties = (
  target: Uint8Array,
  offset: number,
  properties: Properties.Properties,
  version: Packet.ProtocolVersion
): number => version === "3.1.1" ? offset : PropertyWriter.write(target, offset, properties, PropertyWriter.everyField)

const writeConnack = (
  target: Uint8Array,
  start: number,
  packet: Packet.Connack,
  version: Packet.ProtocolVersion
): number => {
  target[start] = packet.sessionPresent ? 1 : 0
  target[start + 1] = version === "5.0" ? packet.reasonCode : ReasonCode.toConnectReturnCode(packet.reasonCode)
  return writeProperties(target, start + 2, packet.properties, version)
}

const writePublish = (
  target: Uint8Array,
  start: number,
  packet: Packet.Publish,
  version: Packet.ProtocolVersion
): number => {
  let offset = Writer.string(target, start, packet.topic)
  if (packet.qos !== 0) offset = Writer.uint16(target, offset, packet.packetIdentifier)
  return writeProperties(target, offset, packet.properties, version)
}

const writeAcknowledgement = (
  target: Uint8Array,
  start: number,
  packet: Acknowledgement,
  version: Packet.ProtocolVersion,
  remaining: number
): number => writeReason(target, Writer.uint16(target, start, packet.packetIdentifier), packet, version, remaining - 2)

const writeSubscribe = (
  target: Uint8Array,
  start: number,
  packet: Packet.Subscribe,
  version: Packet.ProtocolVersion
): number => {
  let offset = Writer.uint16(target, start, packet.packetIdentifier)
  offset = writeProperties(target, offset, packet.properties, version)
  for (const subscription of packet.subscriptions) {
    offset = Writer.string(target, offset, subscription.topicFilter)
    target[offset++] = subscriptionOptionsOf(subscription)
  }
  return offset
}

const writeUnsubscribe = (
  target: Uint8Array,
  start: number,
  packet: Packet.Unsubscribe,
  version: Packet.ProtocolVersion
): number => {
  let offset = Writer.uint16(target, start, packet.packetIdentifier)
  offset = writeProperties(target, offset, packet.properties, version)
  for (const topicFilter of packet.topicFilters) offset = Writer.string(target, offset, topicFilter)
  return offset
}

const writeSubscribeAcknowledgement = (
  target: Uint8Array,
  start: number,
  packet: Packet.Suback | Packet.Unsuback,
  version: Packet.ProtocolVersion
): number => {
  const offset = Writer.uint16(target, start, packet.packetIdentifier)
  return writeReasonCodes(target, writeProperties(target, offset, packet.properties, version), packet.reasonCodes)
}

const writeNothing = (_target: Uint8Array, start: number): number => start

const isPlainIdentifier = (packetIdentifier: number, qos: number): boolean =>
  (packetIdentifier & 0xffff) === packetIdentifier && packetIdentifier !== 0 && (qos === 1 || qos === 2)

// ---------------------------------------------------------------------------------------------------------------------
// The packets each side writes
// ---------------------------------------------------------------------------------------------------------------------

const bodiesOfPublisher: Kinds["bodies"] = {
  Connect: writeConnect,
  Publish: writePublish,
  Puback: writeAcknowledgement,
  Pubrec: writeAcknowledgement,
  Pubrel: writeAcknowledgement,
  Pubcomp: writeAcknowledgement,
  Pingreq: writeNothing,
  Disconnect: writeReason
}

const bodiesOfClient: Kinds["bodies"] = /* @__PURE__ */ Object.assign(
  { Subscribe: writeSubscribe, Unsubscribe: writeUnsubscribe, Auth: writeReason },
  bodiesOfPublisher
)

const everyBody: Kinds["bodies"] = /* @__PURE__ */ Object.assign({
  Connack: writeConnack,
  Suback: writeSubscribeAcknowledgement,
  Unsuback: writeSubscribeAcknowledgement,
  Pingresp: writeNothing
}, bodiesOfClient)

/** A program carries only the functions in the tables it uses. */
const kindsOfPublisher: Kinds = { checks: Validity.kindsOfPublisher, bodies: bodiesOfPublisher }
const kindsOfClient: Kinds = { checks: Validity.kindsOfClient, bodies: bodiesOfClient }
const everyKind: Kinds = { checks: Validity.everyKind, bodies: everyBody }

// ---------------------------------------------------------------------------------------------------------------------
// Topics seen before
// ---------------------------------------------------------------------------------------------------------------------

const cachedTopics = 1_024

/** Longer names are encoded anew each time. So the cache stays small however long they are. */
const cachedTopicLength = 256

/** Most programs publish to few topics again and again: each is checked and encoded once. */
class EncodedTopics {
  readonly #version: Packet.ProtocolVersion
  readonly #encoded = new Map<string, Uint8Array>()
  #lastTopic = ""
  #lastBytes: Uint8Array | undefined = undefined

  constructor(version: Packet.ProtocolVersion) {
    this.#version = version
  }

  /** The bytes of a Topic Name, or `undefined` for an invalid name. */
  bytesOf(topic: string): Uint8Array | undefined {
    if (topic === this.#lastTopic) return this.#lastBytes
    const bytes = this.#encoded.get(topic) ?? this.#encode(topic)
    if (bytes !== undefined && topic.length <= cachedTopicLength) {
      this.#lastTopic = topic
      this.#lastBytes = bytes
    }
    return bytes
  }

  #encode(topic: string): Uint8Array | undefined {
    if (typeof topic !== "string" || Topic.validateTopicName(topic, this.#version) !== undefined) return undefined
    const bytes = new Uint8Array(Utf8.byteLength(topic))
    Utf8.write(bytes, 0, topic)
    if (topic.length > cachedTopicLength) return bytes
    if (this.#encoded.size === cachedTopics) this.#encoded.clear()
    this.#encoded.set(topic, bytes)
    return bytes
  }
}
