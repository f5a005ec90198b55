import { assert, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttError from "../../src/MqttError.ts"
import { reasonOf } from "../support/reasons.ts"
import { accepted, clientId, connections, type Kit, record, scenario, sent, stateOf } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

describe("the server's limits", () => {
  scenario(
    "S58 R58 Server Keep Alive replaces ours",
    { versions: ["5.0"], broker: { serverKeepAlive: 1 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ keepAlive: 0 })
        const state = yield* stateOf(mqtt)
        assert.strictEqual(state._tag === "Connected" ? state.keepAlive : state._tag, 1)
        // The broker counts from when the last packet came.
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* connections(kit), 1)
        assert.isAbove((yield* sent(kit, "Pingreq")).length, 5)
      })
  )

  scenario(
    "S58 R53 R55 R56 what the server forbids fails at once and costs no identifier",
    { versions: ["5.0"], broker: { maximumQos: 1, retainAvailable: false, maximumPacketSize: 200, receiveMaximum: 5 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const limitOf = (effect: Effect.Effect<unknown, MqttError.MqttError>) =>
          Effect.map(reasonOf(effect), (reason) => reason._tag === "ServerLimit" ? reason.limit : reason._tag)
        const before = (yield* kit.network.connections)[0].bytesWritten
        assert.strictEqual(yield* limitOf(mqtt.publish("t", "x", { qos: 2 })), "Maximum QoS")
        assert.strictEqual(yield* limitOf(mqtt.publish("t", "x", { qos: 1, retain: true })), "Retain Available")
        assert.strictEqual(
          yield* limitOf(mqtt.publish("t", new Uint8Array(300), { qos: 1 })),
          "Maximum Packet Size"
        )
        assert.strictEqual(yield* limitOf(mqtt.publish("t", new Uint8Array(300))), "Maximum Packet Size")
        const stats = yield* mqtt.stats
        assert.deepStrictEqual([stats.inFlight, stats.window], [0, 5])
        assert.strictEqual((yield* kit.network.connections)[0].bytesWritten, before)
        // Subscribing at QoS 2 is allowed: the server grants less.
        const { granted } = yield* complete(mqtt.subscribe("t", { qos: 2 }))
        assert.deepStrictEqual(granted, [1])
        assert.strictEqual((yield* sent(kit, "Publish")).length, 0)
      })
  )

  scenario(
    "S58 R74 R75 Receive Maximum is the window; QoS 0 and SUBSCRIBE pass a window that is full",
    { versions: ["5.0"], broker: { receiveMaximum: 3 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ responseTimeout: "10 seconds" })
        yield* kit.broker.holdAcknowledgements()
        const publishing = yield* begin(
          Effect.forEach(["1", "2", "3", "4", "5"], (text) => mqtt.publish("t", text, { qos: 1 }), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* sent(kit, "Publish")).length, 3)
        yield* complete(mqtt.publish("t", "QoS 0"))
        yield* Effect.asVoid(complete(mqtt.subscribe("other", { qos: 0 })))
        assert.deepStrictEqual(yield* accepted(kit), ["1", "2", "3", "QoS 0"])
        yield* kit.broker.releaseAcknowledgements()
        yield* complete(Fiber.join(publishing))
        assert.deepStrictEqual(yield* accepted(kit), ["1", "2", "3", "QoS 0", "4", "5"])
      })
  )

  /** Topic and alias of every PUBLISH of the client. */
  const aliases = (kit: Kit) =>
    Effect.map(
      sent(kit, "Publish"),
      (publishes) => publishes.map(({ properties, topic }) => [topic, properties.topicAlias])
    )

  scenario(
    "R57 R71 Topic Aliases: as many as the server takes, the least recently used given away",
    { versions: ["5.0"], broker: { topicAliasMaximum: 2 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const topics = ["a", "a", "b", "a", "c", "b"]
        for (const [index, topic] of topics.entries()) {
          yield* complete(mqtt.publish(topic, `${index}`, { qos: index % 2 === 0 ? 0 : 1 }))
        }
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* aliases(kit), [["a", 1], ["", 1], ["b", 2], ["", 1], ["c", 2], ["b", 1]])
        assert.deepStrictEqual((yield* kit.broker.messages).map(({ topic }) => topic), topics)
      })
  )

  scenario(
    "R71 R82 what is sent again carries its whole topic and no alias, and the next connection begins with no alias",
    { versions: ["5.0"], broker: { topicAliasMaximum: 10 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* complete(mqtt.publish("t", "1", { qos: 1 }))
        yield* kit.broker.holdAcknowledgements()
        const publishing = yield* begin(mqtt.publish("t", "2", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.broker.releaseAcknowledgements()
        yield* kit.network.reset
        yield* complete(Fiber.join(publishing))
        yield* complete(mqtt.publish("t", "3", { qos: 1 }))
        const all = yield* sent(kit, "Publish")
        assert.deepStrictEqual(all.map(({ dup, properties, topic }) => [topic, properties.topicAlias, dup]), [
          ["t", 1, false],
          ["", 1, false],
          ["t", undefined, true],
          ["t", 1, false]
        ])
      })
  )

  scenario(
    "R57 `outgoingTopicAliasMaximum` uses fewer, or none",
    { versions: ["5.0"], broker: { topicAliasMaximum: 10 } },
    (kit) =>
      Effect.gen(function*() {
        const fewer = yield* kit.connect({ outgoingTopicAliasMaximum: 1 })
        for (const topic of ["a", "b", "b"]) yield* complete(fewer.publish(topic, "", { qos: 1 }))
        assert.deepStrictEqual(yield* aliases(kit), [["a", 1], ["b", 1], ["", 1]])
        yield* complete(fewer.disconnect)
        const none = yield* kit.connect({ outgoingTopicAliasMaximum: 0 })
        for (const topic of ["a", "a"]) yield* complete(none.publish(topic, "", { qos: 1 }))
        assert.deepStrictEqual((yield* aliases(kit)).slice(3), [["a", undefined], ["a", undefined]])
      })
  )

  scenario(
    "R96 `topicAliasMaximum` is announced, and aliases of the server are resolved",
    { versions: ["5.0"], broker: { usesTopicAliases: true } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const received = yield* record(yield* complete(mqtt.subscribe("#", { qos: 1 })))
        for (const topic of ["a", "b", "a", "a", "b"]) yield* complete(mqtt.publish(topic, topic, { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.messages.map(({ text, topic }) => [topic, text]), [
          ["a", "a"],
          ["b", "b"],
          ["a", "a"],
          ["a", "a"],
          ["b", "b"]
        ])
        const toClient = (yield* kit.broker.packets(clientId)).flatMap(({ packet }) =>
          packet._tag === "Publish" && packet.topic === "" ? [packet.properties.topicAlias] : []
        )
        assert.isAbove(toClient.length, 0)
        yield* complete(mqtt.disconnect)
        yield* kit.connect({ topicAliasMaximum: 0 })
        const connects = yield* sent(kit, "Connect")
        assert.deepStrictEqual(connects.map(({ properties }) => properties.topicAliasMaximum), [32, undefined])
      })
  )
})
