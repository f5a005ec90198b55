import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Packet } from "../../src/protocol/Packet.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { connectPacket, publish, textOf } from "../support/packets.ts"
import { connecting, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"
import { acknowledge, connect, open, persistent, subscribe } from "./RawClient.ts"

/** What the client got of these messages, and under which identifier. */
const publishesIn = (packets: ReadonlyArray<Packet>) =>
  packets.flatMap((packet) =>
    packet._tag === "Publish" ? [[textOf(packet), packet.packetIdentifier, packet.dup] as const] : []
  )

const rulesBroken = Effect.flatMap(MemoryBroker.MemoryBroker, ({ violations }) => violations)

for (const version of versions) {
  describe(`habits of real brokers (${version})`, () => {
    it.effect("redelivery sends again what is not acknowledged, on the living connection", () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const client = yield* connect(version)
        yield* client.send(subscribe(1, "a"))
        yield* TestClock.adjust(roundTrip)
        client.take()
        yield* broker.publish("a", "one", { qos: 1 })
        yield* TestClock.adjust(250)
        assert.deepStrictEqual(publishesIn(client.take()), [["one", 1, false], ["one", 1, true], ["one", 1, true]])
        // An answer to each may be on its way.
        yield* client.send(acknowledge("Puback", 1), acknowledge("Puback", 1), acknowledge("Puback", 1))
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(publishesIn(client.take()), [])
        assert.deepStrictEqual(yield* rulesBroken, [])
        yield* client.send(acknowledge("Puback", 1))
        yield* TestClock.adjust(roundTrip)
        assert.lengthOf(yield* rulesBroken, 1)
      }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ redelivery: { after: 100 } }))))

    it.effect("redelivery of QoS 2 sends PUBLISH again and then PUBREL, without DUP where it is told so", () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const client = yield* connect(version)
        yield* client.send(subscribe(1, "a"))
        yield* TestClock.adjust(roundTrip)
        client.take()
        yield* broker.publish("a", "two", { qos: 2 })
        yield* TestClock.adjust(130)
        assert.deepStrictEqual(publishesIn(client.take()), [["two", 1, false], ["two", 1, false]])
        yield* client.send(acknowledge("Pubrec", 1), acknowledge("Pubrec", 1))
        yield* TestClock.adjust(170)
        const released = client.take().map(({ _tag }) => _tag)
        assert.isAtLeast(released.length, 3)
        assert.deepStrictEqual([...new Set(released)], ["Pubrel"])
        yield* client.send(...released.map(() => acknowledge("Pubcomp", 1)))
        yield* TestClock.adjust(1000)
        assert.strictEqual((yield* broker.session("client"))?.inflight, 0)
        assert.deepStrictEqual(yield* rulesBroken, [])
      }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ redelivery: { after: 100, dup: false } }))))

    it.effect("minimumConnectInterval closes a connection that comes too soon", () =>
      Effect.gen(function*() {
        yield* connect(version)
        const soon = yield* connect(version)
        assert.deepStrictEqual([soon.connack, soon.isEnded()], [undefined, true])
        yield* TestClock.adjust(1000)
        const later = yield* connect(version)
        assert.strictEqual(later.connack?._tag, "Connack")
      }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ minimumConnectInterval: "1 second" }))))

    it.effect("maximumInflightMessages bounds what is sent and not acknowledged", () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const client = yield* connect(version)
        yield* client.send(subscribe(1, "a"))
        yield* TestClock.adjust(roundTrip)
        client.take()
        yield* broker.publish("a", "one", { qos: 1 })
        yield* broker.publish("a", "two", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(publishesIn(client.take()), [["one", 1, false]])
        yield* client.send(acknowledge("Puback", 1))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(publishesIn(client.take()), [["two", 2, false]])
      }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ maximumInflightMessages: 1 }))))

    it.effect("deliver sends what nobody subscribed to", () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const client = yield* connect(version)
        yield* broker.deliver("client", "stray", "hello", { qos: 1, subscriptionIdentifiers: [7] })
        yield* TestClock.adjust(roundTrip)
        const properties = version === "5.0" ? { subscriptionIdentifiers: [7] } : {}
        assert.deepStrictEqual(client.take(), [
          { ...publish("stray", { text: "hello", qos: 1, packetIdentifier: 1 }), properties }
        ])
      }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer())))

    it.effect("stall: nothing is read and nothing is written until it is over", () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const client = yield* connect(version, { keepAlive: 1 })
        yield* client.send(subscribe(1, "a"))
        yield* TestClock.adjust(roundTrip)
        client.take()
        yield* broker.stall("5 seconds")
        yield* client.send(publish("a", { text: "one" }), { _tag: "Pingreq" })
        yield* broker.publish("a", "two")
        yield* TestClock.adjust(4900)
        assert.deepStrictEqual(client.take(), [])
        yield* TestClock.adjust(200)
        assert.sameMembers(client.take().map(({ _tag }) => _tag), ["Publish", "Pingresp", "Publish"])
        assert.isFalse(client.isEnded())
        assert.deepStrictEqual(yield* rulesBroken, [])
      }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer())))

    it.effect("closeWhenUnsubscribing and closeWhenReleasing end the connection each time", () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        yield* broker.closeWhenUnsubscribing("a")
        yield* broker.closeWhenReleasing("poison/#", 1)
        const first = yield* connect(version, persistent(version))
        yield* first.send(subscribe(1, "a"))
        yield* first.send({ _tag: "Unsubscribe", packetIdentifier: 2, topicFilters: ["b", "a"], properties: {} })
        yield* TestClock.adjust(roundTrip)
        assert.isTrue(first.isEnded())
        assert.lengthOf((yield* broker.session("client"))?.subscriptions ?? [], 1)
        const second = yield* connect(version, persistent(version))
        yield* second.send(publish("poison/1", { qos: 2, packetIdentifier: 3 }))
        yield* TestClock.adjust(roundTrip)
        yield* second.send(acknowledge("Pubrel", 3))
        yield* TestClock.adjust(roundTrip)
        assert.isTrue(second.isEnded())
        const third = yield* connect(version, persistent(version))
        yield* third.send(acknowledge("Pubrel", 3))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(third.take(), [acknowledge("Pubcomp", 3)])
        assert.lengthOf(yield* broker.messages, 1)
      }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer())))
  })
}

