import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import type * as Packet from "../../src/protocol/Packet.ts"
import { ScriptedServer } from "../../src/testing/index.ts"
import { connectClient } from "../support/peer.ts"
import { clientId, type Kit, record, scenario, sent } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

const identifiersOf = ({ properties }: Packet.Subscribe) => properties.subscriptionIdentifiers

const subscribed = (client: Effect.Success<ReturnType<Kit["connect"]>>) =>
(
  ...args: Parameters<typeof client.subscribe>
) => Effect.flatMap(complete(client.subscribe(...args)), record)

describe("subscription identifiers", () => {
  scenario("R112 each SUBSCRIBE has one, another for what overlaps, and those alike share a packet", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* Effect.asVoid(complete(mqtt.subscribe(["a", "a/#", "b/c", "b/#", "+/c", "$share/group/a"])))
      const packets = yield* sent(kit, "Subscribe")
      assert.deepStrictEqual(
        packets.map(({ subscriptions }) => subscriptions.map(({ topicFilter }) => topicFilter)),
        [["a", "b/c"], ["a/#", "b/#"], ["+/c"], ["$share/group/a"]]
      )
      assert.isTrue(packets.every((packet) => identifiersOf(packet)?.length === 1))
      assert.strictEqual(new Set(packets.flatMap(identifiersOf)).size, 4)
    }))

  for (
    const { name, settings } of [
      {
        name: "a server that takes none is sent none",
        settings: { versions: ["5.0"], broker: { subscriptionIdentifierAvailable: false } }
      },
      { name: "3.1.1 has none", settings: { versions: ["3.1.1"] } }
    ] as const
  ) {
    scenario(
      `R62 ${name}: everything goes into one SUBSCRIBE, and the topic decides`,
      settings,
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const subscribe = subscribed(mqtt)
          const both = yield* subscribe(["a/#", "a/b"])
          const other = yield* subscribe("+/b")
          yield* kit.broker.publish("a/b", "hello")
          yield* TestClock.adjust(roundTrip)
          const packets = yield* sent(kit, "Subscribe")
          assert.deepStrictEqual(packets.map(({ subscriptions }) => subscriptions.length), [2, 1])
          assert.deepStrictEqual(packets.map(identifiersOf), [undefined, undefined])
          assert.deepStrictEqual([both.texts(), other.texts()], [["hello"], ["hello"]])
        })
    )
  }

  scenario("R123 R119 it is the same when a higher QoS is asked for, after a lost session, and in another program", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const mqtt = yield* Scope.provide(kit.connect({ session: "persistent" }), scope)
      for (const qos of [0, 1] as const) {
        yield* Effect.asVoid(complete(Scope.provide(mqtt.subscribe("a/#", { qos }), scope)))
      }
      yield* kit.network.reset
      yield* kit.broker.restart({ keepSessions: false })
      yield* TestClock.adjust(reconnected + roundTrip)
      yield* complete(Scope.close(scope, Exit.void))
      const next = yield* kit.connect({ session: "cleanStartThenPersistent" })
      yield* Effect.asVoid(complete(next.subscribe("a/#", { qos: 1 })))
      const packets = yield* sent(kit, "Subscribe")
      assert.deepStrictEqual(packets.map(({ subscriptions }) => subscriptions[0].qos), [0, 1, 1, 1])
      assert.strictEqual(new Set(packets.map((packet) => identifiersOf(packet)?.[0])).size, 1)
    }))
})

