/**
 * mosquitto over TCP, TLS, WebSocket and Unix sockets: the same client over each, and the error for each failure of
 * TLS.
 */
import { assert } from "@effect/vitest"
import { Effect, Layer, Queue, Redacted } from "effect"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt, type NodeTls } from "../../src/node/index.ts"
import { Broker, inbox, quietly, texts } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as certificates from "../support/certificates.ts"
import { assertReason } from "../support/reasons.ts"

const { ca } = certificates

const anybody = "allow_anonymous true"
const tlsLines = (name: string) => [
  "cafile {folder}/ca.pem",
  `certfile {folder}/${name}.pem`,
  `keyfile {folder}/${name}.key`
]

const filesOf = (identities: { readonly [name: string]: certificates.Identity }) =>
  Object.fromEntries(
    Object.entries(identities).flatMap(([name, { cert, key }]) => [[`${name}.pem`, cert], [`${name}.key`, key]])
  )

const options: Mosquitto.Options = {
  files: {
    "ca.pem": ca,
    ...filesOf({
      server: certificates.server,
      wrongHost: certificates.wrongHost,
      expired: certificates.expired,
      unknown: certificates.unknown
    })
  },
  listeners: {
    tls: [anybody, ...tlsLines("server")],
    mutual: [anybody, ...tlsLines("server"), "require_certificate true", "use_identity_as_username true"],
    ws: [anybody, "protocol websockets"],
    wss: [anybody, "protocol websockets", ...tlsLines("server")],
    wrongHost: [anybody, ...tlsLines("wrongHost")],
    expired: [anybody, ...tlsLines("expired")],
    unknown: [anybody, ...tlsLines("unknown")]
  }
}

const build = (options: NodeMqtt.Options) =>
  Effect.flatMap(
    Layer.build(Layer.fresh(NodeMqtt.layer(options))),
    (services) => Effect.provideContext(MqttClient.MqttClient, services)
  ).pipe(quietly)

const reasonFor = (options: NodeMqtt.Options) => Effect.map(Effect.flip(build(options)), ({ reason }) => reason)

const identity = ({ cert, key }: certificates.Identity): NodeTls.TlsOptions => ({ cert, key: Redacted.make(key) })

const urlOf = Effect.fnUntraced(function*(scheme: string, name: string) {
  const { port } = yield* Mosquitto.Listeners
  return `${scheme}://localhost:${port(name)}`
})

Mosquitto.suite("mosquitto over every transport", options, (it) => {
  const ways: ReadonlyArray<readonly [way: string, scheme: string, listener: string, tls?: NodeTls.TlsOptions]> = [
    ["TLS", "mqtts", "tls", { ca }],
    ["TLS with a client certificate", "mqtts", "mutual", { ca, ...identity(certificates.client) }],
    ["WebSocket", "ws", "ws"],
    ["secure WebSocket", "wss", "wss", { ca }]
  ]
  for (const [way, scheme, listener, tls] of ways) {
    it.effect(`R149 R150 S24 publishes and receives at every QoS, and a big message, over ${way}`, () =>
      Effect.gen(function*() {
        const url = yield* urlOf(scheme, listener)
        const mqtt = yield* build(tls === undefined ? { url } : { url, tls })
        const messages = yield* inbox(yield* mqtt.subscribe(`${listener}/#`, { qos: 2 }))
        for (const qos of [0, 1, 2] as const) yield* mqtt.publish(`${listener}/a`, `${qos}`, { qos })
        assert.deepStrictEqual(
          yield* texts(messages, 3),
          ["0", "1", "2"].map((text) => [`${listener}/a`, text] as const)
        )
        // mosquitto 2.0 sends WebSockets four KiB every tenth of a second.
        const length = scheme === "mqtts" ? 1_000_000 : 10_000
        const payload = Uint8Array.from({ length }, (_, index) => (index * 31) % 251)
        yield* mqtt.publish(`${listener}/big`, payload, { qos: 1 })
        const [{ payload: received }] = yield* Queue.takeN(messages, 1)
        assert.isTrue(Buffer.from(payload).equals(received))
      }).pipe(Effect.scoped))
  }

  type Case = readonly [what: string, scheme: string, listener: string, problem: string, tls: NodeTls.TlsOptions]
  const refused: ReadonlyArray<Case> = [
    ["an authority that nobody knows", "mqtts", "unknown", "UnknownAuthority", { ca }],
    ["its authority is not given", "mqtts", "tls", "UnknownAuthority", {}],
    ["the wrong host", "mqtts", "wrongHost", "HostMismatch", { ca }],
    ["an expired certificate", "mqtts", "expired", "Expired", { ca }],
    ["no client certificate", "mqtts", "mutual", "ClientCertificateRequired", { ca }],
    [
      "a client certificate of another authority",
      "mqtts",
      "mutual",
      "ClientCertificateRefused",
      { ca, ...identity(certificates.clientOfAnother) }
    ],
    ["TLS to a WebSocket without", "mqtts", "ws", "NotTls", { ca }],
    ["a secure WebSocket to one without", "wss", "ws", "NotTls", { ca }]
  ]
  for (const [what, scheme, listener, problem, tls] of refused) {
    it.effect(`S24 ${what}: ${problem}, and never connected`, () =>
      Effect.gen(function*() {
        const reason = assertReason(yield* reasonFor({ url: yield* urlOf(scheme, listener), tls }), "TlsFailed")
        assert.strictEqual(reason.problem, problem)
      }).pipe(Effect.scoped))
  }

  it.effect("S24 TLS to the port without: NotTls", () =>
    Effect.gen(function*() {
      const { host, port } = yield* Broker
      const reason = assertReason(yield* reasonFor({ url: `mqtts://${host}:${port}`, tls: { ca } }), "TlsFailed")
      assert.strictEqual(reason.problem, "NotTls")
    }).pipe(Effect.scoped))

  it.effect("S24 no TLS to the port with: the connection is lost, and the error says what it may be", () =>
    Effect.gen(function*() {
      const reason = assertReason(yield* reasonFor({ url: yield* urlOf("mqtt", "tls") }), "ConnectionLost")
      assert.include(reason.advice, "mqtts://")
    }).pipe(Effect.scoped))

  it.effect("MQTT to a WebSocket port, and a WebSocket to the MQTT port", () =>
    Effect.gen(function*() {
      assertReason(yield* reasonFor({ url: yield* urlOf("mqtt", "ws") }), "ProtocolViolation")
      const { host, port } = yield* Broker
      const reason = assertReason(yield* reasonFor({ url: `ws://${host}:${port}` }), "WebSocketFailed")
      assert.strictEqual(reason.problem, "NotWebSocket")
    }).pipe(Effect.scoped))
})
