import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { FakeNetwork } from "../../../src/testing/index.ts"
import { connect, reading } from "../../support/connection.ts"
import { publish, show } from "../../support/packets.ts"
import { leavesNothing } from "../../support/peer.ts"
import { assertReason, reasonAtOnce } from "../../support/reasons.ts"
import { begin, latency, sleepThrough } from "../../support/time.ts"
import { versions } from "../../support/versions.ts"

/** How often the client has written, and so far how many bytes. */
const written = Effect.gen(function*() {
  const network = yield* FakeNetwork.FakeNetwork
  const [{ bytesWritten, writes }] = yield* network.connections
  return { bytesWritten, writes }
})

/** Demands that PINGREQ is written after exactly so many milliseconds, and nothing before. */
const pingsAfter = Effect.fnUntraced(function*(milliseconds: number) {
  const before = yield* written
  yield* TestClock.adjust(milliseconds - 1)
  assert.deepStrictEqual(yield* written, before)
  yield* TestClock.adjust(1)
  assert.deepStrictEqual(yield* written, { bytesWritten: before.bytesWritten + 2, writes: before.writes + 1 })
})

type Reading = Effect.Success<ReturnType<typeof reading>>

/** Demands that the connection is given up after exactly so many milliseconds, and that nothing is written meanwhile. */
const diesAfter = Effect.fnUntraced(function*(milliseconds: number, read: Reading, silentFor: number) {
  const before = yield* written
  yield* TestClock.adjust(milliseconds - 1)
  assert.isFalse(read.isEnded())
  yield* TestClock.adjust(1)
  assert.isTrue(read.isEnded())
  assert.strictEqual(assertReason(yield* read.reason, "KeepAliveTimeout").silentFor, silentFor)
  assert.deepStrictEqual(yield* written, before)
})

