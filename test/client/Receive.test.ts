import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { ScriptedServer } from "../../src/testing/index.ts"
import { connectClient } from "../support/peer.ts"
import { clientId, connections, record, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

describe("receiving", () => {
  scenario("R87 R88 R89 every QoS is answered and delivered", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 2 })))
      for (const qos of [0, 1, 2] as const) yield* kit.broker.publish("t", String(qos), { qos })
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(received.messages.map(({ qos, text }) => [text, qos]), [["0", 0], ["1", 1], ["2", 2]])
      assert.deepStrictEqual(
        (yield* kit.broker.received(clientId)).map(({ _tag }) => _tag).slice(2),
        ["Puback", "Pubrec", "Pubcomp"]
      )
      assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
    }))

  scenario("R104 overlapping filters bring one copy to each subscriber", {
    broker: { overlappingSubscriptions: "once" }
  }, (
    kit
  ) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const both = yield* record(yield* complete(mqtt.subscribe(["a/#", "a/b"], { qos: 1 })))
      const one = yield* record(yield* complete(mqtt.subscribe("a/+", { qos: 1 })))
      yield* kit.broker.publish("a/b", "hello", { qos: 1 })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(both.texts(), ["hello"])
      assert.deepStrictEqual(one.texts(), ["hello"])
      assert.strictEqual((yield* sent(kit, "Puback")).length, 1)
    }))

  scenario("R121 R122 local dispatch: $ topics, case, empty levels, a/# and a", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const filters = ["#", "+/x", "a/#", "A", "a//b", "$SYS/#"]
      const all = yield* Effect.forEach(filters, (filter) => Effect.flatMap(complete(mqtt.subscribe(filter)), record))
      for (const topic of ["a", "A", "a//b", "a/b", "$SYS/x"]) yield* kit.broker.publish(topic, topic)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(all.map((received) => received.texts()), [
        ["a", "A", "a//b", "a/b"],
        [],
        ["a", "a//b", "a/b"],
        ["A"],
        ["a//b"],
        ["$SYS/x"]
      ])
    }))

  scenario("S28 R124 a client that only receives still pings", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ keepAlive: "1 second" })
      const received = yield* record(yield* complete(mqtt.subscribe("t")))
      for (let count = 0; count < 50; count++) {
        yield* kit.broker.publish("t", String(count))
        yield* TestClock.adjust(100)
      }
      assert.strictEqual(received.texts().length, 50)
      assert.isAtLeast((yield* sent(kit, "Pingreq")).length, 5)
      assert.strictEqual(yield* connections(kit), 1)
    }))

  scenario("R102 RETAIN is shown as received", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.publish("t", "kept", { retain: true })
      const received = yield* record(yield* complete(mqtt.subscribe("t")))
      yield* kit.broker.publish("t", "new")
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(received.messages.map(({ retain, text }) => [text, retain]), [["kept", true], [
        "new",
        false
      ]])
    }))

  scenario("R86 a message is answered although its consumer is gone", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const scope = yield* Scope.make()
      yield* Effect.asVoid(complete(Scope.provide(mqtt.subscribe("t", { qos: 2 }), scope)))
      yield* kit.broker.publish("t", "1", { qos: 1 })
      yield* kit.broker.publish("t", "2", { qos: 2 })
      // The messages are under way.
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(3 * roundTrip)
      assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
      assert.strictEqual(yield* connections(kit), 1)
    }))

  it.effect("R103 R118 what no filter matches, and what comes before SUBACK or after UNSUBACK, is answered", () =>
    Effect.gen(function*() {
      const { mqtt, peer } = yield* connectClient()
      const publish = (packetIdentifier: number, text: string) =>
        peer.send({
          _tag: "Publish",
          topic: "t",
          payload: new TextEncoder().encode(text),
          qos: 1,
          packetIdentifier
        })
      yield* publish(1, "unasked")
      assert.strictEqual((yield* complete(peer.expect("Puback"))).packetIdentifier, 1)
      const scope = yield* Scope.make()
      const subscribing = yield* begin(Scope.provide(mqtt.subscribe("t", { qos: 1 }), scope))
      const { packetIdentifier } = yield* complete(peer.expect("Subscribe"))
      yield* publish(2, "early")
      yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [1] })
      const received = yield* record(yield* complete(Fiber.join(subscribing)))
      assert.strictEqual((yield* complete(peer.expect("Puback"))).packetIdentifier, 2)
      assert.deepStrictEqual(received.texts(), ["early"])
      yield* Scope.close(scope, Exit.void)
      const unsubscribe = yield* complete(peer.expect("Unsubscribe"))
      yield* peer.send({
        _tag: "Unsuback",
        packetIdentifier: unsubscribe.packetIdentifier,
        reasonCodes: [0]
      })
      yield* publish(3, "late")
      assert.strictEqual((yield* complete(peer.expect("Puback"))).packetIdentifier, 3)
      assert.deepStrictEqual(received.texts(), ["early"])
      assert.strictEqual((yield* mqtt.stats).connections, 1)
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))
})
