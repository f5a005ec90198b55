/**
 * Bytes to Control Packets: incremental, strict, and terminal after its first error.
 *
 * Checks the bytes of one packet by themselves. `Connection` and `Session` check the rules that depend on the state of
 * a connection. A message of another client never ends the decoding: a PUBLISH from a server that is too large is
 * passed over, and a property whose value is wrong in itself is left out. MQTT 5.0 and 3.1.1, sections 2 and 3.
 *
 * @since 0.1.0
 */
import type { Label } from "./Labels.ts"
import { labels } from "./Labels.ts"
import { OversizedPublish } from "./OversizedPublish.ts"
import * as Packet from "./Packet.ts"
import { PartialBody } from "./PartialBody.ts"
import * as Properties from "./Properties.ts"
import * as PropertyReader from "./PropertyReader.ts"
import type { ProtocolViolation } from "./ProtocolError.ts"
import { noBytes, Reader, viewOf } from "./Reader.ts"
import * as ReasonCode from "./ReasonCode.ts"
import * as Topic from "./Topic.ts"
import { TopicCache } from "./TopicCache.ts"
import * as VariableByteInteger from "./VariableByteInteger.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** `undefined` for a server's decoder, which learns the version from CONNECT. */
  readonly protocolVersion: Packet.ProtocolVersion | undefined
  /** The side that sends the packets this decoder reads. */
  readonly sender: Packet.Sender
  /** The largest packet accepted, fixed header included. A larger PUBLISH from a server is passed over. */
  readonly maximumPacketSize: number
  /**
   * Asked, with the bytes of the Topic Name, about a PUBLISH from a server that is malformed inside but has intact
   * bounds. `true` passes it over and reports it as `refused`; otherwise it is an error. Default: always an error.
   *
   * @since 0.2.0
   */
  readonly refuses?: ((topic: Uint8Array) => boolean) | undefined
}

/**
 * Reads the packets of one network connection. The next connection needs a decoder of its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Decoder {
  /**
   * The packets that this chunk completes, up to the first error. After an error the decoder returns nothing more.
   *
   * Payloads and binary properties are views. They stay valid as long as the caller does not reuse the chunk. A packet
   * that came in several chunks has a buffer of its own, made when its last chunk arrives. A small payload that is kept
   * keeps its whole chunk in memory: copy it to keep it long.
   */
  push(chunk: Uint8Array): ReadonlyArray<Packet.Packet>
  /** Whether a packet has begun and not ended yet. */
  readonly isWithinPacket: boolean
  /** Bytes passed over since the last call, counted in packets of the largest size. */
  takePassedOver(): number
  /** The error that ended the decoding, if any. */
  readonly error: ProtocolViolation | undefined
}

/** Reads the bodies of the packets a decoder may meet. The decoder reads PUBLISH itself. */
interface Bodies {
  readonly [type: string]: (
    reader: Reader,
    sender: Packet.Sender,
    type: Packet.PacketType,
    protocolVersion: Packet.ProtocolVersion | undefined
  ) => Packet.Packet
}

/** Bytes: a fixed header of two, and the Packet Identifier. */
const plainAcknowledgementSize = 4

const nothing: ReadonlyArray<Packet.Packet> = Object.freeze([])

class PacketDecoder implements Decoder {
  readonly #bodies: Bodies
  readonly #sender: Packet.Sender
  readonly #protocolVersion: Packet.ProtocolVersion | undefined
  readonly #maximumPacketSize: number
  readonly #refuses: Options["refuses"]
  readonly #reader: Reader
  readonly #topics = new TopicCache()
  #knowsVersion: boolean
  #types: TypesByFirstByte
  // The beginning of an incomplete packet: its header until that is complete, then its body.
  #header = noBytes
  #body: PartialBody | undefined = undefined
  /** The PUBLISH that is being passed over. */
  #oversized: OversizedPublish | undefined = undefined
  #passedOver = 0

  // The fixed header that was read last.
  #type: Packet.PacketType = "Connect"
  #firstByte = 0
  #headerSize = 0
  #remaining = 0

