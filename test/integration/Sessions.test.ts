/**
 * Sessions that outlive their connections, with real brokers: messages that are kept, the time of their arrival, and
 * messages that are sent again.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { MqttClient } from "../../src/index.ts"
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import * as Broker from "../brokers/Broker.ts"
import * as Dialogue from "../brokers/Dialogue.ts"
import { everywhere } from "../brokers/everywhere.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Wire from "../brokers/Wire.ts"

const persistent = (protocolVersion: ProtocolVersion, clientId: string): MqttClient.Options => ({
  protocolVersion,
  clientId,
  session: "persistent",
  reconnect: Broker.soon
})

describe("sessions", () => {
  everywhere((it, protocolVersion) => {
    const kept = protocolVersion === "5.0" ? { sessionExpiryInterval: 300 } : {}

    /** Connects, subscribes, and leaves. */
    const subscribeAndLeave = (clientId: string, topic: string, isKept: boolean) =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const connection = yield* wire.connection({
          protocolVersion,
          clientId,
          cleanStart: !isKept,
          properties: isKept ? kept : {}
        })
        assert.isFalse(connection.connack.sessionPresent)
        const dialogue = yield* Dialogue.make(connection)
        yield* dialogue.subscribe(topic, 1)
      }).pipe(Effect.scoped)

    const publishThree = (topic: string) =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client({ protocolVersion })
        for (const text of ["one", "two", "three"]) yield* mqtt.publish(topic, text, { qos: 1 })
      }).pipe(Effect.scoped)

    it.effect("S25 R27 R47 after a clean start and a subscription, a connection that resumes receives nothing", () =>
      Effect.gen(function*() {
        yield* subscribeAndLeave("s25-clean", "s25/clean", false)
        yield* publishThree("s25/clean")
        const wire = yield* Wire.make
        const connection = yield* wire.connection({ protocolVersion, clientId: "s25-clean", cleanStart: false })
        assert.isFalse(connection.connack.sessionPresent)
        const dialogue = yield* Dialogue.make(connection)
        yield* dialogue.publish("s25/clean", new Uint8Array(1), 1)
        assert.deepStrictEqual(wire.recordings[0].of("toClient", "Publish"), [])
      }))

    it.effect("S25 R27 R47 R147 a persistent session: queued messages arrive before anything is subscribed to", () =>
      Effect.gen(function*() {
        yield* subscribeAndLeave("s25-kept", "s25/kept", true)
        yield* publishThree("s25/kept")
        const wire = yield* Wire.make
        const connection = yield* wire.connection({
          protocolVersion,
          clientId: "s25-kept",
          cleanStart: false,
          properties: kept
        })
        assert.isTrue(connection.connack.sessionPresent)
        const dialogue = yield* Dialogue.make(connection)
        const arrived = [
          yield* dialogue.take("Publish"),
          yield* dialogue.take("Publish"),
          yield* dialogue.take("Publish")
        ]
        assert.deepStrictEqual(arrived.map(({ payload }) => new TextDecoder().decode(payload)), ["one", "two", "three"])
        yield* dialogue.publish("s25/kept", new TextEncoder().encode("four"), 1)
        yield* dialogue.take("Publish")
        assert.deepStrictEqual(wire.recordings[0].of("toServer", "Subscribe"), [])
      }))

    it.effect("S25 S51 R47 R147 the client: queued messages wait for the subscriber that comes for them", () =>
      Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const mqtt = yield* Broker.client(persistent(protocolVersion, "s25-client"))
          yield* Effect.asVoid(mqtt.subscribe("s25/client", { qos: 1 }))
          yield* mqtt.disconnect
        }))
        yield* publishThree("s25/client")
        const wire = yield* Wire.make
        const mqtt = yield* wire.client(persistent(protocolVersion, "s25-client"))
        assert.isTrue((yield* Broker.connected(mqtt)).sessionPresent)
        yield* wire.until(([recording]) => recording?.of("toClient", "Publish").length === 3)
        assert.deepStrictEqual(wire.recordings[0].of("toServer", "Puback"), [])
        const messages = yield* Broker.subscribed(mqtt, "s25/client", { qos: 1 })
        const texts = (yield* Broker.texts(messages, 3)).map(([, text]) => text)
        assert.deepStrictEqual(texts, ["one", "two", "three"])
      }))

    it.effect("S43 R17 R64 R81 an unacknowledged message is sent again with its identifier and DUP, and arrives", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client(persistent(protocolVersion, "r17"))
        // aedes keeps no session in which nothing is subscribed to.
        yield* Effect.asVoid(mqtt.subscribe("r17/own"))
        const receiver = yield* Broker.client({ protocolVersion })
        const messages = yield* Broker.subscribed(receiver, "r17", { qos: 1 })
        yield* wire.lose("toServer")
        const publishing = yield* Effect.forkChild(mqtt.publish("r17", "once", { qos: 1 }))
        yield* wire.until(([recording]) => recording.of("toServer", "Publish").length === 1)
        yield* wire.cut
        yield* Fiber.join(publishing)
        assert.deepStrictEqual(yield* Broker.texts(messages, 1), [["r17", "once"]])
        const [[first], [second]] = wire.recordings.map((recording) => recording.of("toServer", "Publish"))
        assert.strictEqual(second.packetIdentifier, first.packetIdentifier)
        assert.deepStrictEqual([first.dup, second.dup], [false, true])
        assert.deepStrictEqual(wire.recordings[1].of("toServer", "Subscribe"), [])
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      }))

    it.effect("R17 R78 R81 QoS 2 whose answers are lost at each step arrives exactly once", () =>
      Effect.gen(function*() {
        const receiver = yield* Broker.client({ protocolVersion })
        const messages = yield* Broker.subscribed(receiver, "r78/#", { qos: 2 })
        for (const step of ["Publish", "Pubrec", "Pubrel", "Pubcomp"] as const) {
          const wire = yield* Wire.make
          const mqtt = yield* wire.client(persistent(protocolVersion, `r78-${step}`))
          yield* wire.loseFrom(step)
          const publishing = yield* Effect.forkChild(mqtt.publish(`r78/${step}`, "once", { qos: 2 }))
          yield* wire.until(([{ packets }]) => packets.some((packet) => packet._tag === step))
          yield* wire.cut
          yield* Fiber.join(publishing)
        }
        yield* receiver.publish("r78/end", "end", { qos: 2 })
        const topics = (yield* Broker.texts(messages, 5)).map(([topic]) => topic)
        assert.deepStrictEqual(topics, ["r78/Publish", "r78/Pubrec", "r78/Pubrel", "r78/Pubcomp", "r78/end"])
      }))

    it.effect("S43 R49 a clean session: after a reconnect the client subscribes again and sends what is unfinished", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ protocolVersion, reconnect: Broker.soon })
        const messages = yield* Broker.subscribed(mqtt, "s43", { qos: 1 })
        yield* wire.lose("toServer")
        const publishing = yield* Effect.forkChild(mqtt.publish("s43", "unfinished", { qos: 1 }))
        yield* wire.until(([recording]) => recording.of("toServer", "Publish").length === 1)
        yield* wire.cut
        yield* Fiber.join(publishing)
        yield* mqtt.publish("s43", "new", { qos: 1 })
        const texts = (yield* Broker.texts(messages, 2)).map(([, text]) => text)
        assert.deepStrictEqual(texts, ["unfinished", "new"])
        assert.strictEqual(wire.recordings[1].of("toServer", "Subscribe").length, 1)
      }))
  })
  // aedes sends a message twice that comes while it takes a session up again.
  for (const protocolVersion of ["5.0", "3.1.1"] as const) {
    Mosquitto.suite(`mosquitto, MQTT ${protocolVersion}`, {}, (it) => {
      it.effect("R88 a QoS 2 message whose answers are lost is delivered once, also across connections", () =>
        Effect.gen(function*() {
          const sender = yield* Broker.client({ protocolVersion })
          for (const step of ["Publish", "Pubrec", "Pubrel", "Pubcomp"] as const) {
            const wire = yield* Wire.make
            const mqtt = yield* wire.client(persistent(protocolVersion, `r88-${step}`))
            const messages = yield* Broker.subscribed(mqtt, `r88/${step}`, { qos: 2 })
            yield* wire.loseFrom(step)
            yield* sender.publish(`r88/${step}`, "once", { qos: 2 })
            yield* wire.until(([{ packets }]) => packets.some((packet) => packet._tag === step))
            yield* wire.cut
            yield* wire.until((recordings) => recordings.length === 2)
            yield* sender.publish(`r88/${step}`, "end", { qos: 2 })
            const texts = (yield* Broker.texts(messages, 2)).map(([, text]) => text)
            assert.deepStrictEqual(texts, ["once", "end"], step)
          }
        }))
    })
  }
})
