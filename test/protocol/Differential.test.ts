import { assert, describe, it } from "@effect/vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { Packet, ProtocolVersion, Sender } from "../../src/protocol/Packet.ts"
import { acceptedForms, vectors } from "./golden.ts"
import { bytesOf, hexOf } from "./hex.ts"
import { malformed } from "./malformed.ts"
import * as Packets from "./Packets.ts"
import * as Peer from "./peer.ts"
import * as Random from "./Random.ts"

const decodeOurs = (bytes: Uint8Array, protocolVersion: ProtocolVersion, sender: Sender) => {
  const decoder = Decoder.make({ protocolVersion, sender, maximumPacketSize: 268_435_460 })
  const packets = decoder.push(bytes)
  return { packets, error: decoder.error }
}

const isSameAsPeers = (ours: Packet, theirs: Peer.PeerPacket, version: ProtocolVersion): boolean => {
  const expected = Peer.fromOurs(ours, version)
  return Packets.isSame(Peer.relevant(theirs, expected), expected)
}

/** Valid, and refused by mqtt-packet. `docs/codec-differences.md` has the reasons. */
const isTooMuchForPeer = (packet: Packet): boolean => {
  switch (packet._tag) {
    case "Disconnect":
      return packet.reasonCode === 0x8c
    case "Auth":
      return packet.reasonCode === 0 && Object.keys(packet.properties).length === 0
    default:
      return false
  }
}

describe("what both accept is equal", () => {
  for (const { sender, type, version } of Packets.cases) {
    it(`our bytes of ${type}, read by mqtt-packet, ${version} from a ${sender}`, () => {
      const random = Random.make(7)
      for (let index = 0; index < 500; index++) {
        const packet = Packets.packet(random, { sender, type, version })
        const bytes = Encoder.toBytes(packet, { protocolVersion: version, sender })
        if (!(bytes instanceof Uint8Array)) return assert.fail(bytes.message)
        const theirs = Peer.decode(bytes, version)
        if (isTooMuchForPeer(packet)) {
          assert.isUndefined(theirs)
          continue
        }
        if (theirs?.length !== 1 || !isSameAsPeers(packet, theirs[0], version)) {
          assert.deepStrictEqual(theirs, [Peer.fromOurs(packet, version)], hexOf(bytes))
        }
      }
    })

    it(`the bytes of mqtt-packet of ${type}, read by us, ${version} from a ${sender}`, () => {
      const random = Random.make(8)
      let written = 0
      for (let index = 0; index < 500; index++) {
        const packet = Packets.packet(random, { sender, type, version })
        const like = Peer.fromOurs(packet, version)
        const bytes = Peer.encode(like, version)
        if (bytes === undefined) continue
        written++
        const { error, packets } = decodeOurs(bytes, version, sender)
        if (error !== undefined) assert.fail(`${error.message}: ${hexOf(bytes)}`)
        if (packets.length !== 1 || !Packets.isSame(Peer.fromOurs(packets[0], version), like)) {
          assert.deepStrictEqual(packets, [packet])
        }
      }
      assert.isAbove(written, 100)
    })
  }

  it("mutated bytes: equal, or one of the written differences", () => {
    const random = Random.make(9)
    const valid = [...vectors, ...acceptedForms]
    let both = 0
    for (let index = 0; index < 30_000; index++) {
      const { hex, sender, version = "5.0" } = random.chance(0.7) ? random.pick(valid) : random.pick(malformed)
      const bytes = bytesOf(hex)
      const at = random.integer(0, bytes.length - 1)
      bytes[at] = random.chance(0.5) ? bytes[at] ^ (1 << random.integer(0, 7)) : random.integer(0, 255)
      const { error, packets } = decodeOurs(bytes, version, sender)
      const theirs = Peer.decode(bytes, version)
      if (error !== undefined || packets.length === 0 || theirs === undefined) continue
      both++
      for (let each = 0; each < packets.length; each++) {
        if (isRefusalOf311(bytes, version) || hasFlaw(packets[each])) continue
        if (isSameAsPeers(packets[each], theirs[each], version)) continue
        assert.deepStrictEqual(theirs[each], Peer.fromOurs(packets[each], version), hexOf(bytes))
      }
    }
    assert.isAbove(both, 1_000)
  })
})

/** Both read it; mqtt-packet shows the return code of 3.1.1 as if it were a Reason Code of 5.0. */
const isRefusalOf311 = (bytes: Uint8Array, version: ProtocolVersion): boolean =>
  version === "5.0" && bytes[0] === 0x20 && bytes[1] === 2

/** mqtt-packet reads on with U+FFFD, we leave the property out. */
const hasFlaw = (packet: Packet): boolean => packet._tag === "Publish" && packet.malformedProperties !== undefined

interface Difference {
  readonly name: string
  readonly hex: string
  readonly version: ProtocolVersion
  readonly sender: Sender
  /** What we say about it; `undefined` when we accept it and mqtt-packet does not. */
  readonly label: string | undefined
}

