import { assert, describe } from "@effect/vitest"
import { Array, Effect, Fiber, Schedule, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { accepted, clientId, connections, type Kit, record, scenario, sent } from "../support/scenario.ts"
import {
  begin,
  complete,
  connected,
  failingConnect,
  reconnectDelay,
  reconnected,
  responseTimeout,
  roundTrip
} from "../support/time.ts"

/** What each fault does, and when the client can know of it. */
const faults = {
  drop: (kit: Kit) => kit.network.drop,
  closed: (kit: Kit) => kit.network.closed
}
const faultNames = ["drop", "closed"] as const

const isPublishOf = (text: string) => (packet: Packet.Packet): boolean =>
  packet._tag === "Publish" && new TextDecoder().decode(packet.payload) === text

describe("a connection that dies", () => {
  for (const [index, fault] of faultNames.entries()) {
    scenario(
      `S${10 + index} R17 R27 R47 R64 R76 R81 \`${fault}\`, then publish QoS 1: sent again with DUP and its identifier`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session: "persistent" })
          const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
          yield* faults[fault](kit)
          yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(received.texts(), ["hello"])
          assert.strictEqual(yield* connections(kit), 2)
          const publishes = yield* sent(kit, "Publish")
          assert.deepStrictEqual(publishes.map(({ dup }) => dup), [true])
          assert.strictEqual((yield* mqtt.stats).republications, 1)
        })
    )

    scenario(
      `S${
        10 + index
      } R28 R49 \`${fault}\`, then publish QoS 1 with a clean session: sent as new on the next connection`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
          yield* faults[fault](kit)
          yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
          assert.strictEqual(yield* connections(kit), 2)
          const publishes = yield* sent(kit, "Publish")
          assert.deepStrictEqual(publishes.map(({ dup }) => dup), [false])
          assert.deepStrictEqual(yield* accepted(kit), ["hello"])
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(received.texts(), ["hello"])
        })
    )

    scenario(
      `S${12 + index} \`${fault}\`, then subscribe, then publish: delivered`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          yield* faults[fault](kit)
          const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
          yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(received.texts(), ["hello"])
          assert.strictEqual(yield* connections(kit), 2)
        })
    )
  }

  scenario(
    "S10 a missing acknowledgement counts after exactly the response timeout",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.network.drop
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(responseTimeout - 1)
        assert.strictEqual((yield* kit.network.counters).open, 1)
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* kit.network.counters).open, 0)
        yield* TestClock.adjust(reconnected + roundTrip - 1)
        assert.isUndefined(publishing.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.isDefined(publishing.pollUnsafe())
      })
  )

  scenario(
    "S14 idle, then `closed` and two refused connects: the keep-alive alone notices",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ keepAlive: "1 second" })
        yield* kit.network.closed
        yield* kit.network.refuseConnect(2)
        // The ping after a quarter of a second cannot be written.
        yield* TestClock.adjust(250 + 2 * (reconnectDelay + failingConnect) + reconnected)
        const { attempts, opened } = yield* kit.network.counters
        assert.strictEqual(attempts, 4)
        assert.strictEqual(opened, 2)
        assert.strictEqual((yield* mqtt.stats).connections, 2)
      })
  )

  scenario(
    "S15 two pipelined QoS 1 publishes and a last one awaited: all three once and in order",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
        yield* begin(mqtt.publish("t", "0", { qos: 1 }))
        yield* begin(mqtt.publish("t", "1", { qos: 1 }))
        yield* complete(mqtt.publish("t", "2", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.texts(), ["0", "1", "2"])
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      })
  )

  for (const session of ["clean", "persistent"] as const) {
    for (const maxInFlight of [1, 1000]) {
      scenario(
        `S16 R82 twenty pipelined QoS 1 publishes with a cut after every third (${session}, window ${maxInFlight})`,
        {},
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect({ session, maxInFlight })
            const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
            const numbers = Array.range(0, 19).map(String)
            // The message has reached the broker, its acknowledgement does not reach the client.
            yield* Effect.forEach(["2", "5", "8", "11", "14", "17"], (number) =>
              Effect.andThen(kit.broker.awaitPacket(clientId, isPublishOf(number)), kit.network.reset)).pipe(
                Effect.forkScoped({ startImmediately: true })
              )
            yield* complete(
              Effect.forEach(numbers, (number) =>
                mqtt.publish("t", number, { qos: 1 }), { concurrency: "unbounded" })
            )
            yield* TestClock.adjust(roundTrip)
            // A whole window is sent again, so what is repeated is one message only when the window is one message.
            const withoutRepetition = (texts: ReadonlyArray<string>) =>
              maxInFlight === 1 ? Array.dedupeAdjacent(texts) : Array.dedupe(texts)
            assert.deepStrictEqual(withoutRepetition(yield* accepted(kit)), numbers)
            if (session === "persistent") assert.deepStrictEqual(withoutRepetition(received.texts()), numbers)
            assert.isAbove(yield* connections(kit), maxInFlight === 1 ? 6 : 1)
          })
      )
    }
  }
})

