import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import { reasonOf } from "../support/reasons.ts"
import { clientId, connections, type Kit, record, scenario, sent } from "../support/scenario.ts"
import { complete, reconnected, roundTrip } from "../support/time.ts"

/** How long a subscription of a persistent session outlives its last subscriber, milliseconds. */
const lingering = 1000

/** The session is lost with the connection, and the client subscribes again. */
const loseSession = (kit: Kit, meanwhile: Effect.Effect<unknown> = Effect.void) =>
  kit.network.reset.pipe(
    Effect.andThen(kit.broker.restart({ keepSessions: false })),
    Effect.andThen(meanwhile),
    Effect.andThen(TestClock.adjust(reconnected + 2 * roundTrip))
  )

const filtersOf = (kit: Kit) =>
  Effect.map(
    sent(kit, "Subscribe"),
    (packets) => packets.map(({ subscriptions }) => subscriptions.map(({ topicFilter }) => topicFilter))
  )

describe("options of a subscription", () => {
  scenario("R102 No Local: what this client publishes does not come back, what others publish comes", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const received = yield* record(yield* complete(mqtt.subscribe("t", { noLocal: true })))
      const others = yield* record(yield* complete(mqtt.subscribe("#")))
      yield* complete(mqtt.publish("t", "mine", { qos: 1 }))
      yield* kit.broker.publish("t", "another's")
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(received.texts(), ["another's"])
      assert.deepStrictEqual(others.texts(), ["mine", "another's"])
    }))

  for (const session of ["clean", "persistent"] as const) {
    scenario(`who subscribes again after the last has left has options of its own (${session})`, {
      versions: ["5.0"]
    }, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session })
        yield* kit.broker.publish("t", "kept", { retain: true })
        const before = { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 } as const
        yield* Effect.asVoid(Effect.scoped(complete(mqtt.subscribe("t", before))))
        const after = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
        const userProperties = [["site", "north"]] as const
        const received = yield* record(yield* complete(mqtt.subscribe("t", { ...after, userProperties })))
        yield* TestClock.adjust(roundTrip)
        const { properties, subscriptions } = (yield* sent(kit, "Subscribe"))[1]
        assert.deepStrictEqual(subscriptions, [{ topicFilter: "t", ...after }])
        assert.deepStrictEqual(properties.userProperties, userProperties)
        assert.deepStrictEqual(received.texts(), ["kept"])
      }))
  }

  for (const retainAsPublished of [false, true]) {
    scenario(`R102 Retain As Published ${retainAsPublished}: RETAIN as ${retainAsPublished ? "sent" : "of old"}`, {
      versions: ["5.0"]
    }, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.broker.publish("t", "kept", { retain: true })
        const received = yield* record(yield* complete(mqtt.subscribe("t", { retainAsPublished })))
        yield* kit.broker.publish("t", "new", { retain: true })
        yield* kit.broker.publish("t", "plain")
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.messages.map(({ retain, text }) => [text, retain]), [
          ["kept", true],
          ["new", retainAsPublished],
          ["plain", false]
        ])
      }))
  }

  for (
    const { again, first, handling, raised } of [
      { handling: 0, first: 1, raised: 1, again: 1 },
      // After a lost session the subscription is new to the server.
      { handling: 1, first: 1, raised: 0, again: 1 },
      { handling: 2, first: 0, raised: 0, again: 0 }
    ] as const
  ) {
    scenario(`R102 R123 Retain Handling ${handling}: at first, with a higher QoS, in a resumed session, in a new one`, {
      versions: ["5.0"]
    }, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const keep = kit.broker.publish("t", "kept", { retain: true })
        yield* keep
        const options = { retainHandling: handling, qos: 0 } as const
        const received = yield* record(yield* complete(mqtt.subscribe("t", options)))
        const count = Effect.map(TestClock.adjust(roundTrip), () => received.texts().length)
        let expected: number = first
        assert.strictEqual(yield* count, expected)
        yield* Effect.asVoid(complete(mqtt.subscribe("t", { ...options, qos: 1 })))
        assert.strictEqual(yield* count, expected += raised)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected + roundTrip)
        assert.strictEqual(yield* count, expected)
        yield* loseSession(kit, keep)
        assert.strictEqual(yield* count, expected += again)
      }))
  }

  scenario("R123 User Properties go out with SUBSCRIBE, in order and repeated, and again in a new session", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const userProperties = [["b", "1"], ["a", "2"], ["b", "1"]] as const
      yield* Effect.asVoid(complete(mqtt.subscribe(["t", "u"], { userProperties })))
      yield* Effect.asVoid(complete(mqtt.subscribe("v")))
      yield* loseSession(kit)
      const packets = yield* sent(kit, "Subscribe")
      assert.deepStrictEqual(
        packets.map(({ properties, subscriptions }) => [subscriptions.length, properties.userProperties]),
        [[2, userProperties], [1, undefined], [2, userProperties], [1, undefined]]
      )
    }))

  scenario("R105 User Properties that cannot be sent are refused at once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const reason = yield* reasonOf(mqtt.subscribe("t", { userProperties: [["a", "\ud800"]] }))
      assert.strictEqual(reason._tag, "InvalidRequest")
      assert.deepStrictEqual(yield* sent(kit, "Subscribe"), [])
    }))
})

