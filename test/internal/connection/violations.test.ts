import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttConnection from "../../../src/MqttConnection.ts"
import type { ProtocolVersion } from "../../../src/protocol/Packet.ts"
import { FakeNetwork } from "../../../src/testing/index.ts"
import { connectSession as connect, opening, reading } from "../../support/connection.ts"
import { publish, show } from "../../support/packets.ts"
import { leavesNothing } from "../../support/peer.ts"
import { assertReason, reasonAtOnce } from "../../support/reasons.ts"
import { latency, roundTrip } from "../../support/time.ts"
import { versions } from "../../support/versions.ts"

type Bytes = ReadonlyArray<number>

/** A packet with its Remaining Length, which is short here. */
const packet = (firstByte: number, ...body: Bytes): Bytes => [firstByte, body.length, ...body]

/** PUBLISH of QoS 0 with a Topic Name of these bytes. */
const publishTo = (topic: Bytes, properties: Bytes = []) => (version: ProtocolVersion): Bytes =>
  packet(0x30, 0, topic.length, ...topic, ...(version === "5.0" ? [properties.length, ...properties] : []))

const a = 0x61
const before = publishTo([0x62])
const after = publishTo([0x63])

interface Row {
  readonly name: string
  readonly only?: ProtocolVersion
  readonly options?: MqttConnection.Options
  readonly bytes: Bytes | ((version: ProtocolVersion) => Bytes)
  readonly reasonCode: number
}

const bytesOf = ({ bytes }: Row, version: ProtocolVersion): Bytes =>
  typeof bytes === "function" ? bytes(version) : bytes

const versionsOf = ({ only }: Row): ReadonlyArray<ProtocolVersion> => only === undefined ? versions : [only]

/** A rule of the specification: the label of a statement, or a section that has rules without labels. */
const rule = /^MQTT-\d+(\.\d+)+(-\d+)?$/

const hexadecimal = (code: number): string => `0x${code.toString(16)}`

const connected: ReadonlyArray<Row> = [
  { name: "R1 an overlong form in a topic", bytes: publishTo([0xc0, 0x80]), reasonCode: 0x81 },
  { name: "R1 a surrogate in a topic", bytes: publishTo([0xed, 0xa0, 0x80]), reasonCode: 0x81 },
  { name: "R1 a topic that ends within a character", bytes: publishTo([a, 0xe2, 0x82]), reasonCode: 0x81 },
  {
    name: "R1 ill-formed UTF-8 in a property",
    only: "5.0",
    bytes: packet(0x40, 0, 1, 0, 4, 0x1f, 0, 1, 0xff),
    reasonCode: 0x81
  },
  { name: "R3 U+0000 in a topic", bytes: publishTo([a, 0, a]), reasonCode: 0x81 },
  { name: "R13 flags on PUBACK", bytes: packet(0x41, 0, 1), reasonCode: 0x81 },
  { name: "R13 flags on PINGRESP", bytes: packet(0xd1), reasonCode: 0x81 },
  { name: "R13 PUBREL without its flags", bytes: packet(0x60, 0, 1), reasonCode: 0x81 },
  { name: "R14 PUBLISH of QoS 3", bytes: packet(0x36, 0, 1, a, 0, 1, 0), reasonCode: 0x81 },
  { name: "R21 PUBLISH with Packet Identifier 0", bytes: packet(0x32, 0, 1, a, 0, 0, 0), reasonCode: 0x81 },
  ...[0x40, 0x50, 0x62, 0x70].map((firstByte): Row => ({
    name: `R21 acknowledgement ${hexadecimal(firstByte)} with Packet Identifier 0`,
    bytes: packet(firstByte, 0, 0),
    reasonCode: 0x81
  })),
  {
    name: "R21 SUBACK with Packet Identifier 0",
    bytes: (version) => version === "5.0" ? packet(0x90, 0, 0, 0, 0) : packet(0x90, 0, 0, 0),
    reasonCode: 0x81
  },
  {
    name: "R21 UNSUBACK with Packet Identifier 0",
    bytes: (version) => version === "5.0" ? packet(0xb0, 0, 0, 0, 0) : packet(0xb0, 0, 0),
    reasonCode: 0x81
  },
  {
    name: "R44 a second CONNACK",
    bytes: (version) => version === "5.0" ? packet(0x20, 0, 0, 0) : packet(0x20, 0, 0),
    reasonCode: 0x82
  },
  {
    name: "R44 a second CONNACK that refuses a re-authentication, as mosquitto sends it",
    only: "5.0",
    bytes: packet(0x20, 0, 0x87, 0),
    reasonCode: 0x82
  },
  { name: "R95 a wildcard in a received topic", bytes: publishTo([a, 0x2f, 0x23]), reasonCode: 0x81 },
  { name: "R95 an empty topic", bytes: publishTo([]), reasonCode: 0x82 },
  {
    name: "R97 any Topic Alias when none was announced",
    only: "5.0",
    bytes: publishTo([a], [0x23, 0, 1])("5.0"),
    reasonCode: 0x94
  },
  {
    name: "R97 a Topic Alias above the announced maximum",
    only: "5.0",
    options: { properties: { topicAliasMaximum: 3 } },
    bytes: publishTo([a], [0x23, 0, 4])("5.0"),
    reasonCode: 0x94
  },
  {
    name: "R97 Topic Alias 0",
    only: "5.0",
    options: { properties: { topicAliasMaximum: 3 } },
    bytes: publishTo([a], [0x23, 0, 0])("5.0"),
    reasonCode: 0x94
  },
  {
    name: "R97 an empty topic with a Topic Alias that is not bound",
    only: "5.0",
    options: { properties: { topicAliasMaximum: 3 } },
    bytes: publishTo([], [0x23, 0, 2])("5.0"),
    reasonCode: 0x82
  },
  {
    name: "R99 a packet larger than our maximum, of which only the fixed header has come",
    options: { maximumPacketSize: 100 },
    bytes: [0x90, 0xff, 0xff, 0x7f],
    reasonCode: 0x95
  },
  {
    name: "R99 one byte more than our maximum, fixed header counted",
    options: { maximumPacketSize: 100 },
    bytes: [0x90, 99],
    reasonCode: 0x95
  },
  {
    name: "R132 a Session Expiry Interval in DISCONNECT of the server",
    only: "5.0",
    bytes: packet(0xe0, 0, 5, 0x11, 0, 0, 0, 10),
    reasonCode: 0x82
  },
  { name: "R133 flags on DISCONNECT", only: "5.0", bytes: packet(0xe1, 0), reasonCode: 0x81 },
  { name: "R133 flags on AUTH", only: "5.0", bytes: packet(0xf1, 0x18, 0), reasonCode: 0x81 },
  {
    name: "R139 AUTH that we did not ask for",
    only: "5.0",
    bytes: packet(0xf0, 0x18, 4, 0x15, 0, 1, a),
    reasonCode: 0x82
  },
  {
    name: "R134 DISCONNECT, which a server of 3.1.1 does not have",
    only: "3.1.1",
    bytes: packet(0xe0),
    reasonCode: 0x82
  },
  { name: "a packet type that only clients send", bytes: packet(0xc0), reasonCode: 0x82 },
  { name: "the reserved packet type 0", bytes: packet(0x00), reasonCode: 0x81 }
]

