/**
 * Inputs that broke other decoders and encoders, one test each, by its identifier in the public advisories or in the
 * project's own tracker.
 *
 * See `Client.test.ts` for failures of a whole client.
 */
import { assert, describe, it } from "@effect/vitest"
import { vi } from "vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { Packet, ProtocolVersion, Sender } from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import type { ProtocolViolation } from "../../src/protocol/ProtocolError.ts"
import * as Session from "../../src/protocol/Session.ts"
import * as Topic from "../../src/protocol/Topic.ts"
import * as TopicTree from "../../src/protocol/TopicTree.ts"
import * as VariableByteInteger from "../../src/protocol/VariableByteInteger.ts"
import { vectors } from "../protocol/golden.ts"
import { bytesOf, concat, hexOf } from "../protocol/hex.ts"
import { malformed } from "../protocol/malformed.ts"
import * as Support from "../protocol/support/session.ts"
import { reachableBytes } from "../support/memory.ts"
import { versions } from "../support/versions.ts"

interface From {
  readonly version: ProtocolVersion | undefined
  readonly sender: Sender
}

const largest = 268_435_460

/** The maximum that some of the malformed vectors are larger than. */
const malformedAbove = 100_000

const decoderOf = ({ sender, version }: From, maximumPacketSize = largest): Decoder.Decoder =>
  Decoder.make({ protocolVersion: version, sender, maximumPacketSize })

interface Outcome {
  readonly packets: ReadonlyArray<Packet>
  readonly error: ProtocolViolation | undefined
}

/** Decodes chunks and demands what holds for any bytes: a typed error or none, and nothing after it. */
const decode = (from: From, chunks: ReadonlyArray<Uint8Array>, maximumPacketSize?: number): Outcome => {
  const decoder = decoderOf(from, maximumPacketSize)
  const packets = chunks.flatMap((chunk) => decoder.push(chunk))
  const { error } = decoder
  if (error !== undefined) {
    assert.strictEqual(error._tag, "ProtocolViolation")
    assert.deepStrictEqual(decoder.push(bytesOf("d000")), [])
    assert.strictEqual(decoder.error, error)
  }
  return { packets, error }
}

const server = (version: ProtocolVersion): From => ({ version, sender: "server" })

const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** The golden vectors that are short enough for every variation of them to be tried. */
const short = vectors
  .map(({ hex, ...vector }) => ({ ...vector, bytes: bytesOf(hex) }))
  .filter(({ bytes }) => bytes.length < 128)

const withByte = (bytes: Uint8Array, index: number, value: number): Uint8Array => {
  const changed = bytes.slice()
  changed[index] = value
  return changed
}

const length16 = (text: Uint8Array): Uint8Array => concat([Uint8Array.of(text.length >> 8, text.length & 255), text])

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const variableByteInteger = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  return bytes.subarray(0, VariableByteInteger.write(bytes, 0, value))
}

/** A packet of these parts. */
const packet = (firstByte: number, ...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const body = concat(parts)
  return concat([Uint8Array.of(firstByte), variableByteInteger(body.length), body])
}

