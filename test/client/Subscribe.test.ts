import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttError from "../../src/MqttError.ts"
import { connectClient, leavesNothing } from "../support/peer.ts"
import { reasonOf } from "../support/reasons.ts"
import { clientId, connections, type Kit, record, scenario, sent } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"

/** The filters of each SUBSCRIBE with the QoS asked for. */
const asked = (kit: Kit) =>
  Effect.map(
    sent(kit, "Subscribe"),
    (packets) =>
      packets.map(({ subscriptions }) => subscriptions.map(({ qos, topicFilter }) => `${topicFilter} ${qos}`))
  )

const unsubscribed = (kit: Kit) =>
  Effect.map(sent(kit, "Unsubscribe"), (packets) => packets.flatMap(({ topicFilters }) => topicFilters))

/** How long a subscription of a persistent session outlives its last subscriber, milliseconds. */
const lingering = 1000

describe("subscribing", () => {
  scenario(
    "S9 R116 a refused subscription fails with its reason and causes no reconnect",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.broker.refuseSubscribe(0x87)
        const reason = yield* reasonOf(mqtt.subscribe("t", { qos: 1 }))
        const reasonCode = kit.version === "5.0" ? 0x87 : 0x80
        assert.deepStrictEqual(reason, new MqttError.SubscribeRefused({ topicFilter: "t", reasonCode }))
        yield* TestClock.adjust(10 * reconnected)
        assert.strictEqual(yield* connections(kit), 1)
        assert.deepStrictEqual(yield* unsubscribed(kit), [])
      })
  )

  scenario("S9 R116 a downgraded one is reported as granted lower", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.downgradeSubscribe(1)
      const subscription = yield* complete(mqtt.subscribe(["a", "b"], { qos: 2 }))
      assert.deepStrictEqual(subscription.granted, [1, 1])
      assert.deepStrictEqual(subscription.topicFilters, ["a", "b"])
      assert.strictEqual(yield* connections(kit), 1)
    }))

  scenario("R116 one refused filter fails those who want it and no others", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.refuseSubscribe(0x80)
      const [refused, granted] = yield* complete(Effect.all([
        Effect.exit(mqtt.subscribe("refused")),
        Effect.exit(mqtt.subscribe("granted"))
      ], { concurrency: "unbounded" }))
      assert.isTrue(Exit.isFailure(refused))
      assert.isTrue(Exit.isSuccess(granted))
    }))

  scenario(
    "S37 what two subscribers share is subscribed to once, the last to leave unsubscribes",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const first = yield* Scope.make()
        const second = yield* Scope.make()
        const one = yield* Effect.flatMap(complete(Scope.provide(mqtt.subscribe("t", { qos: 1 }), first)), record)
        const other = yield* Effect.flatMap(complete(Scope.provide(mqtt.subscribe("t", { qos: 1 }), second)), record)
        yield* kit.broker.publish("t", "1", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        yield* Scope.close(first, Exit.void)
        yield* kit.broker.publish("t", "2", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* unsubscribed(kit), [])
        yield* Scope.close(second, Exit.void)
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(one.texts(), ["1"])
        assert.deepStrictEqual(other.texts(), ["1", "2"])
        assert.deepStrictEqual(yield* asked(kit), [["t 1"]])
        assert.deepStrictEqual(yield* unsubscribed(kit), ["t"])
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      })
  )

  scenario(
    "R119 a second subscriber that asks for more raises the QoS; there is one entry",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const low = yield* complete(mqtt.subscribe("t", { qos: 0 }))
        const high = yield* complete(mqtt.subscribe("t", { qos: 2 }))
        const lower = yield* mqtt.subscribe("t", { qos: 1 })
        assert.deepStrictEqual([low.granted, high.granted, lower.granted], [[0], [2], [2]])
        assert.deepStrictEqual(yield* asked(kit), [["t 0"], ["t 2"]])
        assert.strictEqual((yield* kit.broker.session(clientId))?.subscriptions.length, 1)
      })
  )

  scenario(
    "R117 UNSUBACK is awaited: whoever comes meanwhile subscribes after it",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* Effect.asVoid(Effect.scoped(complete(mqtt.subscribe("t"))))
        const again = yield* complete(mqtt.subscribe("t"))
        assert.deepStrictEqual(again.granted, [0])
        const types = (yield* kit.broker.received(clientId)).map(({ _tag }) => _tag)
        assert.deepStrictEqual(types, ["Connect", "Subscribe", "Unsubscribe", "Subscribe"])
        const received = yield* record(again)
        yield* complete(mqtt.publish("t", "hello"))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.texts(), ["hello"])
      })
  )

  for (
    const [rows, filter] of [
      ["R105", "a\ud800b"],
      ["R106", []],
      ["R109", "a/#/b"],
      ["R109", "a#"],
      ["R109", "a+/b"],
      ["R110", ""]
    ] as const
  ) {
    scenario(`${rows} the filter ${JSON.stringify(filter)} is refused at once`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const error = yield* Effect.flip(mqtt.subscribe(filter))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.deepStrictEqual(yield* asked(kit), [])
      }))
  }

  for (
    const [rows, filter, options] of [
      ["R108", "$share/group/t", { noLocal: true }],
      ["R111", "$share//t", {}],
      ["R111", "$share/a+b/t", {}],
      ["R111", "$share/group/", {}],
      ["R111", "$share/group/a#", {}]
    ] as const
  ) {
    scenario(
      `${rows} ${filter} ${JSON.stringify(options)} is refused at once`,
      { versions: ["5.0"] },
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const error = yield* Effect.flip(mqtt.subscribe(filter, options))
          assert.strictEqual(error.reason._tag, "InvalidRequest")
          assert.deepStrictEqual(yield* asked(kit), [])
        })
    )
  }

  scenario(
    "R107 what only 5.0 can say is refused at once under 3.1.1",
    { versions: ["3.1.1"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        for (const options of [{ noLocal: true }, { retainAsPublished: true }, { retainHandling: 1 as const }]) {
          const error = yield* Effect.flip(mqtt.subscribe("t", options))
          assert.strictEqual(error.reason._tag, "InvalidRequest")
        }
      })
  )

  scenario("R62 what the server does not offer is refused at once", {
    versions: ["5.0"],
    broker: { wildcardSubscriptionAvailable: false, sharedSubscriptionAvailable: false }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const limitOf = (filter: string) =>
        Effect.map(reasonOf(mqtt.subscribe(filter)), (reason) => reason._tag === "ServerLimit" && reason.limit)
      assert.strictEqual(yield* limitOf("a/#"), "Wildcard Subscription Available")
      assert.strictEqual(yield* limitOf("+"), "Wildcard Subscription Available")
      assert.strictEqual(yield* limitOf("$share/group/t"), "Shared Subscription Available")
      assert.deepStrictEqual(yield* asked(kit), [])
      yield* Effect.asVoid(complete(mqtt.subscribe("t")))
    }))

  scenario("R123 R102 the options of a subscription are asked for as given, and again after a reconnect", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const options = { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 } as const
      yield* Effect.asVoid(complete(mqtt.subscribe("t", options)))
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected + roundTrip)
      const subscribes = yield* sent(kit, "Subscribe")
      assert.deepStrictEqual(subscribes.map(({ subscriptions }) => subscriptions), [
        [{ topicFilter: "t", ...options }],
        [{ topicFilter: "t", ...options }]
      ])
    }))

  scenario("R119 another manner of the same filter is refused: one subscription cannot serve both", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* Effect.asVoid(complete(mqtt.subscribe("t", { noLocal: true })))
      const error = yield* Effect.flip(mqtt.subscribe("t"))
      assert.strictEqual(error.reason._tag === "InvalidRequest" && error.reason.field, "topicFilter")
      assert.include(error.message, "noLocal")
    }))
})