const beforeConnack: ReadonlyArray<Row> = [
  { name: "R44 PUBLISH first", bytes: publishTo([a]), reasonCode: 0x82 },
  { name: "R44 PINGRESP first", bytes: packet(0xd0), reasonCode: 0x82 },
  { name: "R44 PUBACK first", bytes: packet(0x40, 0, 1), reasonCode: 0x82 },
  { name: "R44 PUBREL first", bytes: packet(0x62, 0, 1), reasonCode: 0x82 },
  {
    name: "R44 SUBACK first",
    bytes: (version) => version === "5.0" ? packet(0x90, 0, 1, 0, 0) : packet(0x90, 0, 1, 0),
    reasonCode: 0x82
  },
  { name: "R44 DISCONNECT first", only: "5.0", bytes: packet(0xe0, 0x8b), reasonCode: 0x82 },
  {
    name: "R45 reserved Connect Acknowledge Flags",
    bytes: (version) => version === "5.0" ? packet(0x20, 2, 0, 0) : packet(0x20, 2, 0),
    reasonCode: 0x81
  },
  {
    name: "R46 Session Present 1 after a clean start",
    options: { cleanStart: true },
    bytes: (version) => version === "5.0" ? packet(0x20, 1, 0, 0) : packet(0x20, 1, 0),
    reasonCode: 0x82
  },
  { name: "R52 a reason code that 5.0 does not have", only: "5.0", bytes: packet(0x20, 0, 0xc1, 0), reasonCode: 0x81 },
  {
    name: "R52 a reason code that CONNACK cannot have",
    only: "5.0",
    bytes: packet(0x20, 0, 0x8e, 0),
    reasonCode: 0x81
  },
  ...[6, 0x80, 0xff].map((code): Row => ({
    name: `R52 the return code ${code}`,
    only: "3.1.1",
    bytes: packet(0x20, 0, code),
    reasonCode: 0x81
  })),
  ...([
    ["Receive Maximum 0", 0x21, 0, 0],
    ["Maximum Packet Size 0", 0x27, 0, 0, 0, 0],
    ["Maximum QoS 2", 0x24, 2],
    ["Retain Available 2", 0x25, 2],
    ["Wildcard Subscription Available 2", 0x28, 2],
    ["Subscription Identifier Available 2", 0x29, 2],
    ["Shared Subscription Available 255", 0x2a, 255],
    ["Receive Maximum twice", 0x21, 0, 9, 0x21, 0, 9],
    ["Server Keep Alive twice", 0x13, 0, 9, 0x13, 0, 9],
    ["Reason String twice", 0x1f, 0, 1, a, 0x1f, 0, 1, a]
  ] as const).map(([name, ...properties]): Row => ({
    name: `R61 ${name}`,
    only: "5.0",
    bytes: packet(0x20, 0, 0, properties.length, ...properties),
    reasonCode: 0x82
  })),
  {
    name: "R139 CONNACK with an Authentication Method that we did not ask for",
    only: "5.0",
    bytes: packet(0x20, 0, 0, 4, 0x15, 0, 1, a),
    reasonCode: 0x82
  },
  {
    name: "R139 AUTH before CONNACK that we did not ask for",
    only: "5.0",
    bytes: packet(0xf0, 0x18, 4, 0x15, 0, 1, a),
    reasonCode: 0x82
  },
  {
    name: "R99 a CONNACK that is too large",
    options: { maximumPacketSize: 100 },
    bytes: [0x20, 0xff, 0x7f],
    reasonCode: 0x95
  }
]