describe("decoders that others crashed", () => {
  it("CVE-2016-10523 CVE-2016-1000242 no change of any one byte gets anything but a typed error out of the parser", () => {
    let refused = 0
    for (const { bytes, ...from } of short) {
      for (const index of bytes.keys()) {
        const values = new Set([0, 1, 0x7f, 0x80, 0xff, bytes[index] - 1, bytes[index] + 1])
        for (const bit of range(0, 7)) values.add(bytes[index] ^ (1 << bit))
        for (const value of values) if (decode(from, [withByte(bytes, index, value)]).error !== undefined) refused++
      }
    }
    assert.isAbove(refused, 5_000)
  })

  it("CVE-2019-5432 no read goes past the end of its packet into the next one", () => {
    const next = concat([bytesOf("3005000161"), new Uint8Array(200).fill(0x61)])
    for (const { bytes, packet: whole, ...from } of short) {
      for (const length of range(0, bytes[1] - 1)) {
        const cut = withByte(bytes, 1, length).subarray(0, 2 + length)
        const alone = decode(from, [cut])
        const followed = decode(from, [concat([cut, next])])
        // What comes behind it changes nothing about it: the same verdict, or the same shorter packet.
        if (alone.error !== undefined) assert.strictEqual(followed.error?.message, alone.error.message, hexOf(cut))
        else assert.deepStrictEqual(followed.packets[0], alone.packets[0], hexOf(cut))
        assert.notDeepEqual(followed.packets[0], whole)
      }
    }
  })

  it("mqtt-packet #107 the beginning of a packet is no packet and no error, at every byte of every vector", () => {
    for (const { bytes, ...from } of short) {
      for (const end of range(0, bytes.length - 1)) {
        assert.deepStrictEqual(decode(from, [bytes.subarray(0, end)]), { packets: [], error: undefined })
      }
    }
  })

  it("paho.mqtt.golang #754 no memory is taken for what was only declared", () => {
    const before = reachableBytes()
    const decoders = range(1, 20).map(() => {
      const decoder = decoderOf(server("5.0"))
      // 256 MiB declared, three bytes sent.
      for (const chunk of ["30 ff ff ff 7f", "00 01", "61"]) decoder.push(bytesOf(chunk))
      assert.isUndefined(decoder.error)
      return decoder
    })
    assert.isBelow(reachableBytes() - before, 1_000_000)
    assert.lengthOf(decoders, 20)
  })

  it("aedes #1086 mochi #502 the limit counts the fixed header, and is enforced by it alone", () => {
    for (const version of versions) {
      const publish = (payload: number) =>
        packet(0x30, bytesOf(version === "5.0" ? "00016100" : "000161"), new Uint8Array(payload))
      const limit = publish(1_000).length
      assert.lengthOf(decode(server(version), [publish(1_000)], limit).packets, 1)
      const tooLarge = packet(0x90, new Uint8Array(limit))
      // Not one byte of the body has come.
      const { error, packets } = decode(server(version), [tooLarge.subarray(0, 3)], limit)
      assert.deepStrictEqual([packets.length, error?.reasonCode], [0, 0x95])
    }
  })

  it("CVE-2026-44248 GHSA-jqf3-r9ww-c5x8 a packet that comes byte by byte is not read again from its start", () => {
    const bytes = packet(0x30, bytesOf("000161 00"), new Uint8Array(1_048_576 - 8))
    const decoder = decoderOf(server("5.0"))
    const packets: Array<Packet> = []
    // Time says little; what is copied says it all. The buffer doubles, so each byte moves three times at most.
    const moved = countingMovedBytes(() => {
      for (let index = 0; index < bytes.length; index++) packets.push(...decoder.push(bytes.subarray(index, index + 1)))
    })
    assert.isUndefined(decoder.error)
    assert.lengthOf(packets, 1)
    assert.isBelow(moved, 4 * bytes.length)
  })

  it("CVE-2020-10062 the Remaining Length is exact at each of its bounds, and never has a fifth byte", () => {
    for (const length of [3, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const bytes = packet(0x30, bytesOf("000161"), new Uint8Array(length - 3))
      const { packets } = decode(server("3.1.1"), [bytes, bytes])
      const payloads = packets.map((each) => each._tag === "Publish" && each.payload.length)
      assert.deepStrictEqual(payloads, [length - 3, length - 3])
    }
    assert.deepStrictEqual(decode(server("5.0"), [bytesOf("30 ff ff ff 7f")]), { packets: [], error: undefined })
    for (const fifth of range(0, 255)) {
      const { error } = decode(server("5.0"), [Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, fifth)])
      assert.strictEqual(error?.reasonCode, 0x81)
    }
  })

  it("CVE-2026-54412 CVE-2019-17210 a length field that is wrong by one, or by far, never reaches beyond its packet", () => {
    for (const version of versions) {
      const end = version === "5.0" ? "00" : ""
      const publish = (length: number, qos: 0 | 1) =>
        packet(
          0x30 | (qos << 1),
          Uint8Array.of(length >> 8, length & 255),
          text("topic"),
          bytesOf(qos === 1 ? "0007" : ""),
          bytesOf(end)
        )
      for (const qos of [0, 1] as const) {
        assert.isUndefined(decode(server(version), [publish(5, qos)]).error)
        const room = publish(5, qos).length - 4
        for (const length of [room + 1, room + 2, 255, 256, 32_767, 32_768, 65_535]) {
          const { error, packets } = decode(server(version), [concat([publish(length, qos), new Uint8Array(70_000)])])
          assert.deepStrictEqual([packets.length, error?.reasonCode], [0, 0x81], `${length}`)
        }
      }
    }
  })

  it("CVE-2019-19307 azure-c-shared-utility #945 no length makes it turn round on the spot", () => {
    // A packet of length 0 of every type, and the malformed ones a thousand times over: each push takes all it is given.
    for (const version of versions) {
      for (const firstByte of range(0, 255)) {
        const zero = Uint8Array.of(firstByte, 0)
        decode(server(version), [concat(Array.from({ length: 1_000 }, () => zero))])
      }
    }
    for (const { hex, ...from } of malformed) {
      const bytes = bytesOf(hex)
      const { error, packets } = decode(from, [concat(Array.from({ length: 1_000 }, () => bytes))], malformedAbove)
      assert.isDefined(error)
      assert.isEmpty(packets)
    }
  })

  it("contiki-ng #3217 a malformed packet gets the same verdict wherever it is cut, and leaves nothing behind", () => {
    for (const { hex, ...from } of malformed) {
      const bytes = bytesOf(hex)
      const whole = decode(from, [bytes], malformedAbove)
      assert.isDefined(whole.error, hex)
      for (const at of range(1, bytes.length - 1)) {
        const parts = decode(from, [bytes.subarray(0, at), bytes.subarray(at)], malformedAbove)
        assert.strictEqual(parts.error?.message, whole.error?.message, `${hex} at ${at}`)
        assert.deepStrictEqual(parts.packets, whole.packets)
      }
    }
  })

  it("CVE-2021-34432 an empty topic is refused, unless 5.0 has an alias for it", () => {
    assert.strictEqual(decode(server("3.1.1"), [bytesOf("30 02 0000")]).error?.reasonCode, 0x82)
    assert.strictEqual(decode(server("5.0"), [bytesOf("30 03 0000 00")]).error?.reasonCode, 0x82)
    assert.isUndefined(decode(server("5.0"), [bytesOf("30 06 0000 03 23 0001")]).error)
  })

  it("CVE-2021-41039 a packet of 65,000 User Properties is read in one pass", () => {
    const pair = bytesOf("26 0001 61 0001 62")
    const count = 65_000
    const properties = concat(Array.from({ length: count }, () => pair))
    const bytes = packet(0x30, bytesOf("000161"), variableByteInteger(properties.length), properties)
    const { error, packets: [publish] } = decode(server("5.0"), [bytes])
    assert.isUndefined(error)
    assert.lengthOf(publish._tag === "Publish" ? publish.properties.userProperties ?? [] : [], count)
  })

  it("CVE-2023-3592 CVE-2021-34431 a decoder that has failed holds on to nothing it was given", () => {
    const pair = bytesOf("26 0001 61 0001 62")
    // Half a megabyte of properties, the last of which there is not.
    const properties = concat([...Array.from({ length: 70_000 }, () => pair), bytesOf("7f")])
    const bytes = packet(0x30, bytesOf("000161"), variableByteInteger(properties.length), properties)
    const before = reachableBytes()
    const decoders = range(1, 200).map(() => {
      const decoder = decoderOf(server("5.0"))
      decoder.push(bytes.slice(0, 400_000))
      decoder.push(bytes.slice(400_000))
      return decoder
    })
    assert.isTrue(decoders.every(({ error }) => error?.reasonCode === 0x81))
    // What they were given was 98 MB.
    assert.isBelow(reachableBytes() - before, 10_000_000)
  })
})

