/**
 * The store as an option of `NodeMqtt`, and from the environment.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Stream } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { MqttClient, MqttError, MqttStore } from "../../src/index.ts"
import { NodeMqtt, NodeMqttConfig, NodeMqttStore } from "../../src/node/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

const { MqttClient: Client } = MqttClient

const reasonOf = (options: NodeMqtt.Options) =>
  Effect.map(Effect.flip(Effect.scoped(Layer.build(NodeMqtt.layer(options)))), ({ reason }) => reason)

const readFrom = (env: Record<string, string>) =>
  NodeMqttConfig.environment.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))

/** Nothing listens there. */
const nowhere = "mqtt://127.255.255.254:1"

/** Publishes while there is no broker, and ends. */
const publishOffline = (layer: Layer.Layer<MqttClient.MqttClient, unknown>, payloads: ReadonlyArray<string>) =>
  Client.pipe(
    Effect.flatMap((mqtt) => Effect.forEach(payloads, (payload) => mqtt.publishAsync("readings", payload, { qos: 1 }))),
    Effect.provide(Layer.fresh(layer)),
    Effect.scoped
  )

describe("the option `store`", () => {
  it.live("what was accepted without a broker arrives in order from the next client of the same path", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const options: NodeMqtt.Options = {
        clientId: "gateway",
        session: "persistent",
        initialConnection: "retry",
        store: { path }
      }
      const payloads = ["one", "two", "three", "four", "five"]
      yield* publishOffline(NodeMqtt.layer({ ...options, url: nowhere }), payloads)
      const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
      yield* Effect.gen(function*() {
        const subscriber = yield* Client
        const readings = yield* subscriber.subscribe("readings", { qos: 1 })
        yield* Effect.gen(function*() {
          const mqtt = yield* Client
          yield* mqtt.flush
        }).pipe(Effect.provide(NodeMqtt.layer({ ...options, url })), Effect.scoped)
        const arrived = yield* readings.pipe(Stream.take(payloads.length), Stream.runCollect)
        assert.deepStrictEqual(arrived.map(({ text }) => text), payloads)
      }).pipe(Effect.provide(Layer.fresh(NodeMqtt.layer({ url }))), Effect.scoped)
    }).pipe(Effect.provide(NodeMemoryBroker.layer())))

  it.live("a damaged one is refused and stays as it is, and once it is set aside the client begins with an empty one", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const layer = NodeMqtt.layer({
        url: nowhere,
        clientId: "gateway",
        session: "persistent",
        initialConnection: "retry",
        store: { path }
      })
      yield* publishOffline(layer, ["one"])
      const file = Path.join(path, "client-gateway.sqlite")
      const damaged = Buffer.from("This was a store.".repeat(1000))
      Fs.writeFileSync(file, damaged)
      const error = yield* Effect.flip(publishOffline(layer, ["two"]))
      assert(error instanceof MqttError.MqttError && error.reason._tag === "StoreFailed")
      assert.strictEqual(error.reason.problem, "Corrupt")
      assert.isTrue(damaged.equals(Fs.readFileSync(file)))
      const aside = Path.join(path, "aside")
      Fs.mkdirSync(aside)
      const names = Fs.readdirSync(path).filter((name) => name.startsWith("client-gateway.sqlite"))
      for (const name of names) Fs.renameSync(Path.join(path, name), Path.join(aside, name))
      yield* publishOffline(layer, ["two"])
      assert.deepStrictEqual(yield* NodeMqttStore.clientIds(path), ["gateway"])
    }))

  it.live("it stands for the store that a layer gives", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const other = yield* folder
      const layer = NodeMqtt.layer({
        url: nowhere,
        clientId: "gateway",
        initialConnection: "retry",
        store: { path, sync: "full" }
      }).pipe(Layer.provide(NodeMqttStore.layer({ path: other })))
      yield* publishOffline(layer, ["one"])
      assert.deepStrictEqual(yield* NodeMqttStore.clientIds(path), ["gateway"])
      assert.deepStrictEqual(yield* NodeMqttStore.clientIds(other), [])
    }))

  it.live("without it there is none", () =>
    Effect.gen(function*() {
      const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
      // A store refuses a client without an identifier of its own.
      yield* Effect.scoped(Layer.build(NodeMqtt.layer({ url })))
      assert.isUndefined(yield* MqttStore.MqttStore)
    }).pipe(Effect.provide(NodeMemoryBroker.layer())))

  const wrong: ReadonlyArray<readonly [what: string, option: string, store: unknown]> = [
    ["a string", "store", "/var/lib/gateway"],
    ["null", "store", null],
    ["no path", "store.path", {}],
    ["an empty path", "store.path", { path: "" }],
    ["a path that is a number", "store.path", { path: 7 }],
    ["a URL with a password", "store.path", { path: "mqtt://user:secret@localhost" }],
    ["another way to write", "store.sync", { path: "/nowhere", sync: "off" }],
    ["half a size", "store.maximumBytes", { path: "/nowhere", maximumBytes: 1.5 }],
    ["a size for nothing", "store.maximumBytes", { path: "/nowhere", maximumBytes: 1000 }],
    ["an option that is none", "store.synch", { path: "/nowhere", synch: "full" }]
  ]
  for (const [what, option, store] of wrong) {
    it.live(`${what} is refused with the option's name`, () =>
      Effect.gen(function*() {
        const reason = yield* reasonOf({ url: nowhere, clientId: "gateway", store: store as NodeMqttStore.Options })
        assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, option)
        assert.notInclude(reason.message, "secret")
        if (option === "store.synch") assert.include(reason.message, "did you mean `sync`?")
      }))
  }

  it.live("a layer of the store refuses the same, under the names that the options have there", () =>
    Effect.gen(function*() {
      const layer = NodeMqttStore.layer({ path: "/nowhere", synch: "full" } as NodeMqttStore.Options)
      const { reason } = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, "synch")
    }))

  it.live("a store needs a client identifier that stays the same", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf({ url: nowhere, store: { path: "/nowhere" } })
      assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, "clientId")
    }))
})