describe("across connections", () => {
  scenario("S43 R49 Session Present 0 after a resume: subscribed again, and unfinished messages go out as new", {}, (
    kit
  ) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 2 })))
      yield* kit.network.drop
      const publishing = yield* begin(
        Effect.all([mqtt.publish("t", "1", { qos: 1 }), mqtt.publish("t", "2", { qos: 2 })], {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust(roundTrip)
      yield* kit.network.reset
      yield* kit.broker.restart({ keepSessions: false })
      yield* complete(Fiber.join(publishing))
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* asked(kit), [["t 2"], ["t 2"]])
      assert.deepStrictEqual((yield* sent(kit, "Publish")).map(({ dup }) => dup), [false, false])
      assert.deepStrictEqual(received.texts(), ["1", "2"])
    }))

  scenario("S43 R47 Session Present 1: not subscribed again", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
      yield* kit.network.reset
      yield* kit.broker.publish("t", "while away", { qos: 1 })
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* asked(kit), [["t 1"]])
      assert.deepStrictEqual(received.texts(), ["while away", "hello"])
    }))

  scenario(
    "R113 a scope that closes while there is no connection unsubscribes on the next",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const scope = yield* Scope.make()
        yield* Effect.asVoid(complete(Scope.provide(mqtt.subscribe("t", { qos: 1 }), scope)))
        yield* kit.network.reset
        yield* TestClock.adjust(1)
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust(lingering + roundTrip)
        assert.deepStrictEqual(yield* unsubscribed(kit), ["t"])
        assert.deepStrictEqual((yield* kit.broker.session(clientId))?.subscriptions, [])
      })
  )

  scenario(
    "R27 a program that ends leaves the subscriptions of a persistent session to the next one",
    {},
    (kit) =>
      Effect.gen(function*() {
        const program = Effect.scoped(Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session: "persistent" })
          yield* Effect.asVoid(Effect.scoped(mqtt.subscribe("t", { qos: 1 })))
        }))
        yield* complete(program)
        assert.deepStrictEqual(yield* unsubscribed(kit), [])
        yield* kit.broker.publish("t", "queued", { qos: 1 })
        const mqtt = yield* kit.connect({ session: "persistent" })
        const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.texts(), ["queued"])
      })
  )

  scenario(
    "one who comes back within a second finds what came meanwhile, if the session persists",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* complete(Effect.asVoid(Effect.scoped(mqtt.subscribe("t", { qos: 1 }))))
        yield* kit.broker.publish("t", "meanwhile", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
        yield* TestClock.adjust(2 * lingering)
        assert.deepStrictEqual(received.texts(), ["meanwhile"])
        assert.deepStrictEqual(yield* unsubscribed(kit), [])
        assert.deepStrictEqual(yield* asked(kit), [["t 1"], ["t 1"]])
      })
  )

  scenario("one whose scope ends before the server has answered ends too", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const scope = yield* Scope.make()
      const subscribing = yield* begin(Scope.provide(mqtt.subscribe("t"), scope))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* complete(Fiber.await(subscribing))))
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* unsubscribed(kit), ["t"])
    }))

  scenario(
    "one that joins a filter of another without a connection waits for one",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* Effect.asVoid(complete(mqtt.subscribe("t", { qos: 1 })))
        yield* kit.network.reset
        yield* TestClock.adjust(roundTrip)
        const second = yield* begin(mqtt.subscribe("t", { qos: 1 }))
        yield* TestClock.adjust(1)
        assert.isUndefined(second.pollUnsafe())
        const { granted } = yield* complete(Fiber.join(second))
        assert.deepStrictEqual(granted, [1])
        assert.strictEqual((yield* mqtt.stats).connections, 2)
      })
  )

  scenario("several filters that cannot overlap are asked for in one SUBSCRIBE", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { granted } = yield* complete(mqtt.subscribe(["a", "b/c", "c"], { qos: 1 }))
      assert.deepStrictEqual(granted, [1, 1, 1])
      const subscribes = yield* sent(kit, "Subscribe")
      assert.deepStrictEqual(
        subscribes.map(({ subscriptions }) => subscriptions.map(({ topicFilter }) => topicFilter)),
        [["a", "b/c", "c"]]
      )
    }))

  scenario(
    "a clean session keeps what did not fit into a buffer when the connection is lost",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const messages = yield* complete(mqtt.subscribe("t", { qos: 1, buffer: { messages: 1 } }))
        for (const text of ["1", "2", "3"]) yield* kit.broker.publish("t", text, { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        const received = yield* record(messages)
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.texts(), ["1", "2", "3"])
      })
  )

  scenario(
    "S51 R147 messages of a resumed session wait for the subscription that takes them",
    {},
    (kit) =>
      Effect.gen(function*() {
        const first = yield* Scope.make()
        const before = yield* Scope.provide(kit.connect({ session: "persistent" }), first)
        yield* Effect.asVoid(complete(Scope.provide(before.subscribe("t", { qos: 2 }), first)))
        yield* kit.network.reset
        yield* complete(Scope.close(first, Exit.void))
        for (const qos of [1, 2] as const) yield* kit.broker.publish("t", `QoS ${qos}`, { qos })

        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* TestClock.adjust(10 * roundTrip)
        assert.deepStrictEqual(yield* sent(kit, "Puback"), [])
        assert.deepStrictEqual(yield* sent(kit, "Pubrec"), [])
        const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 2 })))
        yield* TestClock.adjust(2 * roundTrip)
        assert.deepStrictEqual(received.texts(), ["QoS 1", "QoS 2"])
        assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
      })
  )

  scenario("S51 what nobody comes for is let go of after a while", {}, (kit) =>
    Effect.gen(function*() {
      const first = yield* Scope.make()
      const before = yield* Scope.provide(kit.connect({ session: "persistent" }), first)
      yield* Effect.asVoid(complete(Scope.provide(before.subscribe("t", { qos: 1 }), first)))
      yield* kit.network.reset
      yield* complete(Scope.close(first, Exit.void))
      yield* kit.broker.publish("t", "hello", { qos: 1 })

      yield* kit.connect({ session: "persistent" })
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual((yield* sent(kit, "Puback")).length, 1)
      assert.strictEqual(yield* connections(kit), 2)
    }))
})

