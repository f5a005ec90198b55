import { assert, describe, it } from "@effect/vitest"
import * as ShortStrings from "../../src/protocol/ShortStrings.ts"

const encoder = new TextEncoder()

/** As part of more bytes, which are no part of it. */
const read = (text: string): string | undefined => {
  const bytes = encoder.encode(`<${text}>`)
  return ShortStrings.read(bytes, 1, bytes.length - 1)
}

const letters = Array.from({ length: 127 }, (_, index) => String.fromCharCode(index + 1))

describe("ShortStrings", () => {
  it("more strings of one length than are kept are each read right, again and again", () => {
    for (let round = 0; round < 2; round++) {
      for (const first of letters) {
        for (const second of letters) {
          assert.strictEqual(read(first + second), first + second)
          assert.strictEqual(read(first + second), first + second)
        }
      }
    }
  })

  it("what begins or ends like another one is not the other one", () => {
    for (let length = 0; length <= 32; length++) {
      for (const text of ["x".repeat(length), "x".repeat(length).slice(1) + "y", "y" + "x".repeat(length).slice(1)]) {
        assert.strictEqual(read(text), text.length > 32 ? undefined : text)
      }
    }
  })

  it("R4 knows nothing that is long, not ASCII, or holds U+0000", () => {
    for (const text of ["x".repeat(33), "é", "aé", "\u0080", "\u0000", "a\u0000", "\u0000a"]) {
      for (let round = 0; round < 2; round++) assert.isUndefined(read(text))
    }
  })
})
