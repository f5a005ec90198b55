/**
 * Messages with which another client, or a server, may try to fill the memory of a client with default options.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Properties } from "../../src/protocol/Properties.ts"
import { FakeNetwork } from "../../src/testing/index.ts"
import { bytesOf, concat } from "../protocol/hex.ts"
import { connectClient, leavesNothing, nextConnection, type Peer } from "../support/peer.ts"
import { stateOf } from "../support/scenario.ts"
import { begin, latency, reconnectDelay, roundTrip, settle } from "../support/time.ts"
import { versions } from "../support/versions.ts"

const MiB = 1024 * 1024

const nextConnectionAfter = (delay: number) => Effect.andThen(TestClock.adjust(delay), nextConnection)

const grant = Effect.fnUntraced(function*(peer: Peer, qos: 0 | 1 | 2) {
  yield* TestClock.adjust(latency)
  const { packetIdentifier } = yield* peer.expect("Subscribe")
  yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [qos] })
  yield* TestClock.adjust(latency)
})

/** Messages that cost a lot, and have no payload. */
const costly: ReadonlyArray<readonly [what: string, topic: string, properties: Properties]> = [
  ["User Properties", "a", { userProperties: [["k", "x".repeat(60_000)]] }],
  ["many empty User Properties", "a", { userProperties: Array.from({ length: 1_000 }, () => ["", ""] as const) }],
  ["Correlation Data", "a", { correlationData: new Uint8Array(60_000) }],
  ["topics", `a/${"x".repeat(60_000)}`, {}]
]

describe("security 17: the memory of messages that wait", () => {
  for (const [what, topic, properties] of costly) {
    for (const qos of [0, 1] as const) {
      it.effect(`${what} count, so a subscriber that stands still keeps 32 MiB and a chunk (QoS ${qos})`, () =>
        leavesNothing(Effect.gen(function*() {
          const { mqtt, peer } = yield* connectClient({ protocolVersion: "5.0" })
          const pulling = yield* begin(Stream.runForEach(mqtt.messages("a/#", { qos }), () => Effect.never))
          yield* grant(peer, qos)
          for (let sent = 0; sent < 1_000; sent++) {
            yield* peer.send({
              _tag: "Publish",
              topic,
              payload: new Uint8Array(0),
              qos,
              packetIdentifier: qos === 0 ? 0 : sent + 1,
              properties
            })
            if (sent % 10 === 0) yield* TestClock.adjust(latency)
          }
          yield* TestClock.adjust(roundTrip)
          yield* settle
          const { bufferBytes, bufferMessages } = yield* mqtt.stats
          assert.isAbove(bufferBytes, 16 * MiB - 65_536)
          assert.isBelow(bufferBytes, 33 * MiB)
          assert.isBelow(bufferMessages, 600)
          yield* Fiber.interrupt(pulling)
        })))
    }
  }

  for (const session of ["clean", "persistent"] as const) {
    it.effect(`while the server owes an answer no more than 128 MiB are parked, however much comes (${session})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({
          session,
          responseTimeout: "1 hour",
          keepAlive: 0,
          reconnect: Schedule.spaced(reconnectDelay)
        })
        const handled = yield* Deferred.make<void>()
        const consuming = yield* begin(mqtt.consume("a", () => Deferred.await(handled), { qos: 1 }))
        yield* grant(peer, 1)
        const publishing = yield* begin(mqtt.publish("b", "owed", { qos: 1 }))
        for (let sent = 1; sent <= 200; sent++) {
          const payload = new Uint8Array(1_000_000)
          yield* peer.send({ _tag: "Publish", topic: "a", payload, qos: 1, packetIdentifier: sent })
          yield* TestClock.adjust(latency)
        }
        yield* settle
        const most = 128 * MiB + 16 * MiB + 2_000_000
        assert.isBelow((yield* mqtt.stats).bufferBytes, most)
        assert.isAbove((yield* mqtt.stats).bufferBytes, 128 * MiB)
        // Who publishes more does not make the client read more.
        for (let time = 0; time < 50; time++) {
          yield* begin(Effect.ignore(mqtt.publish("b", "more", { qos: 1 })))
          yield* TestClock.adjust(latency)
        }
        assert.isBelow((yield* mqtt.stats).bufferBytes, most)
        assert.strictEqual((yield* mqtt.health).status, "degraded")
        // On a new connection the answer may come first.
        const [owed] = (yield* peer.receiveAll).filter((packet) => packet._tag === "Publish")
        yield* peer.reset
        yield* TestClock.adjust(latency)
        // A client that does not read notices that when it writes.
        yield* begin(Effect.ignore(mqtt.publish("b", "more", { qos: 1 })))
        const next = yield* nextConnectionAfter(reconnectDelay)
        yield* next.handshake({ sessionPresent: session === "persistent" })
        yield* next.send({ _tag: "Puback", packetIdentifier: owed.packetIdentifier })
        yield* TestClock.adjust(roundTrip)
        assert.isDefined(publishing.pollUnsafe())
        yield* Deferred.succeed(handled, undefined)
        yield* TestClock.adjust(roundTrip)
        yield* Fiber.interrupt(consuming)
      })))
  }

  it.effect("a consumer that failed by its policy keeps nothing of QoS 0 that comes afterwards", () =>
    leavesNothing(Effect.gen(function*() {
      const { mqtt, peer } = yield* connectClient({ protocolVersion: "5.0" })
      const consuming = yield* begin(Effect.exit(
        mqtt.consume("a", () => Effect.sleep("1 minute"), { qos: 1, buffer: { messages: 2, policy: "fail" } })
      ))
      yield* grant(peer, 1)
      for (let sent = 0; sent < 100; sent++) {
        yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array(9) })
      }
      yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array(9), qos: 1, packetIdentifier: 1 })
      yield* TestClock.adjust(roundTrip)
      yield* settle
      const { bufferMessages, subscriptionsDropped } = yield* mqtt.stats
      assert.isAtMost(bufferMessages, 3)
      assert.isAtLeast(subscriptionsDropped, 96)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* Fiber.join(consuming))._tag, "Failure")
    })))
})

describe("security 18: the memory of answers", () => {
  for (const protocolVersion of versions) {
    it.effect(`a server that sends and never reads is left when 4 MiB of answers wait (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const { mqtt, peer } = yield* connectClient({ protocolVersion })
        yield* network.stallWrites
        // PUBREL for what nobody knows: each is answered.
        const storm = concat(
          Array.from(
            { length: 65_535 },
            (_, index) => concat([bytesOf("62 02"), Uint8Array.of((index + 1) >> 8, (index + 1) & 255)])
          )
        )
        let rounds = 0
        while ((yield* stateOf(mqtt))._tag === "Connected" && rounds < 50) {
          rounds++
          yield* peer.sendBytes(storm)
          yield* TestClock.adjust(latency)
          yield* settle
        }
        assert.isBelow(rounds, 20)
        assert.isAbove(rounds, 8)
        const state = yield* stateOf(mqtt)
        const message = state._tag === "Disconnected" ? state.error.message : state._tag
        assert.include(message, "does not read the client's answers")
      })))
  }
})
