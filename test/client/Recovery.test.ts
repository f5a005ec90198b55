import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Fiber, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { MqttErrorReason } from "../../src/MqttError.ts"
import { none } from "../../src/protocol/Properties.ts"
import { connectClient, leavesNothing } from "../support/peer.ts"
import { accepted, record, scenario, sent } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"

describe("escalate", () => {
  scenario(
    "S49 runs after every so many failed attempts in a row, before the next one",
    {},
    (kit) =>
      Effect.gen(function*() {
        const escalated: Array<string> = []
        const escalate = {
          after: 2,
          run: ({ reason }: { readonly reason: { readonly _tag: string } }) =>
            Effect.flatMap(
              kit.network.counters,
              ({ attempts }) => Effect.sync(() => escalated.push(`${reason._tag} ${attempts}`))
            )
        }
        const mqtt = yield* kit.connect({ escalate })
        yield* kit.network.refuseConnect(4)
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        // The lost connection counts as the first failure, attempts 2 to 5 are refused, 6 succeeds.
        assert.deepStrictEqual(escalated, ["PortRefused 2", "PortRefused 4"])
        assert.strictEqual((yield* kit.network.counters).attempts, 6)
      })
  )
})

describe("a message that kills connections", () => {
  for (const session of ["clean", "persistent"] as const) {
    scenario(
      `S53 its publish fails with the cause after so many deaths, the rest goes on (${session})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session, retransmit: Schedule.recurs(2) })
          yield* kit.broker.closeWhenSeeing("deadly")
          const others = yield* begin(
            Effect.forEach(["1", "2", "3"], (text) => mqtt.publish("t", text, { qos: 1 }), { concurrency: "unbounded" })
          )
          const deadly = yield* begin(Effect.flip(mqtt.publish("deadly", "x", { qos: 1 })))
          const later = yield* begin(mqtt.publish("t", "4", { qos: 1 }))
          const { reason } = yield* complete(Fiber.join(deadly))
          assert.strictEqual(reason._tag, "Quarantined")
          if (reason._tag === "Quarantined") assert.deepStrictEqual([reason.topic, reason.attempts], ["deadly", 3])
          yield* complete(Fiber.join(others))
          yield* complete(Fiber.join(later))
          assert.deepStrictEqual(Array.dedupe(yield* accepted(kit)).toSorted(), ["1", "2", "3", "4"])
          // A server that kept the session may have it: no other message goes out under its identifier.
          assert.strictEqual((yield* mqtt.stats).reserved, session === "persistent" ? 1 : 0)
          yield* kit.broker.restart({ keepSessions: false })
          yield* complete(mqtt.publish("t", "5", { qos: 1 }))
          assert.strictEqual((yield* mqtt.stats).reserved, 0)
        })
    )
  }

  /** A broker whose Maximum QoS can become 1. */
  const changing = {
    isStricter: false,
    get maximumQos(): 1 | undefined {
      return this.isStricter ? 1 : undefined
    }
  }

  scenario("R17 S53 what new limits forbid to send again keeps its identifier too", {
    versions: ["5.0"],
    broker: changing
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      yield* kit.broker.holdAcknowledgements()
      const publishing = yield* begin(Effect.flip(mqtt.publish("t", "x", { qos: 2 })))
      yield* TestClock.adjust(roundTrip)
      changing.isStricter = true
      yield* kit.network.reset
      const { reason } = yield* complete(Fiber.join(publishing))
      assert.strictEqual(reason._tag, "ServerLimit")
      assert.strictEqual((yield* mqtt.stats).reserved, 1)
      yield* kit.broker.releaseAcknowledgements()
    }))

  scenario("S53 a connection that dies for other reasons quarantines nothing", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent", retransmit: Schedule.recurs(2) })
      // Every connection lives long enough for one acknowledgement.
      yield* Effect.forkScoped(
        Effect.forever(Effect.andThen(Effect.sleep(reconnected + 1.5 * roundTrip), kit.network.reset))
      )
      const texts = Array.range(0, 30).map(String)
      yield* complete(Effect.forEach(texts, (text) => mqtt.publish("t", text, { qos: 1 }), { concurrency: 1 }))
      assert.deepStrictEqual(Array.dedupe(yield* accepted(kit)), texts)
    }))
})

describe("a subscription that kills connections", () => {
  const quarantined = (reason: MqttErrorReason): unknown =>
    reason._tag === "Quarantined" ? [reason.packet, reason.topic, reason.attempts] : reason

  scenario(
    "S53 it fails with the cause after so many deaths; no message is blamed, the rest goes on",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ retransmit: Schedule.recurs(2) })
        const fine = yield* record(yield* complete(mqtt.subscribe("fine", { qos: 1 })))
        yield* kit.broker.closeWhenSubscribing("deadly")
        const deadly = yield* begin(Effect.flip(Effect.scoped(mqtt.subscribe("deadly"))))
        const texts = ["1", "2", "3"]
        const publishing = yield* begin(Effect.forEach(texts, (text) => mqtt.publish("fine", text, { qos: 1 })))
        const { reason } = yield* complete(Fiber.join(deadly))
        assert.deepStrictEqual(quarantined(reason), ["SUBSCRIBE", "deadly", 4])
        assert.include(reason.message, "the peer closed it")
        yield* complete(Fiber.join(publishing))
        yield* TestClock.adjust(reconnected)
        assert.deepStrictEqual(Array.dedupe(yield* accepted(kit)), texts)
        assert.deepStrictEqual(Array.dedupe(fine.texts()), texts)
        assert.strictEqual((yield* kit.network.counters).opened, 5)
      })
  )

  scenario(
    "S53 one of many of a SUBSCRIBE is found: each is asked for alone, and the others stay",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ retransmit: Schedule.recurs(2) })
        const innocent = ["a", "b", "c", "d"]
        const streams = yield* Effect.forEach(
          innocent,
          (filter) => Effect.flatMap(complete(mqtt.subscribe(filter)), record)
        )
        const deadly = yield* complete(mqtt.subscribe("deadly"))
        const failing = yield* begin(Effect.flip(Stream.runDrain(deadly)))
        yield* kit.broker.closeWhenSubscribing("deadly")
        yield* kit.network.reset
        const { reason } = yield* complete(Fiber.join(failing))
        // The first two leave open which of the five it was.
        assert.deepStrictEqual(quarantined(reason), ["SUBSCRIBE", "deadly", 5])
        yield* TestClock.adjust(10 * reconnected)
        yield* Effect.forEach(innocent, (filter) => complete(mqtt.publish(filter, filter, { qos: 1 })))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(streams.map((stream) => stream.texts()), innocent.map((filter) => [filter]))
      })
  )

  scenario(
    "S53 while it is asked for again and again, messages and other subscriptions get through",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ retransmit: Schedule.forever })
        yield* kit.broker.closeWhenSubscribing("deadly", 20)
        const deadly = yield* begin(Effect.asVoid(Effect.scoped(mqtt.subscribe("deadly"))))
        yield* TestClock.adjust(2 * reconnected)
        const fine = yield* begin(Effect.flatMap(mqtt.subscribe("fine", { qos: 1 }), record))
        const texts = Array.range(1, 5).map(String)
        const publishing = yield* begin(Effect.forEach(texts, (text) => mqtt.publish("fine", text, { qos: 1 })))
        yield* TestClock.adjust(8 * reconnected)
        assert.isDefined(publishing.pollUnsafe())
        assert.isDefined(fine.pollUnsafe())
        assert.isUndefined(deadly.pollUnsafe())
        // The server has thought better of it.
        yield* complete(Fiber.join(deadly))
        yield* TestClock.adjust(roundTrip)
      })
  )

  scenario("S53 a message that is sent again behind the SUBSCRIBE is not blamed", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ retransmit: Schedule.recurs(2) })
      const deadly = yield* complete(mqtt.subscribe("deadly"))
      const failing = yield* begin(Effect.flip(Stream.runDrain(deadly)))
      yield* kit.broker.holdAcknowledgements()
      const publishing = yield* begin(mqtt.publish("t", "1", { qos: 1 }))
      yield* TestClock.adjust(roundTrip)
      yield* kit.broker.closeWhenSubscribing("deadly")
      yield* kit.network.reset
      yield* kit.broker.releaseAcknowledgements()
      const { reason } = yield* complete(Fiber.join(failing))
      assert.deepStrictEqual(quarantined(reason), ["SUBSCRIBE", "deadly", 3])
      yield* complete(Fiber.join(publishing))
    }))

  scenario("S53 a message that was sent before the SUBSCRIBE is blamed first", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ retransmit: Schedule.recurs(2) })
      yield* kit.broker.closeWhenSeeing("deadly")
      const publishing = yield* begin(Effect.flip(mqtt.publish("deadly", "x", { qos: 1 })))
      // It is on its way, and has not arrived.
      yield* TestClock.adjust(1)
      const subscribing = yield* begin(Effect.flatMap(mqtt.subscribe("fine"), record))
      const { reason } = yield* complete(Fiber.join(publishing))
      assert.deepStrictEqual(quarantined(reason), ["PUBLISH", "deadly", 3])
      yield* complete(Fiber.join(subscribing))
    }))
})

describe("brokerUp", () => {
  scenario("says whether the server answers", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      assert.isTrue(yield* complete(mqtt.brokerUp))
      yield* TestClock.adjust("5 seconds")
      const asking = yield* begin(mqtt.brokerUp)
      yield* TestClock.adjust(roundTrip - 1)
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isTrue(yield* Fiber.join(asking))
      assert.strictEqual((yield* sent(kit, "Pingreq")).length, 1)
      yield* kit.network.drop
      yield* TestClock.adjust("2 seconds")
      assert.isFalse(yield* complete(mqtt.brokerUp))
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      assert.isFalse(yield* complete(mqtt.brokerUp))
    }))

  scenario("replaces a connection on which nobody answers", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ keepAlive: 0, responseTimeout: 3000 })
      yield* TestClock.adjust("5 seconds")
      yield* kit.network.drop
      const asking = yield* begin(mqtt.brokerUp)
      yield* TestClock.adjust(2900)
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust(100)
      assert.isFalse(yield* complete(Fiber.join(asking)))
      yield* TestClock.adjust(reconnected)
      assert.strictEqual((yield* sent(kit, "Connect")).length, 2)
      assert.isTrue(yield* complete(mqtt.brokerUp))
    }))

  scenario(
    "many who ask at once share one PINGREQ, and one who leaves takes no answer along",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* TestClock.adjust("5 seconds")
        const first = yield* begin(mqtt.brokerUp)
        const others = yield* begin(Effect.all(Array.makeBy(100, () => mqtt.brokerUp), { concurrency: "unbounded" }))
        yield* Fiber.interrupt(first)
        assert.isTrue((yield* complete(Fiber.join(others))).every((isUp) => isUp))
        assert.strictEqual((yield* sent(kit, "Pingreq")).length, 1)
        // The next question is another one.
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(yield* complete(mqtt.brokerUp))
        assert.strictEqual((yield* sent(kit, "Pingreq")).length, 2)
      })
  )

  scenario(
    "a subscriber that keeps the client from reading does not make the broker look dead",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const messages = yield* mqtt.subscribe("t", { buffer: { messages: 1 } }).pipe(complete)
        for (const text of ["1", "2", "3"]) yield* kit.broker.publish("t", text)
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(yield* complete(mqtt.brokerUp))
        assert.deepStrictEqual(yield* sent(kit, "Pingreq"), [])
        yield* begin(Stream.runDrain(messages))
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(yield* complete(mqtt.brokerUp))
      })
  )

  scenario(
    "reading stops while it is asked: what is known is that there is a connection",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* Effect.asVoid(complete(mqtt.subscribe("t", { buffer: { messages: 1 } })))
        yield* TestClock.adjust("5 seconds")
        for (const text of ["1", "2", "3"]) yield* kit.broker.publish("t", text)
        // The messages come before the answer, and stop the reader.
        const asking = yield* begin(mqtt.brokerUp)
        assert.isTrue(yield* complete(Fiber.join(asking)))
      })
  )
})

describe("checkConnection", () => {
  const message = {
    _tag: "Publish",
    topic: "t",
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    dup: false,
    properties: none
  } as const

  scenario("asks also when something was heard a moment ago", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      assert.isTrue(yield* complete(mqtt.checkConnection))
      assert.strictEqual((yield* sent(kit, "Pingreq")).length, 1)
    }))

  scenario("replaces a connection on which nobody answers within five seconds", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ keepAlive: 0, responseTimeout: "10 seconds" })
      yield* kit.network.drop
      const asking = yield* begin(mqtt.checkConnection)
      yield* TestClock.adjust(4900)
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust(100)
      assert.isFalse(yield* complete(Fiber.join(asking)))
      yield* TestClock.adjust(reconnected)
      assert.strictEqual((yield* sent(kit, "Connect")).length, 2)
    }))

  for (const version of versions) {
    it.effect(`is not content with what was on its way before (${version})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion: version, keepAlive: 0 })
        yield* peer.send(message)
        const asking = yield* begin(mqtt.checkConnection)
        yield* TestClock.adjust(4999)
        assert.isUndefined(asking.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.isFalse(yield* complete(Fiber.join(asking)))
      })))

    it.effect(`keeps a connection on which much arrives before the answer (${version})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion: version, keepAlive: 0 })
        const asking = yield* begin(mqtt.checkConnection)
        for (let second = 0; second < 5; second++) {
          yield* TestClock.adjust(900)
          yield* peer.send(message)
        }
        yield* TestClock.adjust(500)
        assert.isTrue(yield* Fiber.join(asking))
        assert.strictEqual((yield* mqtt.stats).connections, 1)
      })))
  }

  scenario("while the client does not read says whether there is a connection", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* Effect.asVoid(complete(mqtt.subscribe("t", { buffer: { messages: 1 } })))
      for (const text of ["1", "2", "3"]) yield* kit.broker.publish("t", text)
      yield* TestClock.adjust(roundTrip)
      assert.isTrue(yield* complete(mqtt.checkConnection))
      assert.deepStrictEqual(yield* sent(kit, "Pingreq"), [])
    }))

  scenario("says no at once without a connection", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      assert.isFalse(yield* complete(mqtt.checkConnection))
    }))
})

describe("replaceConnection", () => {
  scenario("says DISCONNECT, and connects again", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ will: { topic: "will", payload: "gone" } })
      yield* complete(mqtt.replaceConnection)
      const [packet] = yield* sent(kit, "Disconnect")
      assert.strictEqual(packet.reasonCode, 0x00)
      yield* TestClock.adjust(reconnected)
      assert.strictEqual((yield* sent(kit, "Connect")).length, 2)
      assert.isTrue(yield* complete(mqtt.brokerUp))
    }))

  scenario("has nothing to do without a connection", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      yield* complete(mqtt.replaceConnection)
      yield* TestClock.adjust(reconnected)
      assert.strictEqual((yield* sent(kit, "Connect")).length, 2)
    }))
})