describe("what is in flight when the connection dies", () => {
  scenario(
    "S29 R82 m1 and m2 pipelined, cut, m3 awaited: the broker has them in this order",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.network.drop
        const m1 = yield* begin(mqtt.publish("t", "m1", { qos: 1 }))
        const m2 = yield* begin(mqtt.publish("t", "m2", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "m3", { qos: 1 }))
        assert.deepStrictEqual(yield* accepted(kit), ["m1", "m2", "m3"])
        assert.isDefined(m1.pollUnsafe())
        assert.isDefined(m2.pollUnsafe())
      })
  )

  scenario(
    "S30 one pipelined publish and no further call: it is sent again by itself",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.network.cutAfter({ bytes: 60, direction: "toClient", how: "reset" }, 1)
        yield* kit.broker.holdAcknowledgements()
        yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.reset
        yield* kit.broker.releaseAcknowledgements()
        yield* TestClock.adjust(reconnected + roundTrip)
        const publishes = yield* sent(kit, "Publish")
        assert.deepStrictEqual(publishes.map(({ dup }) => dup), [false, true])
        assert.strictEqual(publishes[0].packetIdentifier, publishes[1].packetIdentifier)
      })
  )

  scenario(
    "S31 R65 R76 what was acknowledged is never sent again, QoS 0 goes once, one reconnect",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* complete(mqtt.publish("t", "acknowledged", { qos: 1 }))
        yield* kit.broker.holdAcknowledgements()
        const unfinished = yield* begin(mqtt.publish("t", "unfinished", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.reset
        yield* kit.broker.releaseAcknowledgements()
        yield* complete(mqtt.publish("t", "QoS 0", { qos: 0 }))
        yield* complete(Fiber.join(unfinished))
        yield* TestClock.adjust(responseTimeout)
        const publishes = (yield* sent(kit, "Publish")).map(({ dup, payload, qos }) => [
          new TextDecoder().decode(payload),
          qos,
          dup
        ])
        assert.deepStrictEqual(publishes, [
          ["acknowledged", 1, false],
          ["unfinished", 1, false],
          ["unfinished", 1, true],
          ["QoS 0", 0, false]
        ])
        assert.strictEqual(yield* connections(kit), 2)
      })
  )

  scenario("S32 R42 a connection that ends wakes every waiter at once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.drop
      const waiting = [
        yield* begin(mqtt.publish("t", "1", { qos: 1 })),
        yield* begin(mqtt.publish("t", "2", { qos: 2 })),
        yield* begin(mqtt.subscribe("t", { qos: 1 }))
      ]
      yield* kit.network.reset
      // At the first moment possible, long before any response timeout of this connection.
      yield* TestClock.adjust(reconnected + 2 * roundTrip)
      assert.isTrue(waiting.every((fiber) => fiber.pollUnsafe() !== undefined))
    }))

  scenario(
    "S33 R81 no PUBLISH appears twice on one connection, however late its acknowledgement",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ responseTimeout: 1000, keepAlive: "10 seconds" })
        yield* kit.broker.delayAnswers(900)
        yield* complete(Effect.all([mqtt.publish("t", "1", { qos: 1 }), mqtt.publish("t", "2", { qos: 2 })], {
          concurrency: "unbounded"
        }))
        assert.strictEqual((yield* sent(kit, "Publish")).length, 2)
        assert.strictEqual(yield* connections(kit), 1)
      })
  )

  for (const session of ["clean", "persistent"] as const) {
    scenario(
      `S56 R74 ten thousand publishes in flight when the link is cut: new subscriptions do not wait behind the replay (${session})`,
      { versions: ["5.0"], broker: { receiveMaximum: 20_000 } },
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session, maxInFlight: 20_000 })
          yield* kit.network.drop
          const count = 10_000
          const publishing = yield* begin(
            Effect.forEach(Array.range(1, count), (number) => mqtt.publish("t", String(number), { qos: 1 }), {
              concurrency: "unbounded",
              discard: true
            })
          )
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* mqtt.stats).inFlight, count)
          yield* kit.network.reset
          const subscribing = yield* begin(mqtt.subscribe("other", { qos: 1 }))
          // One window, one round trip.
          yield* TestClock.adjust(reconnected + roundTrip)
          assert.isDefined(subscribing.pollUnsafe())
          assert.isDefined(publishing.pollUnsafe())
          assert.deepStrictEqual(yield* accepted(kit), Array.range(1, count).map(String))
        })
    )
  }
})

