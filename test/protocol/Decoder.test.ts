import { assert, describe, it, vi } from "@effect/vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import type { Packet, Sender } from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { reachableBytes } from "../support/memory.ts"
import { acceptedForms, vectors } from "./golden.ts"
import { bytesOf, concat, hexOf } from "./hex.ts"
import { malformed } from "./malformed.ts"
import * as Random from "./Random.ts"

const largest = 268_435_460

/** Above every golden vector and malformed packet but the one that is meant to be too large. */
const maximumPacketSize = 1_000

describe("malformed packets", () => {
  for (const { hex, label, name, reasonCode, sender, version } of malformed) {
    it(name, () => {
      const bytes = bytesOf(hex)
      // Whole, in two pieces at every place, and byte by byte.
      const cuts = Array.from({ length: bytes.length }, (_, cut) => [bytes.slice(0, cut), bytes.slice(cut)])
      for (const chunks of [...cuts, Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
        const decoder = Decoder.make({ protocolVersion: version, sender, maximumPacketSize })
        assert.deepStrictEqual(chunks.flatMap((chunk) => decoder.push(chunk)), [])
        assert.strictEqual(decoder.error?._tag, "ProtocolViolation")
        assert.strictEqual(decoder.error?.label.label, label, decoder.error?.message)
        assert.strictEqual(decoder.error?.reasonCode, reasonCode, decoder.error?.message)
        if (version !== undefined) assert.strictEqual(decoder.error?.label.version, version)
        assert.match(decoder.error?.message ?? "", /^\S+( \S+){2,}/)
      }
    })
  }

  it("R143 what came before the error is delivered, what came after it is not, and the error stays", () => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
    const packets = decoder.push(bytesOf("d0 00 40 02 000a 40 02 0000 d0 00"))
    assert.deepStrictEqual(packets.map(({ _tag }) => _tag), ["Pingresp", "Puback"])
    const { error } = decoder
    assert.strictEqual(error?.label.label, "2.2.1-4")
    assert.deepStrictEqual(decoder.push(bytesOf("d0 00")), [])
    assert.deepStrictEqual(decoder.push(bytesOf("00")), [])
    assert.strictEqual(decoder.error, error)
  })

  /** Packets that end within a field: version, sender, bytes, the field. */
  const truncated: ReadonlyArray<readonly [version: "3.1.1" | "5.0", sender: Sender, hex: string, field: string]> = [
    ["3.1.1", "client", "10 01 00", "the Protocol Name"],
    ["3.1.1", "client", "10 06 0004 4d515454", "the Protocol Version"],
    ["3.1.1", "client", "10 07 0004 4d515454 04", "the Connect Flags"],
    ["3.1.1", "client", "10 09 0004 4d515454 04 02 00", "the Keep Alive"],
    ["3.1.1", "client", "10 0b 0004 4d515454 04 02 0000 00", "the Client Identifier"],
    ["3.1.1", "client", "10 0c 0004 4d515454 04 06 0000 0000", "the Will Topic"],
    ["3.1.1", "client", "10 10 0004 4d515454 04 06 0000 0000 0001 61 00", "the Will Payload"],
    ["3.1.1", "client", "10 0c 0004 4d515454 04 82 0000 0000", "the User Name"],
    ["3.1.1", "client", "10 0f 0004 4d515454 04 c2 0000 0000 0001 61", "the Password"],
    ["3.1.1", "client", "82 03 0001 00", "a Topic Filter"],
    ["3.1.1", "client", "82 05 0001 0001 61", "the Subscription Options"],
    ["3.1.1", "server", "30 02 0002", "the Topic Name"],
    ["3.1.1", "server", "32 04 0001 61 00", "the Packet Identifier"],
    ["3.1.1", "server", "40 01 00", "the Packet Identifier"],
    ["3.1.1", "server", "20 00", "the Connect Acknowledge Flags"],
    ["3.1.1", "server", "20 01 00", "the Connect Reason Code"],
    ["5.0", "server", "20 01 00", "the Connect Reason Code"],
    ["5.0", "server", "20 05 00 00 02 21 00", "receiveMaximum"]
  ]

  for (const [version, sender, hex, field] of truncated) {
    it(`R143 ends within ${field}, ${version} from a ${sender}, and says so`, () => {
      const decoder = Decoder.make({ protocolVersion: version, sender, maximumPacketSize })
      assert.deepStrictEqual(decoder.push(bytesOf(hex)), [])
      assert.strictEqual(decoder.error?.reasonCode, 0x81)
      assert.strictEqual(decoder.error?.message, `The packet ends within ${field}`)
    })
  }

  const judged: ReadonlyArray<
    readonly [name: string, version: "3.1.1" | "5.0", sender: Sender, hex: string, label: string, says: string]
  > = [
    ["R52 CONNACK of 3.1.1 with a code of 5.0", "3.1.1", "server", "20 02 00 87", "3.2.2-6", "the code 0x87"],
    ["PUBACK 0x05", "5.0", "server", "40 03 0001 05", "3.4.2-1", "Puback has the code 0x05"],
    ["UNSUBSCRIBE with the identifier 0", "5.0", "client", "a2 06 0000 00 0001 61", "2.2.1-3", "is 0"],
    ["UNSUBSCRIBE with the identifier 0", "3.1.1", "client", "a2 05 0000 0001 61", "2.3.1-1", "is 0"],
    ["R138 AUTH of success, with properties and no method", "5.0", "server", "f0 06 00 04 1f 0001 61", "4.12", "Method"]
  ]

  for (const [name, version, sender, hex, label, says] of judged) {
    it(`${name} is refused, ${version} from a ${sender}`, () => {
      const decoder = Decoder.make({ protocolVersion: version, sender, maximumPacketSize })
      assert.deepStrictEqual(decoder.push(bytesOf(hex)), [])
      assert.strictEqual(decoder.error?.label.label, label)
      assert.include(decoder.error?.message, says)
    })
  }

  it("R24 a first CONNECT with wrong flags is a CONNECT with wrong flags", () => {
    const decoder = Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize })
    assert.deepStrictEqual(decoder.push(bytesOf("11")), [])
    assert.strictEqual(decoder.error?.label.label, "2.1.3-1")
    assert.include(decoder.error?.message, "The reserved flags of Connect")
  })

  it("R99 what is too large is said with its size and the maximum", () => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
    decoder.push(bytesOf("90 e6 07"))
    assert.strictEqual(decoder.error?.message, "A packet of 1001 bytes came, but the maximum is 1000")
  })

  it("R11 R143 a packet that ends before its Property Length has not that of the bytes after it", () => {
    for (const hex of ["30 03 0001 61", "32 05 0001 61 0001", "90 02 0001", "b0 02 0001", "20 02 00 00"]) {
      const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
      assert.deepStrictEqual(decoder.push(bytesOf(`${hex} 00 00 00`)), [])
      assert.strictEqual(decoder.error?.label.label, "4.13.1-1")
      assert.strictEqual(decoder.error?.message, "The packet ends within the Property Length")
    }
  })

  it("every golden packet cut short by its length yields nothing but an error, or is another valid short form", () => {
    for (const { hex, name, sender, version } of [...vectors, ...acceptedForms]) {
      const bytes = bytesOf(hex)
      // The length says less than the fields need; only fixed headers of two bytes are rewritten.
      for (let remaining = 0; remaining < bytes[1] && bytes[1] < 128; remaining++) {
        const short = bytes.slice(0, remaining + 2)
        short[1] = remaining
        const decoder = Decoder.make({ protocolVersion: version, sender, maximumPacketSize })
        const packets = decoder.push(short)
        assert.strictEqual(packets.length, decoder.error === undefined ? 1 : 0, `${name} cut to ${remaining}`)
      }
    }
  })

  it("every golden packet that ends at any byte waits for more and is not an error", () => {
    for (const { hex, name, sender, version } of [...vectors, ...acceptedForms]) {
      const bytes = bytesOf(hex)
      for (let end = 0; end < bytes.length; end++) {
        const decoder = Decoder.make({ protocolVersion: version, sender, maximumPacketSize })
        assert.deepStrictEqual(decoder.push(bytes.slice(0, end)), [], name)
        assert.isUndefined(decoder.error, name)
      }
    }
  })

  it("a packet's fields are never read from the next packet's bytes", () => {
    // mqtt-packet reads the Packet Identifier of the first from the second.
    for (const hex of ["40 00 40 02 000a", "40 01 00 40 02 000a", "32 03 0001 61 40 02 000a"]) {
      const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
      assert.deepStrictEqual(decoder.push(bytesOf(hex)), [])
      assert.strictEqual(decoder.error?.label.label, "4.13.1-1")
    }
  })
})