describe("habits of real brokers, 5.0", () => {
  it.effect("receiveMaximumExcess: so many more than the client's Receive Maximum", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const client = yield* connect("5.0", { properties: { receiveMaximum: 2 } })
      yield* client.send(subscribe(1, "a"))
      yield* TestClock.adjust(roundTrip)
      client.take()
      for (const text of ["one", "two", "three", "four"]) yield* broker.publish("a", text, { qos: 1 })
      yield* TestClock.adjust(roundTrip)
      assert.lengthOf(publishesIn(client.take()), 3)
    }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ receiveMaximumExcess: 1 }))))

  it.effect("reportsIdentifierInUse: a QoS 2 message that it has is answered with 0x91, and PUBREL completes it", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      yield* broker.holdAcknowledgements()
      const first = yield* connect("5.0", persistent("5.0"))
      const message = publish("a", { qos: 2, packetIdentifier: 1 })
      yield* first.send(message)
      yield* TestClock.adjust(roundTrip)
      yield* first.abort
      yield* broker.releaseAcknowledgements()
      const second = yield* connect("5.0", persistent("5.0"))
      yield* second.send({ ...message, dup: true })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(second.take(), [acknowledge("Pubrec", 1, 0x91)])
      yield* second.send(acknowledge("Pubrel", 1))
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(second.take(), [acknowledge("Pubcomp", 1)])
      assert.lengthOf(yield* broker.messages, 1)
      assert.deepStrictEqual(yield* rulesBroken, [])
    }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ reportsIdentifierInUse: true }))))

  it.effect("a CONNECT that comes too soon gets no CONNACK, however often", () =>
    Effect.gen(function*() {
      yield* connect("5.0")
      for (let count = 0; count < 3; count++) {
        const client = yield* open("5.0")
        yield* client.send(connectPacket("5.0"))
        yield* TestClock.adjust(connecting)
        assert.deepStrictEqual(client.received(), [])
      }
    }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ minimumConnectInterval: "1 minute" }))))
})