describe("R143 what the server does wrong ends the connection, with the most specific code in 5.0", () => {
  for (const row of connected) {
    for (const protocolVersion of versionsOf(row)) {
      it.effect(`${row.name} (${protocolVersion})`, () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection, peer } = yield* connect({ ...row.options, protocolVersion })
          const read = yield* reading(connection)
          yield* peer.sendBytes([
            ...before(protocolVersion),
            ...bytesOf(row, protocolVersion),
            ...after(protocolVersion)
          ])
          yield* TestClock.adjust(latency)
          // What came before it is the session's, what came after it is not looked at.
          assert.deepStrictEqual(show(read.packets), ["Publish b"])
          const reason = assertReason(yield* read.reason, "ProtocolViolation")
          const { label, message, reasonCode, protocolVersion: version } = reason
          assert.match(label, rule)
          assert.include(message, `[${label}, MQTT ${version}]`)
          assert.deepStrictEqual({ reasonCode, version }, { reasonCode: row.reasonCode, version: protocolVersion })
          assert.strictEqual((yield* network.counters).open, 0)
          assert.strictEqual((yield* reasonAtOnce(connection.send(publish("late"))))._tag, "ProtocolViolation")
          yield* TestClock.adjust(latency)
          const answer = protocolVersion === "5.0" ? [`Disconnect ${hexadecimal(row.reasonCode)}`] : []
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", ...answer])
          assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "close" })
        })))
    }
  }

  for (const row of beforeConnack) {
    for (const protocolVersion of versionsOf(row)) {
      it.effect(`${row.name} (${protocolVersion})`, () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { fiber, peer } = yield* opening({ ...row.options, protocolVersion })
          yield* peer.sendBytes(bytesOf(row, protocolVersion))
          yield* TestClock.adjust(latency)
          const { reason } = yield* Effect.flip(Fiber.join(fiber))
          assert.strictEqual(assertReason(reason, "ProtocolViolation").reasonCode, row.reasonCode)
          assert.strictEqual((yield* network.counters).open, 0)
          yield* TestClock.adjust(latency)
          const answer = protocolVersion === "5.0" ? [`Disconnect ${hexadecimal(row.reasonCode)}`] : []
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", ...answer])
        })))
    }
  }

  it.effect("R99 a packet of exactly our maximum is taken, and a 5.0 server is told the maximum", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer, said } = yield* connect({ maximumPacketSize: 100 })
      assert.strictEqual(said.properties.maximumPacketSize, 100)
      const read = yield* reading(connection)
      yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array(94) })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(show(read.packets), ["Publish a"])
    })))

  it.effect("R99 the default maximum is 1 MiB", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer, said } = yield* connect()
      assert.strictEqual(said.properties.maximumPacketSize, 1_048_576)
      const read = yield* reading(connection)
      yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array(1_048_576 - 8) })
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(read.packets.length, 1)
      yield* peer.sendBytes([0x90, 0xfd, 0xff, 0x3f])
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(assertReason(yield* read.reason, "ProtocolViolation").reasonCode, 0x95)
    })))

  it.effect("a violation that the session finds is told in the same way", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect()
      const read = yield* reading(connection)
      yield* connection.violated({
        _tag: "ProtocolViolation",
        label: { version: "5.0", label: "3.3.4-9" },
        reasonCode: 0x93,
        message: "too many"
      })
      assert.strictEqual(assertReason(yield* read.reason, "ProtocolViolation").label, "MQTT-3.3.4-9")
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x93"])
    })))
})
