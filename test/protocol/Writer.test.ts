import { assert, describe, it } from "@effect/vitest"
import * as Writer from "../../src/protocol/Writer.ts"
import { hexOf } from "./hex.ts"

describe("Writer", () => {
  it("the high byte comes first", () => {
    const target = new Uint8Array(8)
    assert.strictEqual(Writer.uint16(target, 1, 0x0102), 3)
    assert.strictEqual(Writer.uint32(target, 3, 0xfffefdfc), 7)
    assert.strictEqual(hexOf(target), "00 01 02 ff fe fd fc 00")
  })

  it("R9 65,535 bytes are the longest string and the longest binary field", () => {
    const target = new Uint8Array(200_000)
    for (const text of ["x".repeat(65_535), `${"é".repeat(32_767)}x`]) {
      assert.strictEqual(Writer.string(target, 1, text), 65_538)
      assert.strictEqual(hexOf(target.subarray(1, 3)), "ff ff")
      assert.strictEqual(Writer.sizeOfString(text), 65_537)
    }
    for (const text of ["x".repeat(65_536), "é".repeat(32_768)]) assert.strictEqual(Writer.string(target, 1, text), -1)
    target.fill(0)
    assert.strictEqual(Writer.binary(target, 1, new Uint8Array(65_535).fill(7)), 65_538)
    assert.strictEqual(hexOf(target.subarray(0, 5)), "00 ff ff 07 07")
    assert.strictEqual(hexOf(target.subarray(65_535, 65_539)), "07 07 07 00")
    assert.strictEqual(Writer.binary(target, 1, new Uint8Array(65_536)), -1)
  })

  it("R2 R4 a string without bytes of its own is not written, whatever its length", () => {
    for (const text of ["\u0000", "\ud800", "x".repeat(300) + "\u0000", "x".repeat(300) + "\udc00"]) {
      assert.strictEqual(Writer.string(new Uint8Array(1_000), 0, text), -1)
    }
  })

  it("what goes past the end is lost, and the offset says how much", () => {
    for (const length of [31, 32, 33, 1_000]) {
      for (const room of [0, 10, length - 1, length]) {
        assert.strictEqual(Writer.bytes(new Uint8Array(room), 0, new Uint8Array(length)), length)
      }
    }
  })
})
