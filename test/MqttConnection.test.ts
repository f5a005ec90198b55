import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import * as MqttConnection from "../src/MqttConnection.ts"
import * as Encoder from "../src/protocol/Encoder.ts"
import type * as Packet from "../src/protocol/Packet.ts"
import { none } from "../src/protocol/Properties.ts"
import * as ReasonCode from "../src/protocol/ReasonCode.ts"
import { FakeNetwork } from "../src/testing/index.ts"
import { connect, connectSession, opening, reading } from "./support/connection.ts"
import { connack, publish, show } from "./support/packets.ts"
import { leavesNothing } from "./support/peer.ts"
import { assertReason, reasonAtOnce } from "./support/reasons.ts"
import { advanceWhile, begin, latency, roundTrip, settle } from "./support/time.ts"
import { versions } from "./support/versions.ts"

const traffic = Effect.gen(function*() {
  const network = yield* FakeNetwork.FakeNetwork
  const connections = yield* network.connections
  return connections[connections.length - 1]
})

const concatenate = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(chunks.flatMap((c) => [...c]))

const serverBytes = (protocolVersion: Packet.ProtocolVersion, ...packets: ReadonlyArray<Packet.Packet>): Uint8Array =>
  concatenate(packets.map((packet) => {
    const bytes = Encoder.toBytes(packet, { protocolVersion, sender: "server" })
    if (bytes instanceof Uint8Array) return bytes
    throw new Error(bytes.message)
  }))

