/**
 * The Will with real brokers: when the server publishes it, and when it does not.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Queue, Scope } from "effect"
import type { MqttClient } from "../../src/index.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import * as Broker from "../brokers/Broker.ts"
import { everywhere } from "../brokers/everywhere.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Wire from "../brokers/Wire.ts"

const will = (topic: string, options?: Partial<MqttClient.Will>): MqttClient.Will => ({
  topic,
  payload: "gone",
  qos: 1,
  ...options
})

describe("the Will", () => {
  everywhere((it, protocolVersion) => {
    /** Somebody who hears every Will, and says whether one came before something that was published later. */
    const listener = Effect.fnUntraced(function*(topic: string) {
      const mqtt = yield* Broker.client({ protocolVersion })
      const messages = yield* Broker.subscribed(mqtt, topic, { qos: 1 })
      const heard = Effect.gen(function*() {
        yield* mqtt.publish(topic, "now", { qos: 1 })
        const first = yield* Queue.take(messages)
        if (first.text === "now") return []
        yield* Queue.take(messages)
        return [first.text]
      })
      return { messages, heard }
    })

    it.effect("S20 S50 R29 an aborted connection makes the server publish it, a disconnect does not", () =>
      Effect.gen(function*() {
        const { heard, messages } = yield* listener("will/connection")
        const wire = yield* Wire.make
        const connect = {
          protocolVersion,
          will: {
            topic: "will/connection",
            payload: new TextEncoder().encode("gone"),
            qos: 1,
            retain: false,
            properties: Properties.none
          }
        } as const
        const left = yield* wire.connection({ ...connect, clientId: "left" })
        yield* left.disconnect()
        assert.deepStrictEqual(yield* heard, [])
        const aborted = yield* wire.connection({ ...connect, clientId: "aborted" })
        yield* aborted.abort
        assert.strictEqual((yield* Queue.take(messages)).text, "gone")
      }))

    it.effect("S20 S50 R128 the end of the client's scope does not publish it", () =>
      Effect.gen(function*() {
        const { heard } = yield* listener("will/scope")
        const wire = yield* Wire.make
        yield* Effect.scoped(wire.client({ protocolVersion, will: will("will/scope") }))
        const [recording] = wire.recordings
        assert.deepStrictEqual(recording.of("toServer", "Disconnect").map(({ reasonCode }) => reasonCode), [0x00])
        assert.deepStrictEqual(yield* heard, [])
      }))

    it.effect("S20 R128 disconnectWithWill publishes it", () =>
      Effect.gen(function*() {
        const { messages } = yield* listener("will/with")
        const mqtt = yield* Broker.client({ protocolVersion, will: will("will/with") })
        yield* mqtt.disconnectWithWill
        assert.strictEqual((yield* Queue.take(messages)).text, "gone")
      }))

    it.effect.each([0, 1, 2] as const)(
      "S4 R31 a Will of QoS %i is accepted, retained, and comes with what it says",
      (qos) =>
        Effect.gen(function*() {
          const topic = `will/retained/${qos}`
          const mqtt = yield* Broker.client({ protocolVersion, will: will(topic, { qos, retain: true }) })
          const { messages } = yield* listener(topic)
          yield* mqtt.disconnectWithWill
          assert.strictEqual((yield* Queue.take(messages)).text, "gone")
          const later = yield* Broker.client({ protocolVersion })
          const retained = yield* Queue.take(yield* Broker.subscribed(later, topic, { qos: 2 }))
          assert.deepStrictEqual([retained.retain, retained.qos, retained.text], [true, qos, "gone"])
        })
    )

    it.effect("S36 R127 after DISCONNECT nothing more is written, and every call fails with Closed", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const connection = yield* wire.connection({ protocolVersion, clientId: "closed" })
        yield* connection.disconnect()
        const ended = yield* Effect.flip(connection.ended)
        assert.strictEqual(ended.reason._tag, "Closed")
        const refused = yield* Effect.flip(connection.send({ _tag: "Pingreq" }))
        assert.strictEqual(refused.reason._tag, "Closed")

        const scope = yield* Scope.make()
        const mqtt = yield* Scope.provide(wire.client({ protocolVersion }), scope)
        yield* Scope.close(scope, Exit.void)
        const failures = yield* Effect.all([
          Effect.flip(mqtt.publish("closed", "x")),
          Effect.flip(Effect.scoped(mqtt.subscribe("closed")))
        ])
        assert.deepStrictEqual(failures.map(({ reason }) => reason._tag), ["Closed", "Closed"])
        const sent = wire.recordings.map(({ toServer }) => toServer.map((packet) => packet._tag))
        assert.deepStrictEqual(sent, [["Connect", "Disconnect"], ["Connect", "Disconnect"]])
      }))
  })

  Mosquitto.suite("mosquitto, MQTT 5.0", {}, (it) => {
    it.effect("S20 R128 disconnectWithWill says so in its reason: 0x04", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ will: will("will/reason") })
        yield* mqtt.disconnectWithWill
        const [recording] = wire.recordings
        assert.deepStrictEqual(recording.of("toServer", "Disconnect").map(({ reasonCode }) => reasonCode), [0x04])
      }))

    it.effect("R29 the properties of a Will arrive with it", () =>
      Effect.gen(function*() {
        const listener = yield* Broker.client()
        const messages = yield* Broker.subscribed(listener, "will/properties", { qos: 1 })
        const properties = { contentType: "text/plain", userProperties: [["room", "1"], ["room", "2"]] } as const
        const mqtt = yield* Broker.client({ will: will("will/properties", { properties }) })
        yield* mqtt.disconnectWithWill
        const message = yield* Queue.take(messages)
        assert.strictEqual(message.contentType, "text/plain")
        assert.deepStrictEqual(message.userProperties, properties.userProperties)
      }))
  })
})
