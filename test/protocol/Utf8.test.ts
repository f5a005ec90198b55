/**
 * UTF-8 at the edges of every length of it, against the encoder and decoder of the platform.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Utf8 from "../../src/protocol/Utf8.ts"
import { bytesOf, hexOf } from "./hex.ts"
import * as Random from "./Random.ts"

/** The first and the last code point of each length, around the surrogates, and what is easily mistaken. */
const codePoints = [
  0x01,
  0x7e,
  0x7f,
  0x80,
  0x81,
  0xff,
  0x7fe,
  0x7ff,
  0x800,
  0x801,
  0xd7fe,
  0xd7ff,
  0xe000,
  0xe001,
  0xfeff,
  0xfffd,
  0xfffe,
  0xffff,
  0x10000,
  0x10001,
  0x103ff,
  0x10400,
  0x1f600,
  0xffbff,
  0xfffff,
  0x100000,
  0x10fc00,
  0x10fffe,
  0x10ffff
]

const encoder = new TextEncoder()

/** Around the lengths at which strings are written and read in another way. */
const paddings = [0, 1, 30, 31, 32, 33, 60, 61, 62, 63, 64, 65, 100, 300]

const write = (text: string): Uint8Array => {
  const size = Utf8.byteLength(text)
  const target = new Uint8Array(size + 4).fill(0xee)
  assert.strictEqual(Utf8.write(target, 2, text), size + 2)
  // Nothing before it, and nothing after it.
  assert.deepStrictEqual([target[0], target[1], target[size + 2], target[size + 3]], [0xee, 0xee, 0xee, 0xee])
  return target.subarray(2, size + 2)
}

/** As part of more bytes, which are no part of it. */
const read = (bytes: Uint8Array): string | undefined => {
  const around = new Uint8Array(bytes.length + 2).fill(0xff)
  around.set(bytes, 1)
  return Utf8.read(around, 1, bytes.length + 1)
}

