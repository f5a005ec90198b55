import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttConnection from "../../../src/MqttConnection.ts"
import * as MqttError from "../../../src/MqttError.ts"
import type * as Packet from "../../../src/protocol/Packet.ts"
import { FakeNetwork } from "../../../src/testing/index.ts"
import { connectSession as connect, opening, reading } from "../../support/connection.ts"
import { publish, show } from "../../support/packets.ts"
import { leavesNothing } from "../../support/peer.ts"
import { assertReason, reasonAtOnce } from "../../support/reasons.ts"
import { begin, latency, roundTrip } from "../../support/time.ts"

const authenticationMethod = "SCRAM"

const auth = (reasonCode: number, ...authenticationData: ReadonlyArray<number>): Packet.Auth => ({
  _tag: "Auth",
  reasonCode,
  properties: { authenticationMethod, authenticationData: Uint8Array.from(authenticationData) }
})

/** Answers each challenge with its bytes plus one. */
const options: MqttConnection.Options = {
  properties: { authenticationMethod, authenticationData: Uint8Array.of(1) },
  authenticate: ({ properties, reasonCode }) =>
    Effect.succeed(
      reasonCode === 0x18 ? auth(0x18, ...(properties.authenticationData ?? []).map((byte) => byte + 1)) : undefined
    )
}

const connack = { properties: { authenticationMethod } }

const refused = MqttError.fromReason(new MqttError.ConnectionRefused({ reasonCode: 0x87 }))

/** What the server sends instead of an AUTH that goes on, and what it is told. */
const violations: ReadonlyArray<readonly [name: string, bytes: ReadonlyArray<number>, reasonCode: number]> = [
  ["R138 AUTH 0x00 before CONNACK", [0xf0, 0x0a, 0x00, 0x08, 0x15, 0, 5, 83, 67, 82, 65, 77], 0x82],
  ["R138 AUTH 0x19 from a server", [0xf0, 0x0a, 0x19, 0x08, 0x15, 0, 5, 83, 67, 82, 65, 77], 0x82],
  ["R138 AUTH with another method", [0xf0, 0x06, 0x18, 0x04, 0x15, 0, 1, 83], 0x82],
  ["R138 AUTH without a method", [0xf0, 0x02, 0x18, 0x00], 0x82],
  ["R138 an empty AUTH, which is 0x00", [0xf0, 0x00], 0x82],
  ["R138 CONNACK with another method", [0x20, 0x07, 0, 0, 0x04, 0x15, 0, 1, 83], 0x82],
  ["R138 CONNACK without a method", [0x20, 0x03, 0, 0, 0], 0x82]
]

