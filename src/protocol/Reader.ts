/**
 * Reads the fields of one packet, never past its end.
 *
 * Keeps the first fault in `failure`. From then on every read returns a harmless value and the reader stands at the
 * end, so the code that reads a packet checks for a failure once, at its end. Not for framing: `Decoder` does that.
 * MQTT 5.0 and 3.1.1, section 1.5.
 *
 * @since 0.1.0
 */
import type { Label } from "./Labels.ts"
import { labels } from "./Labels.ts"
import type { MalformedProperty, ProtocolVersion } from "./Packet.ts"
import type { InvalidPacket, ProtocolViolation } from "./ProtocolError.ts"
import { violation } from "./ProtocolError.ts"
import type { ReasonCode } from "./ReasonCode.ts"
import * as ShortStrings from "./ShortStrings.ts"
import * as Utf8 from "./Utf8.ts"

/**
 * Nothing to read. Always the same array, as it has nothing that could change.
 *
 * @since 0.1.0
 * @category constants
 */
export const noBytes = new Uint8Array(0)

/**
 * @since 0.1.0
 * @category models
 */
export class Reader {
  bytes: Uint8Array = noBytes
  offset = 0
  end = 0
  version: ProtocolVersion
  failure: ProtocolViolation | undefined = undefined
  /** Whether a value that is wrong in itself, but ends where it should, is noted in `flaw` instead of `failure`. */
  isForgiving = false
  /** The fault of the value that was read last, if it was forgiven. */
  flaw: string | undefined = undefined
  /** The properties of the packet that were left out, because their values are wrong in themselves. */
  leftOut: Array<MalformedProperty> | undefined = undefined

  constructor(version: ProtocolVersion) {
    this.version = version
  }

  /** Moves to another packet, or to a part of this one. */
  open(bytes: Uint8Array, offset: number, end: number): void {
    this.bytes = bytes
    this.offset = offset
    this.end = end
  }

  /** Keeps the first failure and reads nothing more. */
  fail(label: Label, reasonCode: ReasonCode, message: string): void {
    this.failure ??= violation(this.version, label[this.version], reasonCode, message)
    this.offset = this.end
  }

  /** A value that may not be sent may not be received either. */
  failInvalid(invalid: InvalidPacket): void {
    this.failure ??= violation(this.version, invalid.label.label, 0x81, invalid.message)
    this.offset = this.end
  }

  /** A value is wrong in itself. If the reader is forgiving, reading goes on after it. */
  wrong(label: Label, reasonCode: ReasonCode, message: string): void {
    if (this.isForgiving) this.flaw ??= message
    else this.fail(label, reasonCode, message)
  }

  malformed(message: string): void {
    this.fail(labels.malformed, 0x81, message)
  }

  /** Forgets the failure: the next bytes are another packet, whose beginning is known. */
  recover(): void {
    this.failure = this.flaw = this.leftOut = undefined
  }

  uint8(field: string): number {
    if (this.offset >= this.end) return this.#truncated(field)
    return this.bytes[this.offset++]
  }

  uint16(field: string): number {
    const { bytes, offset } = this
    if (this.end - offset < 2) return this.#truncated(field)
    this.offset = offset + 2
    return (bytes[offset] << 8) | bytes[offset + 1]
  }

  uint32(field: string): number {
    const { bytes, offset } = this
    if (this.end - offset < 4) return this.#truncated(field)
    this.offset = offset + 4
    return ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]) >>> 0
  }

  variableByteInteger(field: string): number {
    let value = 0
    for (let index = 0; index < 4; index++) {
      if (this.offset >= this.end) return this.#truncated(field)
      const byte = this.bytes[this.offset++]
      value |= (byte & 127) << (7 * index)
      if (byte > 127) continue
      if (byte === 0 && index > 0 && this.version === "5.0") {
        this.fail(labels.fewestBytes, 0x81, `${field} is written in more bytes than it needs`)
        return 0
      }
      return value
    }
    this.fail(labels.variableByteInteger, 0x81, `${field} has more than four bytes`)
    return 0
  }

  /** A view: it stays valid as long as the bytes it views. */
  binary(field: string): Uint8Array {
    const length = this.uint16(field)
    const start = this.offset
    if (this.end - start < length) {
      this.#truncated(field)
      return noBytes
    }
    this.offset = start + length
    return viewOf(this.bytes, start, start + length)
  }

  string(field: string): string {
    const length = this.uint16(field)
    const start = this.offset
    if (this.end - start < length) {
      this.#truncated(field)
      return ""
    }
    this.offset = start + length
    const short = ShortStrings.read(this.bytes, start, start + length)
    if (short !== undefined) return short
    const text = Utf8.read(this.bytes, start, start + length)
    if (text === undefined) {
      this.wrong(labels.utf8, 0x81, `${field} is not well-formed UTF-8`)
      return ""
    }
    if (text.includes("\u0000")) {
      this.wrong(labels.nul, 0x81, `${field} contains U+0000`)
      return ""
    }
    return text
  }

  #truncated(field: string): 0 {
    this.malformed(`The packet ends within ${field}`)
    return 0
  }
}

/**
 * A view that is a plain `Uint8Array`, even if `bytes` is of a subclass. An empty view keeps no bytes in memory.
 *
 * @since 0.1.0
 * @category constructors
 */
export const viewOf = (bytes: Uint8Array, start: number, end: number): Uint8Array =>
  start === end ? noBytes : new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
