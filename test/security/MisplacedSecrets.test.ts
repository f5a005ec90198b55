/**
 * Security 2: a secret in the neighbouring option is recognized, and no error repeats it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Effect, Exit, Layer, Redacted } from "effect"
import { inspect } from "node:util"
import { MqttClient, type MqttError, type MqttTransport } from "../../src/index.ts"
import { hostProblem, nameProblem, pathProblem } from "../../src/internal/misplacedSecret.ts"
import { NodeMqtt, NodeTcp, NodeTls, NodeWebSocket } from "../../src/node/index.ts"
import * as certificates from "../support/certificates.ts"

const pem = certificates.client.key
const canary = pem.split("\n")[1]
const base64 = pem.split("\n").slice(1, -2).join("")
const url = `mqtt://user:${canary}@broker.invalid`

const fromEnvironment = (env: { readonly [name: string]: string }) =>
  NodeMqtt.layerConfig().pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))

type Client = Layer.Layer<MqttClient.MqttClient, unknown>

const over = (transport: Layer.Layer<MqttTransport.MqttTransport>): Client =>
  MqttClient.layer().pipe(Layer.provide(transport))

const misplaced: ReadonlyArray<readonly [what: string, option: string, make: () => Client]> = [
  [
    "MQTT_TLS_KEY_FILE holds the key",
    "tls.key",
    () =>
      fromEnvironment({ MQTT_URL: "mqtts://127.0.0.1:1", MQTT_TLS_CERT_FILE: "/etc/hostname", MQTT_TLS_KEY_FILE: pem })
  ],
  [
    "MQTT_TLS_KEY_FILE holds the key without its PEM lines",
    "tls.key",
    () =>
      fromEnvironment({
        MQTT_URL: "mqtts://127.0.0.1:1",
        MQTT_TLS_CERT_FILE: "/etc/hostname",
        MQTT_TLS_KEY_FILE: base64
      })
  ],
  [
    "fromFiles has the key as the certificate",
    "tls.cert",
    () => NodeMqtt.layer({ url: "mqtts://127.0.0.1:1", tls: NodeTls.fromFiles({ cert: pem, key: "/etc/hostname" }) })
  ],
  ["MQTT_HOST holds a URL", "host", () => fromEnvironment({ MQTT_HOST: url })],
  ["MQTT_CLIENT_ID holds a URL", "clientId", () => fromEnvironment({ MQTT_CLIENT_ID: url })],
  ["`host` holds a URL", "host", () => NodeMqtt.layer({ host: url })],
  ["`host` holds user and password", "host", () => NodeMqtt.layer({ host: `user:${canary}@broker.invalid` })],
  [
    "`host` of one of several servers",
    "endpoints[1].host",
    () => NodeMqtt.layer({ endpoints: [{ host: "broker.invalid" }, { host: url }] })
  ],
  ["`responseTopic` holds a URL", "responseTopic", () => NodeMqtt.layer({ responseTopic: url })],
  ["`host` of the TCP transport", "host", () => over(NodeTcp.layer({ host: url }))],
  ["`host` of the TLS transport", "host", () => over(NodeTls.layer({ host: url }))],
  ["`host` of the WebSocket transport", "host", () => over(NodeWebSocket.layer({ host: url }))]
]

describe("security 2: a secret in the neighbouring option", () => {
  for (const [what, option, make] of misplaced) {
    it.live(`${what}: named and not repeated`, () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(make())))
        if (Exit.isSuccess(exit)) return assert.fail("it was to fail")
        const error = Cause.squash(exit.cause) as MqttError.MqttError
        assert.strictEqual(error.reason._tag === "InvalidOptions" ? error.reason.option : error.message, option)
        const texts = [Cause.pretty(exit.cause), inspect(exit, { depth: 20 }), JSON.stringify(exit), error.message]
        for (const text of texts) assert.notInclude(text, canary)
      }))
  }

  it("what stands where it belongs is no secret", () => {
    for (
      const path of ["/etc/mqtt/key.pem", "key.pem", "C:\\keys\\client.key", "MyKeys/of-a-client/with-a-long-name.key"]
    ) {
      assert.isUndefined(pathProblem(path), path)
    }
    for (const host of ["localhost", "broker.example.com", "::1", "fe80::1%eth0", "10.0.0.1"]) {
      assert.isUndefined(hostProblem(host), host)
    }
    for (const name of ["gateway-7", "device@site", "arn:aws:iot:1", "site/1"]) {
      assert.isUndefined(nameProblem(name), name)
    }
  })

  it.live("a key that is not `Redacted` is refused with the remedy", () =>
    Effect.gen(function*() {
      const { cert, key } = certificates.client
      // As a program in JavaScript may have it.
      const tls = { cert, key: key as unknown as Redacted.Redacted }
      const layer = NodeMqtt.layer({ url: "mqtts://127.0.0.1:1", tls })
      const { reason } = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(reason.message, "Option `tls`: `key` is not a redacted value; use `Redacted.make`")
    }))

  it.live("an empty `servername` is refused, as Node would check the certificate for another name", () =>
    Effect.gen(function*() {
      const key = Redacted.make(certificates.client.key)
      for (
        const layer of [
          NodeMqtt.layer({ url: "mqtts://127.0.0.1:1", tls: { servername: "" } }),
          NodeMqtt.layer({ url: "mqtts://127.0.0.1:1", tls: { servername: "", cert: certificates.client.cert, key } })
        ]
      ) {
        const { reason } = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert.match(reason._tag === "InvalidOptions" ? reason.message : reason._tag, /servername.* is empty/)
      }
    }))
})
