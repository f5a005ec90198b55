import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttConnection from "../../../src/MqttConnection.ts"
import type { ScriptedServer } from "../../../src/testing/index.ts"
import { FakeNetwork } from "../../../src/testing/index.ts"
import { bytesOf } from "../../protocol/hex.ts"
import { connect, reading } from "../../support/connection.ts"
import { show } from "../../support/packets.ts"
import { leavesNothing } from "../../support/peer.ts"
import { assertReason, reasonAtOnce } from "../../support/reasons.ts"
import { begin, latency, sleepThrough } from "../../support/time.ts"
import { versions } from "../../support/versions.ts"

/** PUBLISH to "t" with so many bytes of payload, without the last `missing` of them. */
const publishWithout = (missing: number, version: "3.1.1" | "5.0"): Uint8Array => {
  const whole = bytesOf(version === "5.0" ? "30 0e 0001 74 00" : "30 0d 0001 74")
  const bytes = new Uint8Array(whole.length + 10)
  bytes.set(whole)
  return bytes.subarray(0, bytes.length - missing)
}

/** One byte every ten seconds, so often. */
const drip = Effect.fnUntraced(function*(peer: ScriptedServer.ScriptedConnection, times: number) {
  for (let count = 0; count < times; count++) {
    yield* TestClock.adjust(10_000 - latency)
    yield* peer.sendBytes([0])
    yield* TestClock.adjust(latency)
  }
})

/** A connection whose server has begun a packet of which ten bytes are missing. */
const withinPacket = Effect.fnUntraced(
  function*(protocolVersion: "3.1.1" | "5.0", options: MqttConnection.Options = {}) {
    const { connection, peer } = yield* connect({ protocolVersion, ...options })
    yield* peer.sendBytes(publishWithout(10, protocolVersion))
    return { connection, peer }
  }
)

describe("packet timeout", () => {
  for (const protocolVersion of versions) {
    describe(protocolVersion, () => {
      it.effect("security 4: a packet that is dripped out ends the connection a minute after its first byte", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection, peer } = yield* withinPacket(protocolVersion)
          const read = yield* reading(connection)
          yield* TestClock.adjust(latency)
          yield* drip(peer, 5)
          yield* TestClock.adjust(9_999)
          assert.isFalse(read.isEnded())
          yield* TestClock.adjust(1)
          assert.strictEqual(assertReason(yield* read.reason, "PacketTimeout").timeout, 60_000)
          assert.strictEqual((yield* reasonAtOnce(connection.ended))._tag, "PacketTimeout")
          assert.deepStrictEqual(read.packets, [])
          assert.strictEqual((yield* network.counters).open, 0)
        })))

      it.effect("security 4: a fixed header that never ends does so too", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion, packetTimeout: "20 seconds" })
          const read = yield* reading(connection)
          yield* peer.sendBytes([0x30])
          yield* TestClock.adjust(latency)
          yield* TestClock.adjust(10_000 - latency)
          yield* peer.sendBytes([0x80])
          yield* TestClock.adjust(10_000 + latency - 1)
          assert.isFalse(read.isEnded())
          yield* TestClock.adjust(1)
          assert.strictEqual(assertReason(yield* read.reason, "PacketTimeout").timeout, 20_000)
        })))

      it.effect("each packet has its own time, and one that is there in time is delivered", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion, packetTimeout: "30 seconds", keepAlive: 0 })
          const read = yield* reading(connection)
          yield* peer.sendBytes(publishWithout(10, protocolVersion))
          // The end of one comes with the beginning of the next, for five minutes.
          for (let round = 0; round < 10; round++) {
            yield* TestClock.adjust(29_999)
            yield* peer.sendBytes([...new Uint8Array(10), ...publishWithout(10, protocolVersion)])
          }
          yield* TestClock.adjust(latency)
          assert.isFalse(read.isEnded())
          assert.deepStrictEqual(show(read.packets), Array.from({ length: 10 }, () => "Publish t"))
          yield* peer.sendBytes(new Uint8Array(10))
          yield* TestClock.adjust("1 minute")
          assert.isFalse(read.isEnded())
          assert.lengthOf(read.packets, 11)
        })))

      it.effect("long after a packet that was there in time, one that is not ends it", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* withinPacket(protocolVersion, { keepAlive: 0 })
          const read = yield* reading(connection)
          yield* TestClock.adjust("1 second")
          yield* peer.sendBytes(new Uint8Array(10))
          yield* TestClock.adjust("1 hour")
          yield* peer.sendBytes(publishWithout(10, protocolVersion))
          yield* TestClock.adjust(60_000 + latency - 1)
          assert.isFalse(read.isEnded())
          yield* TestClock.adjust(1)
          assert.strictEqual((yield* read.reason)._tag, "PacketTimeout")
          assert.deepStrictEqual(show(read.packets), ["Publish t"])
        })))

      it.effect("no time passes for it while nobody reads", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* withinPacket(protocolVersion, { keepAlive: 0 })
          yield* TestClock.adjust("1 hour")
          const first = yield* begin(connection.pull)
          yield* TestClock.adjust("50 seconds")
          first.interruptUnsafe()
          yield* TestClock.adjust("1 hour")
          const read = yield* reading(connection)
          yield* TestClock.adjust(9_999)
          assert.isFalse(read.isEnded())
          yield* peer.sendBytes(new Uint8Array(5))
          yield* TestClock.adjust(1)
          assert.strictEqual((yield* read.reason)._tag, "PacketTimeout")
        })))

      it.effect("the rest of it is still taken after a long time in which nobody read", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* withinPacket(protocolVersion, { keepAlive: 0 })
          const first = yield* begin(connection.pull)
          yield* TestClock.adjust("59 seconds")
          first.interruptUnsafe()
          yield* peer.sendBytes(new Uint8Array(10))
          yield* TestClock.adjust("1 hour")
          const read = yield* reading(connection)
          yield* TestClock.adjust("1 hour")
          assert.isFalse(read.isEnded())
          assert.deepStrictEqual(show(read.packets), ["Publish t"])
        })))

      it.effect("S59 a timer that fires late, after the machine slept, gives it the whole time once more", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection } = yield* withinPacket(protocolVersion, { keepAlive: 0 })
          const read = yield* reading(connection)
          yield* TestClock.adjust(latency)
          yield* sleepThrough(600_000)
          yield* TestClock.adjust(119_999)
          assert.isFalse(read.isEnded())
          yield* TestClock.adjust(1)
          assert.strictEqual((yield* read.reason)._tag, "PacketTimeout")
        })))

      it.effect("it is as long by default as the largest packet may need: a minute for each MiB, and no less than one", () =>
        leavesNothing(Effect.gen(function*() {
          for (const [maximumPacketSize, timeout] of [[1_000, 60_000], [10 * 1_048_576, 600_000]] as const) {
            const { connection } = yield* withinPacket(protocolVersion, { maximumPacketSize, keepAlive: 0 })
            const read = yield* reading(connection)
            yield* TestClock.adjust("1 day")
            assert.strictEqual(assertReason(yield* read.reason, "PacketTimeout").timeout, timeout)
          }
        })))
    })
  }
})