const lax = (
  version: ProtocolVersion,
  sender: Sender,
  rows: ReadonlyArray<readonly [name: string, hex: string, label: string]>
): ReadonlyArray<Difference> => rows.map(([name, hex, label]) => ({ name, hex, label, version, sender }))

/** mqtt-packet accepts, we refuse. */
const laxer: ReadonlyArray<Difference> = [
  ...lax("5.0", "server", [
    ["R1 ill-formed UTF-8, turned into U+FFFD", "30 05 0002 c080 00", "1.5.4-1"],
    ["R1 a surrogate, turned into U+FFFD", "30 06 0003 eda080 00", "1.5.4-1"],
    ["R3 U+0000", "30 04 0001 00 00", "1.5.4-2"],
    ["R7 a Remaining Length in more bytes than it needs", "30 84 00 0001 61 00", "1.5.5-1"],
    ["R7 a Property Length in more bytes than it needs", "30 05 0001 61 8000", "1.5.5-1"],
    ["a Property Length that is missing is none", "30 03 0001 61", "4.13.1-1"],
    ["PUBACK without its identifier, which becomes -1", "40 00", "4.13.1-1"],
    ["PUBACK with half its identifier", "40 01 00", "4.13.1-1"],
    ["PUBLISH whose identifier is in the next packet", "32 03 0001 61 40 02 0001", "4.13.1-1"],
    ["R21 Packet Identifier 0", "40 02 0000", "2.2.1-4"],
    ["R21 Packet Identifier 0 of PUBLISH", "32 06 0001 61 0000 00", "2.2.1-4"],
    ["PUBACK that goes on after its fields", "40 05 0001 00 00 00", "4.13.1-1"],
    ["CONNACK that goes on after its fields", "20 04 00 00 00 00", "4.13.1-1"],
    ["PINGRESP with a body", "d0 01 00", "4.13.1-1"],
    ["CONNACK of one byte", "20 01 00", "4.13.1-1"],
    ["R52 any Reason Code in CONNACK", "20 03 00 42 00", "3.2.2-8"],
    ["R114 SUBACK without codes", "90 03 0001 00", "3.8.4-6"],
    ["R114 UNSUBACK without codes", "b0 03 0001 00", "3.11.3-1"],
    ["R65 DUP on QoS 0", "38 04 0001 61 00", "3.3.1-2"],
    ["R95 a Topic Name with a wildcard", "30 04 0001 23 00", "3.3.2-2"],
    ["R95 an empty Topic Name without an alias", "30 03 0000 00", "4.7.3-1"],
    ["R11 a property of another packet", "30 09 0001 61 05 11 00000001", "2.2.2.2"],
    ["R11 a property twice, which becomes an array", "30 0c 0001 61 08 03 0001 61 03 0001 62", "2.2.2.2"],
    ["R11 a value past Property Length", "30 06 0001 61 01 01 00", "4.13.1-1"],
    ["R61 Receive Maximum 0", "20 06 00 00 03 21 0000", "2.2.2.2"],
    ["R61 Maximum Packet Size 0", "20 08 00 00 05 27 00000000", "2.2.2.2"],
    ["R61 Maximum QoS 2", "20 05 00 00 02 24 02", "2.2.2.2"],
    ["R61 a flag of 2, which becomes true", "20 05 00 00 02 25 02", "2.2.2.2"],
    ["R70 Topic Alias 0", "30 07 0001 61 03 23 0000", "3.3.2-8"],
    ["R100 Subscription Identifier 0", "30 06 0001 61 02 0b 00", "2.2.2.2"],
    ["R132 Session Expiry Interval from a server in DISCONNECT", "e0 07 00 05 11 00000001", "3.14.2-2"],
    ["R44 SUBSCRIBE from a server", "82 07 0001 00 0001 61 00", "2.1.2"],
    ["AUTH without a method", "f0 02 18 00", "4.12"]
  ]),
  ...lax("3.1.1", "server", [
    ["R1 ill-formed UTF-8", "30 04 0002 c080", "1.5.3-1"],
    ["R52 any return code in CONNACK", "20 02 00 06", "3.2.2-6"],
    ["CONNACK of one byte", "20 01 00", "4.8.0-1"],
    ["R21 Packet Identifier 0", "40 02 0000", "2.3.1-1"],
    ["PUBACK that goes on", "40 03 0001 00", "4.8.0-1"],
    ["R114 SUBACK without codes", "90 02 0001", "3.8.4-5"],
    ["DISCONNECT from a server", "e0 00", "2.2.1"]
  ]),
  ...lax("3.1.1", "client", [
    ["R31 Will QoS 3", "10 13 0004 4d515454 04 1e 0000 0001 61 0001 62 0001 63", "3.1.2-14"],
    ["R34 a password without a user name", "10 10 0004 4d515454 04 42 0000 0001 61 0001 70", "3.1.2-22"],
    ["protocol level 0x84, a bridge", "10 0d 0004 4d515454 84 02 0000 0001 61", "3.1.2-2"],
    ["CONNECT that goes on", "10 0e 0004 4d515454 04 02 0000 0001 61 00", "4.8.0-1"],
    ["R106 SUBSCRIBE without filters", "82 02 0001", "3.8.3-3"],
    ["R106 UNSUBSCRIBE without filters", "a2 02 0001", "3.10.3-2"],
    ["R109 a filter that is none", "82 07 0001 0002 6123 00", "4.7.1-2"],
    ["DISCONNECT with a body", "e0 01 00", "4.8.0-1"]
  ]),
  ...lax("5.0", "client", [
    ["R25 the protocol name MQIsdp with level 5", "10 10 0006 4d5149736470 05 02 0000 00 0001 61", "3.1.2-1"],
    ["R106 SUBSCRIBE without filters", "82 03 0001 00", "3.8.3-2"],
    ["R108 No Local on a Shared Subscription", "82 10 0001 00 000a 2473686172652f672f74 04", "3.8.3-4"]
  ])
]