describe("what another client put into a message", () => {
  const read = (hex: string) => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
    const packets = decoder.push(bytesOf(hex))
    if (decoder.error !== undefined) assert.fail(decoder.error.message)
    return packets
  }

  /** A PUBLISH to `a` with these properties and the payload `hi`. */
  const withProperties = (hex: string): string => {
    const length = bytesOf(hex).length
    return hexOf(concat([Uint8Array.of(0x30, length + 6, 0, 1, 0x61, length), bytesOf(hex), bytesOf("6869")]))
  }

  const wrong: ReadonlyArray<readonly [what: string, hex: string, name: string, description: RegExp]> = [
    ["P01 R11 Payload Format Indicator 2", "0102", "payloadFormatIndicator", /2 and not 0 or 1/],
    ["P08 R95 a Response Topic with +", "08 0003 612f2b", "responseTopic", /wildcard/],
    ["P08 R95 a Response Topic with #", "08 0001 23", "responseTopic", /wildcard/],
    ["P08 R95 an empty Response Topic", "08 0000", "responseTopic", /empty/],
    ["P08 R1 a Response Topic that is no UTF-8", "08 0001 ff", "responseTopic", /UTF-8/],
    ["P03 R3 a Content Type with U+0000", "03 0001 00", "contentType", /U\+0000/],
    ["P26 R1 a User Property whose name is no UTF-8", "26 0001 ff 0001 61", "userProperties", /UTF-8/],
    ["P26 R1 a User Property whose value is no UTF-8", "26 0001 61 0001 ff", "userProperties", /UTF-8/]
  ]
  for (const [what, hex, name, description] of wrong) {
    it(`${what} is left out and noted, and the message is whole`, () => {
      const [publish, next] = read(withProperties(`26 0001 6b 0001 76 ${hex} 09 0001 07`) + " d0 00")
      if (publish?._tag !== "Publish") return assert.fail("no PUBLISH")
      assert.strictEqual(new TextDecoder().decode(publish.payload), "hi")
      assert.deepStrictEqual(publish.properties, {
        userProperties: [["k", "v"]],
        correlationData: Uint8Array.of(7)
      })
      assert.strictEqual(publish.malformedProperties?.length, 1)
      assert.strictEqual(publish.malformedProperties?.[0].name, name)
      assert.match(publish.malformedProperties?.[0].description ?? "", description)
      assert.strictEqual(next?._tag, "Pingresp")
    })
  }

  it("many properties of one name that are wrong are noted once, and the next message is unmarked", () => {
    const [first, second] = read(withProperties("26 0001 ff 0001 61".repeat(15)) + withProperties(""))
    if (first?._tag !== "Publish" || second?._tag !== "Publish") return assert.fail("no PUBLISH")
    assert.lengthOf(first.malformedProperties ?? [], 1)
    assert.isFalse("malformedProperties" in second)
    assert.isFalse("userProperties" in first.properties)
  })

  it("P0B P23 what the server itself says about a message still ends it, and so does a property twice", () => {
    for (const hex of ["0b 00", "23 0000", "08 0001 61 08 0001 62"]) {
      const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
      assert.deepStrictEqual(decoder.push(bytesOf(withProperties(hex))), [])
      assert.isDefined(decoder.error)
    }
  })
})

