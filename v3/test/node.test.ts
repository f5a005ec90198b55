/**
 * Clients in Node: the engine's own sockets, over TCP, TLS, WebSocket and a Unix socket.
 */
import { assert, it } from "@effect/vitest"
import { Config, ConfigProvider, Deferred, Effect, Layer, Stream } from "effect"
import { MqttClient, type MqttTransport } from "effect-mqtt-v3"
import { NodeMqtt, NodeMqttConfig, NodeMqttStore, NodeTcp, NodeTls, NodeUnix, NodeWebSocket } from "effect-mqtt-v3/node"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import { NodeMemoryBroker } from "effect-mqtt-v3/testing/node"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

const echo = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const messages = yield* mqtt.subscribe("site/+", { qos: 1 })
  yield* mqtt.publish("site/a", "21", { qos: 1 })
  const texts = yield* messages.pipe(Stream.take(1), Stream.map(({ text }) => text), Stream.runCollect)
  assert.deepStrictEqual([...texts], ["21"])
})

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-v3-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
)

it.scopedLive("over TCP, from a URL", () =>
  Effect.gen(function*() {
    const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
    yield* Effect.provide(echo, NodeMqtt.layer({ url, clientId: "client" }))
    const server = yield* MemoryBroker.MemoryBroker
    yield* server.awaitPacket("client", "Disconnect")
    assert.deepStrictEqual(yield* server.violations, [])
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))

it.scopedLive("over TCP, as a transport by itself, and as one that NodeMqtt makes", () =>
  Effect.gen(function*() {
    const { host, port, url } = yield* NodeMemoryBroker.NodeMemoryBroker
    yield* Effect.provide(echo, MqttClient.layer().pipe(Layer.provide(NodeTcp.layer({ host, port }))))
    yield* Effect.provide(echo, MqttClient.layer().pipe(Layer.provide(NodeMqtt.layerTransport({ url }))))
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))

it.scopedLive("a program may open a connection of a transport by itself", () =>
  Effect.gen(function*() {
    const { host, port } = yield* NodeMemoryBroker.NodeMemoryBroker
    const transport = NodeTcp.make({ host, port })
    assert.strictEqual(transport.endpoint, `mqtt://127.0.0.1:${port}`)
    const connection = yield* transport.open
    yield* connection.write([Uint8Array.of(0x10, 13, 0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, 1, 97)])
    const [[first]] = yield* connection.pull
    assert.strictEqual(first, 0x20)
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))

it.scopedLive("`connect` opens the byte stream, in a scope that ends with the connection", () =>
  Effect.gen(function*() {
    const { host, port } = yield* NodeMemoryBroker.NodeMemoryBroker
    const ended = yield* Deferred.make<void>()
    const connect = () =>
      Effect.acquireRelease(
        Effect.sync(() => Net.connect({ host, port })),
        () => Deferred.succeed(ended, undefined)
      )
    yield* Effect.gen(function*() {
      yield* echo
      const mqtt = yield* MqttClient.MqttClient
      yield* mqtt.replaceConnection
      yield* Deferred.await(ended)
    }).pipe(Effect.provide(NodeMqtt.layer({ host: "behind.a.proxy", connect })))
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))

it.scopedLive("nobody listens: what it failed of is an error of this package", () =>
  Effect.gen(function*() {
    const failed = (layer: Layer.Layer<MqttClient.MqttClient, unknown>) =>
      Effect.map(Effect.flip(Layer.build(layer)), (error) => (error as { reason: { _tag: string } }).reason._tag)
    const directory = yield* temporaryDirectory
    const path = Path.join(directory, "none.sock")
    const over = (transport: Layer.Layer<MqttTransport.MqttTransport>) =>
      MqttClient.layer().pipe(Layer.provide(transport))
    assert.strictEqual(yield* failed(NodeMqtt.layer({ url: "mqtt://127.0.0.1:1" })), "PortRefused")
    assert.strictEqual(yield* failed(over(NodeTls.layer({ host: "127.0.0.1", port: 1 }))), "PortRefused")
    assert.strictEqual(yield* failed(over(NodeWebSocket.layer({ host: "127.0.0.1", port: 1 }))), "PortRefused")
    assert.strictEqual(yield* failed(over(NodeUnix.layer({ path }))), "OpenFailed")
    assert.strictEqual(yield* failed(NodeMqtt.layer({ url: "nonsense" })), "InvalidOptions")
    const missing = NodeTls.fromFiles({ ca: Path.join(directory, "none.pem") })
    assert.strictEqual(yield* failed(NodeMqtt.layer({ host: "127.0.0.1", tls: missing })), "OpenFailed")
  }))

it.scopedLive("a service ends with its client", () =>
  Effect.gen(function*() {
    const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
    const log: Array<string> = []
    const service = Layer.scopedDiscard(Effect.gen(function*() {
      yield* Effect.addFinalizer(() => Effect.sync(() => log.push("the service ended")))
      const mqtt = yield* MqttClient.MqttClient
      yield* Effect.forkScoped(mqtt.disconnect)
    }))
    yield* NodeMqtt.launch(service).pipe(Effect.provide(NodeMqtt.layer({ url })))
    assert.deepStrictEqual(log, ["the service ended"])
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))

it.scopedLive("what was not delivered is in the files of the store, and the next process delivers it", () =>
  Effect.gen(function*() {
    const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
    const server = yield* MemoryBroker.MemoryBroker
    const path = Path.join(yield* temporaryDirectory, "messages")
    const options = { clientId: "gateway", session: "persistent", initialConnection: "retry" } as const
    yield* Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      // With a store it succeeds once the message is stored, also offline.
      yield* mqtt.publishAsync("site/a", "21", { qos: 1 })
    }).pipe(Effect.provide(NodeMqtt.layer({ ...options, url: "mqtt://127.0.0.1:1", store: { path, sync: "full" } })))
    assert.deepStrictEqual(yield* NodeMqttStore.clientIds(path), ["gateway"])
    const { read } = yield* NodeMqttStore.openReadOnly({ path, clientId: "gateway" })
    assert.strictEqual((yield* read("message", { after: -1, limit: 10 })).length, 1)
    yield* server.awaitMessages("site/a").pipe(
      Effect.provide(NodeMqtt.layer({ ...options, url }).pipe(Layer.provide(NodeMqttStore.layer({ path }))))
    )
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))

it.scopedLive("the options come from the environment, and those of the program win", () =>
  Effect.gen(function*() {
    const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
    const server = yield* MemoryBroker.MemoryBroker
    const variables = ConfigProvider.fromMap(new Map([["MQTT_URL", url], ["MQTT_CLIENT_ID", "from-the-environment"]]), {
      pathDelim: "_"
    })
    const withEnvironment = Effect.withConfigProvider(variables)
    yield* withEnvironment(Effect.scoped(Layer.build(NodeMqtt.layerConfig())))
    const merged = NodeMqttConfig.merge(NodeMqttConfig.environment, { clientId: Config.succeed("own") })
    yield* withEnvironment(Effect.scoped(Layer.build(NodeMqtt.layerConfig(merged))))
    const connects = (yield* server.received()).flatMap((packet) => packet._tag === "Connect" ? [packet.clientId] : [])
    assert.deepStrictEqual(connects, ["from-the-environment", "own"])
  }).pipe(Effect.provide(NodeMemoryBroker.layer())))
