/**
 * Messages through real brokers and back: every QoS, both versions, through one connection and through the client.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Queue } from "effect"
import * as Broker from "../brokers/Broker.ts"
import * as Dialogue from "../brokers/Dialogue.ts"
import { everywhere } from "../brokers/everywhere.ts"
import * as Wire from "../brokers/Wire.ts"

const qualities = [0, 1, 2] as const

/** 312 bytes of text with characters of one to four bytes, and 2000 of everything else. */
const text = "Füße, 温度, 🌡 ".repeat(12) + ".".repeat(60)
const binary = Uint8Array.from({ length: 2000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff)
const payloads = [new TextEncoder().encode(text), binary]
assert.strictEqual(payloads[0].length, 312)

describe("messages through a broker", () => {
  everywhere((it, protocolVersion) => {
    it.effect("S17 S7 S8 one connection: what is published at each QoS comes back as it was, and a ping is answered", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const connection = yield* wire.connection({ protocolVersion, clientId: "s17" })
        const dialogue = yield* Dialogue.make(connection)
        yield* connection.ping
        for (const qos of qualities) {
          const suback = yield* dialogue.subscribe(`s17/${qos}`, qos)
          assert.deepStrictEqual(suback.reasonCodes, [qos])
          for (const payload of payloads) {
            yield* dialogue.publish(`s17/${qos}`, payload, qos)
            const returned = yield* dialogue.take("Publish")
            assert.deepStrictEqual(Uint8Array.from(returned.payload), payload)
            assert.strictEqual(returned.qos, qos)
          }
        }
      }))

    it.effect("S17 S7 S8 R155 the client: what is published at each QoS comes back as it was", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client({ protocolVersion })
        for (const qos of qualities) {
          const subscription = yield* mqtt.subscribe(`s17/client/${qos}`, { qos })
          assert.deepStrictEqual(subscription.granted, [qos])
          const messages = yield* Broker.inbox(subscription)
          for (const payload of payloads) {
            yield* mqtt.publish(`s17/client/${qos}`, payload, { qos })
            const returned = yield* Queue.take(messages)
            assert.deepStrictEqual(Uint8Array.from(returned.payload), payload)
            assert.strictEqual(returned.qos, qos)
          }
        }
      }))

    it.effect("R19 R76 R77 R78 R89 each exchange is finished, and answers carry the identifier of their PUBLISH", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ protocolVersion })
        const messages = yield* Broker.subscribed(mqtt, "exchange", { qos: 2 })
        const [recording] = wire.recordings
        yield* mqtt.publish("exchange", "one", { qos: 1 })
        assert.strictEqual(recording.of("toClient", "Puback").length, 1)
        yield* mqtt.publish("exchange", "two", { qos: 2 })
        assert.strictEqual(recording.of("toClient", "Pubcomp").length, 1)
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
        assert.deepStrictEqual(yield* Broker.texts(messages, 2), [["exchange", "one"], ["exchange", "two"]])
        yield* wire.until(() => recording.of("toServer", "Pubcomp").length === 1)

        for (const [here, there] of [["toServer", "toClient"], ["toClient", "toServer"]] as const) {
          const published = recording.of(here, "Publish")
          assert.deepStrictEqual(published.map(({ dup, qos }) => [qos, dup]), [[1, false], [2, false]])
          const [first, second] = published.map(({ packetIdentifier }) => packetIdentifier)
          const identifiers = [
            recording.of(there, "Puback"),
            recording.of(there, "Pubrec"),
            recording.of(here, "Pubrel"),
            recording.of(there, "Pubcomp")
          ].map((packets) => packets.map(({ packetIdentifier }) => packetIdentifier))
          assert.deepStrictEqual(identifiers, [[first], [second], [second], [second]])
        }
      }))

    it.effect.each([1, 122, 127, 128, 16_383, 65_535])("S42 a topic of %i bytes", (length) =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client({ protocolVersion })
        const topic = "t".repeat(length)
        const messages = yield* Broker.subscribed(mqtt, topic, { qos: 1 })
        yield* mqtt.publish(topic, "payload", { qos: 1 })
        assert.deepStrictEqual(yield* Broker.texts(messages, 1), [[topic, "payload"]])
      }))

    it.effect("S42 R5 topics of several bytes a character, with U+FEFF, and 65,535 bytes of them", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client({ protocolVersion })
        const topics = ["é/ß", "温度/室内", "🌡️/🏠", "\u{feff}a\u{feff}", "€".repeat(21_845)]
        const messages = yield* Broker.subscribed(mqtt, topics, { qos: 1 })
        for (const topic of topics) yield* mqtt.publish(topic, "x", { qos: 1 })
        assert.deepStrictEqual(yield* Broker.texts(messages, 5), topics.map((topic) => [topic, "x"] as const))
      }))
  })
})
