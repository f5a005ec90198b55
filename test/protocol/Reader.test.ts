import { assert, describe, it } from "@effect/vitest"
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import { Reader, viewOf } from "../../src/protocol/Reader.ts"
import { bytesOf } from "./hex.ts"

const open = (hex: string, version: ProtocolVersion = "5.0"): Reader => {
  const reader = new Reader(version)
  const bytes = bytesOf(hex)
  reader.open(bytes, 0, bytes.length)
  return reader
}

type Read = (reader: Reader) => unknown

const uint8: Read = (reader) => reader.uint8("the field")
const uint16: Read = (reader) => reader.uint16("the field")
const uint32: Read = (reader) => reader.uint32("the field")
const variableByteInteger: Read = (reader) => reader.variableByteInteger("the field")
const string: Read = (reader) => reader.string("the field")
const binary: Read = (reader) => reader.binary("the field")

const none = new Uint8Array(0)

describe("Reader", () => {
  const values: ReadonlyArray<readonly [name: string, read: Read, hex: string, value: unknown]> = [
    ["one byte", uint8, "ff", 255],
    ["two bytes, the high one first", uint16, "0102", 0x0102],
    ["the highest two bytes", uint16, "ffff", 65_535],
    ["four bytes, the high one first", uint32, "01020304", 0x01020304],
    ["the highest four bytes", uint32, "ffffffff", 4_294_967_295],
    ["a Variable Byte Integer of one byte", variableByteInteger, "7f", 127],
    ["of two", variableByteInteger, "8001", 128],
    ["of three", variableByteInteger, "808001", 16_384],
    ["of four, the highest", variableByteInteger, "ffffff7f", 268_435_455],
    ["a string", string, "0002 6162", "ab"],
    ["an empty string", string, "0000", ""],
    ["bytes", binary, "0002 6162", bytesOf("6162")],
    ["no bytes", binary, "0000", none]
  ]

  for (const [name, read, hex, value] of values) {
    it(`${name}: the value, and stands after it`, () => {
      const reader = open(`${hex} 00`)
      assert.deepStrictEqual(read(reader), value)
      assert.isUndefined(reader.failure)
      assert.strictEqual(reader.offset, bytesOf(hex).length)
    })

    it(`${name} cut short at any byte is a failure that names the field, and the value is harmless`, () => {
      const bytes = bytesOf(hex)
      for (let length = 0; length < bytes.length; length++) {
        const reader = new Reader("5.0")
        // What comes after the end of the packet is another packet's.
        reader.open(bytes, 0, length)
        assert.deepStrictEqual(read(reader), typeof value === "number" ? 0 : typeof value === "string" ? "" : none)
        assert.strictEqual(reader.failure?.label.label, "4.13.1-1")
        assert.strictEqual(reader.failure?.message, "The packet ends within the field")
        assert.strictEqual(reader.offset, length)
      }
    })
  }

  const wrong: ReadonlyArray<
    readonly [name: string, read: Read, hex: string, label: readonly [v311: string, v50: string], says: string]
  > = [
    ["R143 five bytes of Variable Byte Integer", variableByteInteger, "8080808001", ["2.2.3", "1.5.5"], "four bytes"],
    ["R2 a string that is not UTF-8", string, "0001 ff", ["1.5.3-1", "1.5.4-1"], "not well-formed UTF-8"],
    ["R2 a string with a surrogate", string, "0003 eda080", ["1.5.3-1", "1.5.4-1"], "not well-formed UTF-8"],
    ["R4 a string with U+0000", string, "0003 610062", ["1.5.3-2", "1.5.4-2"], "U+0000"]
  ]

  for (const [name, read, hex, labels, says] of wrong) {
    it(`${name} is a failure by its own rule, and the value is harmless`, () => {
      for (const [index, version] of (["3.1.1", "5.0"] as const).entries()) {
        const reader = open(`${hex} 0102030405`, version)
        assert.include(["", 0], read(reader))
        assert.deepStrictEqual(reader.failure?.label, { version, label: labels[index] })
        assert.strictEqual(reader.failure?.reasonCode, 0x81)
        assert.include(reader.failure?.message, "the field ")
        assert.include(reader.failure?.message, says)
        assert.strictEqual(reader.offset, reader.end)
      }
    })
  }

  it("R7 more bytes than it takes are a failure in 5.0, which has that rule, and none in 3.1.1", () => {
    for (const hex of ["8000", "ff00", "808000", "80808000"]) {
      const reader = open(hex)
      assert.strictEqual(variableByteInteger(reader), 0)
      assert.strictEqual(reader.failure?.label.label, "1.5.5-1")
      assert.strictEqual(reader.failure?.message, "the field is written in more bytes than it needs")
      const lenient = open(hex, "3.1.1")
      assert.strictEqual(variableByteInteger(lenient), hex === "ff00" ? 127 : 0)
      assert.isUndefined(lenient.failure)
    }
    assert.strictEqual(variableByteInteger(open("00")), 0)
  })

  it("the first failure stays, and nothing is read after it", () => {
    const reader = open("0001 ff 6162")
    string(reader)
    const first = reader.failure
    const later: ReadonlyArray<Read> = [uint8, uint16, uint32, variableByteInteger, string, binary]
    assert.deepStrictEqual(later.map((read) => read(reader)), [0, 0, 0, 0, "", none])
    reader.malformed("another one")
    reader.failInvalid({
      _tag: "InvalidPacket",
      label: { version: "5.0", label: "4.7.3-1" },
      field: "topic",
      message: ""
    })
    assert.strictEqual(reader.failure, first)
  })

  it("what may not be sent may not be received: the same label and words", () => {
    const reader = open("0102")
    const label = { version: "5.0", label: "4.7.3-1" } as const
    reader.failInvalid({ _tag: "InvalidPacket", label, field: "topic", message: "The Topic Name is empty" })
    assert.deepStrictEqual(reader.failure, {
      _tag: "ProtocolViolation",
      label,
      reasonCode: 0x81,
      message: "The Topic Name is empty"
    })
    assert.strictEqual(uint8(reader), 0)
  })

  it("a view is a plain Uint8Array of the same memory, and an empty one holds on to nothing", () => {
    const buffer = Buffer.from([1, 2, 3, 4]).subarray(1)
    const view = viewOf(buffer, 1, 3)
    assert.strictEqual(Object.getPrototypeOf(view), Uint8Array.prototype)
    assert.deepStrictEqual(view, Uint8Array.of(3, 4))
    assert.strictEqual(view.buffer, buffer.buffer)
    assert.notStrictEqual(viewOf(buffer, 1, 1).buffer, buffer.buffer)
  })
})
