/**
 * A message that no server may pass on, and that ends each connection on which it comes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { TestClock } from "effect/testing"
import type { ProtocolVersion, Qos } from "../../src/protocol/Packet.ts"
import { bytesOf, concat } from "../protocol/hex.ts"
import { accept, connectClient, leavesNothing, nextConnection, type Peer } from "../support/peer.ts"
import { record, stateOf } from "../support/scenario.ts"
import { latency, reconnectDelay, roundTrip, settle } from "../support/time.ts"
import { versions } from "../support/versions.ts"

const messages: ReadonlyArray<readonly [what: string, topic: string, properties: string]> = [
  ["a wildcard in its Topic Name", "0003 612f23", ""],
  ["a Topic Name that is no UTF-8", "0002 61ff", ""],
  ["U+0000 in its Topic Name", "0003 610062", ""],
  ["no Topic Name", "0000", ""],
  ["a property that does not exist", "0001 61", "7f 00"],
  ["a property twice", "0001 61", "01 00 01 00"]
]

const publishOf = (
  version: ProtocolVersion,
  { identifier, properties, qos, topic }: {
    readonly identifier: number
    readonly qos: Qos
    readonly topic: string
    readonly properties: string
  }
): Uint8Array => {
  const propertyBytes = bytesOf(properties)
  const body = concat([
    bytesOf(topic),
    qos === 0 ? new Uint8Array(0) : Uint8Array.of(0, identifier),
    version === "5.0" ? concat([Uint8Array.of(propertyBytes.length), propertyBytes]) : new Uint8Array(0),
    bytesOf("6f6b")
  ])
  return concat([Uint8Array.of(0x30 | (qos << 1), body.length), body])
}

const good = { topic: "0001 61", properties: "" }

/** The subscription of the client is granted. */
const grant = Effect.fnUntraced(function*(peer: Peer) {
  const { packetIdentifier } = yield* peer.expect("Subscribe")
  yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [2] })
  yield* TestClock.adjust(latency)
})

const answersIn = Effect.fnUntraced(function*(peer: Peer) {
  return (yield* peer.receiveAll).flatMap((packet) =>
    packet._tag === "Puback" || packet._tag === "Pubrec"
      ? [[packet._tag, packet.packetIdentifier, packet.reasonCode]]
      : []
  )
})

describe("security 16: a message that ended several connections is refused", () => {
  for (const version of versions) {
    for (const qos of [0, 1, 2] as const) {
      for (const [what, topic, properties] of messages) {
        if (version === "3.1.1" && properties !== "") continue
        // Nothing says which message it is.
        if (qos === 0 && topic === "0000") continue
        it.effect(`${what} (${version}, QoS ${qos})`, () =>
          leavesNothing(Effect.gen(function*() {
            const { mqtt, peer } = yield* connectClient({
              protocolVersion: version,
              reconnect: Schedule.spaced(reconnectDelay)
            })
            const { texts } = yield* record(mqtt.messages("a", { qos: 2 }))
            yield* TestClock.adjust(latency)
            const bad = publishOf(version, { qos, topic, properties, identifier: 7 })
            let current = peer
            for (let connection = 1; connection <= 3; connection++) {
              yield* grant(current)
              yield* current.sendBytes(bad)
              yield* TestClock.adjust(roundTrip)
              assert.strictEqual((yield* stateOf(mqtt))._tag, "Disconnected")
              yield* TestClock.adjust(reconnectDelay)
              current = yield* nextConnection
              yield* accept(current)
            }
            yield* grant(current)
            yield* current.sendBytes(concat([bad, publishOf(version, { ...good, qos: 1, identifier: 8 })]))
            yield* TestClock.adjust(roundTrip)
            yield* settle
            assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
            assert.deepStrictEqual(texts(), ["ok"])
            const refused = [qos === 1 ? "Puback" : "Pubrec", 7, version === "5.0" ? 0x80 : 0x00]
            assert.sameDeepMembers(yield* answersIn(current), [
              ...(qos === 0 ? [] : [refused]),
              ["Puback", 8, 0x00]
            ])
            assert.strictEqual((yield* mqtt.stats).messagesRefused, 1)
          })))
      }
    }
  }
})
