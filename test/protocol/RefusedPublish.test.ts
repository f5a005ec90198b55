/**
 * A PUBLISH from a server that is malformed inside, or too large: it is passed over if its message can be identified.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import type { Packet } from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { bytesOf } from "./hex.ts"

const pingresp = "d0 00"

const decode = (hex: string, options: Partial<Decoder.Options> = {}) => {
  const asked: Array<string> = []
  const decoder = Decoder.make({
    protocolVersion: "5.0",
    sender: "server",
    maximumPacketSize: 1_000,
    refuses: (topic) => {
      asked.push(Array.from(topic, (byte) => byte.toString(16).padStart(2, "0")).join(""))
      return true
    },
    ...options
  })
  return { packets: decoder.push(bytesOf(hex)), error: decoder.error, asked }
}

/** What is left of a PUBLISH whose content is not read. */
const left = (fields: Partial<Packet & { _tag: "Publish" }>): Packet => ({
  _tag: "Publish",
  topic: "",
  payload: new Uint8Array(0),
  qos: 0,
  retain: false,
  dup: false,
  packetIdentifier: 0,
  properties: Properties.none,
  ...fields
})

describe("a PUBLISH that is malformed inside", () => {
  const notUtf8 = "the Topic Name is not well-formed UTF-8"

  const identified: ReadonlyArray<readonly [name: string, hex: string, topic: string, publish: Packet]> = [
    ["QoS 0", "30 05 0002 61ff 00", "61ff", left({ topic: "a�", refused: notUtf8 })],
    ["with RETAIN", "31 05 0002 61ff 00", "61ff", left({ topic: "a�", retain: true, refused: notUtf8 })],
    [
      "QoS 1",
      "32 07 0002 61ff 0102 00",
      "61ff",
      left({ topic: "a�", qos: 1, packetIdentifier: 0x0102, refused: notUtf8 })
    ],
    [
      "QoS 2 with DUP",
      "3c 07 0002 61ff 0001 00",
      "61ff",
      left({ topic: "a�", qos: 2, dup: true, packetIdentifier: 1, refused: notUtf8 })
    ],
    [
      "without properties, and with an identifier alone behind its topic",
      "32 06 0002 61ff 0003",
      "61ff",
      left({ topic: "a�", qos: 1, packetIdentifier: 3, refused: notUtf8 })
    ],
    [
      "by properties that go past its end",
      "30 04 0001 61 7f",
      "61",
      left({ topic: "a", refused: "The Property Length goes past the end of the packet" })
    ],
    [
      "by an empty topic that an identifier makes up for",
      "32 05 0000 0004 00",
      "",
      left({ qos: 1, packetIdentifier: 4, refused: "The Topic Name is empty, and there is no Topic Alias for it" })
    ]
  ]
  for (const [name, hex, topic, publish] of identified) {
    it(`${name}: is reported, and the next packet is read`, () => {
      const { asked, error, packets } = decode(`${hex} ${pingresp}`)
      assert.isUndefined(error)
      assert.deepStrictEqual(packets, [publish, { _tag: "Pingresp" }])
      assert.deepStrictEqual(asked, [topic])
    })
  }

  const unknown: ReadonlyArray<readonly [name: string, hex: string]> = [
    ["without a topic", "30 00"],
    ["with half of the length of a topic", "30 01 00"],
    ["with an empty topic at QoS 0", "30 03 0000 00"],
    ["with a topic that goes past its end", "30 04 0009 61ff"],
    ["with the Packet Identifier 0", "32 07 0002 61ff 0000 00"],
    ["that ends before its Packet Identifier", "32 04 0002 61ff"],
    ["that ends within its Packet Identifier", "32 05 0002 61ff 01"]
  ]
  for (const [name, hex] of unknown) {
    it(`${name}: nobody is asked, and it is an error`, () => {
      const { asked, error, packets } = decode(`${hex} ${pingresp}`)
      assert.strictEqual(error?._tag, "ProtocolViolation")
      assert.deepStrictEqual([packets, asked], [[], []])
    })
  }

  it("is an error if the answer is no", () => {
    const { error, packets } = decode(`30 05 0002 61ff 00 ${pingresp}`, { refuses: () => false })
    assert.strictEqual(error?.message, notUtf8)
    assert.deepStrictEqual(packets, [])
  })

  it("is an error if nobody answers", () => {
    const { error } = decode(`30 05 0002 61ff 00 ${pingresp}`, { refuses: undefined })
    assert.strictEqual(error?.message, notUtf8)
  })

  it("asks about no other packet", () => {
    const { asked, error } = decode("40 02 0000")
    assert.strictEqual(error?.message, "The Packet Identifier is 0")
    assert.deepStrictEqual(asked, [])
  })
})