describe("R99 a PUBLISH from a server that is larger than the maximum", () => {
  const topic = bytesOf("0003 612f62")
  /** With a Remaining Length of three bytes. */
  const oversized = (version: "3.1.1" | "5.0", qos: 0 | 1 | 2, payload: number, properties = "00"): Uint8Array => {
    const body = concat([
      topic,
      qos === 0 ? new Uint8Array(0) : bytesOf("000a"),
      version === "5.0" ? bytesOf(properties) : new Uint8Array(0),
      new Uint8Array(payload)
    ])
    const { length } = body
    return concat([
      Uint8Array.of(0x30 | (qos << 1), (length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14),
      body
    ])
  }

  for (const version of ["3.1.1", "5.0"] as const) {
    for (const qos of [0, 1, 2] as const) {
      it(`is passed over by its length, and says which message it is, however it is cut (${version}, QoS ${qos})`, () => {
        const bytes = oversized(version, qos, 20_000)
        for (const size of [1, 2, 3, 5, 11, 1_000, 4_096, bytes.length, bytes.length + 2]) {
          const decoder = Decoder.make({ protocolVersion: version, sender: "server", maximumPacketSize })
          const all = concat([bytes, bytesOf("d0 00")])
          const packets: Array<Packet> = []
          for (let at = 0; at < all.length; at += size) packets.push(...decoder.push(all.slice(at, at + size)))
          assert.isUndefined(decoder.error)
          assert.isFalse(decoder.isWithinPacket)
          const [publish, next] = packets
          if (publish?._tag !== "Publish") return assert.fail("no PUBLISH")
          assert.deepStrictEqual(
            [publish.topic, publish.qos, publish.packetIdentifier, publish.payload.length, publish.tooLarge],
            ["a/b", qos, qos === 0 ? 0 : 10, 0, bytes.length]
          )
          assert.strictEqual(next?._tag, "Pingresp")
        }
      })
    }
  }

  it("keeps no more of 256 MiB than its beginning", () => {
    const decoder = Decoder.make({ protocolVersion: "3.1.1", sender: "server", maximumPacketSize })
    decoder.push(bytesOf("32 ff ff ff 7f 0003 612f62 000a"))
    const chunk = new Uint8Array(65_536)
    const before = reachableBytes()
    for (let passed = 0; passed < 100; passed++) assert.isEmpty(decoder.push(chunk.slice()))
    assert.isBelow(reachableBytes() - before, 500_000)
    assert.isTrue(decoder.isWithinPacket)
    assert.strictEqual(decoder.takePassedOver(), Math.floor((100 * 65_536 + 7) / maximumPacketSize))
    assert.strictEqual(decoder.takePassedOver(), 0)
  })

  it("R97 binds its Topic Alias all the same", () => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
    const [publish] = decoder.push(oversized("5.0", 1, 20_000, "0a 23 0007 26 0001 61 0001 62"))
    if (publish?._tag !== "Publish") return assert.fail("no PUBLISH")
    assert.deepStrictEqual(publish.properties, { topicAlias: 7 })
  })

  it("its framing still has to be right", () => {
    const wrong = [
      // Packet Identifier 0, a topic longer than the packet, a Property Length past its end, an empty topic, a wildcard.
      concat([bytesOf("32 d4 0f 0001 61 0000 00"), new Uint8Array(1_998)]),
      concat([bytesOf("30 d4 0f ffff"), new Uint8Array(2_002)]),
      concat([bytesOf("30 d4 0f 0001 61 ffff7f"), new Uint8Array(2_000)]),
      concat([bytesOf("30 d4 0f 0000 00"), new Uint8Array(2_001)]),
      concat([bytesOf("30 d4 0f 0001 23 00"), new Uint8Array(2_000)])
    ]
    for (const bytes of wrong) {
      const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
      assert.isEmpty(decoder.push(bytes))
      assert.isDefined(decoder.error)
    }
  })
})