describe("several filters in one packet", () => {
  for (const version of versions) {
    /** A client that asks for three filters, and the server that has their one SUBSCRIBE. */
    const askingForThree = Effect.gen(function*() {
      const properties = version === "5.0" ? { subscriptionIdentifierAvailable: 0 as const } : {}
      const { mqtt, peer } = yield* connectClient({ protocolVersion: version }, { properties })
      const scope = yield* Scope.make()
      const subscribing = yield* begin(Scope.provide(mqtt.subscribe(["a", "b", "c"], { qos: 2 }), scope))
      yield* TestClock.adjust(roundTrip)
      const { packetIdentifier, subscriptions } = yield* peer.expect("Subscribe")
      assert.deepStrictEqual(subscriptions.map(({ topicFilter }) => topicFilter), ["a", "b", "c"])
      return { peer, scope, subscribing, packetIdentifier }
    })

    it.effect(`R120 each is granted by its own code, and one UNSUBACK answers for all (${version})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { packetIdentifier, peer, scope, subscribing } = yield* askingForThree
        yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [1, 0, 2] })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual((yield* Fiber.join(subscribing)).granted, [1, 0, 2])
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust(roundTrip)
        const unsubscribe = yield* peer.expect("Unsubscribe")
        assert.deepStrictEqual(unsubscribe.topicFilters, ["a", "b", "c"])
        const reasonCodes = version === "5.0" ? [0, 0, 0] : []
        yield* peer.send({ _tag: "Unsuback", packetIdentifier: unsubscribe.packetIdentifier, reasonCodes })
      })))

    it.effect(`R120 the one that is refused is named (${version})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { packetIdentifier, peer, subscribing } = yield* askingForThree
        yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [1, 0x80, 2] })
        yield* TestClock.adjust(roundTrip)
        const reason = yield* reasonOf(Fiber.join(subscribing))
        assert.deepStrictEqual(reason, new MqttError.SubscribeRefused({ topicFilter: "b", reasonCode: 0x80 }))
      })))
  }
})