for (const overlappingSubscriptions of ["once", "each"] as const) {
  describe(`a server that sends what several subscriptions match ${overlappingSubscriptions}`, () => {
    const settings = { versions: ["5.0"], broker: { overlappingSubscriptions } } as const

    for (const qos of [0, 1, 2] as const) {
      scenario(`R100 R104 QoS ${qos}: each subscriber has each message once, and each copy is answered`, settings, (
        kit
      ) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const subscribe = subscribed(mqtt)
          const all = yield* Effect.all([
            subscribe("a/#", { qos }),
            subscribe("a/b", { qos }),
            subscribe("a/b", { qos }),
            subscribe(["a/+", "+/b", "a/b"], { qos })
          ])
          const texts = ["1", "2", "2", "3"]
          for (const text of texts) yield* kit.broker.publish("a/b", text, { qos })
          yield* TestClock.adjust(4 * roundTrip)
          for (const received of all) assert.deepStrictEqual(received.texts(), texts)
          assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
        }))
    }

    scenario(
      "R100 R147 a program that is started again has each message once for each subscriber",
      settings,
      (kit) =>
        Effect.gen(function*() {
          const filters = ["a/#", "a/b", ["+/b", "a/+"]]
          const first = yield* Scope.make()
          const before = yield* Scope.provide(kit.connect({ session: "persistent" }), first)
          for (const filter of filters) {
            yield* Effect.asVoid(complete(Scope.provide(before.subscribe(filter, { qos: 2 }), first)))
          }
          yield* complete(Scope.close(first, Exit.void))
          for (const text of ["1", "2"]) yield* kit.broker.publish("a/b", text, { qos: 2 })

          const mqtt = yield* kit.connect({ session: "persistent" })
          const all = yield* Effect.forEach(filters, (filter) => subscribed(mqtt)(filter, { qos: 2 }))
          yield* kit.broker.publish("a/b", "3", { qos: 2 })
          yield* TestClock.adjust(4 * roundTrip)
          const taken = all.map((received) => received.texts())
          // One copy for all is there for who comes first: a later one did not have it, and none has it twice.
          if (overlappingSubscriptions === "once") {
            assert.deepStrictEqual(taken.map((texts) => texts.at(-1)), ["3", "3", "3"])
          } else assert.deepStrictEqual(taken, [["1", "2", "3"], ["1", "2", "3"], ["1", "2", "3"]])
          assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
        })
    )

    scenario(
      "R104 `consume` with overlapping filters: each consumer handles a message once",
      settings,
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const handled: Array<string> = []
          for (const [index, filter] of ["a/#", "a/b", ["a/+", "a/b"]].entries()) {
            yield* Effect.forkScoped(
              mqtt.consume(filter, ({ text }) => Effect.sync(() => handled.push(`${text} by ${index}`)), { qos: 2 })
            )
          }
          yield* TestClock.adjust(2 * roundTrip)
          for (const text of ["1", "2"]) yield* kit.broker.publish("a/b", text, { qos: 2 })
          yield* TestClock.adjust(4 * roundTrip)
          assert.sameMembers(handled, ["1", "2"].flatMap((text) => [0, 1, 2].map((index) => `${text} by ${index}`)))
          assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
        })
    )

    scenario("R104 one who leaves takes nothing away from those who stay, and leaves them nothing twice", settings, (
      kit
    ) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const scope = yield* Scope.make()
        const staying = yield* subscribed(mqtt)("a/#", { qos: 1 })
        yield* Effect.asVoid(complete(Scope.provide(mqtt.subscribe("a/b", { qos: 1 }), scope)))
        // On its way when the other one leaves.
        yield* kit.broker.publish("a/b", "1", { qos: 1 })
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust(2 * roundTrip)
        yield* kit.broker.publish("a/b", "2", { qos: 1 })
        yield* TestClock.adjust(2 * roundTrip)
        assert.deepStrictEqual(staying.texts(), ["1", "2"])
      }))

    scenario("R102 retained messages go to the one that has just subscribed, and not to the others again", settings, (
      kit
    ) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.broker.publish("a/b", "kept", { retain: true })
        const first = yield* subscribed(mqtt)("a/#")
        yield* TestClock.adjust(roundTrip)
        const second = yield* subscribed(mqtt)("a/b")
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual([first.texts(), second.texts()], [["kept"], ["kept"]])
      }))
  })
}