/** We accept, mqtt-packet refuses. */
const stricter: ReadonlyArray<Difference> = [
  {
    name: "DISCONNECT of length 0 before another packet",
    hex: "e0 00 d0 00",
    version: "5.0",
    sender: "server",
    label: undefined
  },
  { name: "DISCONNECT 0x8c", hex: "e0 01 8c", version: "5.0", sender: "server", label: undefined },
  { name: "AUTH of length 0", hex: "f0 00", version: "5.0", sender: "server", label: undefined }
]

describe("where mqtt-packet differs", () => {
  for (const { hex, label, name, sender, version } of laxer) {
    it(`accepts: ${name}, ${version} from a ${sender}`, () => {
      assert.isDefined(Peer.decode(bytesOf(hex), version))
      assert.strictEqual(decodeOurs(bytesOf(hex), version, sender).error?.label.label, label)
    })
  }

  for (const { hex, name, sender, version } of stricter) {
    it(`refuses: ${name}, ${version} from a ${sender}`, () => {
      assert.isUndefined(Peer.decode(bytesOf(hex), version))
      assert.isUndefined(decodeOurs(bytesOf(hex), version, sender).error)
    })
  }

  it("R51 shows the return code of 3.1.1 in a 5.0 connection as if it were a Reason Code", () => {
    const bytes = bytesOf("20 02 00 05")
    assert.strictEqual(Peer.decode(bytes, "5.0")?.[0]["reasonCode"], 5)
    const [packet] = decodeOurs(bytes, "5.0", "server").packets
    assert.strictEqual(packet._tag === "Connack" ? packet.reasonCode : undefined, 0x87)
  })

  const publish = { cmd: "publish", topic: "a", payload: Buffer.from("b"), qos: 0, retain: false, dup: false }
  const ours: Packet = {
    _tag: "Publish",
    topic: "a",
    payload: bytesOf("62"),
    qos: 0,
    retain: false,
    dup: false,
    packetIdentifier: 0,
    properties: {}
  }
  const written: ReadonlyArray<readonly [name: string, theirs: Peer.PeerPacket, ours: Packet, label: string]> = [
    ["R9 a topic of 65,536 bytes, its length cut to 16 bits", { ...publish, topic: "a".repeat(65_536) }, {
      ...ours,
      topic: "a".repeat(65_536)
    }, "4.7.3-3"],
    ["R68 a topic with a wildcard", { ...publish, topic: "a/#" }, { ...ours, topic: "a/#" }, "4.7.0-1"],
    ["R2 a lone surrogate, replaced", { ...publish, topic: "\ud800" }, { ...ours, topic: "\ud800" }, "1.5.4-1"],
    ["R4 U+0000", { ...publish, topic: "\u0000" }, { ...ours, topic: "\u0000" }, "4.7.3-2"],
    ["R16 the identifier 65,536, cut to 16 bits", { ...publish, qos: 1, messageId: 65_536 }, {
      ...ours,
      qos: 1,
      packetIdentifier: 65_536
    }, "2.2.1-3"],
    ["R65 DUP on QoS 0", { ...publish, dup: true }, { ...ours, dup: true }, "3.3.1-2"],
    [
      "R70 Topic Alias 0",
      { ...publish, properties: { topicAlias: 0 } },
      { ...ours, properties: { topicAlias: 0 } },
      "3.3.2-8"
    ],
    ["R11 a property of another packet", { ...publish, properties: { receiveMaximum: 1 } }, {
      ...ours,
      properties: { receiveMaximum: 1 }
    }, "2.2.2.2"]
  ]
  for (const [name, theirs, packet, label] of written) {
    it(`writes: ${name}`, () => {
      assert.isDefined(Peer.encode(theirs, "5.0"))
      const invalid = Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "client" })
      assert.strictEqual("label" in invalid ? invalid.label.label : "bytes", label)
    })
  }

  it("R34 R39 does not write what 5.0 allows: a password alone, no client id without Clean Start", () => {
    const connect = { cmd: "connect", protocolId: "MQTT", protocolVersion: 5, clean: true, keepalive: 0, clientId: "a" }
    assert.isUndefined(Peer.encode({ ...connect, password: Buffer.from("p") }, "5.0"))
    assert.isUndefined(Peer.encode({ ...connect, clientId: "", clean: false }, "5.0"))
    assert.isDefined(Peer.encode(connect, "5.0"))
  })
})
