import { assert, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttError from "../../src/MqttError.ts"
import {
  accepted,
  begin,
  complete,
  connections,
  reasonOf,
  roundTrip,
  scenario,
  sent,
  stateOf
} from "../support/scenario.ts"

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
    { versions: ["5.0"], broker: { maximumQoS: 1, retainAvailable: false, maximumPacketSize: 200, receiveMaximum: 5 } },
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

  scenario(
    "R71 no Topic Alias is used",
    { versions: ["5.0"], broker: { topicAliasMaximum: 10 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* complete(mqtt.publish("t", "1"))
        yield* complete(mqtt.publish("t", "2", { qos: 1 }))
        const publishes = yield* sent(kit, "Publish")
        assert.deepStrictEqual(publishes.map(({ properties, topic }) => [topic, properties.topicAlias]), [
          ["t", undefined],
          ["t", undefined]
        ])
      })
  )
})