describe("the store from the environment", () => {
  it.effect("each variable is read", () =>
    Effect.gen(function*() {
      const env = { MQTT_STORE_PATH: "/var/lib/gateway", MQTT_STORE_SYNC: "full", MQTT_STORE_MAXIMUM_BYTES: "1000000" }
      const { store } = yield* readFrom(env)
      assert.deepStrictEqual(store, { path: "/var/lib/gateway", sync: "full", maximumBytes: 1_000_000 })
      assert.isUndefined((yield* readFrom({})).store)
    }))

  it.effect("a variable that cannot be read fails with its name, and one without a path with the name of the path", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [name: string, env: Record<string, string>]> = [
        ["SYNC", { MQTT_STORE_PATH: "/nowhere", MQTT_STORE_SYNC: "sometimes" }],
        ["MAXIMUM_BYTES", { MQTT_STORE_PATH: "/nowhere", MQTT_STORE_MAXIMUM_BYTES: "many" }],
        ["STORE_PATH", { MQTT_STORE_SYNC: "full" }],
        ["STORE_PATH", { MQTT_STORE_MAXIMUM_BYTES: "1000000" }]
      ]
      for (const [name, env] of cases) assert.include((yield* Effect.flip(readFrom(env))).message, `["${name}"]`)
    }))

  it.effect("a name that is spelled otherwise fails with the one that was meant", () =>
    Effect.gen(function*() {
      for (const name of ["MQTT_STORE", "MQTT_STOREPATH", "MQTT_STORE_DIRECTORY"]) {
        assert.include((yield* Effect.flip(readFrom({ [name]: "/nowhere" }))).message, "did you mean STORE_PATH?")
      }
    }))

  it.live("`layerConfig` makes a client with it, and a wrong value fails with the option's name", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const env = {
        MQTT_URL: nowhere,
        MQTT_CLIENT_ID: "gateway",
        MQTT_INITIAL_CONNECTION: "retry",
        MQTT_STORE_PATH: path
      }
      const layer = (others: Record<string, string> = {}) =>
        NodeMqtt.layerConfig().pipe(
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env, ...others } })))
        )
      yield* publishOffline(layer(), ["one"])
      assert.deepStrictEqual(yield* NodeMqttStore.clientIds(path), ["gateway"])
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer({ MQTT_STORE_MAXIMUM_BYTES: "7" }))))
      assert(error._tag === "MqttError" && error.reason._tag === "InvalidOptions")
      assert.strictEqual(error.reason.option, "store.maximumBytes")
    }))
})
