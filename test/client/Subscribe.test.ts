import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import * as MqttError from "../../src/MqttError.ts"
import { ScriptedServer } from "../../src/testing/index.ts"
import {
  begin,
  clientId,
  complete,
  connections,
  type Kit,
  reconnected,
  record,
  roundTrip,
  scenario,
  sent
} from "../support/scenario.ts"

const reasonOf = <A, R>(effect: Effect.Effect<A, MqttError.MqttError, R>) =>
  Effect.map(complete(Effect.flip(effect)), ({ reason }) => reason)

/** The filters of each SUBSCRIBE with the QoS asked for. */
const asked = (kit: Kit) =>
  Effect.map(sent(kit, "Subscribe"), (packets) =>
    packets.map(({ subscriptions }) => subscriptions.map(({ qos, topicFilter }) => `${topicFilter} ${qos}`)))

const unsubscribed = (kit: Kit) =>
  Effect.map(sent(kit, "Unsubscribe"), (packets) => packets.flatMap(({ topicFilters }) => topicFilters))

describe("subscribing", () => {
  scenario("S9 R116 a refused subscription fails with its reason and causes no reconnect", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.refuseSubscribe(0x87)
      const reason = yield* reasonOf(mqtt.subscribe("t", { qos: 1 }))
      const reasonCode = kit.version === "5.0" ? 0x87 : 0x80
      assert.deepStrictEqual(reason, new MqttError.SubscribeRefused({ topicFilter: "t", reasonCode }))
      yield* TestClock.adjust(10 * reconnected)
      assert.strictEqual(yield* connections(kit), 1)
      assert.deepStrictEqual(yield* unsubscribed(kit), [])
    }))

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

  scenario("S37 what two subscribers share is subscribed to once, the last to leave unsubscribes", {}, (kit) =>
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
    }))

  scenario("R119 a second subscriber that asks for more raises the QoS; there is one entry", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const low = yield* complete(mqtt.subscribe("t", { qos: 0 }))
      const high = yield* complete(mqtt.subscribe("t", { qos: 2 }))
      const lower = yield* mqtt.subscribe("t", { qos: 1 })
      assert.deepStrictEqual([low.granted, high.granted, lower.granted], [[0], [2], [2]])
      assert.deepStrictEqual(yield* asked(kit), [["t 0"], ["t 2"]])
      assert.strictEqual((yield* kit.broker.session(clientId))?.subscriptions.length, 1)
    }))

  scenario("R117 UNSUBACK is awaited: whoever comes meanwhile subscribes after it", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* Effect.scoped(complete(mqtt.subscribe("t")))
      const again = yield* complete(mqtt.subscribe("t"))
      assert.deepStrictEqual(again.granted, [0])
      const types = (yield* kit.broker.received(clientId)).map(({ _tag }) => _tag)
      assert.deepStrictEqual(types, ["Connect", "Subscribe", "Unsubscribe", "Subscribe"])
      const received = yield* record(again)
      yield* complete(mqtt.publish("t", "hello"))
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(received.texts(), ["hello"])
    }))

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
    scenario(`${rows} ${filter} ${JSON.stringify(options)} is refused at once`, { versions: ["5.0"] }, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const error = yield* Effect.flip(mqtt.subscribe(filter, options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.deepStrictEqual(yield* asked(kit), [])
      }))
  }

  scenario("R107 what only 5.0 can say is refused at once under 3.1.1", { versions: ["3.1.1"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      for (const options of [{ noLocal: true }, { retainAsPublished: true }, { retainHandling: 1 as const }]) {
        const error = yield* Effect.flip(mqtt.subscribe("t", options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
      }
    }))

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
      yield* complete(mqtt.subscribe("t"))
    }))

  scenario("R123 R102 the options of a subscription are asked for as given, and again after a reconnect", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const options = { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 } as const
      yield* complete(mqtt.subscribe("t", options))
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
      yield* complete(mqtt.subscribe("t", { noLocal: true }))
      const error = yield* Effect.flip(mqtt.subscribe("t"))
      assert.strictEqual(error.reason._tag === "InvalidRequest" && error.reason.field, "topicFilter")
      assert.include(error.message, "noLocal")
    }))
})

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

  scenario("R104 overlapping filters bring one copy to each subscriber", { broker: { overlappingSubscriptions: "once" } }, (
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

  scenario("R102 RETAIN is shown as received", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.publish("t", "kept", { retain: true })
      const received = yield* record(yield* complete(mqtt.subscribe("t")))
      yield* kit.broker.publish("t", "new")
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(received.messages.map(({ retain, text }) => [text, retain]), [["kept", true], ["new", false]])
    }))

  scenario("R86 a message is answered although its consumer is gone", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const scope = yield* Scope.make()
      yield* complete(Scope.provide(mqtt.subscribe("t", { qos: 2 }), scope))
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
      const server = yield* ScriptedServer.ScriptedServer
      const opening = yield* begin(MqttClient.make({ clientId }))
      const connection = yield* complete(Effect.tap(server.accept, (connection) => connection.handshake()))
      const mqtt = yield* complete(Fiber.join(opening))
      const publish = (packetIdentifier: number, text: string) =>
        connection.send({
          _tag: "Publish",
          topic: "t",
          payload: new TextEncoder().encode(text),
          qos: 1,
          packetIdentifier
        })
      yield* publish(1, "unasked")
      assert.strictEqual((yield* complete(connection.expect("Puback"))).packetIdentifier, 1)
      const scope = yield* Scope.make()
      const subscribing = yield* begin(Scope.provide(mqtt.subscribe("t", { qos: 1 }), scope))
      const { packetIdentifier } = yield* complete(connection.expect("Subscribe"))
      yield* publish(2, "early")
      yield* connection.send({ _tag: "Suback", packetIdentifier, reasonCodes: [1] })
      const received = yield* record(yield* complete(Fiber.join(subscribing)))
      assert.strictEqual((yield* complete(connection.expect("Puback"))).packetIdentifier, 2)
      assert.deepStrictEqual(received.texts(), ["early"])
      yield* Scope.close(scope, Exit.void)
      const unsubscribe = yield* complete(connection.expect("Unsubscribe"))
      yield* connection.send({
        _tag: "Unsuback",
        packetIdentifier: unsubscribe.packetIdentifier,
        reasonCodes: [0]
      })
      yield* publish(3, "late")
      assert.strictEqual((yield* complete(connection.expect("Puback"))).packetIdentifier, 3)
      assert.deepStrictEqual(received.texts(), ["early"])
      assert.strictEqual((yield* mqtt.stats).connections, 1)
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))
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

  scenario("R113 a scope that closes while there is no connection unsubscribes on the next", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const scope = yield* Scope.make()
      yield* complete(Scope.provide(mqtt.subscribe("t", { qos: 1 }), scope))
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(reconnected + roundTrip)
      assert.deepStrictEqual(yield* unsubscribed(kit), ["t"])
      assert.deepStrictEqual((yield* kit.broker.session(clientId))?.subscriptions, [])
    }))

  scenario("S51 R147 messages of a resumed session wait for the subscription that takes them", {}, (kit) =>
    Effect.gen(function*() {
      const first = yield* Scope.make()
      const before = yield* Scope.provide(kit.connect({ session: "persistent" }), first)
      yield* complete(Scope.provide(before.subscribe("t", { qos: 2 }), first))
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
    }))

  scenario("S51 what nobody comes for is let go of after a while", {}, (kit) =>
    Effect.gen(function*() {
      const first = yield* Scope.make()
      const before = yield* Scope.provide(kit.connect({ session: "persistent" }), first)
      yield* complete(Scope.provide(before.subscribe("t", { qos: 1 }), first))
      yield* kit.network.reset
      yield* complete(Scope.close(first, Exit.void))
      yield* kit.broker.publish("t", "hello", { qos: 1 })

      yield* kit.connect({ session: "persistent" })
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual((yield* sent(kit, "Puback")).length, 1)
      assert.strictEqual(yield* connections(kit), 2)
    }))
})

