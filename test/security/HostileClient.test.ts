/**
 * Messages with which another client may try to take the others down, if the server passes them on.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttClient from "../../src/MqttClient.ts"
import type { MqttEvent } from "../../src/MqttState.ts"
import type { ProtocolVersion, Qos } from "../../src/protocol/Packet.ts"
import { bytesOf, concat } from "../protocol/hex.ts"
import { connectClient, leavesNothing, type Peer } from "../support/peer.ts"
import { record, stateOf } from "../support/scenario.ts"
import { begin, latency, roundTrip, settle } from "../support/time.ts"
import { versions } from "../support/versions.ts"

const grant = Effect.fnUntraced(function*(peer: Peer, qos: Qos) {
  yield* TestClock.adjust(latency)
  const { packetIdentifier } = yield* peer.expect("Subscribe")
  yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [qos] })
  yield* TestClock.adjust(latency)
})

/** A PUBLISH to `a` in bytes, for what no encoder writes. */
const publishOf = (
  version: ProtocolVersion,
  { identifier = 1, payload = new Uint8Array(1), properties = "", qos }: {
    readonly qos: Qos
    readonly identifier?: number
    readonly payload?: Uint8Array
    readonly properties?: string
  }
): Uint8Array => {
  const propertyBytes = bytesOf(properties)
  const body = concat([
    bytesOf("0001 61"),
    qos === 0 ? new Uint8Array(0) : Uint8Array.of(0, identifier),
    version === "5.0" ? concat([Uint8Array.of(propertyBytes.length), propertyBytes]) : new Uint8Array(0),
    payload
  ])
  return concat([Uint8Array.of(0x30 | (qos << 1)), lengthOf(body.length), body])
}

/** A Remaining Length, in as few bytes as it needs. */
const lengthOf = (length: number): Uint8Array =>
  length < 128 ? Uint8Array.of(length) : concat([Uint8Array.of((length & 127) | 128), lengthOf(length >> 7)])

const recordEvents = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"]) {
  const events: Array<MqttEvent> = []
  yield* begin(Stream.runForEach(mqtt.events, (event) => Effect.sync(() => events.push(event))))
  return events
})

const recordLogs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => {
    lines.push(String(message))
  })
  return { lines, layer: Logger.layer([logger]) }
}

const poisons: ReadonlyArray<readonly [what: string, properties: string, name: string]> = [
  ["an empty Response Topic", "08 0000", "responseTopic"],
  ["a Response Topic with #", "08 0003 612f23", "responseTopic"],
  ["a Response Topic with +", "08 0001 2b", "responseTopic"],
  ["a Payload Format Indicator of 2", "01 02", "payloadFormatIndicator"],
  ["a Content Type that is no UTF-8", "03 0001 ff", "contentType"],
  ["a User Property with U+0000", "26 0001 00 0001 61", "userProperties"]
]