describe("opening", () => {
  for (const protocolVersion of versions) {
    it.effect(`S6 R24 connect, stay idle for five round trips, disconnect: one connection (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const { connection, peer } = yield* connect({ protocolVersion, clientId: "a" })
        const read = yield* reading(connection)
        yield* TestClock.adjust(5 * 2 * latency)
        yield* connection.disconnect()
        assert.strictEqual((yield* read.reason)._tag, "Closed")
        yield* TestClock.adjust(latency)
        assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
        assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "close" })
        assert.deepStrictEqual(yield* network.counters, { opened: 1, closed: 1, open: 0, attempts: 1 })
      })))

    it.effect(`what CONNECT says when nothing is asked for (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { connection, said } = yield* connect({ protocolVersion })
        assert.deepStrictEqual(said, {
          _tag: "Connect",
          protocolVersion,
          cleanStart: true,
          keepAlive: 60,
          clientId: "",
          will: undefined,
          username: undefined,
          password: undefined,
          properties: protocolVersion === "5.0" ? { maximumPacketSize: 1_048_576 } : none
        })
        assert.strictEqual(connection.protocolVersion, protocolVersion)
      })))

    it.effect(`what CONNECT says of all that was asked for (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const is50 = protocolVersion === "5.0"
        const will: Packet.Will = {
          topic: "will",
          payload: Uint8Array.of(1),
          qos: 1,
          retain: true,
          properties: is50 ? { willDelayInterval: 5 } : none
        }
        const { said } = yield* connect({
          protocolVersion,
          clientId: "id",
          cleanStart: false,
          keepAlive: "5 minutes",
          will,
          username: "user",
          password: Redacted.make("pass"),
          maximumPacketSize: 1000,
          ...(is50 ? { properties: { receiveMaximum: 7 } } : {})
        })
        assert.deepStrictEqual(said, {
          _tag: "Connect",
          protocolVersion,
          cleanStart: false,
          keepAlive: 300,
          clientId: "id",
          will,
          username: "user",
          password: new TextEncoder().encode("pass"),
          properties: is50 ? { receiveMaximum: 7, maximumPacketSize: 1000 } : none
        })
      })))

    it.effect(`S46 R152 bytes cut at every boundary decode the same, CONNACK among them (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const bytes = serverBytes(
          protocolVersion,
          connack(),
          publish("a/b", { payload: new Uint8Array(130) }),
          publish("ü", { qos: 1, packetIdentifier: 258 }),
          { _tag: "Pingresp" },
          { _tag: "Suback", packetIdentifier: 3, reasonCodes: [0, 1, 0x80], properties: none },
          { _tag: "Puback", packetIdentifier: 4, reasonCode: 0, properties: none }
        )
        const expected = ["Publish a/b", "Publish ü", "Suback 3", "Puback 4"]
        for (let cut = 0; cut <= bytes.length; cut++) {
          const { fiber, peer } = yield* opening({ protocolVersion })
          yield* peer.sendBytes(bytes.subarray(0, cut))
          yield* TestClock.adjust(1)
          yield* peer.sendBytes(bytes.subarray(cut))
          yield* TestClock.adjust(latency)
          const connection = yield* Fiber.join(fiber)
          const read = yield* reading(connection)
          yield* settle
          assert.deepStrictEqual(show(read.packets), expected, `cut at ${cut}`)
          const [first] = read.packets
          assert.strictEqual(first._tag === "Publish" ? first.payload.length : 0, 130)
          yield* connection.disconnect()
          yield* read.reason
        }
      })))

    for (const chunking of ["one byte at a time", "merged"] as const) {
      it.effect(`S46 R152 bytes that come ${chunking} decode the same (${protocolVersion})`, () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          yield* chunking === "merged" ? network.merge() : network.split(1)
          const { fiber, peer } = yield* opening({ protocolVersion })
          yield* peer.send(connack())
          for (let count = 0; count < 20; count++) yield* peer.send(publish(`topic ${count}`))
          yield* TestClock.adjust(latency)
          const read = yield* reading(yield* Fiber.join(fiber))
          yield* Effect.repeat(settle, { times: 40 })
          assert.deepStrictEqual(show(read.packets), Array.from({ length: 20 }, (_, count) => `Publish topic ${count}`))
        })))
    }
  }

  it.effect("what comes with CONNACK and ends the connection is not lost: first the packets, then why", () =>
    leavesNothing(Effect.gen(function*() {
      const { fiber, peer } = yield* opening()
      yield* peer.send(connack(), publish("a"), { _tag: "Disconnect", reasonCode: 0x8b })
      yield* TestClock.adjust(latency)
      const connection = yield* Fiber.join(fiber)
      assert.deepStrictEqual(show(yield* connection.pull), ["Publish a"])
      assert.strictEqual(assertReason(yield* reasonAtOnce(connection.pull), "ServerDisconnected").reasonCode, 0x8b)
      const next = yield* opening()
      yield* next.peer.send(connack(), { _tag: "Disconnect", reasonCode: 0x89 })
      yield* TestClock.adjust(latency)
      const { reason } = yield* Effect.flip(Fiber.join(next.fiber))
      assert.strictEqual(assertReason(reason, "ServerDisconnected").reasonCode, 0x89)
    })))

  it.effect("the client identifier is the one the server assigned", () =>
    leavesNothing(Effect.gen(function*() {
      const ours = yield* connect({ clientId: "ours" })
      assert.strictEqual(ours.connection.clientId, "ours")
      const assigned = yield* connect({}, { properties: { assignedClientIdentifier: "theirs" } })
      assert.strictEqual(assigned.connection.clientId, "theirs")
    })))

  it.effect("R60 Reason String and User Properties of CONNACK are there, Response Information only if asked for", () =>
    leavesNothing(Effect.gen(function*() {
      const properties = {
        reasonString: "welcome",
        responseInformation: "answers/",
        userProperties: [["a", "1"], ["b", "2"], ["a", "3"]] as const
      }
      const unasked = yield* connect({}, { properties })
      const { responseInformation: _, ...others } = properties
      assert.deepStrictEqual(unasked.connection.connack.properties, others)
      const asked = yield* connect({ properties: { requestResponseInformation: 1 } }, { properties })
      assert.deepStrictEqual(asked.connection.connack.properties, properties)
    })))
})

