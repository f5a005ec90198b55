/**
 * The limits that a real server announces in CONNACK, and that the client never sends packets they forbid. MQTT 5.0
 * section 3.2.2.3.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Queue } from "effect"
import type { MqttClient, MqttError } from "../../src/index.ts"
import * as Broker from "../brokers/Broker.ts"
import * as Dialogue from "../brokers/Dialogue.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Wire from "../brokers/Wire.ts"

const limits: Mosquitto.Options = {
  configuration: [
    "allow_anonymous true",
    "max_inflight_messages 1",
    "max_packet_size 300",
    "retain_available false",
    "max_qos 1",
    "max_topic_alias 3",
    "max_keepalive 12"
  ]
}

const limitOf = ({ reason }: MqttError.MqttError): unknown =>
  reason._tag === "ServerLimit" ? [reason.limit, reason.allowed, reason.requested] : reason

type Publish = MqttClient.MqttClient["Service"]["publish"]

describe("server limits", () => {
  Mosquitto.suite("mosquitto with limits", limits, (it) => {
    /** What a publish fails with; nothing of it goes out, and it keeps no identifier. */
    const refused = Effect.fnUntraced(function*(...publish: Parameters<Publish>) {
      const wire = yield* Wire.make
      const mqtt = yield* wire.client()
      const error = yield* Effect.flip(mqtt.publish(...publish))
      assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      yield* mqtt.publish("limits/allowed", "x", { qos: 1 })
      const sent = wire.recordings[0].of("toServer", "Publish")
      assert.deepStrictEqual(sent.map(({ topic }) => topic), ["limits/allowed"])
      return limitOf(error)
    })

    it.effect("S9 S58 R53 Maximum QoS: a publish above it fails, a subscription may ask for more and is granted less", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* refused("limits/qos", "x", { qos: 2 }), ["Maximum QoS", 1, 2])
        const mqtt = yield* Broker.client()
        const { granted } = yield* mqtt.subscribe("limits/qos", { qos: 2 })
        assert.deepStrictEqual(granted, [1])
      }))

    it.effect("S58 R55 Retain Available: a retained publish fails", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* refused("limits/retain", "x", { retain: true }), ["Retain Available", 0, 1])
      }))

    it.effect("S58 R56 Maximum Packet Size: one byte more fails, and the largest packet goes through", () =>
      Effect.gen(function*() {
        // Fixed header 3, topic 2 + 11, identifier 2, properties 1.
        const largest = 300 - 3 - 13 - 2 - 1
        const tooLarge = yield* refused("limits/size", new Uint8Array(largest + 1), { qos: 1 })
        assert.deepStrictEqual(tooLarge, ["Maximum Packet Size", 300, 301])
        const mqtt = yield* Broker.client()
        const messages = yield* Broker.subscribed(mqtt, "limits/size", { qos: 1 })
        yield* mqtt.publish("limits/size", new Uint8Array(largest), { qos: 1 })
        assert.strictEqual((yield* Queue.take(messages)).payload.length, largest)
      }))

    it.effect("R56 no other packet is larger either", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client()
        const error = yield* Effect.flip(mqtt.subscribe(`limits/${"x".repeat(300)}`))
        // Five of them are the Subscription Identifier.
        assert.deepStrictEqual(limitOf(error), ["Maximum Packet Size", 300, 321])
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      }))

    it.effect.each([["0x9b", { qos: 2 }], ["0x9a", { retain: true }]] as const)(
      "S58 R54 a Will that it does not take is refused with %s",
      ([code, will]) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(Broker.client({ will: { topic: "limits/will", payload: "x", ...will } }))
          assert.strictEqual(error.reason._tag, "ConnectionRefused")
          assert.include(error.message, code)
          assert.include(error.message, "Will")
        })
    )

    it.effect("S58 R57 Topic Alias Maximum: an alias up to it is understood, none above it is sent", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const connection = yield* wire.connection({ clientId: "aliases" })
        assert.strictEqual(connection.limits.topicAliasMaximum, 3)
        const dialogue = yield* Dialogue.make(connection)
        yield* dialogue.subscribe("limits/alias", 0)
        const send = (topic: string, topicAlias: number) =>
          connection.send({
            _tag: "Publish",
            topic,
            payload: new Uint8Array(0),
            qos: 0,
            retain: false,
            dup: false,
            packetIdentifier: 0,
            properties: { topicAlias }
          })
        yield* send("limits/alias", 3)
        yield* send("", 3)
        const topics = [(yield* dialogue.take("Publish")).topic, (yield* dialogue.take("Publish")).topic]
        assert.deepStrictEqual(topics, ["limits/alias", "limits/alias"])
        assert.deepStrictEqual(limitOf(yield* Effect.flip(send("limits/alias", 4))), ["Topic Alias Maximum", 3, 4])
      }))

    it.effect("S58 R57 R71 more topics than aliases: three are used, the least recently used given away", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ reconnect: Broker.soon })
        const messages = yield* Broker.subscribed(mqtt, "limits/aliases/+", { qos: 1 })
        const topics = ["a", "b", "a", "c", "d", "a", "b", "b"].map((name) => `limits/aliases/${name}`)
        for (const [index, topic] of topics.entries()) yield* mqtt.publish(topic, `${index}`, { qos: 1 })
        const received = yield* Broker.texts(messages, topics.length)
        assert.deepStrictEqual(received, topics.map((topic, index) => [topic, `${index}`] as const))
        const aliases = (connection: number) =>
          wire.recordings[connection].of("toServer", "Publish").map(({ properties, topic }) => [
            topic.slice("limits/aliases/".length),
            properties.topicAlias
          ])
        assert.deepStrictEqual(aliases(0), [
          ["a", 1],
          ["b", 2],
          ["", 1],
          ["c", 3],
          ["d", 2],
          ["", 1],
          ["b", 3],
          ["", 3]
        ])
        yield* wire.cut
        yield* mqtt.publish("limits/aliases/b", "again", { qos: 1 })
        assert.deepStrictEqual(aliases(1), [["b", 1]])
        const [connect] = wire.recordings[0].of("toServer", "Connect")
        assert.strictEqual(connect.properties.topicAliasMaximum, 32)
      }))

    it.effect("S58 R56 R57 a message that just fits goes out without an alias, and one byte more fails", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client()
        // Fixed header 3, topic 2 + 12, identifier 2, properties 1.
        const largest = 300 - 3 - 14 - 2 - 1
        for (let round = 0; round < 2; round++) {
          yield* mqtt.publish("limits/exact", new Uint8Array(largest), { qos: 1 })
          const error = yield* Effect.flip(mqtt.publish("limits/exact", new Uint8Array(largest + 1), { qos: 1 }))
          assert.deepStrictEqual(limitOf(error), ["Maximum Packet Size", 300, 301])
          yield* mqtt.publish("limits/exact", "small", { qos: 1 })
        }
        assert.strictEqual(wire.recordings.length, 1)
      }))

    it.effect.each([[60, 12, 12], [10, 10, undefined]] as const)(
      "S58 R58 R59 we ask for a Keep Alive of %s",
      ([asked, inForce, announced]) =>
        Effect.gen(function*() {
          const wire = yield* Wire.make
          const connection = yield* wire.connection({ clientId: `keep${asked}`, keepAlive: `${asked} seconds` })
          assert.strictEqual(connection.keepAlive, inForce)
          assert.strictEqual(connection.connack.properties.serverKeepAlive, announced)
          const mqtt = yield* wire.client({ keepAlive: `${asked} seconds` })
          assert.strictEqual((yield* Broker.connected(mqtt)).keepAlive, inForce)
        })
    )

    it.effect("S58 R74 R75 Receive Maximum: one QoS 1 message at a time, and QoS 0 beside it", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client()
        assert.strictEqual((yield* mqtt.stats).window, 1)
        yield* Effect.forEach(
          Array.from({ length: 50 }, (_, index) => index),
          (index) => mqtt.publish("limits/window", `${index}`, { qos: index % 10 === 9 ? 0 : 1 }),
          { concurrency: "unbounded" }
        )
        const { packets } = wire.recordings[0]
        const acknowledged = packets.filter((packet) =>
          packet._tag === "Puback" || (packet._tag === "Publish" && packet.qos === 1)
        )
        const alternating = Array.from({ length: 90 }, (_, index) => index % 2 === 0 ? "Publish" : "Puback")
        assert.deepStrictEqual(acknowledged.map((packet) => packet._tag), alternating)
        const firstTurn = packets
          .slice(0, packets.findIndex((packet) => packet._tag === "Puback"))
          .flatMap((packet) => packet._tag === "Publish" ? [packet.qos] : [])
        assert.deepStrictEqual(firstTurn, [1, 0, 0, 0, 0, 0])
      }))
  })

  Mosquitto.suite("mosquitto as it comes", {}, (it) => {
    it.effect("R53 R58 R59 a server that announces nothing forbids nothing", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client()
        const { keepAlive, limits } = yield* Broker.connected(mqtt)
        assert.strictEqual(keepAlive, 60)
        assert.strictEqual(limits.maximumQos, 2)
        assert.isTrue(limits.retainAvailable)
        yield* mqtt.publish("limits/none", "x", { qos: 2, retain: true })
      }))
  })
})
