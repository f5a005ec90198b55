import { assert, describe, it } from "@effect/vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { Packet, ProtocolVersion, Sender } from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { versions } from "../support/versions.ts"
import { acceptedForms, vectors } from "./golden.ts"
import { bytesOf, concat, hexOf } from "./hex.ts"
import * as Packets from "./Packets.ts"
import * as Random from "./Random.ts"

const largest = 268_435_460

const decoderFor = (protocolVersion: ProtocolVersion | undefined, sender: Sender): Decoder.Decoder =>
  Decoder.make({ protocolVersion, sender, maximumPacketSize: largest })

const encoded = (packet: Packet, protocolVersion: ProtocolVersion, sender: Sender): Uint8Array => {
  const bytes = Encoder.toBytes(packet, { protocolVersion, sender })
  if (!(bytes instanceof Uint8Array)) throw new Error(`${JSON.stringify(packet)}: ${bytes.message}`)
  return bytes
}

describe("golden bytes", () => {
  it("cover every packet type of both versions", () => {
    for (const { type, version } of Packets.cases) {
      const name = `${type} of ${version}`
      assert.isTrue(vectors.some((vector) => vector.packet._tag === type && vector.version === version), name)
    }
  })

  for (const { hex, name, packet, sender, version } of vectors) {
    it(`encode: ${name}`, () => {
      const bytes = bytesOf(hex)
      assert.strictEqual(hexOf(encoded(packet, version, sender)), hexOf(bytes))
      assert.strictEqual(Encoder.sizeOf(packet, version), bytes.length)
    })
  }

  for (const { hex, name, packet, sender, version } of [...vectors, ...acceptedForms]) {
    it(`decode: ${name}`, () => {
      const decoder = decoderFor(version, sender)
      assert.deepStrictEqual(decoder.push(bytesOf(hex)), [packet])
      assert.isUndefined(decoder.error)
    })
  }

  for (const version of versions) {
    it(`R32 R33 the flags of CONNECT say which of User Name and Password are there, also when empty (${version})`, () => {
      const texts = [undefined, "", "u"]
      for (const username of texts) {
        for (const password of texts) {
          // 3.1.1 has no password without a user name.
          if (version === "3.1.1" && username === undefined && password !== undefined) continue
          const packet: Packet = {
            _tag: "Connect",
            protocolVersion: version,
            cleanStart: true,
            keepAlive: 60,
            clientId: "c",
            will: undefined,
            username,
            password: password === undefined ? undefined : new TextEncoder().encode(password),
            properties: Properties.none
          }
          const bytes = encoded(packet, version, "client")
          const flags = bytes[9]
          assert.strictEqual((flags & 0x80) !== 0, username !== undefined, `User Name flag for ${username}`)
          assert.strictEqual((flags & 0x40) !== 0, password !== undefined, `Password flag for ${password}`)
          assert.deepStrictEqual(decoderFor(version, "client").push(bytes), [packet])
        }
      }
    })
  }

  it("R7 a server's decoder takes the version from CONNECT, with its rule for the fewest bytes", () => {
    for (const { hex, packet, version } of vectors.filter(({ packet }) => packet._tag === "Connect")) {
      const decoder = decoderFor(undefined, "client")
      assert.deepStrictEqual(decoder.push(bytesOf(hex)), [packet])
      // The short PUBACK with a reason is of 5.0 alone.
      assert.strictEqual(decoder.push(bytesOf("40 03 000a 10")).length, version === "5.0" ? 1 : 0)
    }
    const longer = "10 8d 00 0004 4d515454 04 02 003c 0001 61"
    assert.strictEqual(decoderFor(undefined, "client").push(bytesOf(longer)).length, 1)
    const tooLong = decoderFor(undefined, "client")
    assert.deepStrictEqual(tooLong.push(bytesOf("10 8e 00 0004 4d515454 05 02 003c 00 0001 61")), [])
    assert.strictEqual(tooLong.error?.label.label, "1.5.5-1")
  })
})