/** The bytes that are copied from one typed array to another while it runs. */
const countingMovedBytes = (run: () => void): number => {
  let moved = 0
  const { set, slice } = Uint8Array.prototype
  const setting = vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function(this: Uint8Array, source, offset) {
    moved += source.length
    return set.call(this, source, offset)
  })
  const slicing = vi.spyOn(Uint8Array.prototype, "slice").mockImplementation(function(this: Uint8Array, start, end) {
    const copy = slice.call(this, start, end)
    moved += copy.length
    return copy
  })
  try {
    run()
  } finally {
    setting.mockRestore()
    slicing.mockRestore()
  }
  return moved
}

describe("encoders of others that wrote something else", () => {
  const publish: Packet = {
    _tag: "Publish",
    topic: "t",
    payload: text("payload"),
    qos: 1,
    retain: false,
    dup: false,
    packetIdentifier: 1,
    properties: none
  }
  const connect: Packet = {
    _tag: "Connect",
    protocolVersion: "5.0",
    cleanStart: true,
    keepAlive: 60,
    clientId: "c",
    will: undefined,
    username: undefined,
    password: undefined,
    properties: none
  }
  const will = { topic: "w", payload: text("w"), qos: 0, retain: false, properties: none } as const
  const subscription = {
    topicFilter: "t",
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0
  } as const

  /** Every field with a 16-bit length that a client writes, filled with a text or its bytes. */
  const fields: ReadonlyArray<readonly [name: string, fill: (value: string) => Packet]> = [
    ["topic", (topic) => ({ ...publish, topic })],
    ["Response Topic", (responseTopic) => ({ ...publish, properties: { responseTopic } })],
    ["Correlation Data", (value) => ({ ...publish, properties: { correlationData: text(value) } })],
    ["Content Type", (contentType) => ({ ...publish, properties: { contentType } })],
    ["User Property name", (value) => ({ ...publish, properties: { userProperties: [[value, ""]] } })],
    ["User Property value", (value) => ({ ...publish, properties: { userProperties: [["", value]] } })],
    ["Client Identifier", (clientId) => ({ ...connect, clientId })],
    ["User Name", (username) => ({ ...connect, username })],
    ["Password", (value) => ({ ...connect, username: "u", password: text(value) })],
    ["Will Topic", (topic) => ({ ...connect, will: { ...will, topic } })],
    ["Will Payload", (value) => ({ ...connect, will: { ...will, payload: text(value) } })],
    ["Will Content Type", (contentType) => ({ ...connect, will: { ...will, properties: { contentType } } })],
    ["Authentication Method", (authenticationMethod) => ({ ...connect, properties: { authenticationMethod } })],
    [
      "Authentication Data",
      (value) => ({ ...connect, properties: { authenticationMethod: "m", authenticationData: text(value) } })
    ],
    [
      "Topic Filter of SUBSCRIBE",
      (topicFilter) => ({
        _tag: "Subscribe",
        packetIdentifier: 1,
        subscriptions: [{ ...subscription, topicFilter }],
        properties: none
      })
    ],
    [
      "Topic Filter of UNSUBSCRIBE",
      (topicFilter) => ({ _tag: "Unsubscribe", packetIdentifier: 1, topicFilters: [topicFilter], properties: none })
    ],
    ["Reason String", (reasonString) => ({ _tag: "Disconnect", reasonCode: 0, properties: { reasonString } })]
  ]

  it.each(fields)("CVE-2025-10543 65,536 bytes are refused and 65,535 are written whole: %s", (_, fill) => {
    const options = { protocolVersion: "5.0", sender: "client" } as const
    const largestPacket = fill("a".repeat(65_535))
    const bytes = Encoder.toBytes(largestPacket, options)
    if (!(bytes instanceof Uint8Array)) return assert.fail(bytes.message)
    assert.deepStrictEqual(decode({ version: "5.0", sender: "client" }, [bytes]).packets, [largestPacket])
    for (const length of [65_536, 65_537, 131_072]) {
      const encoder = Encoder.make(options)
      assert.strictEqual(encoder.encode(fill("a".repeat(length)))?._tag, "InvalidPacket")
      assert.strictEqual(encoder.pendingBytes(), 0)
    }
  })

  it("CVE-2020-13410 CVE-2018-3778 what cannot be written is a value and not an exception, and a Will is checked like any message", () => {
    const wrong: ReadonlyArray<Packet> = [
      { ...publish, topic: "" },
      { ...publish, topic: "a/#" },
      { ...publish, packetIdentifier: 0 },
      { ...connect, will: { ...will, topic: "a/+" } },
      { ...connect, will: { ...will, topic: "" } },
      { ...connect, will: { ...will, topic: "a\u0000" } },
      { ...connect, keepAlive: 65_536 },
      { _tag: "Subscribe", packetIdentifier: 1, subscriptions: [], properties: none },
      // Undefined where a value has to be, as plain JavaScript lets one write.
      { ...publish, payload: undefined } as never,
      { ...publish, topic: undefined } as never,
      { ...connect, clientId: null } as never
    ]
    for (const packet of wrong) {
      const result = Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "client" })
      assert.propertyVal(result, "_tag", "InvalidPacket", JSON.stringify(packet))
    }
  })
})