describe("a PUBLISH that is too large", () => {
  const small = { maximumPacketSize: 10 }
  const payload = "00".repeat(20)

  it("keeps its flags, its identifier and its size", () => {
    const { error, packets } = decode(`3d 1b 0002 6162 0007 00 ${payload} ${pingresp}`, small)
    assert.isUndefined(error)
    assert.deepStrictEqual(packets, [
      left({ topic: "ab", qos: 2, dup: true, retain: true, packetIdentifier: 7, tooLarge: 29 }),
      { _tag: "Pingresp" }
    ])
  })

  it("has no flag that it did not have", () => {
    const { packets } = decode(`30 19 0002 6162 00 ${payload}`, small)
    assert.deepStrictEqual(packets, [left({ topic: "ab", tooLarge: 27 })])
  })

  it("in 3.1.1 has no properties", () => {
    const { error, packets } = decode(`30 18 0002 6162 ${payload}`, { ...small, protocolVersion: "3.1.1" })
    assert.isUndefined(error)
    assert.deepStrictEqual(packets, [left({ topic: "ab", tooLarge: 26 })])
  })

  it("may fill the packet with its properties", () => {
    const { error, packets } = decode(`30 0e 0000 0b 230005 26 0001 61 0002 6262 ${pingresp}`, small)
    assert.isUndefined(error)
    assert.deepStrictEqual(packets[0], left({ properties: Properties.onlyTopicAlias(5), tooLarge: 16 }))
  })

  it("with properties that go past its end, it is refused like one that is malformed inside", () => {
    const { asked, error, packets } = decode(`30 19 0002 6162 7f ${payload} ${pingresp}`, small)
    assert.isUndefined(error)
    assert.deepStrictEqual(asked, ["6162"])
    assert.deepStrictEqual(packets, [
      left({ topic: "ab", refused: "The Property Length goes past the end of the packet" }),
      { _tag: "Pingresp" }
    ])
  })

  it("without topic and alias, it names that", () => {
    const { error } = decode(`30 17 0000 00 ${payload}`, small)
    assert.strictEqual(error?.message, "The Topic Name is empty, and there is no Topic Alias for it")
  })
})

describe("between packets", () => {
  const decoder = () => Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: 1_000 })

  it("a packet has begun with the first byte of its header, and with its header alone", () => {
    for (const beginning of ["32", "32 07", "32 07 0002 61"]) {
      const reading = decoder()
      assert.isFalse(reading.isWithinPacket)
      reading.push(bytesOf(beginning))
      assert.isTrue(reading.isWithinPacket, beginning)
    }
  })

  it("none is under way after the last byte, or after an error", () => {
    const whole = decoder()
    whole.push(bytesOf("32 07 0001"))
    whole.push(bytesOf("61 0001 00 2a"))
    assert.isFalse(whole.isWithinPacket)
    const wrong = decoder()
    wrong.push(bytesOf("40 02 0000 32"))
    assert.isFalse(wrong.isWithinPacket)
  })

  it("an acknowledgement above the largest size is an error like any packet", () => {
    const tiny = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: 3 })
    assert.deepStrictEqual(tiny.push(bytesOf("40 02 0001")), [])
    assert.strictEqual(tiny.error?.reasonCode, 0x95)
  })
})