describe("the reconnect schedule", () => {
  const doubling = { reconnect: Schedule.exponential("1 second"), stableAfter: "10 seconds" } as const

  scenario(
    "waits longer after each failed attempt, and starts anew after a connection that proved stable",
    {},
    (kit) =>
      Effect.gen(function*() {
        yield* kit.connect(doubling)
        const attemptsAfter = (milliseconds: number) =>
          Effect.andThen(TestClock.adjust(milliseconds), Effect.map(kit.network.counters, ({ attempts }) => attempts))
        yield* TestClock.adjust("10 seconds")
        for (let round = 0; round < 2; round++) {
          const { attempts: before } = yield* kit.network.counters
          yield* kit.network.refuseConnect(2)
          yield* kit.network.reset
          assert.strictEqual(yield* attemptsAfter(999), before)
          assert.strictEqual(yield* attemptsAfter(1), before + 1)
          assert.strictEqual(yield* attemptsAfter(failingConnect + 1999), before + 1)
          assert.strictEqual(yield* attemptsAfter(1), before + 2)
          assert.strictEqual(yield* attemptsAfter(failingConnect + 4000), before + 3)
          yield* TestClock.adjust("11 seconds")
        }
      })
  )

  scenario("by default a client alone is back within two seconds of a short cut", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ reconnect: MqttClient.defaultReconnect })
      yield* kit.network.reset
      yield* TestClock.adjust(499)
      assert.strictEqual((yield* kit.network.counters).attempts, 1)
      yield* TestClock.adjust(1501 + connected)
      assert.strictEqual((yield* SubscriptionRef.get(mqtt.state))._tag, "Connected")
      assert.strictEqual((yield* kit.network.counters).attempts, 2)
    }))

  scenario("a broker that accepts and drops does not turn it into a loop", {}, (kit) =>
    Effect.gen(function*() {
      yield* kit.connect(doubling)
      yield* Effect.forkScoped(
        Effect.forever(Effect.andThen(Effect.sleep(500), kit.network.reset)),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 minute")
      assert.isAtMost(yield* connections(kit), 7)
    }))

  scenario(
    "R135 two clients with one identifier under 3.1.1 back off",
    { versions: ["3.1.1"] },
    (kit) =>
      Effect.gen(function*() {
        yield* kit.connect(doubling)
        yield* kit.connect(doubling)
        yield* TestClock.adjust("1 minute")
        assert.isAtMost(yield* connections(kit), 14)
      })
  )
})

describe("R88 R89 QoS 2 across connections", () => {
  scenario("R77 R78 R83 PUBREL is sent again, the PUBLISH is not", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const publishing = [
        yield* begin(mqtt.publish("t", "1", { qos: 2 })),
        yield* begin(mqtt.publish("t", "2", { qos: 2 }))
      ]
      // What an earlier program may have left under their identifiers is completed first.
      yield* TestClock.adjust(roundTrip)
      yield* kit.broker.holdAcknowledgements("Pubcomp")
      yield* TestClock.adjust(2 * roundTrip)
      yield* kit.network.reset
      yield* kit.broker.releaseAcknowledgements()
      yield* complete(Effect.forEach(publishing, Fiber.join))
      assert.strictEqual((yield* sent(kit, "Publish")).length, 2)
      const pubrels = yield* sent(kit, "Pubrel")
      assert.deepStrictEqual(pubrels.map(({ packetIdentifier }) => packetIdentifier), [1, 2, 1, 2, 1, 2])
      assert.deepStrictEqual(yield* accepted(kit), ["1", "2"])
    }))

  scenario("R88 R27 a QoS 2 message whose PUBREC was lost is delivered once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 2 })))
      yield* kit.broker.publish("t", "hello", { qos: 2 })
      yield* TestClock.adjust(roundTrip / 2)
      // The message is in, its PUBREC is under way.
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected + 3 * roundTrip)
      assert.deepStrictEqual(received.texts(), ["hello"])
      const pubrecs = yield* sent(kit, "Pubrec")
      assert.isAtLeast(pubrecs.length, 1)
      assert.strictEqual((yield* sent(kit, "Pubcomp")).length, 1)
      assert.strictEqual((yield* kit.broker.session("client"))?.inflight, 0)
    }))
})