describe("security 16: a message of another client", () => {
  for (const [what, properties, name] of poisons) {
    it.effect(`R95 with ${what} is delivered without it, and ends nothing`, () => {
      const logs = recordLogs()
      return leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion: "5.0" })
        const events = yield* recordEvents(mqtt)
        const handled: Array<readonly [text: string, malformed: ReadonlyArray<string>]> = []
        yield* begin(mqtt.consume("a", (message) =>
          Effect.sync(() => {
            handled.push([message.text, message.malformedProperties.map((property) => property.name)])
          }), { qos: 2 }))
        yield* grant(peer, 2)
        const text = (value: string) => new TextEncoder().encode(value)
        for (const qos of [0, 1, 2] as const) {
          yield* peer.sendBytes(publishOf("5.0", { qos, identifier: 1 + qos, properties, payload: text("poison") }))
        }
        yield* peer.sendBytes(publishOf("5.0", { qos: 1, identifier: 9, payload: text("good") }))
        yield* TestClock.adjust(roundTrip)
        yield* settle
        assert.deepStrictEqual(handled, [
          ["poison", [name]],
          ["poison", [name]],
          ["poison", [name]],
          ["good", []]
        ])
        const answers = (yield* peer.receiveAll).filter(({ _tag }) => _tag === "Puback" || _tag === "Pubrec")
        assert.deepStrictEqual(answers.map((answer) => "reasonCode" in answer && answer.reasonCode), [0, 0, 0])
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
        assert.strictEqual((yield* mqtt.stats).messagesMalformed, 3)
        // Three messages within ten seconds: told once.
        const told = events.filter((event) => event._tag === "MalformedMessage")
        assert.deepStrictEqual(told.map(({ messages, topic }) => [topic, messages]), [["a", 1]])
        assert.lengthOf(logs.lines.filter((line) => line.includes("malformed properties")), 1)
        yield* TestClock.adjust("10 seconds")
        yield* peer.sendBytes(publishOf("5.0", { qos: 0, properties }))
        yield* TestClock.adjust(latency)
        yield* settle
        assert.strictEqual(events.filter((event) => event._tag === "MalformedMessage")[1]?.messages, 3)
      })).pipe(Effect.provide(logs.layer))
    })
  }

  for (const version of versions) {
    for (const qos of [0, 1, 2] as const) {
      it.effect(`R99 that is too large is passed over, and ends nothing (${version}, QoS ${qos})`, () => {
        const logs = recordLogs()
        return leavesNothing(Effect.gen(function*() {
          const { mqtt, peer } = yield* connectClient({ protocolVersion: version, maximumPacketSize: 1000 })
          const events = yield* recordEvents(mqtt)
          const { texts } = yield* record(mqtt.messages("a", { qos: 2 }))
          yield* grant(peer, 2)
          const large = publishOf(version, { qos, identifier: 7, payload: new Uint8Array(50_000) })
          yield* peer.sendBytes(large.subarray(0, 20_000))
          yield* TestClock.adjust(latency)
          yield* peer.sendBytes(concat([
            large.subarray(20_000),
            publishOf(version, { qos: 1, identifier: 8, payload: bytesOf("6f6b") })
          ]))
          yield* TestClock.adjust(roundTrip)
          yield* settle
          assert.deepStrictEqual(texts(), ["ok"])
          assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
          const answers = (yield* peer.receiveAll).flatMap((packet) =>
            packet._tag === "Puback" || packet._tag === "Pubrec"
              ? [[packet._tag, packet.packetIdentifier, packet.reasonCode]]
              : []
          )
          const refused = version === "5.0" ? 0x97 : 0x00
          const expected = qos === 0 ? [] : [[qos === 1 ? "Puback" : "Pubrec", 7, refused]]
          assert.sameDeepMembers(answers, [...expected, ["Puback", 8, 0x00]])
          if (qos === 2 && version === "3.1.1") {
            yield* peer.send({ _tag: "Pubrel", packetIdentifier: 7 })
            yield* TestClock.adjust(roundTrip)
            assert.isTrue((yield* peer.receiveAll).some(({ _tag }) => _tag === "Pubcomp"))
          }
          assert.strictEqual((yield* mqtt.stats).messagesTooLarge, 1)
          const told = events.filter((event) => event._tag === "MessageTooLarge")
          assert.deepStrictEqual(told, [{ _tag: "MessageTooLarge", topic: "a", qos, size: large.length, messages: 1 }])
          assert.lengthOf(logs.lines.filter((line) => line.includes("larger than `maximumPacketSize`")), 1)
        })).pipe(Effect.provide(logs.layer))
      })
    }

    it.effect(`R99 of 256 MiB has the time of a packet for each \`maximumPacketSize\` that comes (${version})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({
          protocolVersion: version,
          maximumPacketSize: 1000,
          keepAlive: 0,
          reconnect: Schedule.spaced("1 hour")
        })
        yield* peer.sendBytes(bytesOf("30 ff ff ff 7f 0001 61"))
        for (let minute = 0; minute < 10; minute++) {
          yield* TestClock.adjust("40 seconds")
          yield* peer.sendBytes(new Uint8Array(1000))
          yield* TestClock.adjust(latency)
        }
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
        // Dripped out, it ends the connection like any other packet.
        for (let minute = 0; minute < 3; minute++) {
          yield* TestClock.adjust("25 seconds")
          yield* peer.sendBytes([0])
          yield* TestClock.adjust(latency)
        }
        const state = yield* stateOf(mqtt)
        assert.strictEqual(state._tag === "Disconnected" ? state.error.reason._tag : state._tag, "PacketTimeout")
      })))
  }
})
