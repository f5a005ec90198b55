/**
 * Enhanced authentication with a real server, and two more events that need a plugin: the server sends a client away,
 * or refuses a message. MQTT 5.0 sections 3.14, 4.12 and 3.4.2.1.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Option, Redacted, Stream } from "effect"
import { MqttAuthentication, MqttError } from "../../src/index.ts"
import * as Broker from "../brokers/Broker.ts"
import * as MosquittoPlugin from "../brokers/MosquittoPlugin.ts"
import * as Wire from "../brokers/Wire.ts"

const textOf = (data: Uint8Array | undefined): string | undefined =>
  data === undefined ? undefined : new TextDecoder().decode(data)

/** Sends back what the server says, the other way round. */
const reverse = (turn = (text: string): string => [...text].toReversed().join("")) => {
  const heard: Array<string | undefined> = []
  const authentication = MqttAuthentication.make({
    method: "REVERSE",
    next: (challenge) =>
      Effect.succeed(
        Redacted.make(turn(textOf(challenge === undefined ? undefined : Redacted.value(challenge)) ?? ""))
      ),
    succeeded: (data) =>
      Effect.sync(() => void heard.push(data === undefined ? undefined : textOf(Redacted.value(data))))
  })
  return { authentication, heard }
}

/** Tokens one after the other, the last one from then on. */
const tokens = (lifetime: number | undefined, ...texts: ReadonlyArray<string>) => {
  let count = 0
  return MqttAuthentication.token({
    method: "TOKEN",
    token: Effect.sync(() => {
      const text = texts[Math.min(count++, texts.length - 1)]
      return { token: Redacted.make(text), expiresAt: lifetime === undefined ? undefined : Date.now() + lifetime }
    })
  })
}

/** Reason Code and data of every AUTH that passed, in order. */
const exchange = ({ packets }: Wire.Recording) =>
  packets.flatMap((packet) =>
    packet._tag === "Auth" ? [[packet.reasonCode, textOf(packet.properties.authenticationData)]] : []
  )

describe("authentication", () => {
  MosquittoPlugin.suite("mosquitto with a plugin", (it) => {
    it.effect("R41 R136 R137 a challenge is answered, and what the server says at the end is heard", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const { authentication, heard } = reverse()
        const mqtt = yield* wire.client({ authentication })
        yield* mqtt.publish("authentication/hello", "x", { qos: 1 })
        assert.deepStrictEqual(exchange(wire.recordings[0]), [[0x18, "stressed"], [0x18, "desserts"]])
        assert.deepStrictEqual(heard, ["welcome"])
        const { packets } = wire.recordings[0]
        assert.deepStrictEqual(packets.slice(0, 4).map(({ _tag }) => _tag), ["Connect", "Auth", "Auth", "Connack"])
      }))

    it.effect("R137 one that takes no challenge", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ authentication: tokens(undefined, "valid 1") })
        yield* mqtt.publish("authentication/hello", "x", { qos: 1 })
        assert.deepStrictEqual(exchange(wire.recordings[0]), [])
      }))

    it.effect("R142 refused: a wrong answer with 0x87, a method it does not know with 0x8c", () =>
      Effect.gen(function*() {
        const unknown = MqttAuthentication.make({ method: "UNKNOWN" })
        for (const [authentication, code] of [[reverse(() => "no").authentication, 0x87], [unknown, 0x8c]] as const) {
          const { reason } = yield* Effect.flip(Broker.client({ authentication }))
          assert.deepStrictEqual(reason, new MqttError.ConnectionRefused({ reasonCode: code }))
        }
      }))

    it.effect("R141 by call, on the same connection", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const { authentication, heard } = reverse()
        const mqtt = yield* wire.client({ authentication })
        yield* mqtt.reauthenticate
        yield* mqtt.reauthenticate
        const round = [[0x19, undefined], [0x18, "stressed"], [0x18, "desserts"], [0x00, "welcome"]]
        assert.deepStrictEqual(exchange(wire.recordings[0]).slice(2), [...round, ...round])
        assert.deepStrictEqual(heard, ["welcome", "welcome", "welcome"])
        yield* mqtt.publish("authentication/after", "x", { qos: 1 })
        assert.strictEqual(wire.recordings.length, 1)
      }))

    // Between its challenge and our answer mosquitto 2.0 takes no other packet, and closes the connection.
    it.effect("R141 other messages go on meanwhile", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ authentication: tokens(undefined, "valid") })
        yield* Effect.all([
          mqtt.reauthenticate,
          Effect.forEach(Array.from({ length: 20 }, (_, index) => index), (index) =>
            mqtt.publish("authentication/meanwhile", `${index}`, { qos: 1 }), { concurrency: 5 })
        ], { concurrency: 2 })
        assert.deepStrictEqual(exchange(wire.recordings[0]), [[0x19, "valid"], [0x00, "welcome"]])
        assert.strictEqual(wire.recordings.length, 1)
      }))

    it.effect("R141 by itself, before a token expires", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        yield* wire.client({ authentication: tokens(2000, "valid 1", "valid 2", "valid 3") })
        yield* wire.until(([recording]) => exchange(recording).length >= 4)
        assert.deepStrictEqual(exchange(wire.recordings[0]).slice(0, 4), [
          [0x19, "valid 2"],
          [0x00, "welcome"],
          [0x19, "valid 3"],
          [0x00, "welcome"]
        ])
        assert.strictEqual(wire.recordings.length, 1)
      }))

    it.effect("R44 R142 refused again: the call says so, and the connection is over", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({
          authentication: tokens(undefined, "valid 1", "expired", "valid 2"),
          isRetryable: () => true,
          reconnect: Broker.soon
        })
        const { reason } = yield* Effect.flip(mqtt.reauthenticate)
        // mosquitto says it with a second CONNACK.
        assert.deepStrictEqual(reason, new MqttError.ConnectionRefused({ reasonCode: 0x87 }))
        yield* mqtt.publish("authentication/again", "x", { qos: 1 })
        assert.strictEqual(wire.recordings.length, 2)
        const [connect] = wire.recordings[1].of("toServer", "Connect")
        assert.strictEqual(textOf(connect.properties.authenticationData), "valid 2")
      }))
  })
})

describe("what a server does to its clients", () => {
  MosquittoPlugin.suite("mosquitto with a plugin", (it) => {
    it.effect("R134 kicked: 0x98 says so, and the client comes back", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client({ clientId: "kicked", reconnect: Broker.soon })
        const ended = yield* mqtt.events.pipe(
          Stream.filter((event) => event._tag === "ConnectionEnded"),
          Stream.runHead,
          Effect.forkScoped({ startImmediately: true })
        )
        const admin = yield* Broker.client()
        yield* admin.publish("plugin/kick/kicked", "", { qos: 1 })
        const event = Option.getOrThrow(yield* Fiber.join(ended))
        assert.deepStrictEqual(event.error?.reason, new MqttError.ServerDisconnected({ reasonCode: 0x98 }))
        yield* mqtt.publish("kicked/back", "x", { qos: 1 })
      }))

    it.effect("R80 denied: PUBACK and PUBREC 0x87 are a typed error, and the connection goes on", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client()
        for (const qos of [1, 2] as const) {
          const { reason } = yield* Effect.flip(mqtt.publish("plugin/forbidden", "x", { qos }))
          assert.deepStrictEqual(
            reason,
            new MqttError.PublishRefused({ topic: "plugin/forbidden", reasonCode: 0x87 })
          )
        }
        yield* mqtt.publish("plugin/allowed", "x", { qos: 2 })
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
        assert.strictEqual((yield* mqtt.stats).connections, 1)
      }))
  })
})
