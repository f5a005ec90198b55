import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { none } from "../../src/protocol/Properties.ts"
import { ScriptedServer } from "../../src/testing/index.ts"
import { connectPacket, publish } from "../support/packets.ts"
import { begin, latency, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"
import { open } from "./RawClient.ts"

const accepted = Effect.gen(function*() {
  const server = yield* ScriptedServer.ScriptedServer
  return yield* server.accept
})

describe("ScriptedServer", () => {
  for (const version of versions) {
    it.effect(`reads packets one at a time and answers in the client's version (${version})`, () =>
      Effect.gen(function*() {
        const client = yield* open(version)
        const connection = yield* accepted
        yield* client.send(connectPacket(version), publish("a"), { _tag: "Pingreq" })
        yield* TestClock.adjust(latency)
        assert.strictEqual((yield* connection.handshake({ sessionPresent: true })).clientId, "client")
        assert.strictEqual((yield* connection.expect("Publish")).topic, "a")
        yield* connection.send({ _tag: "Publish", topic: "b", payload: new Uint8Array() }, { _tag: "Pingresp" })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(client.take().map(({ _tag }) => _tag), ["Connack", "Publish", "Pingresp"])
        assert.deepStrictEqual(yield* connection.receiveAll, [{ _tag: "Pingreq" }])
        assert.deepStrictEqual(yield* connection.receiveAll, [])
        assert.strictEqual((yield* connection.received).length, 3)
      }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))
  }

  it.effect("sends raw bytes, closes and resets", () =>
    Effect.gen(function*() {
      const first = yield* open("5.0")
      const connection = yield* accepted
      yield* connection.sendBytes([0xd0, 0x00])
      yield* connection.close
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(first.take(), [{ _tag: "Pingresp" }])
      assert.isTrue(first.isEnded())
      const second = yield* open("5.0")
      const next = yield* accepted
      assert.strictEqual(next.number, 2)
      yield* next.sendBytes([0xd0, 0x00])
      yield* next.reset
      yield* TestClock.adjust(latency)
      assert.deepStrictEqual(second.take(), [])
      assert.isTrue(second.isEnded())
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))

  it.effect("another packet than expected, and the end instead of one, are errors that say so", () =>
    Effect.gen(function*() {
      const client = yield* open("5.0")
      const connection = yield* accepted
      yield* client.send(connectPacket("5.0"))
      yield* TestClock.adjust(latency)
      assert.include((yield* Effect.flip(connection.expect("Pingreq"))).message, "expected Pingreq")
      const waiting = yield* begin(connection.receive)
      yield* client.close
      yield* TestClock.adjust(latency)
      assert.include((yield* Effect.flip(Fiber.join(waiting))).message, "close by the client")
      assert.deepStrictEqual(yield* connection.ended, { by: "client", how: "close" })
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))

  it.effect("bytes that cannot be decoded are an error, and kept as bytes", () =>
    Effect.gen(function*() {
      const client = yield* open("5.0")
      const connection = yield* accepted
      yield* client.sendBytes(0x36, 0)
      yield* TestClock.adjust(latency)
      assert.include((yield* Effect.flip(connection.receive)).message, "cannot be decoded")
      assert.deepStrictEqual(yield* connection.receivedBytes, [Uint8Array.of(0x36, 0)])
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))

  it.effect("a packet that cannot be written is a defect that points at sendBytes", () =>
    Effect.gen(function*() {
      yield* open("5.0")
      const connection = yield* accepted
      const exit = yield* Effect.exit(
        connection.send({ _tag: "Suback", packetIdentifier: 0, reasonCodes: [0], properties: none })
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes("use sendBytes"))
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))
})