describe("UTF-8", () => {
  for (const codePoint of codePoints) {
    it(`R2 U+${codePoint.toString(16).padStart(4, "0")} there and back, alone and between others`, () => {
      const character = String.fromCodePoint(codePoint)
      for (const text of [character, `a${character}b`, character.repeat(3), `é${character}€${character}😀`]) {
        const bytes = encoder.encode(text)
        assert.strictEqual(Utf8.byteLength(text), bytes.length)
        assert.strictEqual(hexOf(write(text)), hexOf(bytes))
        assert.strictEqual(read(bytes), text)
        assert.isUndefined(Utf8.defectOf(text))
      }
    })
  }

  const ill: ReadonlyArray<readonly [name: string, text: string]> = [
    ["the first high surrogate alone", "\ud800"],
    ["the last high surrogate alone", "\udbff"],
    ["the first low surrogate alone", "\udc00"],
    ["the last low surrogate alone", "\udfff"],
    ["a high surrogate before what is not a surrogate", "\ud800a"],
    ["a high surrogate before the last code point below them", "\ud800\ud7ff"],
    ["a high surrogate before the first code point above them", "\ud800\ue000"],
    ["two high surrogates", "\ud800\ud800"],
    ["two high surrogates, the second with its low one", "\udbff\udbff\udfff"],
    ["two low surrogates", "\udc00\udc00"],
    ["the last low surrogate twice", "\udfff\udfff"],
    ["a pair the wrong way round", "\udc00\ud800"],
    ["a pair and half of one", "😀\ud83d"]
  ]

  for (const [name, text] of ill) {
    it(`R2 ${name} has no form`, () => {
      for (const each of [text, `a${text}`, `é${text}z`]) {
        assert.strictEqual(Utf8.byteLength(each), -1)
        assert.strictEqual(Utf8.defectOf(each), "loneSurrogate")
        for (const padding of paddings) {
          assert.strictEqual(Utf8.write(new Uint8Array(1_000), 2, "x".repeat(padding) + each), -1)
          assert.strictEqual(Utf8.write(new Uint8Array(1_000), 2, each + "x".repeat(padding)), -1)
        }
      }
    })
  }

  const malformed: ReadonlyArray<readonly [name: string, hex: string]> = [
    ["a continuation alone", "80"],
    ["the last continuation alone", "bf"],
    ["an overlong U+0000", "c080"],
    ["an overlong U+007F", "c1bf"],
    ["an overlong U+07FF", "e09fbf"],
    ["an overlong U+FFFF", "f08fbfbf"],
    ["the first surrogate", "eda080"],
    ["the last surrogate", "edbfbf"],
    ["a pair of surrogates, each by itself", "eda0bdedb880"],
    ["past U+10FFFF", "f4908080"],
    ["five bytes", "f888808080"],
    ["no lead byte of any length", "ff"],
    ["two bytes cut short", "c3"],
    ["three bytes cut short", "e282"],
    ["four bytes cut short", "f09f98"],
    ["a lead byte where a continuation should be", "e282c3a9"]
  ]

  for (const [name, hex] of malformed) {
    it(`R2 ${name} is not read, short or long`, () => {
      for (const padding of [0, 1, 3, 30, 31, 32, 33, 100]) {
        const text = "a".repeat(padding)
        assert.isUndefined(read(Uint8Array.from([...encoder.encode(text), ...bytesOf(hex)])))
        assert.isUndefined(read(Uint8Array.from([...bytesOf(hex), ...encoder.encode(text)])))
      }
    })
  }

  it("R1 U+FFFD that was sent is read, and does not hide what is ill-formed beside it", () => {
    assert.strictEqual(read(encoder.encode("\ufffd")), "\ufffd")
    assert.strictEqual(read(encoder.encode("\ufffda\ufffd\ufffdé")), "\ufffda\ufffd\ufffdé")
    for (const [, hex] of malformed) {
      for (const text of ["\ufffd", "\ufffd\ufffd\ufffd"]) {
        assert.isUndefined(read(Uint8Array.from([...encoder.encode(text), ...bytesOf(hex)])))
        assert.isUndefined(read(Uint8Array.from([...bytesOf(hex), ...encoder.encode(text)])))
      }
    }
  })

  it("R1 whatever the bytes, the verdict and the text are those of the platform's strict decoder", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
    const random = Random.make(1)
    // Bytes that begin, continue and end what is nearly a character, U+FFFD and U+FEFF among them.
    const bytes = [0x61, 0x80, 0xbd, 0xbf, 0xc1, 0xc3, 0xe0, 0xa0, 0xed, 0x9f, 0xef, 0xbb, 0xf0, 0x90, 0xf4, 0x8f, 0xff]
    const verdicts = new Set<boolean>()
    for (let count = 0; count < 50_000; count++) {
      const input = Uint8Array.from({ length: random.integer(0, 8) }, () => random.pick(bytes))
      let expected: string | undefined
      try {
        expected = strict.decode(input)
      } catch {
        expected = undefined
      }
      assert.strictEqual(read(input), expected, hexOf(input))
      verdicts.add(input.length > 3 && expected !== undefined)
    }
    assert.strictEqual(verdicts.size, 2)
  })

  it("every length of ASCII, and of what is not, is read whole", () => {
    for (let length = 0; length <= 70; length++) {
      const ascii = Array.from({ length }, (_, index) => String.fromCharCode(1 + (index % 127))).join("")
      assert.strictEqual(read(encoder.encode(ascii)), ascii)
      assert.strictEqual(read(encoder.encode(`${ascii}é`)), `${ascii}é`)
      assert.strictEqual(read(encoder.encode(`é${ascii}`)), `é${ascii}`)
    }
  })

  it("every length of ASCII, and of what is not, is written whole", () => {
    for (let length = 0; length <= 140; length++) {
      const ascii = Array.from({ length }, (_, index) => String.fromCharCode(1 + (index % 127))).join("")
      for (const text of [ascii, `${ascii}é`, `漢${ascii}`, `${ascii}😀`]) {
        assert.strictEqual(hexOf(write(text)), hexOf(encoder.encode(text)))
      }
    }
  })

  it("what goes past the end of the target is lost, and the offset says how much", () => {
    for (const text of ["x".repeat(40), "é".repeat(20), "x".repeat(200), "é".repeat(100)]) {
      const size = Utf8.byteLength(text)
      for (const room of [0, 1, 39, 40, 199, 200]) {
        const target = new Uint8Array(room)
        assert.strictEqual(Utf8.write(target, 0, text), size)
        if (room >= size) assert.strictEqual(hexOf(target.subarray(0, size)), hexOf(encoder.encode(text)))
      }
    }
  })

  it("R4 U+0000 is well-formed, and a defect of a string to be written", () => {
    assert.strictEqual(read(bytesOf("610062")), "a\u0000b")
    assert.strictEqual(Utf8.defectOf("a\u0000b"), "nul")
    assert.strictEqual(Utf8.byteLength("\u0000"), 1)
    for (const padding of paddings) {
      assert.strictEqual(Utf8.write(new Uint8Array(1_000), 2, `${"x".repeat(padding)}\u0000`), -1)
    }
  })

  it("R9 65,535 bytes are the most", () => {
    assert.strictEqual(Utf8.maximumLength, 65_535)
    assert.isUndefined(Utf8.defectOf("a".repeat(65_535)))
    assert.strictEqual(Utf8.defectOf("a".repeat(65_536)), "tooLong")
    assert.isUndefined(Utf8.defectOf(`${"é".repeat(32_767)}a`))
    assert.strictEqual(Utf8.defectOf("é".repeat(32_768)), "tooLong")
  })
})