describe("a consumer that comes back", () => {
  scenario("finds what came meanwhile, though another filter matches it too", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const all = yield* subscribed(mqtt)("#", { qos: 1 })
      yield* complete(Effect.asVoid(Effect.scoped(mqtt.subscribe("t", { qos: 1 }))))
      yield* kit.broker.publish("t", "meanwhile", { qos: 1 })
      yield* TestClock.adjust(roundTrip)
      const back = yield* subscribed(mqtt)("t", { qos: 1 })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual([all.texts(), back.texts()], [["meanwhile"], ["meanwhile"]])
      assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
    }))

  scenario("S51 a program that changed its filters has what was queued for the old ones in the end", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const first = yield* Scope.make()
      const before = yield* Scope.provide(kit.connect({ session: "persistent" }), first)
      yield* Effect.asVoid(complete(Scope.provide(before.subscribe("a/#", { qos: 1 }), first)))
      yield* complete(Scope.close(first, Exit.void))
      yield* kit.broker.publish("a/b", "queued", { qos: 1 })
      const mqtt = yield* kit.connect({ session: "persistent" })
      yield* TestClock.adjust(roundTrip)
      const received = yield* subscribed(mqtt)("a/+", { qos: 1 })
      yield* TestClock.adjust("61 seconds")
      assert.deepStrictEqual(received.texts(), ["queued"])
      assert.strictEqual((yield* kit.broker.session(clientId))?.inflight, 0)
    }))
})

describe("messages as a server may send them", () => {
  /** A client with two overlapping subscriptions at a server that the test is. */
  const overlapping = Effect.gen(function*() {
    const { mqtt, peer } = yield* connectClient()
    const subscribe = Effect.fnUntraced(function*(filter: string) {
      const subscribing = yield* begin(mqtt.subscribe(filter, { qos: 1 }))
      const { packetIdentifier, properties } = yield* complete(peer.expect("Subscribe"))
      yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [1] })
      const received = yield* record(yield* complete(Fiber.join(subscribing)))
      return { received, identifier: properties.subscriptionIdentifiers?.[0] ?? 0 }
    })
    const all = yield* subscribe("a/#")
    const exact = yield* subscribe("a/b")
    const publish = (text: string, ...subscriptionIdentifiers: ReadonlyArray<number>) =>
      Effect.andThen(
        peer.send({
          _tag: "Publish",
          topic: "a/b",
          payload: new TextEncoder().encode(text),
          properties: { subscriptionIdentifiers }
        }),
        TestClock.adjust(roundTrip)
      )
    return { all, exact, publish }
  })

  it.effect("R104 one copy that names one of two subscriptions, as aedes sends it, is for both", () =>
    Effect.gen(function*() {
      const { all, exact, publish } = yield* overlapping
      for (const text of ["1", "1", "2"]) yield* publish(text, all.identifier)
      assert.deepStrictEqual(all.received.texts(), ["1", "1", "2"])
      assert.deepStrictEqual(exact.received.texts(), ["1", "1", "2"])
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))

  it.effect("R100 one copy that names both, in any order, and one that names them with another's", () =>
    Effect.gen(function*() {
      const { all, exact, publish } = yield* overlapping
      yield* publish("1", exact.identifier, all.identifier)
      yield* publish("2", 7, all.identifier, exact.identifier)
      yield* publish("3", 7)
      assert.deepStrictEqual(all.received.texts(), ["1", "2", "3"])
      assert.deepStrictEqual(exact.received.texts(), ["1", "2", "3"])
      assert.deepStrictEqual(all.received.messages[1].packet.properties.subscriptionIdentifiers, [
        7,
        all.identifier,
        exact.identifier
      ])
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))

  it.effect("R100 copies that name one each, the second first", () =>
    Effect.gen(function*() {
      const { all, exact, publish } = yield* overlapping
      for (const text of ["1", "2"]) {
        yield* publish(text, exact.identifier)
        yield* publish(text, all.identifier)
      }
      assert.deepStrictEqual(all.received.texts(), ["1", "2"])
      assert.deepStrictEqual(exact.received.texts(), ["1", "2"])
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))
})