describe("round trip", () => {
  const rounds = Random.rounds(10_000)
  for (const { sender, type, version } of Packets.cases) {
    it(`R2 R6 R101 10,000 of ${type}, ${version} from a ${sender}`, () => {
      const random = Random.make(0x5eed)
      const encoder = Encoder.make({ protocolVersion: version, sender })
      const decoder = decoderFor(version, sender)
      for (let index = 0; index < rounds; index++) {
        const packet = Packets.packet(random, { type, version, sender })
        const invalid = encoder.encode(packet)
        if (invalid !== undefined) assert.fail(`${index}: ${invalid.message} in ${JSON.stringify(packet)}`)
        const size = encoder.pendingBytes()
        if (size !== Encoder.sizeOf(packet, version)) assert.fail(`${index}: size of ${JSON.stringify(packet)}`)
        const decoded = encoder.take().flatMap((chunk) => decoder.push(chunk))
        if (decoder.error !== undefined) assert.fail(`${index}: ${decoder.error.message}`)
        if (decoded.length !== 1 || !Packets.isSame(decoded[0], packet)) assert.deepStrictEqual(decoded, [packet])
      }
    })
  }
})

describe("chunks", () => {
  /** A stream with every packet there is. */
  const streamOf = (version: ProtocolVersion, sender: Sender) => {
    const chosen = vectors.filter((vector) => vector.version === version && vector.sender === sender)
    return { packets: chosen.map(({ packet }) => packet), bytes: concat(chosen.map(({ hex }) => bytesOf(hex))) }
  }

  for (const version of versions) {
    for (const sender of ["client", "server"] as const) {
      it(`S46 a stream cut at every place decodes the same, ${version} from a ${sender}`, () => {
        const { bytes, packets } = streamOf(version, sender)
        for (let cut = 0; cut <= bytes.length; cut++) {
          const decoder = decoderFor(version, sender)
          const decoded = [...decoder.push(bytes.slice(0, cut)), ...decoder.push(bytes.slice(cut))]
          if (!Packets.isSame(decoded, packets)) assert.deepStrictEqual(decoded, packets, `cut at ${cut}`)
        }
      })

      it(`S46 a stream in pieces of every size decodes the same, ${version} from a ${sender}`, () => {
        const { bytes, packets } = streamOf(version, sender)
        for (let size = 1; size < 100; size++) {
          const decoder = decoderFor(version, sender)
          const decoded: Array<Packet> = []
          for (let at = 0; at < bytes.length; at += size) decoded.push(...decoder.push(bytes.slice(at, at + size)))
          if (!Packets.isSame(decoded, packets)) assert.deepStrictEqual(decoded, packets, `pieces of ${size}`)
        }
      })
    }
  }

  it("S46 the same with chunks that are Node buffers, whose slice is a view", () => {
    const { bytes, packets } = streamOf("5.0", "server")
    const decoder = decoderFor("5.0", "server")
    const reused = Buffer.from(bytes)
    assert.deepStrictEqual(decoder.push(reused), packets)
    // What the decoder keeps for itself may not change with a chunk that its caller reuses.
    const next = Buffer.from(bytes)
    reused.fill(0x61)
    assert.deepStrictEqual(decoder.push(next), packets)
  })

  it("S42 topics of 1, 122, 127, 128, 16383 and 65535 bytes, also of multi-byte characters", () => {
    for (const length of [1, 122, 127, 128, 16_383, 65_535]) {
      for (const unit of ["a", "é", "漢", "😀"]) {
        const size = Buffer.byteLength(unit)
        const topic = unit.repeat(Math.floor(length / size)) + "x".repeat(length % size)
        const packet: Packet = {
          _tag: "Publish",
          topic,
          payload: bytesOf("00"),
          qos: 0,
          retain: false,
          dup: false,
          packetIdentifier: 0,
          properties: Properties.none
        }
        for (const version of versions) {
          assert.deepStrictEqual(decoderFor(version, "server").push(encoded(packet, version, "server")), [packet])
        }
      }
    }
  })
})
