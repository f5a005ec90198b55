/**
 * The least of the MQTT wire format that moves messages, written for speed: for the sink and for the limit.
 *
 * Shares nothing with the library on purpose: the limit must not gain or lose by its choices. Trusts the other end.
 * MQTT 5.0 and 3.1.1, sections 2 and 3.
 */
import { Buffer } from "node:buffer"

/** Control Packet types as the high half of the first byte. Section 2.1.2. */
export const packetType = {
  connect: 0x10,
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x60,
  pubcomp: 0x70,
  subscribe: 0x80,
  suback: 0x90,
  unsubscribe: 0xa0,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0
} as const

/** The version as CONNECT writes it. Section 3.1.2.2. */
export type ProtocolLevel = 4 | 5

export const readUint16 = (bytes: Uint8Array, offset: number): number => bytes[offset] << 8 | bytes[offset + 1]

/** Where the properties start and end whose Property Length is at `offset`. 5.0, section 2.2.2. */
export const properties = (bytes: Uint8Array, offset: number): { readonly start: number; readonly end: number } => {
  let start = offset
  let length = 0
  let shift = 0
  let byte = 0
  do {
    byte = bytes[start++]
    length |= (byte & 0x7f) << shift
    shift += 7
  } while (byte >= 0x80)
  return { start, end: start + length }
}

/** A whole Control Packet: its first byte is at `start`, its variable header at `body`. */
export type Visit = (bytes: Buffer, start: number, body: number, end: number) => void

/**
 * Cuts chunks into Control Packets, in place; only a packet that spans chunks is copied, into a buffer that the next
 * one of its kind reuses: a visitor keeps nothing.
 */
export class PacketReader {
  readonly #visit: Visit
  #partial: Buffer = Buffer.allocUnsafe(65_536)
  #partialLength = 0
  #body = 0
  #end = 0

  constructor(visit: Visit) {
    this.#visit = visit
  }

  read(chunk: Buffer): void {
    let start = this.#partialLength === 0 ? 0 : this.#completePartial(chunk)
    while (start < chunk.length && this.#locate(chunk, start, chunk.length) && this.#end <= chunk.length) {
      const end = this.#end
      this.#visit(chunk, start, this.#body, end)
      start = end
    }
    if (start < chunk.length) this.#keep(chunk, start, chunk.length)
  }

  /** Where the chunk goes on behind the packet that began in an earlier chunk. */
  #completePartial(chunk: Buffer): number {
    let offset = 0
    while (offset < chunk.length) {
      const missing = this.#isPartialLocated() ? this.#end - this.#partialLength : 1
      const end = Math.min(offset + missing, chunk.length)
      this.#keep(chunk, offset, end)
      offset = end
      if (this.#isPartialLocated() && this.#end === this.#partialLength) {
        this.#partialLength = 0
        this.#visit(this.#partial, 0, this.#body, this.#end)
        return offset
      }
    }
    return offset
  }

  #isPartialLocated(): boolean {
    return this.#locate(this.#partial, 0, this.#partialLength)
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const length = this.#partialLength + end - start
    if (length > this.#partial.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#partial.length))
      this.#partial.copy(larger, 0, 0, this.#partialLength)
      this.#partial = larger
    }
    chunk.copy(this.#partial, this.#partialLength, start, end)
    this.#partialLength = length
  }

  /** Sets `#body` and `#end`; false while the fixed header is incomplete. Section 2.1.4. */
  #locate(bytes: Buffer, start: number, limit: number): boolean {
    let offset = start + 1
    let remainingLength = 0
    let shift = 0
    while (offset < limit) {
      const byte = bytes[offset++]
      remainingLength |= (byte & 0x7f) << shift
      shift += 7
      if (byte < 0x80) {
        this.#body = offset
        this.#end = offset + remainingLength
        return true
      }
    }
    return false
  }
}