describe("SUBSCRIBE in several packets", () => {
  const filters = Array.from({ length: 20 }, (_, index) => `site/${index}`)

  scenario(
    "a server that takes eight filters at once is asked for eight at once, to subscribe and to unsubscribe",
    {},
    (
      kit
    ) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ filtersPerSubscribe: 8 })
        const scope = yield* Scope.make()
        const { granted } = yield* complete(Scope.provide(mqtt.subscribe(filters, { qos: 1 }), scope))
        assert.strictEqual(granted.length, 20)
        assert.deepStrictEqual((yield* filtersOf(kit)).map(({ length }) => length), [8, 8, 4])
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust(roundTrip)
        const packets = yield* sent(kit, "Unsubscribe")
        assert.deepStrictEqual(packets.map(({ topicFilters }) => topicFilters.length), [8, 8, 4])
        assert.deepStrictEqual((yield* kit.broker.session(clientId))?.subscriptions, [])
      })
  )

  scenario("R55 what is larger than the server's Maximum Packet Size goes out in smaller ones", {
    versions: ["5.0"],
    broker: { maximumPacketSize: 100 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const received = yield* record(yield* complete(mqtt.subscribe(filters)))
      const packets = yield* filtersOf(kit)
      assert.isAbove(packets.length, 2)
      assert.sameMembers(packets.flat(), filters)
      for (const topic of filters) yield* kit.broker.publish(topic, topic)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(received.texts(), filters)
    }))

  scenario("R55 so does what is given up: nothing stays on the server", {
    versions: ["5.0"],
    broker: { maximumPacketSize: 100 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* Effect.asVoid(Effect.scoped(complete(mqtt.subscribe(filters))))
      yield* TestClock.adjust(2 * roundTrip)
      const packets = yield* sent(kit, "Unsubscribe")
      assert.isAbove(packets.length, 1)
      assert.sameMembers(packets.flatMap(({ topicFilters }) => topicFilters), filters)
      assert.deepStrictEqual((yield* kit.broker.session(clientId))?.subscriptions, [])
    }))

  scenario("R55 a filter that fits into no packet fails, and no other one", {
    versions: ["5.0"],
    broker: { maximumPacketSize: 100 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const [reason] = yield* complete(Effect.all([
        Effect.map(Effect.flip(mqtt.subscribe("x".repeat(200))), (error) => error.reason),
        mqtt.subscribe("t")
      ], { concurrency: "unbounded" }))
      assert.strictEqual(reason._tag === "ServerLimit" && reason.limit, "Maximum Packet Size")
      assert.deepStrictEqual(yield* filtersOf(kit), [["t"]])
    }))

  scenario(
    "S43 ten thousand filters come back after a lost session, a hundred at once",
    {},
    (kit) =>
      Effect.gen(function*() {
        const many = Array.from({ length: 10_000 }, (_, index) => `device/${index}/state/#`)
        const mqtt = yield* kit.connect()
        const received = yield* record(yield* complete(mqtt.subscribe(many)))
        yield* loseSession(kit)
        const packets = yield* filtersOf(kit)
        assert.strictEqual(packets.length, 200)
        assert.deepStrictEqual(packets.slice(100).flat(), many)
        yield* kit.broker.publish("device/9999/state/on", "hello")
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.texts(), ["hello"])
        assert.strictEqual(yield* connections(kit), 2)
      })
  )
})

describe("lingering", () => {
  scenario(
    "R27 one who comes back and leaves again has the whole time, whenever the first one left",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const visit = complete(Effect.asVoid(Effect.scoped(mqtt.subscribe("t", { qos: 1 }))))
        yield* visit
        yield* TestClock.adjust(lingering - 100)
        yield* visit
        yield* TestClock.adjust(lingering - 100)
        assert.deepStrictEqual(yield* sent(kit, "Unsubscribe"), [])
        assert.strictEqual((yield* kit.broker.session(clientId))?.subscriptions.length, 1)
        yield* TestClock.adjust(200 + roundTrip)
        assert.strictEqual((yield* sent(kit, "Unsubscribe")).length, 1)
      })
  )
})