describe("authentication", () => {
  it.effect("R41 R137 challenges are answered with the same method, and nothing else is sent before CONNACK", () =>
    leavesNothing(Effect.gen(function*() {
      // Pings would be due every second.
      const { fiber, peer } = yield* opening({ ...options, keepAlive: "4 seconds" })
      const connect = yield* peer.expect("Connect")
      assert.strictEqual(connect.properties.authenticationMethod, authenticationMethod)
      assert.deepStrictEqual(connect.properties.authenticationData, Uint8Array.of(1))
      for (const challenge of [10, 20]) {
        yield* peer.send(auth(0x18, challenge))
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(yield* peer.receiveAll, [auth(0x18, challenge + 1)])
      }
      assert.isUndefined(fiber.pollUnsafe())
      yield* peer.send({ _tag: "Connack", ...connack })
      yield* TestClock.adjust(latency)
      const connection = yield* Fiber.join(fiber)
      assert.strictEqual(connection.connack.properties.authenticationMethod, authenticationMethod)
    })))

  it.effect("R137 a challenge in the bytes before CONNACK is answered, and CONNACK in the same bytes taken", () =>
    leavesNothing(Effect.gen(function*() {
      const { fiber, peer } = yield* opening(options)
      yield* peer.send(auth(0x18, 1), { _tag: "Connack", ...connack })
      yield* TestClock.adjust(latency)
      yield* Fiber.join(fiber)
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Auth"])
    })))

  for (const [name, bytes, reasonCode] of violations) {
    it.effect(name, () =>
      leavesNothing(Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const { fiber, peer } = yield* opening(options)
        yield* peer.sendBytes(bytes)
        yield* TestClock.adjust(latency)
        const { reason } = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(assertReason(reason, "ProtocolViolation").reasonCode, reasonCode)
        assert.strictEqual((yield* network.counters).open, 0)
        yield* TestClock.adjust(latency)
        assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x82"])
      })))
  }

  it.effect("R142 a refusal that ends the exchange", () =>
    leavesNothing(Effect.gen(function*() {
      for (const reasonCode of [0x8c, 0x87]) {
        const { fiber, peer } = yield* opening(options)
        yield* peer.send(auth(0x18, 1))
        yield* TestClock.adjust(roundTrip)
        yield* peer.send({ _tag: "Connack", reasonCode })
        yield* TestClock.adjust(latency)
        const { reason } = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(assertReason(reason, "ConnectionRefused").reasonCode, reasonCode)
        assert.isFalse(reason.isRetryable)
      }
    })))

  it.effect("R141 authentication begins again while other packets go on", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect(options, connack)
      const read = yield* reading(connection)
      yield* connection.send(auth(0x19, 1))
      yield* connection.send(publish("meanwhile"))
      yield* TestClock.adjust(latency)
      yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array() }, auth(0x18, 5))
      yield* TestClock.adjust(roundTrip)
      yield* peer.send(auth(0x00), { _tag: "Publish", topic: "b", payload: new Uint8Array() })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Auth", "Publish meanwhile", "Auth"])
      assert.deepStrictEqual(show(read.packets), ["Publish a", "Publish b"])
      assert.isFalse(read.isEnded())
    })))

  it.effect("R142 a failed re-authentication ends the connection and says why", () =>
    leavesNothing(Effect.gen(function*() {
      for (const reasonCode of [0x8c, 0x87]) {
        const { connection, peer } = yield* connect(options, connack)
        const read = yield* reading(connection)
        yield* connection.send(auth(0x19, 1))
        yield* TestClock.adjust(roundTrip)
        yield* peer.send({ _tag: "Disconnect", reasonCode })
        yield* TestClock.adjust(latency)
        const reason = assertReason(yield* read.reason, "ServerDisconnected")
        assert.strictEqual(reason.reasonCode, reasonCode)
        assert.isFalse(reason.isRetryable)
      }
    })))

  it.effect("R144 an answer that fails before CONNACK is what opening fails with", () =>
    leavesNothing(Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const { fiber, peer } = yield* opening({ ...options, authenticate: () => Effect.fail(refused) })
      yield* peer.send(auth(0x18, 1))
      yield* TestClock.adjust(latency)
      assert.strictEqual(yield* Effect.flip(Fiber.join(fiber)), refused)
      assert.strictEqual((yield* network.counters).open, 0)
    })))

  it.effect("R144 an answer that fails later ends the connection: no exchange stays half done", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ ...options, authenticate: () => Effect.fail(refused) }, connack)
      const read = yield* reading(connection)
      yield* connection.send(auth(0x19, 1))
      yield* TestClock.adjust(latency)
      yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array() }, auth(0x18, 1))
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(show(read.packets), ["Publish a"])
      assert.strictEqual(yield* read.reason, refused.reason)
      assert.strictEqual(yield* reasonAtOnce(connection.ended), refused.reason)
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Auth", "Disconnect 0x80"])
    })))

  it.effect("R144 a defect of the answer ends the connection too", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ ...options, authenticate: () => Effect.die("broken") }, connack)
      const pull = yield* begin(Effect.exit(connection.pull))
      yield* connection.send(auth(0x19, 1))
      yield* TestClock.adjust(latency)
      yield* peer.send(auth(0x18, 1))
      yield* TestClock.adjust(latency)
      assert.strictEqual((yield* Fiber.join(pull))._tag, "Failure")
      yield* reasonAtOnce(connection.ended)
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Auth", "Disconnect 0x80"])
    })))

  it.effect("R141 reading goes on while the answer is being made, and two challenges at once are one too many", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ ...options, authenticate: () => Effect.never }, connack)
      const read = yield* reading(connection)
      yield* connection.send(auth(0x19, 1))
      yield* TestClock.adjust(latency)
      yield* peer.send(auth(0x18, 1))
      yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array() })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(show(read.packets), ["Publish a"])
      assert.isFalse(read.isEnded())
      yield* peer.send(auth(0x18, 2))
      yield* TestClock.adjust(latency)
      assert.strictEqual(assertReason(yield* read.reason, "ProtocolViolation").label, "MQTT-4.12.0-3")
    })))

  it.effect("R144 an answer that fails while the connection is being closed does not hold that up", () =>
    leavesNothing(Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const answer = yield* Deferred.make<never, MqttError.MqttError>()
      const { connection, peer } = yield* connect({ ...options, authenticate: () => Deferred.await(answer) }, connack)
      yield* reading(connection)
      yield* connection.send(auth(0x19, 1))
      yield* TestClock.adjust(latency)
      yield* peer.send(auth(0x18, 1))
      yield* TestClock.adjust(latency)
      yield* network.stallWrites
      const closing = yield* begin(connection.disconnect())
      yield* Deferred.fail(answer, refused)
      yield* TestClock.adjust("1 second")
      assert.isDefined(closing.pollUnsafe())
    })))

  it.effect("R144 an answer that interrupts itself ends the connection", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ ...options, authenticate: () => Effect.interrupt }, connack)
      const read = yield* reading(connection)
      yield* connection.send(auth(0x19, 1))
      yield* TestClock.adjust(latency)
      yield* peer.send(auth(0x18, 1))
      yield* TestClock.adjust(roundTrip)
      assert.isTrue(read.isEnded())
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Auth", "Disconnect 0x80"])
    })))

  it.effect("R141 AUTH that nobody asked for after CONNACK is a violation, and is not answered", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect(options, connack)
      const read = yield* reading(connection)
      yield* peer.send(auth(0x18, 1))
      yield* TestClock.adjust(latency)
      assert.strictEqual(assertReason(yield* read.reason, "ProtocolViolation").label, "MQTT-4.12.1-1")
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x82"])
    })))

  it.effect("R44 R142 a refused re-authentication that comes as a second CONNACK says why", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect(options, connack)
      const read = yield* reading(connection)
      yield* connection.send(auth(0x19, 1))
      yield* TestClock.adjust(roundTrip)
      yield* peer.send({ _tag: "Connack", reasonCode: 0x87 })
      yield* TestClock.adjust(latency)
      assert.strictEqual(assertReason(yield* read.reason, "ConnectionRefused").reasonCode, 0x87)
    })))

  it.effect("R137 R140 an AUTH that may not be sent is refused, and the connection goes on", () =>
    leavesNothing(Effect.gen(function*() {
      const without = yield* connect()
      assert.strictEqual(
        assertReason(yield* reasonAtOnce(without.connection.send(auth(0x19, 1))), "InvalidRequest").label,
        "MQTT-4.12.0-7"
      )
      const { connection, peer } = yield* connect(options, connack)
      const other = { ...auth(0x19), properties: { authenticationMethod: "OTHER" } }
      assert.strictEqual(
        assertReason(yield* reasonAtOnce(connection.send(other)), "InvalidRequest").label,
        "MQTT-4.12.0-5"
      )
      assert.strictEqual(
        assertReason(yield* reasonAtOnce(connection.send(auth(0x18, 1))), "InvalidRequest").label,
        "MQTT-4.12.0-3"
      )
      assert.strictEqual(connection.enqueue(other)?.label.label, "4.12.0-5")
      yield* connection.send(publish("a"))
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Publish a"])
    })))

  it.effect("R136 an answer that AUTH cannot say ends the connection and is not sent", () =>
    leavesNothing(Effect.gen(function*() {
      const { fiber, peer } = yield* opening({ ...options, authenticate: () => Effect.succeed(auth(0x00)) })
      yield* peer.send(auth(0x18, 1))
      yield* TestClock.adjust(latency)
      assertReason((yield* Effect.flip(Fiber.join(fiber))).reason, "InvalidRequest")
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x80"])
    })))

  it.effect("S60 interrupted while the answer is being made", () =>
    leavesNothing(Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const { fiber, peer } = yield* opening({ ...options, authenticate: () => Effect.never })
      yield* peer.send(auth(0x18, 1))
      yield* TestClock.adjust(latency)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* network.counters).open, 0)
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
    })))

  it.effect("S40 the connect timeout holds while the answer is being made", () =>
    leavesNothing(Effect.gen(function*() {
      const { fiber, peer } = yield* opening({ ...options, authenticate: () => Effect.never })
      yield* peer.send(auth(0x18, 1))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(
        assertReason((yield* Effect.flip(Fiber.join(fiber))).reason, "ConnectTimeout").waitingFor,
        "CONNACK"
      )
    })))
})
