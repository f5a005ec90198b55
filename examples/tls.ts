// Shows TLS with your own authority, made on the spot: the client accepts a server with a certificate of that
// authority, and refuses one of another authority or with another name; the error says why. Ends by itself within
// seconds; fails otherwise. Own broker, or MQTT_URL, with mqtts:// and MQTT_TLS_CA_FILE if needed. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect, Option, Redacted, Stream } from "effect"
import { randomUUID } from "node:crypto"
import type { MqttClient } from "../src/index.ts"
import { type NodeMqtt, NodeTls } from "../src/node/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Certificates from "./support/certificates.ts"
import * as Example from "./support/example.ts"
import * as Front from "./support/front.ts"

type Client = MqttClient.MqttClient["Service"]

/** Publishes and receives a message, encrypted. */
const tryOut = Effect.fnUntraced(function*(mqtt: Client, where: string) {
  const topic = `effect-mqtt/${randomUUID()}/secret`
  const messages = yield* mqtt.subscribe(topic, { qos: 1 })
  yield* mqtt.publish(topic, "nobody on the way has read this", { qos: 1 })
  const message = yield* Effect.fromOption(yield* Stream.runHead(messages))
  yield* Console.log(`${where}: ${message.text}`)
})

/** A broker with TLS at MQTT_URL; the environment names its authority. */
const existing = Effect.fnUntraced(function*(url: Redacted.Redacted) {
  const caFile = yield* Config.option(Config.String("MQTT_TLS_CA_FILE"))
  const tls = Option.match(caFile, { onNone: () => ({}), onSome: (ca) => ({ tls: NodeTls.fromFiles({ ca }) }) })
  yield* tryOut(yield* Broker5.connect({ url, ...tls }), "the broker that MQTT_URL names")
})

const refused = Effect.fnUntraced(function*(title: string, options: NodeMqtt.Options) {
  const error = yield* Effect.flip(Effect.scoped(Broker5.connect(options)))
  yield* Console.log(`${title}: ${error.message}`)
  yield* Example.expect(error.reason._tag === "TlsFailed", `${title}: the reason is ${error.reason._tag}`)
})

/** A broker without TLS, behind a server that adds it. */
const ours = Effect.fnUntraced(function*(url: Redacted.Redacted) {
  const plain = new URL(Redacted.value(url))
  const { ca, issue } = yield* Certificates.makeAuthority
  const [right, wrong] = yield* Effect.all([
    issue({ type: "dns", value: "localhost" }, { type: "ip", value: "127.0.0.1" }),
    issue({ type: "dns", value: "elsewhere.example" })
  ])
  const { password, username } = plain
  const urlOf = (port: number) =>
    Redacted.make(`mqtts://${username === "" ? "" : `${username}:${password}@`}127.0.0.1:${port}`)
  const trusted = urlOf(yield* Front.tls(plain.href, right))
  const misnamed = urlOf(yield* Front.tls(plain.href, wrong))

  yield* tryOut(yield* Broker5.connect({ url: trusted, tls: { ca } }), "trusted")
  yield* refused("without the authority", { url: trusted })
  yield* refused("with another name", { url: misnamed, tls: { ca } })
})

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`TLS, with ${description}\n`)
  yield* Redacted.value(url).startsWith("mqtts:") ? existing(url) : ours(url)
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Broker5.layer()),
  NodeRuntime.runMain
)
