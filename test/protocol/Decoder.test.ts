import { assert, describe, it, vi } from "@effect/vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import type { Packet } from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { acceptedForms, vectors } from "./golden.ts"
import { bytesOf, concat } from "./hex.ts"
import { malformed } from "./malformed.ts"

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

describe("sizes", () => {
  it("R99 the maximum counts the fixed header, and a packet of exactly that size passes", () => {
    const bytes = bytesOf("30 08 0003 612f62 00 6869")
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
    assert.deepStrictEqual(["30", "c6", "01"].map(labelAfter), [undefined, undefined, "3.1.2-24"])
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

  it("a packet of 1 MiB that comes byte by byte costs no more copies and memory than doubling a buffer", () => {
    const size = 1_048_576
    const packet = concat([bytesOf("30 84 80 40 0001 61 00"), new Uint8Array(size).fill(7)])
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
