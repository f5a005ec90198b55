/**
 * Refusals by real brokers and networks, and the errors a user gets.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Queue, Redacted, Stream, SubscriptionRef } from "effect"
import { MqttClient, type MqttError } from "../../src/index.ts"
import { NodeTcp } from "../../src/node/index.ts"
import * as Aedes from "../brokers/Aedes.ts"
import * as Broker from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as port from "../brokers/port.ts"
import * as Wire from "../brokers/Wire.ts"

const versions = ["5.0", "3.1.1"] as const

const withPasswords: Mosquitto.Options = {
  configuration: ["allow_anonymous false", "password_file {folder}/passwords", "acl_file {folder}/acl"],
  files: {
    passwords: Mosquitto.passwordLine("alice", "secret") + Mosquitto.passwordLine("", "empty"),
    acl: "user alice\ntopic readwrite open/#\ntopic read closed/#\n"
  }
}
const alice = { username: "alice", password: Redacted.make("secret") }

/** What the only attempt of a client fails with, whatever the client is told about trying again. */
const refusal = Effect.fnUntraced(function*(options: MqttClient.Options) {
  const wire = yield* Wire.make
  const error = yield* Effect.flip(
    wire.client({ ...options, initialConnection: "retry" }).pipe(
      Effect.flatMap((mqtt) => mqtt.publish("open/x", "x", { qos: 1 }))
    )
  )
  const [recording] = wire.recordings
  assert.strictEqual(wire.recordings.length, 1)
  assert.strictEqual(recording.toServer.length, 1)
  return { error, connect: recording.of("toServer", "Connect")[0] }
})

const codeOf = ({ reason }: MqttError.MqttError): number | undefined =>
  reason._tag === "ConnectionRefused" ? reason.reasonCode : undefined