describe("Keep Alive", () => {
  for (const protocolVersion of versions) {
    describe(protocolVersion, () => {
      it.effect("S26 R125 a black-holed link: one PINGREQ at 15 seconds, the end ten seconds later", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* network.drop
          yield* pingsAfter(15_000)
          yield* diesAfter(10_000, read, 25_000)
          assert.strictEqual((yield* network.counters).open, 0)
          assert.strictEqual((yield* reasonAtOnce(connection.ended))._tag, "KeepAliveTimeout")
          assert.strictEqual((yield* reasonAtOnce(connection.send(publish("a"))))._tag, "KeepAliveTimeout")
        })))

      it.effect("S27 R124 an idle client pings on time; a missing PINGRESP ends it at the exact instant", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* pingsAfter(15_000)
          yield* TestClock.adjust(latency)
          yield* peer.expect("Pingreq")
          yield* peer.send({ _tag: "Pingresp" })
          // Counted from the PINGREQ, which was sent before its answer came.
          yield* pingsAfter(15_000 - latency)
          yield* diesAfter(10_000, read, 25_000 - 2 * latency)
        })))

      it.effect("S28 R124 a client that only receives still pings, and what it receives keeps the connection up", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          for (let seconds = 5; seconds <= 120; seconds += 5) {
            yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array() })
            yield* TestClock.adjust(5_000)
          }
          yield* TestClock.adjust(latency)
          assert.isFalse(read.isEnded())
          assert.strictEqual(read.packets.length, 24)
          assert.deepStrictEqual(
            show(yield* peer.received),
            ["Connect", ...Array.from({ length: 8 }, () => "Pingreq")]
          )
        })))

      it.effect("R124 what is sent and answered puts PINGREQ off", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          yield* reading(connection)
          for (let count = 0; count < 10; count++) {
            yield* TestClock.adjust(14_000)
            yield* connection.send(publish("a"))
            yield* peer.send({ _tag: "Publish", topic: "b", payload: new Uint8Array() })
            yield* TestClock.adjust(latency)
          }
          assert.notInclude(show(yield* peer.received), "Pingreq")
        })))

      it.effect("R124 a Keep Alive of 0 switches it off", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection, peer } = yield* connect({ protocolVersion, keepAlive: 0 })
          const read = yield* reading(connection)
          yield* network.drop
          yield* TestClock.adjust("30 days")
          assert.isFalse(read.isEnded())
          assert.deepStrictEqual(show(yield* peer.received), ["Connect"])
        })))

      it.effect("a ping interval of one's own: the verdict comes one response timeout after the PINGREQ", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* connect({ protocolVersion, keepAlive: "60 seconds", pingInterval: "3 seconds" })
          const read = yield* reading(connection)
          yield* network.drop
          yield* pingsAfter(3_000)
          yield* diesAfter(10_000, read, 13_000)
        })))

      it.effect("R125 a response timeout that is too long: the verdict still comes one Keep Alive after silence began", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* connect({ protocolVersion, responseTimeout: "10 minutes" })
          const read = yield* reading(connection)
          yield* network.drop
          yield* pingsAfter(15_000)
          yield* diesAfter(45_000, read, 60_000)
        })))

      it.effect("an unanswered PINGREQ is a dead link, however long the Keep Alive is", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          for (const keepAlive of ["65535 seconds", 0] as const) {
            const { connection } = yield* connect({
              protocolVersion,
              keepAlive,
              pingInterval: "3 seconds",
              responseTimeout: "2 seconds"
            })
            const read = yield* reading(connection)
            const { writes } = (yield* network.connections).at(-1) ?? assert.fail()
            yield* network.drop
            yield* TestClock.adjust(2_999)
            assert.strictEqual((yield* network.connections).at(-1)?.writes, writes)
            yield* TestClock.adjust(1)
            assert.strictEqual((yield* network.connections).at(-1)?.writes, writes + 1)
            yield* TestClock.adjust(1_999)
            assert.isFalse(read.isEnded())
            yield* TestClock.adjust(1)
            assert.strictEqual(assertReason(yield* read.reason, "KeepAliveTimeout").silentFor, 5_000)
          }
        })))

      it.effect("a PINGREQ that the program asks for is owed an answer too, also without Keep Alive", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* connect({ protocolVersion, keepAlive: 0 })
          const read = yield* reading(connection)
          yield* TestClock.adjust("1 hour")
          yield* network.drop
          const ping = yield* begin(Effect.flip(connection.ping))
          yield* TestClock.adjust(9_999)
          assert.isFalse(read.isEnded())
          yield* TestClock.adjust(1)
          assert.strictEqual((yield* Fiber.join(ping)).reason._tag, "KeepAliveTimeout")
        })))

      it.effect("any byte answers a PINGREQ", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* pingsAfter(15_000)
          yield* TestClock.adjust(9_000)
          yield* peer.sendBytes(Uint8Array.of(0x30))
          yield* TestClock.adjust(2_000)
          assert.isFalse(read.isEnded())
          yield* TestClock.adjust(20_000)
          assert.isTrue(read.isEnded())
        })))

      it.effect("S59 a timer that fires late probes, and an answer to the probe keeps the connection", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* pingsAfter(15_000)
          yield* sleepThrough(600_000)
          // The verdict was due at 25 seconds of a clock that has gone on for ten minutes meanwhile.
          yield* pingsAfter(10_000)
          assert.isFalse(read.isEnded())
          yield* peer.send({ _tag: "Pingresp" })
          yield* TestClock.adjust(latency)
          yield* pingsAfter(15_000 - latency)
          assert.isFalse(read.isEnded())
        })))

      it.effect("S59 a probe that is not answered ends it", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* pingsAfter(15_000)
          yield* sleepThrough(600_000)
          yield* pingsAfter(10_000)
          yield* diesAfter(10_000, read, 600_000 + 35_000)
        })))

      it.effect("silence does not count while nobody pulls, and pings go on", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          yield* TestClock.adjust("10 minutes")
          const pings = show(yield* peer.received).filter((packet) => packet === "Pingreq").length
          assert.isAtLeast(pings, 10)
          const read = yield* reading(connection)
          // One PINGREQ of that time is unanswered, and now somebody would hear the answer.
          yield* TestClock.adjust("9 seconds")
          assert.isFalse(read.isEnded())
          yield* TestClock.adjust("25 seconds")
          assert.strictEqual((yield* read.reason)._tag, "KeepAliveTimeout")
        })))

      it.effect("R125 ping asks for a sign of life: whatever is heard is one", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          yield* reading(connection)
          for (const answer of [{ _tag: "Pingresp" }, { _tag: "Puback", packetIdentifier: 1 }] as const) {
            const ping = yield* begin(connection.ping)
            yield* TestClock.adjust(latency)
            yield* peer.send(answer)
            yield* TestClock.adjust(latency - 1)
            assert.isUndefined(ping.pollUnsafe())
            yield* TestClock.adjust(1)
            yield* Fiber.join(ping)
          }
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Pingreq", "Pingreq"])
          const ping = yield* begin(Effect.flip(connection.ping))
          yield* peer.close
          yield* TestClock.adjust(latency)
          assert.strictEqual((yield* Fiber.join(ping)).reason._tag, "ConnectionLost")
        })))
    })
  }

  for (const asked of [60, 0]) {
    it.effect(`R58 a Server Keep Alive replaces ours of ${asked} seconds`, () =>
      leavesNothing(Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const { connection, said } = yield* connect(
          { keepAlive: asked * 1000 },
          { properties: { serverKeepAlive: 20 } }
        )
        assert.strictEqual(said.keepAlive, asked)
        assert.strictEqual(connection.keepAlive, 20)
        const read = yield* reading(connection)
        yield* network.drop
        yield* pingsAfter(5_000)
        yield* diesAfter(10_000, read, 15_000)
      })))
  }

  it.effect("R58 a Server Keep Alive of 0 switches ours off, and a ping interval of one's own stays", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ pingInterval: "5 seconds" }, { properties: { serverKeepAlive: 0 } })
      const read = yield* reading(connection)
      yield* TestClock.adjust(5_000 + latency)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Pingreq"])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* read.reason)._tag, "KeepAliveTimeout")
    })))

  it.effect("R58 a Server Keep Alive of 0 switches ours off", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({}, { properties: { serverKeepAlive: 0 } })
      yield* reading(connection)
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(show(yield* peer.received), ["Connect"])
    })))

  it.effect("R59 without a Server Keep Alive our own value stands", () =>
    leavesNothing(Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const { connection, said } = yield* connect({ keepAlive: "40 seconds" })
      assert.strictEqual(said.keepAlive, 40)
      assert.strictEqual(connection.keepAlive, 40)
      const read = yield* reading(connection)
      yield* network.drop
      yield* pingsAfter(10_000)
      yield* diesAfter(10_000, read, 20_000)
    })))
})