describe("refusals", () => {
  const retryable = [0x80, 0x83, 0x88, 0x89, 0x97, 0x9f]
  const codes = Array.from({ length: 128 }, (_, code) => 0x80 + code)
    .filter((code) => ReasonCode.isAllowedIn(code, "Connack", "5.0"))

  const refusal = Effect.fnUntraced(function*(
    protocolVersion: Packet.ProtocolVersion,
    bytes: ReadonlyArray<number>
  ) {
    const network = yield* FakeNetwork.FakeNetwork
    const { fiber, peer } = yield* opening({ protocolVersion })
    yield* peer.sendBytes(bytes)
    // Nothing more is waited for, and nothing that follows is looked at.
    yield* peer.sendBytes(serverBytes(protocolVersion, publish("after")))
    yield* TestClock.adjust(latency)
    assert.strictEqual((yield* network.counters).open, 0)
    const { reason } = yield* Effect.flip(Fiber.join(fiber))
    yield* TestClock.adjust(latency)
    assert.deepStrictEqual(show(yield* peer.received), ["Connect"])
    return reason
  })

  for (const code of codes) {
    it.effect(`R51 0x${code.toString(16)} ${ReasonCode.nameOf(code, "Connack")} (5.0)`, () =>
      leavesNothing(Effect.gen(function*() {
        const text = [0x1f, 0, 3, 0x77, 0x68, 0x79]
        const reason = yield* refusal("5.0", [0x20, 9, 0, code, text.length, ...text])
        if (code === 0x84) {
          assert.strictEqual(assertReason(reason, "UnsupportedProtocolVersion").protocolVersion, "5.0")
        } else {
          const { reasonCode, reasonString } = assertReason(reason, "ConnectionRefused")
          assert.deepStrictEqual({ reasonCode, reasonString }, { reasonCode: code, reasonString: "why" })
        }
        assert.strictEqual(reason.isRetryable, retryable.includes(code))
      })))
  }

  it("R51 every code of the table is among them", () => assert.strictEqual(codes.length, 21))

  for (const [returnCode, code] of [[1, 0x84], [2, 0x85], [3, 0x88], [4, 0x86], [5, 0x87]] as const) {
    it.effect(`R51 return code ${returnCode} is ${ReasonCode.nameOf(code)} (3.1.1)`, () =>
      leavesNothing(Effect.gen(function*() {
        const reason = yield* refusal("3.1.1", [0x20, 2, 0, returnCode])
        if (code === 0x84) {
          assert.strictEqual(assertReason(reason, "UnsupportedProtocolVersion").protocolVersion, "3.1.1")
        } else assert.strictEqual(assertReason(reason, "ConnectionRefused").reasonCode, code)
        assert.strictEqual(reason.isRetryable, retryable.includes(code))
      })))
  }

  it.effect("R50 a refusal with Session Present 1 is reported as the refusal", () =>
    leavesNothing(Effect.gen(function*() {
      const reason50 = yield* refusal("5.0", [0x20, 3, 1, 0x87, 0])
      assert.strictEqual(assertReason(reason50, "ConnectionRefused").reasonCode, 0x87)
      const reason311 = yield* refusal("3.1.1", [0x20, 2, 1, 5])
      assert.strictEqual(assertReason(reason311, "ConnectionRefused").reasonCode, 0x87)
    })))

  it.effect("R51 a server that only knows 3.1.1 refuses 5.0 in its own words", () =>
    leavesNothing(Effect.gen(function*() {
      const reason = assertReason(yield* refusal("5.0", [0x20, 2, 0, 1]), "UnsupportedProtocolVersion")
      assert.include(reason.message, "protocolVersion: \"3.1.1\"")
    })))
})