describe("topics and sessions of others that grew or hung", () => {
  it("CVE-2019-11779 CVE-2018-11615 65,535 levels are matched without recursion and without a regular expression", () => {
    const topic = "/".repeat(65_535)
    const filters = ["#", "+/#", "/".repeat(32_000) + "#", "+/".repeat(32_767) + "#", "/".repeat(65_535)]
    const missing = ["+/".repeat(32_767) + "x", "a/#", "(a+)+$", "+/+/+"]
    const tree = TopicTree.make<string>()
    for (const filter of [...filters, ...missing]) tree.add(filter, filter)
    const found: Array<string> = []
    tree.match(topic, found)
    assert.sameMembers(found, filters)
    for (const filter of filters) assert.isTrue(Topic.matches(filter, topic))
    for (const filter of missing) assert.isFalse(Topic.matches(filter, topic))
    for (const filter of [...filters, ...missing]) tree.remove(filter, filter)
    assert.strictEqual(tree.levels, 0)
    // It came through the decoder as it was.
    const bytes = packet(0x30, length16(text(topic)), bytesOf("00"))
    assert.propertyVal(decode(server("5.0"), [bytes]).packets[0], "topic", topic)
  })

  it("CVE-2018-12543 a topic of \"$\" alone, or that begins with it, is like any other, and no leading wildcard finds it", () => {
    for (const topic of ["$", "$/", "$SYS", "$SYS/a", "$share", "$share/", "$share/a", "$\u{1f600}"]) {
      const bytes = packet(0x30, length16(text(topic)), bytesOf("00"))
      assert.propertyVal(decode(server("5.0"), [bytes]).packets[0], "topic", topic)
      const tree = TopicTree.make<string>()
      for (const filter of ["#", "+", "+/#", "+/a", "$SYS/#", "$SYS/+", "$"]) tree.add(filter, filter)
      const found: Array<string> = []
      tree.match(topic, found)
      assert.sameMembers(found, ["$SYS/#", "$SYS/+", "$"].filter((filter) => Topic.matches(filter, topic)))
      for (const filter of ["#", "+", "+/#", "+/a"]) assert.isFalse(Topic.matches(filter, topic))
    }
  })

  for (const version of versions) {
    it(`CVE-2023-28366 identifiers of QoS 2 that come again, or go through their whole exchange, leave nothing (${version})`, () => {
      const table = Support.online(version)
      const play = (input: Support.Input) => Support.play(table, input)
      for (let round = 0; round < 20_000; round++) {
        const packetIdentifier = 1 + round % 10
        play(Support.receive(Support.incoming(2, packetIdentifier, "a")))
        // Again, and again, before and after its answer.
        play(Support.receive(Support.incoming(2, packetIdentifier, "a", { dup: true })))
        play(Support.acknowledge(["a"]))
        play(Support.receive(Support.incoming(2, packetIdentifier, "a", { dup: true })))
        assert.strictEqual(table.session.received.size, 1)
        play(Support.receive(Support.pubrel(packetIdentifier)))
        play(Support.receive(Support.pubrel(packetIdentifier)))
      }
      Support.assertEmpty(table)
      assert.strictEqual(table.session.unacknowledged, 0)
    })
  }

  it("CVE-2023-28366 more of them than were announced is a violation, and 65,535 is all there can be", () => {
    const receiveMaximum = 100
    let session: Session.Session<string> = Session.make({
      protocolVersion: "5.0",
      maximumInFlight: 10,
      receiveMaximum
    })
    const options = { protocolVersion: "5.0", sessionPresent: false, receiveMaximum: 10 } as const
    session = Session.connected(session, options, 0).session
    for (const packetIdentifier of range(1, 1_000)) {
      const step = Session.receive(session, [Support.incoming(2, packetIdentifier, "a")], 0)
      session = step.session
      assert.isAtMost(session.received.size, receiveMaximum)
      const violated = step.actions.some(({ _tag }) => _tag === "Violation")
      assert.strictEqual(violated, packetIdentifier > receiveMaximum)
    }
  })
})
