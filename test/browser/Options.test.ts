/**
 * How `BrowserMqtt.layer` uses its options, without a page.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Layer, Metric, Redacted, Schedule, Stream } from "effect"
import { BrowserMqtt, BrowserMqttConfig, BrowserMqttStore } from "../../src/browser/index.ts"
import { MqttClient, type MqttError, MqttStore } from "../../src/index.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { quietly } from "../brokers/Broker.ts"
import * as listeners from "../support/listeners.ts"
import { assertReason } from "../support/reasons.ts"

const client = (options: BrowserMqtt.Options) =>
  Effect.flatMap(
    Layer.build(Layer.fresh(BrowserMqtt.layer(options))),
    (services) => Effect.provideContext(MqttClient.MqttClient, services)
  ).pipe(quietly)

describe("tracing and metrics", () => {
  for (const option of ["tracing", "metrics"] as const) {
    it.live(`\`${option}\` is refused by \`layer\`, which names \`layerObserved\``, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(client({ url: "ws://localhost:1", [option]: {} }))
        const description = "is not an option of `BrowserMqtt.layer`; use `BrowserMqtt.layerObserved`"
        assert.deepInclude(assertReason(error.reason, "InvalidOptions"), { option, description })
      }).pipe(Effect.scoped))
  }

  const observed: ReadonlyArray<
    readonly [
      what: string,
      layer: (url: string) => Layer.Layer<MqttClient.MqttClient, MqttError.MqttError | Config.ConfigError>
    ]
  > = [
    ["by `layerObserved`", (url) => BrowserMqtt.layerObserved({ url, clientId: "page", tracing: {}, metrics: true })],
    ["by `layerConfig`", (url) => {
      const env = { MQTT_URL: url, MQTT_CLIENT_ID: "page", MQTT_TRACING: "true", MQTT_METRICS: "true" }
      return Layer.provide(BrowserMqtt.layerConfig(), ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
    }]
  ]
  for (const [what, layer] of observed) {
    it.live(`are done ${what}`, () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.make()
        const { url } = yield* listeners.listenWith(broker, "ws")
        const services = yield* Layer.build(Layer.fresh(layer(url)))
        const mqtt = Context.get(services, MqttClient.MqttClient)
        yield* mqtt.publish("a", "traced", { qos: 1 })
        const publish = yield* broker.awaitPacket("page", "Publish")
        const names = publish._tag === "Publish" ? publish.properties.userProperties?.map(([name]) => name) : undefined
        assert.deepStrictEqual(names, ["traceparent"])
        const ids = (yield* Metric.snapshot).map(({ id }) => id)
        assert.include(ids, "mqtt.client.connected")
      }).pipe(Effect.scoped, quietly))
  }
})

describe("credentials", () => {
  const cases: ReadonlyArray<
    readonly [what: string, options: (url: string) => BrowserMqtt.Options, username: string, password: string]
  > = [
    ["of the URL are MQTT's", (url) => ({ url }), "ada", "se:cret"],
    ["of a URL that is obtained are MQTT's", (url) => ({ url: Effect.succeed(url) }), "ada", "se:cret"],
    ["that are options win", (url) => ({ url, username: "bob", password: Redacted.make("own") }), "bob", "own"],
    ["that are obtained win", (url) => ({ url, credentials: Effect.succeed({ username: "eve" }) }), "eve", ""]
  ]
  for (const [what, options, username, password] of cases) {
    it.live(what, () =>
      Effect.gen(function*() {
        const headers: Array<unknown> = []
        const broker = yield* MemoryBroker.make()
        const listener = yield* listeners.listenWith(broker, "ws", {
          onRequest: (request) => headers.push(request.headers.authorization)
        })
        const url = listener.url.replace("ws://", "ws://ada:se%3Acret@")
        yield* client({ ...options(url), clientId: "page" })
        const connect = yield* broker.awaitPacket("page", "Connect")
        assert.deepInclude(connect, { username })
        const sent = connect._tag === "Connect" ? connect.password : undefined
        assert.strictEqual(new TextDecoder().decode(sent), password)
        assert.deepStrictEqual(headers, [undefined])
      }).pipe(Effect.scoped))
  }

  it.live("S52 the URL is obtained once for an attempt", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.make()
      const listener = yield* listeners.listenWith(broker, "ws")
      let issued = 0
      const url = Effect.sync(() => {
        issued++
        return listener.url
      })
      const mqtt = yield* client({ url, reconnect: Schedule.spaced("10 millis") })
      assert.strictEqual(issued, 1)
      yield* listener.cut
      yield* mqtt.publish("a", "after it", { qos: 1 })
      assert.strictEqual(issued, listener.opened())
    }).pipe(Effect.scoped))

  it.effect("what cannot work is refused with the option's name", () =>
    Effect.gen(function*() {
      const url = "ws://broker.invalid"
      for (
        const [option, options] of [
          ["url", { url: "mqtt://broker.invalid" }],
          ["keepAlive", { url, keepAlive: "1 week" }],
          ["password", { url: "ws://:x@broker.invalid", protocolVersion: "3.1.1" }]
        ] as const
      ) {
        const { reason } = yield* Effect.flip(Effect.scoped(client(options)))
        assert.strictEqual(assertReason(reason, "InvalidOptions").option, option)
      }
    }))
})

describe("the option `store`", () => {
  const url = "ws://127.255.255.254:1"
  const payloads = ["one", "two", "three"]
  const options = { clientId: "page", session: "persistent", initialConnection: "retry" } as const

  /** What the client of these options leaves in the store when it ends without a connection. */
  const publishOffline = Effect.fnUntraced(function*(options: BrowserMqtt.Options) {
    const mqtt = yield* client(options)
    for (const payload of payloads) yield* Effect.asVoid(mqtt.publishAsync("readings", payload, { qos: 1 }))
  }, Effect.scoped)

  const stored = (store: MqttStore.Store) =>
    Effect.scoped(Effect.flatMap(store.open("page"), (open) => open.read("message", { after: -1, limit: 10 })))

  it.live("keeps what was accepted without a broker for the next client", () =>
    Effect.gen(function*() {
      const memory = yield* MqttStore.makeMemory
      const store = MqttStore.layer(Effect.succeed(memory))
      yield* publishOffline({ ...options, url, store })
      assert.lengthOf(yield* stored(memory), payloads.length)

      const broker = yield* MemoryBroker.make()
      const listener = yield* listeners.listenWith(broker, "ws")
      const others = yield* client({ url: listener.url })
      const readings = yield* others.subscribe("readings", { qos: 1 })
      const mqtt = yield* client({ ...options, url: listener.url, store })
      yield* mqtt.flush
      const arrived = yield* readings.pipe(Stream.take(payloads.length), Stream.runCollect)
      assert.deepStrictEqual(arrived.map(({ text }) => text), payloads)
    }).pipe(Effect.scoped))

  it.live("stands for the store that another layer gives, and lives as long as the client", () =>
    Effect.gen(function*() {
      const [memory, other] = [yield* MqttStore.makeMemory, yield* MqttStore.makeMemory]
      let isOpen = false
      const store = MqttStore.layer(Effect.acquireRelease(
        Effect.sync(() => {
          isOpen = true
          return memory
        }),
        () =>
          Effect.sync(() => {
            isOpen = false
          })
      ))
      yield* Effect.gen(function*() {
        yield* client({ ...options, url, store })
        assert.isTrue(isOpen)
      }).pipe(Effect.scoped)
      assert.isFalse(isOpen)
      yield* publishOffline({ ...options, url, store }).pipe(
        Effect.provide(MqttStore.layer(Effect.succeed(other)))
      )
      assert.lengthOf(yield* stored(memory), payloads.length)
      assert.lengthOf(yield* stored(other), 0)
    }))

  it.live("comes from a ConfigProvider as a value", () =>
    Effect.gen(function*() {
      const memory = yield* MqttStore.makeMemory
      const layer = BrowserMqtt.layerConfig({
        url: Config.Redacted("BROKER"),
        clientId: Config.succeed("page"),
        initialConnection: Config.succeed("retry"),
        store: Config.succeed(MqttStore.layer(Effect.succeed(memory)))
      })
      yield* Effect.scoped(Effect.gen(function*() {
        const mqtt = yield* Effect.provideContext(MqttClient.MqttClient, yield* Layer.build(layer))
        yield* Effect.asVoid(mqtt.publishAsync("readings", "one", { qos: 1 }))
      })).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { BROKER: url } }))), quietly)
      assert.lengthOf(yield* stored(memory), 1)
    }))

  it.effect("what cannot work is refused with the option's name", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [option: string, store: unknown]> = [
        ["store", { name: "form" }],
        ["store", null],
        ["store.name", BrowserMqttStore.layer({ name: "" })],
        ["store", BrowserMqttStore.layer("form" as BrowserMqttStore.Options)],
        ["store.synch", BrowserMqttStore.layer({ synch: "full" } as BrowserMqttStore.Options)]
      ]
      for (const [option, store] of wrong) {
        const { reason } = yield* Effect.flip(
          Effect.scoped(client({ ...options, url, store: store as BrowserMqtt.Options["store"] }))
        )
        assert.strictEqual(assertReason(reason, "InvalidOptions").option, option)
      }
      const store = BrowserMqttStore.layer()
      const { reason } = yield* Effect.flip(Effect.scoped(client({ url, initialConnection: "retry", store })))
      assert.strictEqual(assertReason(reason, "InvalidOptions").option, "clientId")
    }))
})

describe("S3 from a ConfigProvider", () => {
  const cases = [
    ["under the usual names", "MQTT", undefined],
    ["under a prefix of the program's own", "VITE_PLANT", Config.nested(BrowserMqttConfig.options, "VITE_PLANT")]
  ] as const
  for (const [what, prefix, config] of cases) {
    it.live(what, () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.make()
        const listener = yield* listeners.listenWith(broker, "ws")
        const env = { [`${prefix}_URL`]: listener.url, [`${prefix}_CLIENT_ID`]: "page" }
        yield* Layer.build(BrowserMqtt.layerConfig(config)).pipe(
          Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
          quietly
        )
        yield* broker.awaitPacket("page", "Connect")
      }).pipe(Effect.scoped))
  }

  it.live("what cannot be read names itself", () =>
    Effect.gen(function*() {
      const env = { MQTT_URL: "ws://localhost", MQTT_RECONNECT_WHEN_ONLINE: "perhaps" }
      const error = yield* Effect.flip(Layer.build(BrowserMqtt.layerConfig())).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
      )
      assert.include(error.message, `["MQTT"]["RECONNECT_WHEN_ONLINE"]`)
    }).pipe(Effect.scoped))
})