describe("refusals", () => {
  Mosquitto.suite("mosquitto with passwords", withPasswords, (it) => {
    it.effect.each(versions)(
      "S21 R51 MQTT %s: a wrong password is a typed error and is not tried again",
      (protocolVersion) =>
        Effect.gen(function*() {
          const { error } = yield* refusal({ protocolVersion, ...alice, password: Redacted.make("wrong") })
          assert.include([0x86, 0x87], codeOf(error))
          assert.isFalse(error.isRetryable)
          assert.include(error.message, "username")
          assert.notInclude(JSON.stringify(error) + String(error), "wrong")
        })
    )

    it.effect.each(versions)(
      "S21 R33 MQTT %s: nobody is not welcome, and neither flag is set for nobody",
      (protocolVersion) =>
        Effect.gen(function*() {
          const { connect, error } = yield* refusal({ protocolVersion })
          assert.include([0x86, 0x87], codeOf(error))
          assert.deepStrictEqual([connect.username, connect.password], [undefined, undefined])
        })
    )

    it.effect.each(versions)(
      "R32 R33 MQTT %s: a user name without a password",
      (protocolVersion) =>
        Effect.gen(function*() {
          const { connect, error } = yield* refusal({ protocolVersion, username: "alice" })
          assert.include([0x86, 0x87], codeOf(error))
          assert.deepStrictEqual([connect.username, connect.password], ["alice", undefined])
        })
    )

    it.effect.each(versions)(
      "S22 R32 R33 R35 MQTT %s: the right password is accepted",
      (protocolVersion) =>
        Effect.gen(function*() {
          const mqtt = yield* Broker.client({ protocolVersion, ...alice })
          const messages = yield* Broker.subscribed(mqtt, "open/right", { qos: 1 })
          yield* mqtt.publish("open/right", "x", { qos: 1 })
          assert.deepStrictEqual(yield* Broker.texts(messages, 1), [["open/right", "x"]])
        })
    )

    it.effect("S22 S52 credentials given as an effect are obtained for every connection", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const passwords = ["secret", "wrong"]
        const credentials = Effect.sync(() => ({ username: "alice", password: Redacted.make(passwords.shift() ?? "") }))
        const mqtt = yield* wire.client({ credentials, reconnect: Broker.soon })
        yield* mqtt.publish("open/effect", "x", { qos: 1 })
        yield* wire.cut
        const closed = yield* SubscriptionRef.changes(mqtt.state).pipe(
          Stream.filter((state) => state._tag === "Closed"),
          Stream.runHead,
          Effect.map(Option.getOrThrow)
        )
        assert.include([0x86, 0x87], closed.error && codeOf(closed.error))
        assert.isEmpty(passwords)
      }))

    it.effect("R85 3.1.1: the server acknowledges a message that it then drops", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client({ protocolVersion: "3.1.1", ...alice })
        const messages = yield* Broker.subscribed(mqtt, ["open/#", "closed/#"], { qos: 1 })
        yield* mqtt.publish("closed/x", "dropped", { qos: 1 })
        yield* mqtt.publish("open/x", "delivered", { qos: 1 })
        assert.deepStrictEqual(yield* Broker.texts(messages, 1), [["open/x", "delivered"]])
      }))

    it.effect.each([1, 2] as const)(
      "R80 5.0: a message that is not allowed at QoS %i fails with the server's reason",
      (qos) =>
        Effect.gen(function*() {
          const wire = yield* Wire.make
          const mqtt = yield* wire.client(alice)
          const { reason } = yield* Effect.flip(mqtt.publish("closed/x", "x", { qos }))
          assert.strictEqual(reason._tag === "PublishRefused" ? reason.reasonCode : reason._tag, 0x87)
          assert.strictEqual((yield* mqtt.stats).inFlight, 0)
          yield* mqtt.publish("open/x", "x", { qos })
          assert.strictEqual(wire.recordings[0].of("toServer", "Pubrel").length, qos - 1)
        })
    )
  })

  describe("protocol versions", () => {
    Mosquitto.suite("mosquitto", {}, (it) => {
      it.effect("auto speaks 5.0 where it is spoken", () =>
        Effect.gen(function*() {
          const mqtt = yield* Broker.client({ protocolVersion: "auto" })
          assert.strictEqual((yield* Broker.connected(mqtt)).protocolVersion, "5.0")
        }))

      it.effect("R39 3.1.1: an empty client identifier is accepted with a clean session", () =>
        Effect.gen(function*() {
          const wire = yield* Wire.make
          const { clientId } = yield* wire.connection({ protocolVersion: "3.1.1" })
          assert.strictEqual(clientId, "")
        }))

      it.effect("R40 5.0: the client identifier that the server assigns is used from then on", () =>
        Effect.gen(function*() {
          const wire = yield* Wire.make
          const mqtt = yield* wire.client({ clientId: "", reconnect: Broker.soon })
          const { clientId } = yield* Broker.connected(mqtt)
          assert.isNotEmpty(clientId)
          yield* wire.cut
          yield* wire.until((recordings) => recordings.length === 2)
          const connects = wire.recordings.map((recording) => recording.of("toServer", "Connect")[0].clientId)
          assert.deepStrictEqual(connects, ["", clientId])
        }))
    })

    it.layer(Aedes.layer(), { excludeTestServices: true })("aedes, which speaks 3.1.1 only", (it) => {
      it.effect("R51 5.0 is refused, and the error says what to set", () =>
        Effect.gen(function*() {
          const { error } = yield* refusal({})
          assert.strictEqual(error.reason._tag, "UnsupportedProtocolVersion")
          assert.include(error.message, "protocolVersion: \"3.1.1\"")
        }))

      it.effect("auto goes on with 3.1.1", () =>
        Effect.gen(function*() {
          const wire = yield* Wire.make
          const mqtt = yield* wire.client({ protocolVersion: "auto" })
          assert.strictEqual((yield* Broker.connected(mqtt)).protocolVersion, "3.1.1")
          const messages = yield* Broker.subscribed(mqtt, "auto", { qos: 2 })
          yield* mqtt.publish("auto", "x", { qos: 2 })
          assert.strictEqual((yield* Queue.take(messages)).text, "x")
          const tried = wire.recordings.map((recording) => recording.of("toServer", "Connect")[0].protocolVersion)
          assert.deepStrictEqual(tried, ["5.0", "3.1.1"])
        }))
    })

    it.layer(Aedes.layer({ authenticate: (_client, _username, _password, done) => done(null, false) }), {
      excludeTestServices: true
    })("aedes that lets nobody in", (it) => {
      it.effect("S21 R51 3.1.1: return code 5 is the same refusal as 0x87", () =>
        Effect.gen(function*() {
          const { error } = yield* refusal({ protocolVersion: "3.1.1" })
          assert.strictEqual(codeOf(error), 0x87)
        }))
    })
  })

  describe("networks", () => {
    const failure = (options: NodeTcp.Options) =>
      Effect.flip(Effect.scoped(MqttClient.make().pipe(Effect.provide(Layer.fresh(NodeTcp.layer(options))))))

    it.live("S23 a refused port and an unreachable name are two errors, each with what it needs", () =>
      Effect.gen(function*() {
        const unused = yield* port.free
        const refused = yield* failure({ host: port.host, port: unused })
        assert.strictEqual(refused.reason._tag, "PortRefused")
        assert.include(refused.message, `${unused}`)
        const unknown = yield* failure({ host: "broker.invalid" })
        assert.strictEqual(unknown.reason._tag, "HostNotFound")
        assert.include(unknown.message, "broker.invalid")
      }))
  })
})