describe("consumers", () => {
  for (const failure of ["fails", "dies"] as const) {
    scenario(`S37 R86 a consumer that ${failure} leaves the others, the reader and the keep-alive alone`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ keepAlive: "1 second" })
        const scope = yield* Scope.make()
        const consuming = yield* Effect.forkChild(
          complete(Scope.provide(mqtt.subscribe("t", { qos: 1 }), scope)).pipe(
            Effect.flatMap((messages) =>
              Stream.runForEach(messages, () => failure === "dies" ? Effect.die("dead") : Effect.fail("failed"))
            ),
            Effect.onExit((exit) => Scope.close(scope, exit))
          )
        )
        const received = yield* record(yield* complete(mqtt.subscribe("#", { qos: 1 })))
        yield* kit.broker.publish("t", "1", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(consuming)))
        yield* TestClock.adjust("3 seconds")
        yield* kit.broker.publish("t", "2", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.texts(), ["1", "2"])
        assert.isAbove((yield* sent(kit, "Pingreq")).length, 2)
        assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
        assert.strictEqual(yield* connections(kit), 1)
      }))
  }

  for (const qos of [0, 1, 2] as const) {
    for (const buffer of [undefined, { messages: 1 }]) {
      const size = buffer === undefined ? "" : ", a buffer of one"
      scenario(`S38 publishing from inside a consumer does not deadlock (QoS ${qos}${size})`, {}, (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const messages = yield* complete(mqtt.subscribe("in", { qos: 2, buffer }))
          yield* messages.pipe(
            Stream.runForEach(({ text }) => mqtt.publish("out", text, { qos })),
            Effect.forkScoped
          )
          const texts = Array.from({ length: 10 }, (_, index) => String(index))
          for (const text of texts) yield* kit.broker.publish("in", text, { qos: 2 })
          yield* complete(kit.broker.awaitMessages("out", texts.length))
          yield* TestClock.adjust(2 * roundTrip)
          const out = (yield* kit.broker.messages).filter(({ topic }) => topic === "out")
          assert.deepStrictEqual(out.map(({ payload }) => new TextDecoder().decode(payload)), texts)
        }))
    }
  }

  scenario("S38 nor with a buffer of one and a flood of QoS 0", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const messages = yield* complete(mqtt.subscribe("in", { buffer: { messages: 1 } }))
      let consumed = 0
      yield* messages.pipe(
        Stream.runForEach(({ text }) =>
          Effect.andThen(mqtt.publish("out", text, { qos: 1 }), Effect.sync(() => consumed++))
        ),
        Effect.forkScoped
      )
      for (let count = 0; count < 50; count++) {
        yield* kit.broker.publish("in", String(count))
        yield* TestClock.adjust(1)
      }
      yield* TestClock.adjust(100 * roundTrip)
      // While an acknowledgement is awaited the network is read: then what fits nowhere is dropped, and counted.
      assert.strictEqual(consumed + (yield* mqtt.stats).subscriptionsDropped, 50)
      assert.isAbove(consumed, 2)
      assert.strictEqual(yield* connections(kit), 1)
    }))

  for (
    const [policy, received, dropped] of [
      ["suspend", 100, 0],
      ["dropOldest", 10, 90],
      ["dropNewest", 10, 90]
    ] as const
  ) {
    scenario(`S57 QoS 0 and nobody pulls, with the policy \`${policy}\``, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ keepAlive: "1 second" })
        const messages = yield* complete(mqtt.subscribe("t", { buffer: { messages: 10, policy } }))
        for (let count = 0; count < 100; count++) {
          yield* kit.broker.publish("t", String(count))
          yield* TestClock.adjust(1)
        }
        yield* TestClock.adjust("5 seconds")
        assert.isAtLeast((yield* sent(kit, "Pingreq")).length, 5)
        assert.strictEqual((yield* mqtt.stats).subscriptionsDropped, dropped)
        const recorded = yield* record(messages)
        yield* TestClock.adjust(2 * roundTrip)
        const all = Array.from({ length: 100 }, (_, index) => String(index))
        assert.deepStrictEqual(
          recorded.texts(),
          policy === "dropOldest" ? all.slice(-received) : all.slice(0, received)
        )
        assert.strictEqual(yield* connections(kit), 1)
      }))
  }

  scenario("S57 nobody pulls, with the policy `fail`: the stream fails, the client goes on", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const messages = yield* complete(mqtt.subscribe("t", { qos: 1, buffer: { messages: 10, policy: "fail" } }))
      for (let count = 0; count < 11; count++) yield* kit.broker.publish("t", String(count), { qos: 1 })
      yield* TestClock.adjust(roundTrip)
      const texts: Array<string> = []
      const error = yield* messages.pipe(
        Stream.runForEach(({ text }) => Effect.sync(() => texts.push(text))),
        Effect.flip
      )
      assert.strictEqual(error.reason._tag, "Overflow")
      assert.strictEqual(texts.length, 10)
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(yield* connections(kit), 1)
      assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
    }))

  scenario("S57 QoS 1 and nobody pulls: what fits nowhere is not acknowledged, so the broker keeps it", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ receiveMaximum: 20, keepAlive: "1 second" })
      const messages = yield* complete(mqtt.subscribe("t", { qos: 1, buffer: { messages: 10 } }))
      for (let count = 0; count < 100; count++) yield* kit.broker.publish("t", String(count), { qos: 1 })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* sent(kit, "Puback")).length, 10)
      if (kit.version === "5.0") assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 20)
      const recorded = yield* record(messages)
      yield* TestClock.adjust(20 * roundTrip)
      assert.deepStrictEqual(recorded.texts(), Array.from({ length: 100 }, (_, index) => String(index)))
      assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
      assert.strictEqual(yield* connections(kit), 1)
    }))

  scenario("R93 PUBACKs leave in the order of their messages, whoever pulls first", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const slow = yield* complete(mqtt.subscribe("slow", { qos: 1, buffer: { messages: 1 } }))
      const fast = yield* record(yield* complete(mqtt.subscribe("fast", { qos: 1 })))
      for (const topic of ["slow", "slow", "fast"]) yield* kit.broker.publish(topic, topic, { qos: 1 })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(fast.texts(), ["fast"])
      assert.strictEqual((yield* sent(kit, "Puback")).length, 1)
      yield* record(slow)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual((yield* sent(kit, "Puback")).map(({ packetIdentifier }) => packetIdentifier), [1, 2, 3])
    }))

  for (const qos of [1, 2] as const) {
    scenario(`R86 R93 QoS ${qos}: a subscriber that leaves what did not fit holds up no other`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ receiveMaximum: 5 })
        const scope = yield* Scope.make()
        yield* complete(Scope.provide(mqtt.subscribe("slow", { qos, buffer: { messages: 1 } }), scope))
        const other = yield* record(yield* complete(mqtt.subscribe("other", { qos })))
        for (const topic of ["slow", "slow", "slow", "other"]) yield* kit.broker.publish(topic, topic, { qos })
        yield* TestClock.adjust(roundTrip)
        yield* Scope.close(scope, Exit.void)
        for (let count = 0; count < 20; count++) yield* kit.broker.publish("other", String(count), { qos })
        yield* TestClock.adjust(20 * roundTrip)
        assert.strictEqual(other.texts().length, 21)
        assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
      }))
  }

  scenario("`messages` is subscribed for as long as it is run", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const taking = yield* begin(Stream.runCollect(Stream.take(mqtt.messages("t"), 2)))
      yield* TestClock.adjust(roundTrip)
      for (const text of ["1", "2", "3"]) yield* kit.broker.publish("t", text)
      const taken = yield* complete(Fiber.join(taking))
      assert.deepStrictEqual(taken.map(({ text }) => text), ["1", "2"])
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* unsubscribed(kit), ["t"])
    }))
})
