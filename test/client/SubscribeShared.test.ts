import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import { reasonOf } from "../support/reasons.ts"
import { clientId, record, scenario, sent } from "../support/scenario.ts"
import { complete, reconnected, roundTrip } from "../support/time.ts"

const texts = Array.from({ length: 10 }, (_, index) => String(index))

describe("shared subscriptions", () => {
  scenario(
    "take turns with other clients: each message reaches one of them",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const clients = yield* Effect.forEach(["one", "two"], (clientId) => kit.connect({ clientId }))
        const workers = yield* Effect.forEach(
          clients,
          (client) => Effect.flatMap(complete(client.subscribe("$share/workers/job/+", { qos: 1 })), record)
        )
        for (const text of texts) yield* kit.broker.publish("job/1", text, { qos: 1 })
        yield* TestClock.adjust(2 * roundTrip)
        for (const worker of workers) assert.strictEqual(worker.texts().length, 5)
        assert.sameMembers(workers.flatMap((worker) => worker.texts()), texts)
      })
  )

  scenario("are asked for on each connection, for a server that keeps a session and forgets them", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const worker = yield* Effect.flatMap(complete(mqtt.subscribe("$share/g/t", { qos: 1 })), record)
      const plain = yield* Effect.flatMap(complete(mqtt.subscribe("plain", { qos: 1 })), record)
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected)
      yield* kit.broker.publish("t", "after", { qos: 1 })
      yield* kit.broker.publish("plain", "after", { qos: 1 })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual([worker.texts(), plain.texts()], [["after"], ["after"]])
      const filters = (yield* sent(kit, "Subscribe")).map((packet) =>
        packet.subscriptions.map(({ topicFilter }) => topicFilter)
      )
      assert.deepStrictEqual(filters, [["$share/g/t"], ["plain"], ["$share/g/t"]])
    }))

  scenario("two subscribers of one share in one client have one subscription, and each has all it gets", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const scope = yield* Scope.make()
      const leaving = yield* Effect.flatMap(complete(Scope.provide(mqtt.subscribe("$share/g/t"), scope)), record)
      const staying = yield* Effect.flatMap(complete(mqtt.subscribe("$share/g/t")), record)
      yield* kit.broker.publish("t", "1")
      yield* TestClock.adjust(roundTrip)
      yield* Scope.close(scope, Exit.void)
      yield* kit.broker.publish("t", "2")
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual([leaving.texts(), staying.texts()], [["1"], ["1", "2"]])
      assert.strictEqual((yield* sent(kit, "Subscribe")).length, 1)
      assert.deepStrictEqual(yield* sent(kit, "Unsubscribe"), [])
    }))

  for (const overlappingSubscriptions of ["once", "each"] as const) {
    scenario(
      `R100 another share, and a plain subscription, of the same topic are each their own (${overlappingSubscriptions})`,
      {
        versions: ["5.0"],
        broker: { overlappingSubscriptions }
      },
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const other = yield* kit.connect({ clientId: "other" })
          yield* Effect.asVoid(complete(other.subscribe("$share/one/#", { qos: 1 })))
          const filters = ["$share/one/#", "$share/two/job/+", "job/1", "job/#"]
          const [one, two, ...plain] = yield* Effect.forEach(
            filters,
            (filter) => Effect.flatMap(complete(mqtt.subscribe(filter, { qos: 1 })), record)
          )
          for (const text of texts) yield* kit.broker.publish("job/1", text, { qos: 1 })
          yield* TestClock.adjust(2 * roundTrip)
          // Every second one of `one` is the other client's.
          assert.strictEqual(one.texts().length, 5)
          for (const received of [two, ...plain]) assert.deepStrictEqual(received.texts(), texts)
          assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
        })
    )
  }

  scenario("R123 come back after a lost session as they were", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const received = yield* record(
        yield* complete(mqtt.subscribe("$share/g/a/#", { qos: 1, retainAsPublished: true }))
      )
      yield* kit.network.reset
      yield* kit.broker.restart({ keepSessions: false })
      yield* TestClock.adjust(reconnected + roundTrip)
      const [before, after] = yield* sent(kit, "Subscribe")
      assert.deepStrictEqual({ ...after, packetIdentifier: 0 }, { ...before, packetIdentifier: 0 })
      yield* kit.broker.publish("a/b", "hello", { qos: 1 })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(received.texts(), ["hello"])
    }))

  scenario("R62 R108 No Local is refused for them, and so are they where the server has none", {
    versions: ["5.0"],
    broker: { sharedSubscriptionAvailable: false }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const noLocal = yield* reasonOf(mqtt.subscribe("$share/g/t", { noLocal: true }))
      assert.strictEqual(noLocal._tag, "InvalidRequest")
      const limit = yield* reasonOf(mqtt.subscribe(["t", "$share/g/t"]))
      assert.strictEqual(limit._tag === "ServerLimit" && limit.limit, "Shared Subscription Available")
      yield* TestClock.adjust(2 * roundTrip)
      // The other filter of the same call is left again.
      assert.deepStrictEqual((yield* kit.broker.session(clientId))?.subscriptions, [])
    }))

  scenario("3.1.1 has no word for them: the filter is the server's to understand, and matches by the filter inside", {
    versions: ["3.1.1"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const received = yield* record(yield* complete(mqtt.subscribe("$share/g/a/+")))
      yield* kit.broker.publish("a/b", "hello")
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(received.texts(), ["hello"])
    }))
})