describe("sending", () => {
  for (const protocolVersion of versions) {
    it.effect(`S45 a message that fits is one write (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { connection } = yield* connect({ protocolVersion })
        for (const size of [0, 1, 16_383, 16_384, 100_000]) {
          const { writes } = yield* traffic
          yield* connection.send(publish("a", { payload: new Uint8Array(size) }))
          assert.strictEqual((yield* traffic).writes, writes + 1, `${size} bytes`)
        }
      })))

    it.effect(`S45 many messages of one turn leave in one write, in order (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { connection, peer } = yield* connect({ protocolVersion })
        const { writes } = yield* traffic
        const topics = Array.from({ length: 500 }, (_, count) => `topic ${count}`)
        yield* Effect.forEach(topics, (topic) => connection.send(publish(topic)), { concurrency: "unbounded" })
        assert.strictEqual((yield* traffic).writes, writes + 1)
        yield* TestClock.adjust(latency)
        assert.deepStrictEqual(show(yield* peer.received), ["Connect", ...topics.map((topic) => `Publish ${topic}`)])
      })))

    it.effect(`S45 packets never interleave, whoever sends and however the network takes them (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const { connection, peer } = yield* connect({ protocolVersion })
        const sending = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: 60 }, (_, count) => count),
            (count) =>
              Effect.sleep(count % 7).pipe(
                Effect.andThen(connection.send(publish("a", { payload: new Uint8Array(count * 997).fill(count) })))
              ),
            { concurrency: "unbounded", discard: true }
          )
        )
        for (let step = 0; step < 10; step++) {
          yield* step % 2 === 0 ? network.stallWrites : network.resumeWrites
          yield* TestClock.adjust(1)
        }
        yield* network.resumeWrites
        yield* Fiber.join(sending)
        yield* TestClock.adjust(latency)
        const [, ...received] = yield* peer.received
        const counts = received.map((packet) => {
          const { payload } = packet as Packet.Publish
          assert.isTrue(payload.every((byte) => byte === payload.length / 997))
          return payload.length / 997
        })
        assert.deepStrictEqual(counts.toSorted((a, b) => a - b), Array.from({ length: 60 }, (_, count) => count))
      })))

    it.effect(`send completes when the network took it, enqueue and unsent say what it did not (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const { connection } = yield* connectSession({ protocolVersion })
        yield* network.stallWrites
        const sending = yield* begin(connection.send(publish("a")))
        let written = false
        connection.onWritten(() => {
          written = true
        })
        yield* TestClock.adjust("5 seconds")
        assert.isUndefined(sending.pollUnsafe())
        assert.isFalse(written)
        const size = connection.unsent
        assert.isAbove(size, 0)
        connection.enqueue(publish("a"))
        assert.strictEqual(connection.unsent, 2 * size)
        yield* network.resumeWrites
        yield* Fiber.join(sending)
        yield* settle
        assert.isTrue(written)
        assert.strictEqual(connection.unsent, 0)
      })))

    it.effect(`an interrupted send leaves the packet whole (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const { connection, peer } = yield* connect({ protocolVersion })
        yield* network.stallWrites
        const sending = yield* begin(connection.send(publish("a")))
        yield* settle
        yield* Fiber.interrupt(sending)
        yield* network.resumeWrites
        yield* connection.send(publish("b"))
        yield* TestClock.adjust(latency)
        assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Publish a", "Publish b"])
      })))

    it.effect(`what cannot be said is InvalidRequest, and nothing is written (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { connection } = yield* connectSession({ protocolVersion })
        const { bytesWritten } = yield* traffic
        for (
          const packet of [publish("a/#"), publish(""), publish("a\u0000"), publish("\ud800"), publish("a", { qos: 1 })]
        ) {
          assertReason(yield* reasonAtOnce(connection.send(packet)), "InvalidRequest")
          assert.isDefined(connection.enqueue(packet))
        }
        yield* settle
        assert.strictEqual((yield* traffic).bytesWritten, bytesWritten)
      })))

    it.effect(`fill is asked before each write and adds to it; one that throws ends the connection (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        let fill = () => {}
        const { connection, peer } = yield* connectSession({ protocolVersion, fill: () => fill() })
        const read = yield* reading(connection)
        const { writes } = yield* traffic
        fill = () => {
          fill = () => {}
          connection.enqueue(publish("filled"))
        }
        yield* connection.send(publish("sent"))
        assert.strictEqual((yield* traffic).writes, writes + 1)
        fill = () => {
          throw new Error("broken fill")
        }
        connection.wake()
        const reason = assertReason(yield* read.reason, "ConnectionLost")
        assert.include(reason.message, "broken fill")
        yield* TestClock.adjust(latency)
        assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Publish sent", "Publish filled"])
      })))
  }

  it.effect("R56 nothing above the server's Maximum Packet Size, fixed header counted", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({}, { properties: { maximumPacketSize: 100 } })
      assert.strictEqual(connection.limits.maximumPacketSize, 100)
      const overhead = 2 + 2 + 1 + 1
      yield* connection.send(publish("a", { payload: new Uint8Array(100 - overhead) }))
      for (const payload of [new Uint8Array(101 - overhead), new Uint8Array(50_000)]) {
        const reason = yield* reasonAtOnce(connection.send(publish("a", { payload })))
        const { allowed, limit, requested } = assertReason(reason, "ServerLimit")
        assert.deepStrictEqual([limit, allowed], ["Maximum Packet Size", 100])
        assert.isAbove(requested, 100)
      }
      const filters = Array.from({ length: 20 }, (_, count) => ({
        topicFilter: `filter/${count}`,
        qos: 0,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0
      } as const))
      const subscribe = { _tag: "Subscribe", packetIdentifier: 1, subscriptions: filters, properties: none } as const
      assert.strictEqual(assertReason(yield* reasonAtOnce(connection.send(subscribe)), "ServerLimit").allowed, 100)
      yield* connection.send({
        _tag: "Puback",
        packetIdentifier: 1,
        reasonCode: 0x80,
        properties: { reasonString: "long".repeat(50) }
      })
      yield* connection.disconnect({ reasonCode: 0x80, properties: { reasonString: "long".repeat(50) } })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(
        show(yield* peer.received),
        ["Connect", "Publish a", "Puback 1", "Disconnect 0x80"]
      )
      assert.deepStrictEqual(
        (yield* peer.received).slice(2).map((packet) => "properties" in packet && packet.properties),
        [
          {},
          {}
        ]
      )
    })))
})

describe("receiving", () => {
  it.effect("R96 each Topic Alias up to our maximum is accepted, stands for its topic, and can be bound again", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ properties: { topicAliasMaximum: 10 } })
      const read = yield* reading(connection)
      for (let topicAlias = 1; topicAlias <= 10; topicAlias++) {
        yield* peer.send({ ...publish(`topic ${topicAlias}`), properties: { topicAlias } })
      }
      for (let topicAlias = 10; topicAlias >= 1; topicAlias--) {
        yield* peer.send({ ...publish(""), properties: { topicAlias } })
      }
      yield* peer.send({ ...publish("other"), properties: { topicAlias: 4 } }, {
        ...publish(""),
        properties: { topicAlias: 4 }
      })
      yield* TestClock.adjust(latency)
      const topics = Array.from({ length: 10 }, (_, index) => `Publish topic ${index + 1}`)
      assert.deepStrictEqual(show(read.packets), [...topics, ...topics.toReversed(), "Publish other", "Publish other"])
    })))

  it.effect("R96 R97 Topic Aliases of one connection mean nothing on the next", () =>
    leavesNothing(Effect.gen(function*() {
      const options = { properties: { topicAliasMaximum: 10 } }
      const first = yield* connect(options)
      yield* first.peer.send({ ...publish("a"), properties: { topicAlias: 1 } })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(show(yield* first.connection.pull), ["Publish a"])
      yield* first.connection.disconnect()
      const second = yield* connect(options)
      yield* second.peer.send({ ...publish(""), properties: { topicAlias: 1 } })
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(
        assertReason(yield* reasonAtOnce(second.connection.pull), "ProtocolViolation").reasonCode,
        0x82
      )
    })))

  it.effect("R145 with Request Problem Information 0 a Reason String elsewhere is still no error", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ properties: { requestProblemInformation: 0 } })
      const read = yield* reading(connection)
      const properties = { reasonString: "why", userProperties: [["a", "b"]] as const }
      yield* peer.send(
        { _tag: "Puback", packetIdentifier: 1, reasonCode: 0x87, properties },
        { _tag: "Suback", packetIdentifier: 2, reasonCodes: [0], properties }
      )
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(read.packets, [
        { _tag: "Puback", packetIdentifier: 1, reasonCode: 0x87, properties },
        { _tag: "Suback", packetIdentifier: 2, reasonCodes: [0], properties }
      ])
    })))

  it.effect("nothing is read from the network while nobody pulls", () =>
    leavesNothing(
      Effect.gen(function*() {
        const { connection, peer } = yield* connect({ keepAlive: 0 })
        const sending = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 50 }), () => peer.send(publish("a", { payload: new Uint8Array(1000) })))
        )
        yield* TestClock.adjust("1 minute")
        assert.isUndefined(sending.pollUnsafe())
        const read = yield* reading(connection)
        yield* advanceWhile(Fiber.join(sending), "1 minute")
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual(read.packets.length, 50)
      }),
      { highWaterMark: 10_000 }
    ))

  it.effect("an interrupted pull loses nothing", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect()
      const read: Array<Packet.Packet> = []
      for (let count = 0; count < 30; count++) {
        yield* peer.sendBytes(serverBytes("5.0", publish(`${count}`)).subarray(0, 4))
        const pull = yield* begin(connection.pull)
        yield* TestClock.adjust(latency)
        yield* Fiber.interrupt(pull)
        yield* peer.sendBytes(serverBytes("5.0", publish(`${count}`)).subarray(4))
        yield* TestClock.adjust(latency)
        read.push(...yield* connection.pull)
      }
      assert.deepStrictEqual(show(read), Array.from({ length: 30 }, (_, count) => `Publish ${count}`))
    })))
})

describe("Topic Aliases", () => {
  const announced = { properties: { topicAliasMaximum: 2 } }
  /** Topic and alias of every PUBLISH that came. */
  const sent = (packets: ReadonlyArray<Packet.Packet>) =>
    packets.flatMap((packet) => packet._tag === "Publish" ? [[packet.topic, packet.properties.topicAlias]] : [])

  it.effect("R57 are assigned as far as the server takes them, when asked for", () =>
    leavesNothing(Effect.gen(function*() {
      for (
        const [outgoingTopicAliasMaximum, second] of [[undefined, ["a", undefined]], [1, ["", 1]], [9, [
          "",
          1
        ]]] as const
      ) {
        const { connection, peer } = yield* connect({ outgoingTopicAliasMaximum }, announced)
        for (const topic of ["a", "a", "b"]) yield* connection.send(publish(topic))
        yield* TestClock.adjust(latency)
        const third = { 0: ["b", undefined], 1: ["b", 1], 9: ["b", 2] }[outgoingTopicAliasMaximum ?? 0]
        assert.deepStrictEqual(sent(yield* peer.received).slice(1), [[...second], third])
      }
    })))

  it.effect("R57 R69 R70 one of the caller's own: bound before it stands alone, and within the server's limit", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({}, announced)
      const aliased = (topic: string, topicAlias: number) =>
        connection.send(publish(topic, { properties: { topicAlias } }))
      const unbound = assertReason(yield* reasonAtOnce(aliased("", 1)), "InvalidRequest")
      assert.strictEqual(unbound.label, "MQTT-3.3.2-7")
      assert.strictEqual((yield* reasonAtOnce(aliased("a", 3)))._tag, "ServerLimit")
      assert.strictEqual((yield* reasonAtOnce(aliased("a", 0)))._tag, "InvalidRequest")
      yield* aliased("a", 1)
      yield* aliased("", 1)
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(sent(yield* peer.received), [["a", 1], ["", 1]])
    })))
})

describe("secrets", () => {
  const canary = "canary-7f3a"
  const canaryBytes = new TextEncoder().encode(canary)
  const hexadecimal = Buffer.from(canary).toString("hex")

  /** Every way a value is likely to be written down. */
  const written = (value: unknown): string =>
    [
      String(value),
      JSON.stringify(value) ?? "",
      inspect(value, { depth: Infinity, showHidden: true, getters: true, maxArrayLength: Infinity }),
      value instanceof Error ? `${value.stack} ${Cause.pretty(Cause.fail(value))}` : ""
    ].join("\n")

  const holdsNoSecret = (value: unknown): void => {
    const text = written(value)
    for (const form of [canary, hexadecimal, canaryBytes.join(","), canaryBytes.join(", ")]) {
      assert.notInclude(text, form)
    }
    assert.notInclude(text.replace(/\s+/g, ""), canaryBytes.join(","))
  }

  const options: MqttConnection.Options = {
    username: "user",
    password: Redacted.make(canary),
    properties: { authenticationMethod: "PLAIN", authenticationData: canaryBytes },
    authenticate: () =>
      Effect.succeed({
        _tag: "Auth",
        reasonCode: 0x18,
        properties: { authenticationMethod: "PLAIN", authenticationData: canaryBytes }
      })
  }

  it.effect("no connection shows a password or what was sent to authenticate, and no failure of one", () =>
    leavesNothing(Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      holdsNoSecret(MqttConnection.make(options))
      const accepted = { properties: { authenticationMethod: "PLAIN" } }
      const { connection, peer } = yield* connect(options, accepted)
      yield* connection.send({ _tag: "Auth", reasonCode: 0x19, properties: accepted.properties })
      yield* peer.send({ _tag: "Auth", reasonCode: 0x18, properties: accepted.properties })
      const read = yield* reading(connection)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(show(yield* peer.received).slice(1), ["Auth", "Auth"])
      holdsNoSecret(connection)
      yield* network.reset
      holdsNoSecret(yield* read.reason)
      holdsNoSecret(yield* Effect.exit(connection.pull))
      holdsNoSecret(yield* Effect.flip(connection.ended))
    })))

  it.effect("nor does an opening that fails, however it does", () =>
    leavesNothing(Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const failure = Effect.fnUntraced(function*(more: MqttConnection.Options, ...bytes: ReadonlyArray<number>) {
        const { fiber, peer } = yield* opening({ ...options, ...more })
        yield* peer.sendBytes(bytes)
        yield* TestClock.adjust("10 seconds")
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit))
        holdsNoSecret(exit)
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        holdsNoSecret(error)
      })
      yield* failure({}, 0x20, 3, 0, 0x86, 0)
      yield* failure({}, 0x30, 0)
      yield* failure({})
      const unsayable: ReadonlyArray<MqttConnection.Options> = [
        { username: "a\u0000" },
        { password: Redacted.make(new TextEncoder().encode(canary.repeat(10_000))) },
        { protocolVersion: "3.1.1", username: undefined }
      ]
      for (const more of unsayable) holdsNoSecret(yield* Effect.flip(MqttConnection.make({ ...options, ...more })))
      yield* network.refuseConnect(1)
      const refused = yield* begin(Effect.exit(MqttConnection.make(options)))
      yield* TestClock.adjust(160)
      holdsNoSecret(yield* Fiber.join(refused))
    })))
})