describe("sizes", () => {
  it("R99 the maximum counts the fixed header, and a packet of exactly that size passes", () => {
    const bytes = bytesOf("90 08 0003 00 0000000000")
    const decode = (maximumPacketSize: number) => {
      const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
      return { packets: decoder.push(bytes), error: decoder.error }
    }
    assert.strictEqual(decode(10).packets.length, 1)
    assert.strictEqual(decode(9).packets.length, 0)
    assert.strictEqual(decode(9).error?.reasonCode, 0x95)
  })

  it("R99 a packet that is too large is refused by its fixed header, before its body comes", () => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: 200 })
    const labelAfter = (hex: string): string | undefined => {
      decoder.push(bytesOf(hex))
      return decoder.error?.label.label
    }
    assert.deepStrictEqual(["90", "c6", "01"].map(labelAfter), [undefined, undefined, "3.1.2-24"])
  })

  it("a Remaining Length of four bytes is read, and a fifth byte never", () => {
    const decoder = Decoder.make({ protocolVersion: "3.1.1", sender: "server", maximumPacketSize: largest })
    decoder.push(bytesOf("30 ff ff ff 7f"))
    assert.isUndefined(decoder.error)
    const tooLong = Decoder.make({ protocolVersion: "3.1.1", sender: "server", maximumPacketSize: largest })
    tooLong.push(bytesOf("30 ff ff ff ff"))
    assert.strictEqual(tooLong.error?.label.label, "2.2.3")
  })

  /** Counts what is allocated by length and what is copied while `run` runs. */
  const workOf = (run: () => void) => {
    const work = { allocated: 0, largest: 0, copied: 0 }
    const Original = Uint8Array
    const originalSet = Original.prototype.set
    vi.stubGlobal(
      "Uint8Array",
      new Proxy(Original, {
        construct: (target, parameters, newTarget) => {
          if (typeof parameters[0] === "number") {
            work.allocated += parameters[0]
            work.largest = Math.max(work.largest, parameters[0])
          }
          return Reflect.construct(target, parameters, newTarget)
        }
      })
    )
    Original.prototype.set = function(source, offset) {
      work.copied += source.length
      return originalSet.call(this, source, offset)
    }
    try {
      run()
    } finally {
      Original.prototype.set = originalSet
      vi.unstubAllGlobals()
    }
    return work
  }

  /** A fixed header whose length takes three bytes. */
  const remainingLength = (firstByte: number, length: number) =>
    Uint8Array.of(firstByte, (length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14)

  it("a packet of 1 MiB that comes byte by byte costs no more copies and memory than doubling a buffer", () => {
    // The bound is that of full buffers of 64 KiB, also where tests are made smaller.
    const size = Math.max(131_072, Random.rounds(1_048_576))
    const packet = concat([remainingLength(0x30, size + 4), bytesOf("0001 61 00"), new Uint8Array(size).fill(7)])
    const pieces = Array.from(packet, (byte) => Uint8Array.of(byte))
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: 2 * size })
    const packets: Array<Packet> = []
    const work = workOf(() => {
      for (const piece of pieces) packets.push(...decoder.push(piece))
    })
    assert.deepStrictEqual(packets, [{
      _tag: "Publish",
      topic: "a",
      payload: new Uint8Array(size).fill(7),
      qos: 0,
      retain: false,
      dup: false,
      packetIdentifier: 0,
      properties: Properties.none
    }])
    // Every byte once into the buffer, and at most twice more when it grows.
    assert.isAtLeast(work.copied, packet.length)
    assert.isAtMost(work.copied, 3 * packet.length)
    assert.isAtMost(work.allocated, 3 * packet.length)
  })

  it("a huge declared length allocates nothing until the bytes come", () => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: largest })
    const work = workOf(() => {
      decoder.push(bytesOf("30 ff ff ff 7f"))
      decoder.push(new Uint8Array(100))
      decoder.push(new Uint8Array(1_000))
    })
    assert.isUndefined(decoder.error)
    // The three chunks themselves are counted too.
    assert.isAtMost(work.largest, 2 * 1_105)
    assert.isAtMost(work.allocated, 5_000)
  })

  it("100,000 packets in one chunk are decoded without recursion", () => {
    const bytes = concat(Array.from({ length: 100_000 }, () => bytesOf("30 04 0001 61 00")))
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
    assert.strictEqual(decoder.push(bytes).length, 100_000)
  })

  it("tens of thousands of properties in one packet are read in order", () => {
    const count = 50_000
    const properties = Array.from({ length: count }, () => bytesOf("26 0001 61 0001 62"))
    // 350,000 bytes of properties; 350,006 in all.
    const bytes = concat([bytesOf("30 b6 ae 15 0001 61 b0 ae 15"), ...properties])
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: largest })
    const [packet] = decoder.push(bytes)
    assert.isUndefined(decoder.error)
    assert.strictEqual(packet._tag === "Publish" ? packet.properties.userProperties?.length : 0, count)
  })
})