/** Acknowledging packets, PUBACK to PUBCOMP, that are to be written as one. */
export class Acknowledgements {
  #bytes = Buffer.allocUnsafe(65_536)
  #length = 0

  get count(): number {
    return this.#length / 4
  }

  /** `first` is the type with its flags. The form without reason code means success in both versions. */
  add(first: number, packetIdentifier: number): void {
    if (this.#length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, this.#bytes])
    const bytes = this.#bytes
    const at = this.#length
    bytes[at] = first
    bytes[at + 1] = 2
    bytes[at + 2] = packetIdentifier >> 8
    bytes[at + 3] = packetIdentifier
    this.#length = at + 4
  }

  /** A copy, because the network may hold what is written longer than until the next chunk. */
  take(): Buffer | undefined {
    if (this.#length === 0) return undefined
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    return taken
  }
}

export interface PublishShape {
  readonly level: ProtocolLevel
  readonly qos: number
  readonly topic: Uint8Array
  readonly payload: Uint8Array
}

const remainingLengthOf = (shape: PublishShape): number =>
  2 + shape.topic.length + (shape.qos > 0 ? 2 : 0) + (shape.level === 5 ? 1 : 0) + shape.payload.length

/** Whole length of the PUBLISH packet. */
export const publishLength = (shape: PublishShape): number => {
  const remainingLength = remainingLengthOf(shape)
  return 1 + variableByteInteger(remainingLength).length + remainingLength
}

/** Writes a PUBLISH packet and returns where it ends. Section 3.3. */
export const writePublish = (
  bytes: Uint8Array,
  start: number,
  shape: PublishShape,
  packetIdentifier: number
): number => {
  const topic = shape.topic
  let offset = start
  bytes[offset++] = packetType.publish | shape.qos << 1
  let remainingLength = remainingLengthOf(shape)
  while (remainingLength > 0x7f) {
    bytes[offset++] = remainingLength & 0x7f | 0x80
    remainingLength >>>= 7
  }
  bytes[offset++] = remainingLength
  bytes[offset++] = topic.length >> 8
  bytes[offset++] = topic.length
  bytes.set(topic, offset)
  offset += topic.length
  if (shape.qos > 0) {
    bytes[offset++] = packetIdentifier >> 8
    bytes[offset++] = packetIdentifier
  }
  if (shape.level === 5) bytes[offset++] = 0
  bytes.set(shape.payload, offset)
  return offset + shape.payload.length
}

const variableByteInteger = (value: number): Array<number> =>
  value < 0x80 ? [value] : [value & 0x7f | 0x80, ...variableByteInteger(value >>> 7)]

const uint16 = (value: number): Array<number> => [value >> 8, value & 0xff]

export const string = (text: string): Array<number> => {
  const bytes = Buffer.from(text)
  return [...uint16(bytes.length), ...bytes]
}

/** Any packet that is not worth being fast for. */
export const packet = (first: number, ...parts: ReadonlyArray<ReadonlyArray<number>>): Buffer => {
  const body = parts.flat()
  return Buffer.from([first, ...variableByteInteger(body.length), ...body])
}

const noProperties = [0]

/** CONNECT of 5.0 with Clean Start, no Keep Alive, no properties. Section 3.1. */
export const connect5 = (clientId: string): Buffer =>
  packet(packetType.connect, string("MQTT"), [5, 0x02], uint16(0), noProperties, string(clientId))

/** SUBSCRIBE of 5.0 for one Topic Filter. Section 3.8. */
export const subscribe5 = (packetIdentifier: number, filter: string, qos: number): Buffer =>
  packet(packetType.subscribe | 2, uint16(packetIdentifier), noProperties, string(filter), [qos])

/** UNSUBSCRIBE of 5.0 for one Topic Filter. Section 3.10. */
export const unsubscribe5 = (packetIdentifier: number, filter: string): Buffer =>
  packet(packetType.unsubscribe | 2, uint16(packetIdentifier), noProperties, string(filter))
