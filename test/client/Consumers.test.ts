import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { clientId, connections, type Kit, record, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

const unsubscribed = (kit: Kit) =>
  Effect.map(sent(kit, "Unsubscribe"), (packets) => packets.flatMap(({ topicFilters }) => topicFilters))

describe("consumers", () => {
  for (const failure of ["fails", "dies"] as const) {
    scenario(
      `S37 R86 a consumer that ${failure} leaves the others, the reader and the keep-alive alone`,
      {},
      (kit) =>
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
        })
    )
  }

  for (const qos of [0, 1, 2] as const) {
    for (const buffer of [undefined, { messages: 1 }]) {
      const size = buffer === undefined ? "" : ", a buffer of one"
      scenario(
        `S38 publishing from inside a consumer does not deadlock (QoS ${qos}${size})`,
        {},
        (kit) =>
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
          })
      )
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

  scenario(
    "S57 nobody pulls, with the policy `fail`: the stream fails, the client goes on",
    {},
    (kit) =>
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
      })
  )

  scenario(
    "S57 QoS 1 and nobody pulls: what fits nowhere is not acknowledged, so the broker keeps it",
    {},
    (kit) =>
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
      })
  )

  scenario(
    "R93 PUBACKs leave in the order of their messages, whoever pulls first",
    {},
    (kit) =>
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
      })
  )

  for (const [policy, outcome] of [["suspend", "stops"], ["dropOldest", "does not stop"]] as const) {
    scenario(
      `a subscriber that stands still ${outcome} the others with the policy \`${policy}\``,
      { broker: { maximumInflightMessages: 5 } },
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const still = yield* complete(mqtt.subscribe("still", { qos: 1, buffer: { messages: 1, policy } }))
          const other = yield* record(yield* complete(mqtt.subscribe("other", { qos: 1 })))
          for (let count = 0; count < 10; count++) yield* kit.broker.publish("still", String(count), { qos: 1 })
          yield* kit.broker.publish("other", "hello", { qos: 1 })
          yield* TestClock.adjust(20 * roundTrip)
          assert.deepStrictEqual(other.texts(), policy === "suspend" ? [] : ["hello"])
          yield* record(still)
          yield* TestClock.adjust(20 * roundTrip)
          assert.deepStrictEqual(other.texts(), ["hello"])
        })
    )
  }

  for (const qos of [1, 2] as const) {
    scenario(
      `R86 R93 QoS ${qos}: a subscriber that leaves what did not fit holds up no other`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ receiveMaximum: 5 })
          const scope = yield* Scope.make()
          yield* Effect.asVoid(complete(Scope.provide(mqtt.subscribe("slow", { qos, buffer: { messages: 1 } }), scope)))
          const other = yield* record(yield* complete(mqtt.subscribe("other", { qos })))
          for (const topic of ["slow", "slow", "slow", "other"]) yield* kit.broker.publish(topic, topic, { qos })
          yield* TestClock.adjust(roundTrip)
          yield* Scope.close(scope, Exit.void)
          for (let count = 0; count < 20; count++) yield* kit.broker.publish("other", String(count), { qos })
          yield* TestClock.adjust(20 * roundTrip)
          assert.strictEqual(other.texts().length, 21)
          assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
        })
    )
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