describe("values", () => {
  const decodeOne = (hex: string): Packet => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
    const packets = decoder.push(bytesOf(hex))
    assert.isUndefined(decoder.error)
    return packets[0]
  }

  it("R143 a Topic Name that goes past its packet is not made whole by the bytes after it, though it is known", () => {
    const cases = [
      // "abc", then three bytes of topic in a packet that has room for one.
      ["3.1.1", "30 05 0003 616263", "30 03 0003 61 6263"],
      ["5.0", "30 06 0003 616263 00", "30 03 0003 61 6263 00"],
      // An empty name beside an alias, then a packet that ends within the length of its name.
      ["5.0", "30 06 0000 03 23 0001", "30 01 00 00 03 23 0001"],
      ["5.0", "30 06 0000 03 23 0001", "30 00 00 00 03 23 0001"]
    ] as const
    for (const [protocolVersion, known, wrong] of cases) {
      const decoder = Decoder.make({ protocolVersion, sender: "server", maximumPacketSize })
      assert.deepStrictEqual(decoder.push(bytesOf(`${known} ${known} ${wrong}`)).map(({ _tag }) => _tag), [
        "Publish",
        "Publish"
      ])
      assert.strictEqual(decoder.error?.message, "The packet ends within the Topic Name")
    }
  })

  it("a Topic Name that fills its packet is read, known or not", () => {
    const decoder = Decoder.make({ protocolVersion: "3.1.1", sender: "server", maximumPacketSize })
    const packets = decoder.push(bytesOf("30 05 0003 616263 30 05 0003 616263 30 03 0001 61 30 04 0001 61 62"))
    assert.deepStrictEqual(
      packets.map((packet) => packet._tag === "Publish" ? [packet.topic, packet.payload.length] : []),
      [["abc", 0], ["abc", 0], ["a", 0], ["a", 1]]
    )
  })

  it("a payload is a view of its chunk and an empty one holds on to nothing", () => {
    const chunk = bytesOf("30 06 0001 61 00 6869 30 04 0001 61 00")
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
    const [first, second] = decoder.push(chunk)
    if (first._tag !== "Publish" || second._tag !== "Publish") return assert.fail("not PUBLISH")
    assert.strictEqual(first.payload.buffer, chunk.buffer)
    assert.notStrictEqual(second.payload.buffer, chunk.buffer)
  })

  it("a packet in several chunks has a buffer of its own that is never written again", () => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
    const payloads = ["61", "62", "63"].map((payload) => {
      decoder.push(bytesOf("30 05 0001"))
      const [packet] = decoder.push(bytesOf(`61 00 ${payload}`))
      return packet._tag === "Publish" ? packet.payload : undefined
    })
    assert.deepStrictEqual(payloads, [bytesOf("61"), bytesOf("62"), bytesOf("63")])
  })

  it("topics are told apart byte by byte, also when their caller writes every chunk into one buffer", () => {
    const decoder = Decoder.make({ protocolVersion: "3.1.1", sender: "server", maximumPacketSize })
    const chunk = Buffer.alloc(10)
    for (let round = 0; round < 3; round++) {
      for (let index = 100; index < 1_000; index++) {
        const topic = `te/${index}`
        chunk.set([0x30, 8, 0, 6])
        chunk.write(topic, 4)
        const [packet] = decoder.push(chunk)
        assert.strictEqual(packet._tag === "Publish" ? packet.topic : undefined, topic)
      }
    }
  })

  it("R101 user properties keep their order, their duplicates, and names that objects have", () => {
    const packet = decodeOne(
      `30 32 0001 61 2e
       26 0009 5f5f70726f746f5f5f 0001 31 26 000b 636f6e7374727563746f72 0001 32 26 0001 62 0001 33 26 0001 61 0001 34`
    )
    assert.deepStrictEqual(packet._tag === "Publish" ? packet.properties.userProperties : undefined, [
      ["__proto__", "1"],
      ["constructor", "2"],
      ["b", "3"],
      ["a", "4"]
    ])
    assert.isUndefined(({} as Record<string, unknown>)["1"])
  })

  it("a packet without properties has the shared constant", () => {
    for (const hex of ["30 04 0001 61 00", "40 02 000a", "40 04 000a 00 00", "e0 00", "20 03 00 00 00"]) {
      const packet = decodeOne(hex)
      assert.strictEqual("properties" in packet ? packet.properties : undefined, Properties.none)
    }
  })
})