  constructor({ maximumPacketSize, protocolVersion, refuses, sender }: Options, bodies: Bodies) {
    this.#bodies = bodies
    this.#sender = sender
    this.#refuses = refuses
    this.#protocolVersion = protocolVersion
    this.#maximumPacketSize = maximumPacketSize
    this.#reader = new Reader(protocolVersion ?? "5.0")
    this.#knowsVersion = protocolVersion !== undefined
    this.#types = typesByFirstByte(this.#reader.version, sender)
  }

  push(chunk: Uint8Array): ReadonlyArray<Packet.Packet> {
    const reader = this.#reader
    if (reader.failure !== undefined || chunk.length === 0) return nothing
    const packets: Array<Packet.Packet> = []
    let offset = 0
    if (this.#oversized !== undefined) offset = this.#passOver(this.#oversized, chunk, 0, packets)
    else if (this.#body !== undefined) offset = this.#continueBody(this.#body, chunk, 0, packets)
    else if (this.#header.length > 0) offset = this.#continueHeader(chunk, packets)
    while (offset < chunk.length && reader.failure === undefined) {
      // Looked at here, because the call alone takes a twentieth of decoding a short PUBLISH.
      const mayBePlain = chunk[offset + 1] === plainAcknowledgementSize - 2
      const acknowledgement = mayBePlain ? this.#readPlainAcknowledgement(chunk, offset) : undefined
      if (acknowledgement !== undefined) {
        packets.push(acknowledgement)
        offset += plainAcknowledgementSize
        continue
      }
      if (!this.#readHeader(chunk, offset, chunk.length)) {
        if (reader.failure === undefined) this.#header = viewOf(chunk, offset, chunk.length).slice()
        break
      }
      const start = offset + this.#headerSize
      offset = start + this.#remaining
      if (this.#oversized !== undefined) offset = this.#passOver(this.#oversized, chunk, start, packets)
      else if (offset > chunk.length) this.#continueBody(new PartialBody(), chunk, start, packets)
      else this.#decode(chunk, start, packets)
    }
    if (reader.failure !== undefined) this.#body = this.#oversized = undefined
    // Between two chunks the reader keeps neither alive.
    reader.open(noBytes, 0, 0)
    return packets
  }

  get isWithinPacket(): boolean {
    const hasBegun = this.#header.length > 0 || this.#body !== undefined || this.#oversized !== undefined
    return hasBegun && this.#reader.failure === undefined
  }

  takePassedOver(): number {
    const passedOver = Math.floor(this.#passedOver / this.#maximumPacketSize)
    this.#passedOver -= passedOver * this.#maximumPacketSize
    return passedOver
  }

  get error(): ProtocolViolation | undefined {
    return this.#reader.failure
  }

  /**
   * An acknowledgement that says nothing but its identifier, so its Remaining Length is 2. Every PUBLISH of QoS 1 and 2
   * brings one or two of them, and the general way costs more than these few bytes.
   */
  #readPlainAcknowledgement(bytes: Uint8Array, offset: number): Packet.Packet | undefined {
    if (bytes.length - offset < plainAcknowledgementSize) return undefined
    const type = this.#types[bytes[offset]]
    if (type !== "Puback" && type !== "Pubrec" && type !== "Pubrel" && type !== "Pubcomp") return undefined
    const packetIdentifier = (bytes[offset + 2] << 8) | bytes[offset + 3]
    // The general way says what is wrong.
    if (packetIdentifier === 0 || !this.#knowsVersion || this.#maximumPacketSize < plainAcknowledgementSize) {
      return undefined
    }
    return { _tag: type, packetIdentifier, reasonCode: 0, properties: Properties.none }
  }

  /** Reads the fixed header that starts at `offset`. Returns `false` if the header is incomplete or wrong. */
  #readHeader(bytes: Uint8Array, offset: number, end: number): boolean {
    if (offset >= end) return false
    const firstByte = bytes[offset]
    this.#firstByte = firstByte
    const type = this.#types[firstByte]
    if (type === undefined || (!this.#knowsVersion && type !== "Connect")) {
      failFirstByte(this.#reader, firstByte, this.#sender, this.#knowsVersion)
      return false
    }
    this.#type = type
    let remaining = 0
    for (let index = 1; index <= 4; index++) {
      if (offset + index >= end) return false
      const byte = bytes[offset + index]
      remaining |= (byte & 127) << (7 * (index - 1))
      if (byte < 128) return this.#checkLength(index + 1, remaining, byte)
    }
    this.#reader.fail(labels.variableByteInteger, 0x81, "The Remaining Length has more than four bytes")
    return false
  }

  /** Runs before any of the body is kept: nothing is buffered for a packet that will be refused. */
  #checkLength(size: number, remaining: number, lastByte: number): boolean {
    this.#headerSize = size
    this.#remaining = remaining
    if (lastByte === 0 && size > 2 && this.#knowsVersion && this.#reader.version === "5.0") {
      failFewestBytes(this.#reader)
      return false
    }
    const maximum = this.#maximumPacketSize
    if (size + remaining > maximum && this.#type === "Publish" && this.#sender === "server") {
      this.#oversized = new OversizedPublish(remaining)
    } else if (size + remaining > maximum) {
      const message = `A packet of ${size + remaining} bytes came, but the maximum is ${maximum}`
      this.#reader.fail(labels.maximumPacketSizeReceived, 0x95, message)
      return false
    }
    return true
  }

  /** Reads the packet whose header was read last; its body starts at `start`. */
  #decode(bytes: Uint8Array, start: number, packets: Array<Packet.Packet>): void {
    const reader = this.#reader
    const type = this.#type
    reader.open(bytes, start, start + this.#remaining)
    const packet = type === "Publish"
      ? noteLeftOut(reader, readPublish(reader, this.#firstByte, this.#sender, this.#topics))
      : this.#bodies[type](reader, this.#sender, type, this.#protocolVersion)
    if (type === "Connect") this.#learnVersion()
    if (reader.offset < reader.end) reader.malformed(`${type} goes on after its last field`)
    if (reader.failure === undefined) packets.push(packet)
    else if (type === "Publish") this.#refuse(viewOf(bytes, start, start + this.#remaining), packets)
  }

  /**
   * A PUBLISH with this body is wrong. If it is to be refused and its message is identifiable, decoding goes on after
   * it.
   */
  #refuse(body: Uint8Array, packets: Array<Packet.Packet>): void {
    const reader = this.#reader
    const { failure } = reader
    const refused = readRefused(body, this.#firstByte)
    if (failure === undefined || refused === undefined || this.#refuses?.(refused.topic) !== true) return
    reader.recover()
    const topic = new TextDecoder().decode(refused.topic)
    packets.push({ ...refused.publish, topic, refused: failure.message })
  }

  #learnVersion(): void {
    const reader = this.#reader
    this.#knowsVersion = true
    this.#types = typesByFirstByte(reader.version, this.#sender)
    // The version decides whether the rule applies, and it is known only now.
    const isLong = this.#headerSize > 1 + VariableByteInteger.sizeOf(this.#remaining)
    if (reader.version === "5.0" && isLong) failFewestBytes(reader)
  }

  /** Goes on with the header that earlier chunks began, byte by byte. Returns the offset after the bytes it took. */
  #continueHeader(chunk: Uint8Array, packets: Array<Packet.Packet>): number {
    let offset = 0
    while (offset < chunk.length && this.#reader.failure === undefined) {
      this.#header = Uint8Array.of(...this.#header, chunk[offset++])
      if (!this.#readHeader(this.#header, 0, this.#header.length)) continue
      this.#header = noBytes
      if (this.#oversized !== undefined) return this.#passOver(this.#oversized, chunk, offset, packets)
      return this.#continueBody(new PartialBody(), chunk, offset, packets)
    }
    return offset
  }

  /** Goes on with the body of the packet whose header was read last. Returns the offset after the bytes it took. */
  #continueBody(partial: PartialBody, chunk: Uint8Array, offset: number, packets: Array<Packet.Packet>): number {
    const end = Math.min(chunk.length, offset + this.#remaining - partial.length)
    if (end > offset) partial.add(viewOf(chunk, offset, end))
    const isWhole = partial.length === this.#remaining
    this.#body = isWhole ? undefined : partial
    if (isWhole) this.#decode(partial.take(), 0, packets)
    return end
  }

  /** Goes on with a PUBLISH that is too large, and reports it once it is complete. Returns the offset after it. */
  #passOver(
    oversized: OversizedPublish,
    chunk: Uint8Array,
    offset: number,
    packets: Array<Packet.Packet>
  ): number {
    const end = oversized.add(chunk, offset)
    this.#passedOver += end - offset
    this.#oversized = oversized.isWhole ? undefined : oversized
    if (!oversized.isWhole) return end
    const head = oversized.takeHead()
    const reader = this.#reader
    reader.open(head, 0, head.length)
    const publish = readOversized(reader, this.#firstByte, this.#remaining, this.#topics)
    if (reader.failure === undefined) packets.push({ ...publish, tooLarge: this.#headerSize + this.#remaining })
    else this.#refuse(head, packets)
    return end
  }
}

/**
 * A decoder for one network connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Decoder => new PacketDecoder(options, everyBody)

/**
 * As `make`, for the client's side: it reads the packets a server sends. A program that uses it does not carry the code
 * for packets that only a server reads.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeForClient = (options: Omit<Options, "sender">): Decoder =>
  new PacketDecoder({ ...options, sender: "server" }, bodiesOfServer)

// ---------------------------------------------------------------------------------------------------------------------
// Fixed header
// ---------------------------------------------------------------------------------------------------------------------

const packetTypes = Object.keys(Packet.rules) as ReadonlyArray<Packet.PacketType>

/** The packet that each first byte begins. The byte includes all flags, so one look-up refuses the illegal ones. */
type TypesByFirstByte = ReadonlyArray<Packet.PacketType | undefined>

const buildTypesByFirstByte = (version: Packet.ProtocolVersion, sender: Packet.Sender): TypesByFirstByte => {
  const types = Array.from<Packet.PacketType | undefined>({ length: 256 })
  for (const type of packetTypes) {
    if (!isSentBy(type, version, sender)) continue
    const { flags, value } = Packet.rules[type]
    if (type !== "Publish") types[(value << 4) | flags] = type
    else for (const flags of publishFlags) types[(value << 4) | flags] = type
  }
  return types
}

/** DUP, QoS and RETAIN, without QoS 3 and without DUP at QoS 0: `[MQTT-3.3.1-4]`, `[MQTT-3.3.1-2]`. */
const publishFlags = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13]

const isSentBy = (type: Packet.PacketType, version: Packet.ProtocolVersion, sender: Packet.Sender): boolean => {
  const { sentBy, versions } = Packet.rules[type]
  const isServerDisconnect311 = type === "Disconnect" && version === "3.1.1" && sender === "server"
  return sentBy.includes(sender) && versions.includes(version) && !isServerDisconnect311
}

const typeTables = new Map<string, TypesByFirstByte>()

const typesByFirstByte = (version: Packet.ProtocolVersion, sender: Packet.Sender): TypesByFirstByte => {
  const known = typeTables.get(version + sender)
  if (known !== undefined) return known
  const built = buildTypesByFirstByte(version, sender)
  typeTables.set(version + sender, built)
  return built
}

/** The packets whose reserved flags 5.0 gives a label of their own. */
const flagLabels: { readonly [Type in Packet.PacketType]?: Label } = {
  Pubrel: labels.pubrelFlags,
  Subscribe: labels.subscribeFlags,
  Unsubscribe: labels.unsubscribeFlags,
  Disconnect: labels.disconnectFlags,
  Auth: labels.authFlags
}

/** Fails on a first byte that begins no packet, with the reason. */
const failFirstByte = (reader: Reader, firstByte: number, sender: Packet.Sender, knowsVersion: boolean): void => {
  const value = firstByte >> 4
  const type = packetTypes.find((type) => Packet.rules[type].value === value)
  if (type === undefined) return reader.fail(labels.packetType, 0x81, `Control Packet type ${value} is reserved`)
  if (!knowsVersion && type !== "Connect") {
    return reader.fail(labels.connectFirst, 0x82, `The first packet is ${type} and not CONNECT`)
  }
  if (!isSentBy(type, reader.version, sender)) {
    return reader.fail(labels.packetType, 0x82, `A ${sender} never sends ${type} in MQTT ${reader.version}`)
  }
  if (type !== "Publish") {
    return reader.fail(flagLabels[type] ?? labels.flags, 0x81, `The reserved flags of ${type} have wrong values`)
  }
  return (firstByte & 6) === 6
    ? reader.fail(labels.qos, 0x81, "PUBLISH has QoS 3")
    : reader.fail(labels.dupQos0, 0x81, "PUBLISH of QoS 0 has DUP set")
}

const failFewestBytes = (reader: Reader): void =>
  reader.fail(labels.fewestBytes, 0x81, "The Remaining Length is written in more bytes than it needs")

// ---------------------------------------------------------------------------------------------------------------------
// Packets
// ---------------------------------------------------------------------------------------------------------------------

const pingreq: Packet.Pingreq = { _tag: "Pingreq" }
const pingresp: Packet.Pingresp = { _tag: "Pingresp" }

const readPublish = (
  reader: Reader,
  firstByte: number,
  sender: Packet.Sender,
  topics: TopicCache
): Packet.Publish => {
  const qos = ((firstByte >> 1) & 3) as Packet.Qos
  const topic = topics.read(reader)
  const packetIdentifier = qos === 0 ? 0 : readIdentifier(reader, sender)
  const properties = PropertyReader.read(reader, "Publish", sender)
  if (topic === "" && properties.topicAlias === undefined) {
    reader.fail(labels.topicEmpty, 0x82, "The Topic Name is empty, and there is no Topic Alias for it")
  }
  const payload = viewOf(reader.bytes, reader.offset, reader.end)
  reader.offset = reader.end
  return {
    _tag: "Publish",
    topic,
    payload,
    qos,
    retain: (firstByte & 1) === 1,
    dup: (firstByte & 8) === 8,
    packetIdentifier,
    properties
  }
}

/** Only such packets, with properties left out, get the extra field. */
const noteLeftOut = (reader: Reader, publish: Packet.Publish): Packet.Publish => {
  const { leftOut } = reader
  if (leftOut === undefined) return publish
  reader.leftOut = undefined
  return { ...publish, malformedProperties: leftOut }
}

/** Identifies the message of a PUBLISH that cannot be read; `undefined` if neither topic nor identifier tells. */
const readRefused = (
  body: Uint8Array,
  firstByte: number
): { readonly topic: Uint8Array; readonly publish: Packet.Publish } | undefined => {
  const qos = ((firstByte >> 1) & 3) as Packet.Qos
  const end = body.length < 2 ? Infinity : 2 + (body[0] << 8 | body[1])
  const packetIdentifier = qos === 0 ? 0 : body[end] << 8 | body[end + 1]
  const isNamed = qos === 0 ? end > 2 : packetIdentifier > 0
  if (!isNamed || end + (qos === 0 ? 0 : 2) > body.length) return undefined
  const publish: Packet.Publish = {
    _tag: "Publish",
    topic: "",
    payload: noBytes,
    qos,
    retain: (firstByte & 1) === 1,
    dup: (firstByte & 8) === 8,
    packetIdentifier,
    properties: Properties.none
  }
  return { topic: body.subarray(2, end), publish }
}

/**
 * Reads the beginning of a PUBLISH that was passed over, to identify its message. `remaining` is its Remaining Length.
 */
const readOversized = (
  reader: Reader,
  firstByte: number,
  remaining: number,
  topics: TopicCache
): Packet.Publish => {
  const qos = ((firstByte >> 1) & 3) as Packet.Qos
  const topic = topics.read(reader)
  const packetIdentifier = qos === 0 ? 0 : readIdentifier(reader, "server")
  return {
    _tag: "Publish",
    topic,
    payload: noBytes,
    qos,
    retain: (firstByte & 1) === 1,
    dup: (firstByte & 8) === 8,
    packetIdentifier,
    properties: readOversizedProperties(reader, topic, remaining)
  }
}

/** The Topic Alias, because later messages may use it too. Skipped if the properties are as long as a payload. */
const readOversizedProperties = (reader: Reader, topic: string, remaining: number): Properties.Properties => {
  if (reader.version === "3.1.1") return Properties.none
  const start = reader.offset
  const length = reader.variableByteInteger("the Property Length")
  if (reader.offset + length > remaining) reader.malformed("The Property Length goes past the end of the packet")
  if (reader.failure !== undefined || reader.offset + length > reader.end) return Properties.none
  reader.offset = start
  const { topicAlias } = PropertyReader.read(reader, "Publish", "server")
  reader.leftOut = undefined
  if (topicAlias !== undefined) return Properties.onlyTopicAlias(topicAlias)
  if (topic === "") reader.fail(labels.topicEmpty, 0x82, "The Topic Name is empty, and there is no Topic Alias for it")
  return Properties.none
}

const readIdentifier = (reader: Reader, sender: Packet.Sender): number => {
  const packetIdentifier = reader.uint16("the Packet Identifier")
  if (packetIdentifier === 0) {
    const label = sender === "client" ? labels.identifierFromClient : labels.identifierFromServer
    reader.fail(label, 0x81, "The Packet Identifier is 0")
  }
  return packetIdentifier
}

const readConnack = (reader: Reader): Packet.Connack => {
  const flags = reader.uint8("the Connect Acknowledge Flags")
  if (flags > 1) reader.fail(labels.acknowledgeFlags, 0x81, "The reserved Connect Acknowledge Flags are not 0")
  const code = reader.uint8("the Connect Reason Code")
  const is311 = reader.version === "3.1.1" || isRefusalOf311(reader, code)
  const reasonCode = is311 ? ReasonCode.fromConnectReturnCode(code) : code
  if (reasonCode === undefined || !ReasonCode.isAllowedIn(reasonCode, "Connack", reader.version)) {
    failReasonCode(reader, "Connack", labels.connectReasonCode, code)
  }
  const properties = is311 ? Properties.none : PropertyReader.read(reader, "Connack", "server")
  return { _tag: "Connack", sessionPresent: flags === 1, reasonCode: reasonCode ?? code, properties }
}

/**
 * A server that does not know 5.0 refuses it like this: mosquitto and ejabberd answer an unknown level in 3.1.1 form.
 */
const isRefusalOf311 = (reader: Reader, code: number): boolean => reader.offset === reader.end && code >= 1 && code <= 5

const acknowledgementLabels = {
  Puback: labels.pubackReasonCode,
  Pubrec: labels.pubrecReasonCode,
  Pubrel: labels.pubrelReasonCode,
  Pubcomp: labels.pubcompReasonCode
}

const readAcknowledgement = (
  reader: Reader,
  sender: Packet.Sender,
  packetType: Packet.PacketType
): Packet.Packet => {
  const type = packetType as keyof typeof acknowledgementLabels
  const packetIdentifier = readIdentifier(reader, sender)
  // 3.1.1 has nothing more; 5.0 may end here and after the Reason Code.
  if (reader.version === "3.1.1" || reader.offset === reader.end) {
    return { _tag: type, packetIdentifier, reasonCode: 0, properties: Properties.none }
  }
  const reasonCode = readReasonCode(reader, type, acknowledgementLabels[type])
  const properties = reader.offset === reader.end ? Properties.none : PropertyReader.read(reader, type, sender)
  return { _tag: type, packetIdentifier, reasonCode, properties }
}

const readReasonCode = (reader: Reader, type: Packet.PacketType, label: Label): ReasonCode.ReasonCode => {
  const reasonCode = reader.uint8("the Reason Code")
  if (!ReasonCode.isAllowedIn(reasonCode, type, reader.version)) failReasonCode(reader, type, label, reasonCode)
  return reasonCode
}

const failReasonCode = (reader: Reader, type: Packet.PacketType, label: Label, code: number): void =>
  reader.fail(label, 0x81, `${type} has the code 0x${code.toString(16).padStart(2, "0")}, which it cannot carry`)

const readSuback = (reader: Reader): Packet.Suback => {
  const packetIdentifier = readIdentifier(reader, "server")
  const properties = PropertyReader.read(reader, "Suback", "server")
  if (reader.offset === reader.end) reader.fail(labels.subackEmpty, 0x82, "SUBACK answers no Topic Filter")
  return {
    _tag: "Suback",
    packetIdentifier,
    reasonCodes: readReasonCodes(reader, "Suback", labels.subackReasonCode),
    properties
  }
}

const readUnsuback = (reader: Reader): Packet.Unsuback => {
  const packetIdentifier = readIdentifier(reader, "server")
  const properties = PropertyReader.read(reader, "Unsuback", "server")
  if (reader.version === "3.1.1") return { _tag: "Unsuback", packetIdentifier, reasonCodes: [], properties }
  if (reader.offset === reader.end) reader.fail(labels.unsubackEmpty, 0x82, "UNSUBACK answers no Topic Filter")
  return {
    _tag: "Unsuback",
    packetIdentifier,
    reasonCodes: readReasonCodes(reader, "Unsuback", labels.unsubackReasonCode),
    properties
  }
}

const readReasonCodes = (reader: Reader, type: Packet.PacketType, label: Label): Array<ReasonCode.ReasonCode> => {
  const reasonCodes: Array<ReasonCode.ReasonCode> = []
  while (reader.offset < reader.end) reasonCodes.push(readReasonCode(reader, type, label))
  return reasonCodes
}

const readDisconnect = (reader: Reader, sender: Packet.Sender): Packet.Disconnect => {
  if (reader.version === "3.1.1" || reader.offset === reader.end) {
    return { _tag: "Disconnect", reasonCode: 0, properties: Properties.none }
  }
  const reasonCode = reader.uint8("the Reason Code")
  const isAllowed = sender === "client"
    ? ReasonCode.isAllowedInDisconnectFromClient
    : ReasonCode.isAllowedInDisconnectFromServer
  if (!isAllowed(reasonCode)) failReasonCode(reader, "Disconnect", labels.disconnectReasonCode, reasonCode)
  const properties = reader.offset === reader.end ? Properties.none : PropertyReader.read(reader, "Disconnect", sender)
  return { _tag: "Disconnect", reasonCode, properties }
}

const readAuth = (reader: Reader, sender: Packet.Sender): Packet.Auth => {
  if (reader.offset === reader.end) return { _tag: "Auth", reasonCode: 0, properties: Properties.none }
  const reasonCode = readReasonCode(reader, "Auth", labels.authReasonCode)
  const properties = PropertyReader.read(reader, "Auth", sender)
  const isShort = reasonCode === 0 && properties === Properties.none
  if (properties.authenticationMethod === undefined && !isShort) {
    reader.fail(labels.authenticationMethod, 0x82, "AUTH does not name the Authentication Method")
  }
  return { _tag: "Auth", reasonCode, properties }
}

// ---------------------------------------------------------------------------------------------------------------------
// Packets that only a server reads
// ---------------------------------------------------------------------------------------------------------------------

const readConnect = (
  reader: Reader,
  _sender: Packet.Sender,
  _type: Packet.PacketType,
  expected: Packet.ProtocolVersion | undefined
): Packet.Connect => {
  const protocolVersion = readProtocolLevel(reader, expected)
  const flags = readConnectFlags(reader)
  const keepAlive = reader.uint16("the Keep Alive")
  const properties = PropertyReader.read(reader, "Connect", "client")
  const clientId = reader.string("the Client Identifier")
  const cleanStart = (flags & 0x02) !== 0
  if (protocolVersion === "3.1.1" && clientId === "" && !cleanStart) {
    reader.fail(labels.emptyClientId, 0x85, "The Client Identifier is empty and Clean Session is 0")
  }
  const will = (flags & 0x04) === 0 ? undefined : readWill(reader, flags)
  const username = (flags & 0x80) === 0 ? undefined : reader.string("the User Name")
  const password = (flags & 0x40) === 0 ? undefined : reader.binary("the Password")
  return { _tag: "Connect", protocolVersion, cleanStart, keepAlive, clientId, will, username, password, properties }
}

const versionsByLevel: { readonly [level: number]: Packet.ProtocolVersion } = { 4: "3.1.1", 5: "5.0" }

const readProtocolLevel = (reader: Reader, expected: Packet.ProtocolVersion | undefined): Packet.ProtocolVersion => {
  const name = reader.string("the Protocol Name")
  if (name !== "MQTT") reader.fail(labels.protocolName, 0x84, "The Protocol Name is not MQTT")
  const level = reader.uint8("the Protocol Version")
  const version = versionsByLevel[level]
  if (version === undefined || (expected !== undefined && version !== expected)) {
    reader.fail(labels.protocolLevel, 0x84, `The Protocol Version ${level} is not supported`)
    return reader.version
  }
  reader.version = version
  return version
}

const readConnectFlags = (reader: Reader): number => {
  const flags = reader.uint8("the Connect Flags")
  const qos = (flags >> 3) & 3
  if ((flags & 0x01) !== 0) reader.fail(labels.connectReserved, 0x81, "The reserved Connect Flag is not 0")
  if (qos === 3) reader.fail(labels.willQos, 0x81, "The Will QoS is 3")
  if ((flags & 0x04) === 0) {
    if (qos !== 0) reader.fail(labels.willQosWithoutWill, 0x81, "The Will QoS is set and there is no Will")
    if ((flags & 0x20) !== 0) {
      reader.fail(labels.willRetainWithoutWill, 0x81, "Will Retain is set and there is no Will")
    }
  }
  if (reader.version === "3.1.1" && (flags & 0xc0) === 0x40) {
    reader.fail(labels.passwordWithoutUsername, 0x81, "There is a Password without a User Name")
  }
  return flags
}

const readWill = (reader: Reader, flags: number): Packet.Will => {
  const properties = PropertyReader.read(reader, "Will", "client")
  const topic = reader.string("the Will Topic")
  const invalid = Topic.validateTopicName(topic, reader.version)
  if (invalid !== undefined) reader.failInvalid(invalid)
  const payload = reader.binary("the Will Payload")
  return { topic, payload, qos: ((flags >> 3) & 3) as Packet.Qos, retain: (flags & 0x20) !== 0, properties }
}

const readSubscribe = (reader: Reader): Packet.Subscribe => {
  const packetIdentifier = readIdentifier(reader, "client")
  const properties = PropertyReader.read(reader, "Subscribe", "client")
  if (reader.offset === reader.end) reader.fail(labels.subscribeEmpty, 0x82, "SUBSCRIBE names no Topic Filter")
  const subscriptions: Array<Packet.Subscription> = []
  while (reader.offset < reader.end) subscriptions.push(readSubscription(reader))
  return { _tag: "Subscribe", packetIdentifier, subscriptions, properties }
}

const readSubscription = (reader: Reader): Packet.Subscription => {
  const topicFilter = readTopicFilter(reader)
  const options = reader.uint8("the Subscription Options")
  const qos = options & 3
  const noLocal = (options & 4) !== 0
  const retainHandling = (options >> 4) & 3
  if (qos === 3 || options > (reader.version === "5.0" ? 0x3f : 0x03)) {
    reader.fail(labels.subscriptionOptions, 0x81, "The Subscription Options have QoS 3 or reserved bits")
  }
  if (retainHandling === 3) reader.fail(labels.retainHandling, 0x82, "The Retain Handling is 3")
  if (noLocal && Topic.isSharedFilter(topicFilter)) {
    reader.fail(labels.sharedNoLocal, 0x82, "No Local is set on a Shared Subscription")
  }
  return {
    topicFilter,
    qos: qos as Packet.Qos,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as Packet.RetainHandling
  }
}

const readUnsubscribe = (reader: Reader): Packet.Unsubscribe => {
  const packetIdentifier = readIdentifier(reader, "client")
  const properties = PropertyReader.read(reader, "Unsubscribe", "client")
  if (reader.offset === reader.end) reader.fail(labels.unsubscribeEmpty, 0x82, "UNSUBSCRIBE names no Topic Filter")
  const topicFilters: Array<string> = []
  while (reader.offset < reader.end) topicFilters.push(readTopicFilter(reader))
  return { _tag: "Unsubscribe", packetIdentifier, topicFilters, properties }
}

const readTopicFilter = (reader: Reader): string => {
  const topicFilter = reader.string("a Topic Filter")
  const invalid = Topic.validateTopicFilter(topicFilter, reader.version)
  if (invalid !== undefined) reader.failInvalid(invalid)
  return topicFilter
}

// ---------------------------------------------------------------------------------------------------------------------
// The bodies that each kind of decoder reads
// ---------------------------------------------------------------------------------------------------------------------

/** The packets a server sends. Each is named, so that a bundler can separate them from the others. */
const bodiesOfServer: Bodies = {
  Connack: readConnack,
  Puback: readAcknowledgement,
  Pubrec: readAcknowledgement,
  Pubrel: readAcknowledgement,
  Pubcomp: readAcknowledgement,
  Suback: readSuback,
  Unsuback: readUnsuback,
  Pingresp: () => pingresp,
  Disconnect: readDisconnect,
  Auth: readAuth
}

const everyBody: Bodies = /* @__PURE__ */ Object.assign(
  { Connect: readConnect, Subscribe: readSubscribe, Unsubscribe: readUnsubscribe, Pingreq: () => pingreq },
  bodiesOfServer
)
