/**
 * Several clients in one program over TCP, each with the variables of its own prefix.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt, NodeMqttConfig } from "../../src/node/index.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"

class Edge extends MqttClient.Service<Edge>()("Edge") {}
class Cloud extends MqttClient.Service<Cloud>()("Cloud") {}

const withPrefix = (prefix: string) => NodeMqtt.layerConfig(Config.nested(NodeMqttConfig.options, prefix))
const clients = Layer.mergeAll(Edge.layer(withPrefix("EDGE")), Cloud.layer(withPrefix("CLOUD")))

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

/** A broker of its own, and where it listens. */
const listening = Effect.map(Layer.build(Layer.fresh(NodeMemoryBroker.layer())), (services) => ({
  broker: Context.get(services, MemoryBroker.MemoryBroker),
  url: Context.get(services, NodeMemoryBroker.NodeMemoryBroker).url
}))

const publishOnBoth = Effect.gen(function*() {
  const edge = yield* Edge
  const cloud = yield* Cloud
  yield* edge.publish("from", "edge", { qos: 1 })
  yield* cloud.publish("from", "cloud", { qos: 1 })
})

const saidTo = ({ messages }: MemoryBroker.MemoryBroker["Service"]) =>
  Effect.map(messages, (all) => all.map(({ clientId, text }) => `${clientId}: ${text}`))

/** What the program cannot begin with, in this environment. */
const failureIn = (env: Record<string, string>) =>
  Effect.map(
    Effect.flip(publishOnBoth.pipe(Effect.provide(Layer.provide(clients, environment(env))))),
    ({ message }) => message
  )

describe("several clients, each with a prefix", () => {
  it.live("each has the server, the client identifier and the store of its own variables", () =>
    Effect.gen(function*() {
      const [edge, cloud] = yield* Effect.all([listening, listening])
      const path = yield* folder
      const env = {
        EDGE_URL: edge.url,
        EDGE_CLIENT_ID: "gateway",
        CLOUD_URL: cloud.url,
        CLOUD_CLIENT_ID: "plant-7",
        CLOUD_SESSION: "persistent",
        CLOUD_STORE_PATH: Path.join(path, "cloud"),
        MQTT_URL: "mqtt://127.255.255.254:1",
        MQTT_CLIENT_ID: "nobody"
      }
      yield* publishOnBoth.pipe(Effect.provide(Layer.provide(clients, environment(env))))
      assert.deepStrictEqual(yield* saidTo(edge.broker), ["gateway: edge"])
      assert.deepStrictEqual(yield* saidTo(cloud.broker), ["plant-7: cloud"])
      assert.deepStrictEqual(Fs.readdirSync(path), ["cloud"])
    }))

  it.live("a prefix in front of MQTT reads EDGE_MQTT_URL", () =>
    Effect.gen(function*() {
      const { broker, url } = yield* listening
      const client = NodeMqtt.layerConfig(Config.nested(NodeMqttConfig.environment, "EDGE"))
      const publish = Effect.flatMap(Edge, (edge) => edge.publish("from", "edge", { qos: 1 }))
      const env = { EDGE_MQTT_URL: url, EDGE_MQTT_CLIENT_ID: "gateway", MQTT_URL: "mqtt://127.255.255.254:1" }
      yield* publish.pipe(Effect.provide(Layer.provide(Edge.layer(client), environment(env))))
      assert.deepStrictEqual(yield* saidTo(broker), ["gateway: edge"])
    }))

  it.live("two clients share a store's directory, and not the part of one client identifier", () =>
    Effect.gen(function*() {
      const [edge, cloud] = yield* Effect.all([listening, listening])
      const path = yield* folder
      const env = {
        EDGE_URL: edge.url,
        EDGE_CLIENT_ID: "gateway",
        EDGE_STORE_PATH: path,
        EDGE_SESSION: "persistent",
        CLOUD_URL: cloud.url,
        CLOUD_CLIENT_ID: "plant-7",
        CLOUD_STORE_PATH: path,
        CLOUD_SESSION: "persistent"
      }
      yield* publishOnBoth.pipe(Effect.provide(Layer.provide(clients, environment(env))))
      assert.deepStrictEqual(yield* saidTo(edge.broker), ["gateway: edge"])
      assert.deepStrictEqual(yield* saidTo(cloud.broker), ["plant-7: cloud"])
      assert.match(
        yield* failureIn({ ...env, CLOUD_CLIENT_ID: "gateway" }),
        /client-gateway\.sqlite .*another client uses it/
      )
    }))

  const names: ReadonlyArray<readonly [env: Record<string, string>, name: string, what: string]> = [
    [{ CLOUD_KEEP_ALIVE: "often" }, `["CLOUD"]["KEEP_ALIVE"]`, "Duration"],
    [{ CLOUD_KEEPALIVE: "secret" }, `["CLOUD"]["KEEPALIVE"]`, "did you mean KEEP_ALIVE?"],
    [{ CLOUD_TLS_CA: "secret" }, `["CLOUD"]["TLS_CA"]`, "did you mean TLS_CA_FILE?"],
    [{ CLOUD_TRACING_CONSUME: "link" }, `["CLOUD"]["TRACING_CONSUME"]`, "does nothing without TRACING"],
    [{ CLOUD_WILL_QOS: "1" }, `["CLOUD"]["WILL_TOPIC"]`, "string"],
    [{ CLOUD_STORE_SYNC: "full" }, `["CLOUD"]["STORE_PATH"]`, "string"]
  ]
  for (const [env, name, what] of names) {
    it.live(`${Object.keys(env).join()} is told with its prefix and without its value`, () =>
      Effect.gen(function*() {
        const message = yield* failureIn({ EDGE_INITIAL_CONNECTION: "retry", ...env })
        assert.include(message, name)
        assert.include(message, what)
        assert.notInclude(message, "secret")
      }))
  }
})
