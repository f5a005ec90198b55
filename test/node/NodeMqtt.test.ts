import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer, Logger, Redacted, Schedule } from "effect"
import * as Net from "node:net"
import { NodeMqtt, NodeMqttConfig } from "../../src/node/index.ts"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { connack } from "../support/packets.ts"

const connackBytes = Encoder.toBytes(connack(), {
  protocolVersion: "5.0",
  sender: "server"
}) as Uint8Array

/** Accepts every CONNECT on a free loopback port, and keeps what it said. */
const acceptor = Effect.gen(function*() {
  const connects: Array<Packet.Connect> = []
  const server = Net.createServer((socket) => {
    const decoder = Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: 100_000 })
    socket.on("error", () => {})
    socket.on("data", (chunk) => {
      for (const packet of decoder.push(chunk)) {
        if (packet._tag !== "Connect") continue
        connects.push(packet)
        socket.write(connackBytes)
      }
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )
  const { port } = server.address() as Net.AddressInfo
  return { port, connects }
})

const warnings = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") lines.push(String(message))
  })
  return { lines, layer: Logger.layer([logger]) }
}

/** What CONNECT says when a client with these options connects. */
const connectWith = (options: (port: number) => NodeMqtt.Options) =>
  Effect.scoped(Effect.gen(function*() {
    const { connects, port } = yield* acceptor
    yield* Effect.scoped(Layer.build(NodeMqtt.layer(options(port))))
    return connects[0]
  }))

const errorOf = (options: NodeMqtt.Options) =>
  Effect.map(Effect.flip(Effect.scoped(Layer.build(NodeMqtt.layer(options)))), ({ reason }) => reason)

const passwordOf = (connect: Packet.Connect) => new TextDecoder().decode(connect.password)

describe("NodeMqtt", () => {
  it.live("S1 a URL is enough", () =>
    Effect.gen(function*() {
      const connect = yield* connectWith((port) => ({ url: `mqtt://127.0.0.1:${port}` }))
      assert.deepStrictEqual([connect.username, connect.password], [undefined, undefined])
    }))

  it.live("S1 a host and a port are enough", () =>
    Effect.gen(function*() {
      const connect = yield* connectWith((port) => ({ host: "127.0.0.1", port }))
      assert.match(connect.clientId, /^[0-9a-zA-Z]{1,23}$/)
    }))

  it.live("a URL's user name and password are used, decoded", () =>
    Effect.gen(function*() {
      const connect = yield* connectWith((port) => ({ url: `mqtt://us%40er:p%C3%A4ss%3Aword@127.0.0.1:${port}` }))
      assert.deepStrictEqual([connect.username, passwordOf(connect)], ["us@er", "päss:word"])
    }))

  it.live("an option wins over what the URL says", () =>
    Effect.gen(function*() {
      const connect = yield* connectWith((port) => ({
        url: "mqtt://user:password@127.0.0.1:1",
        port,
        username: "other",
        password: Redacted.make("secret")
      }))
      assert.deepStrictEqual([connect.username, passwordOf(connect)], ["other", "secret"])
    }))

  it.live("S1 the port is 1883 unless it is given", () =>
    Effect.gen(function*() {
      // Nothing listens on this address, whatever runs on this machine.
      for (const options of [{ url: "mqtt://127.255.255.254" }, { host: "127.255.255.254" }]) {
        const reason = yield* errorOf(options)
        assert.deepStrictEqual(
          reason._tag === "PortRefused" ? [reason.host, reason.port] : reason._tag,
          ["127.255.255.254", 1883]
        )
      }
    }))

  describe("what cannot lead anywhere is refused with its option", () => {
    const cases: ReadonlyArray<readonly [what: string, option: string, options: NodeMqtt.Options]> = [
      ["no URL", "url", { url: "localhost" }],
      ["nothing", "url", { url: "" }],
      ["another scheme", "url", { url: "http://localhost" }],
      ["no host", "url", { url: "mqtt://" }],
      ["half an escape", "url", { url: "mqtt://us%er@localhost" }],
      ["a URL and a host", "url", { url: "mqtt://localhost", host: "localhost" }],
      ["an empty host", "host", { host: "" }],
      ["port 0", "port", { port: 0 }],
      ["port 65,536", "port", { port: 65_536 }],
      ["half a port", "port", { port: 18.83 }]
    ]
    for (const [what, option, options] of cases) {
      it.live(what, () =>
        Effect.gen(function*() {
          const reason = yield* errorOf(options)
          assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, option)
        }))
    }

    it.live("and a password in a URL is not repeated", () =>
      Effect.gen(function*() {
        for (const url of ["mqtt://user:sec%ret@localhost", "http://user:sec%ret@localhost"]) {
          assert.notInclude((yield* errorOf({ url })).message, "sec")
        }
      }))
  })

  it.live("S3 `layerConfig` reads the endpoint from the environment", () =>
    Effect.scoped(Effect.gen(function*() {
      const { connects, port } = yield* acceptor
      const connect = (env: Record<string, string>, options: NodeMqtt.Options = {}) =>
        Effect.scoped(
          Layer.build(NodeMqtt.layerConfig(NodeMqttConfig.merge(NodeMqttConfig.environment, Config.succeed(options))))
            .pipe(
              Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
            )
        )
      yield* connect({ MQTT_URL: `mqtt://user:secret@127.0.0.1:${port}`, MQTT_CLIENT_ID: "url" })
      yield* connect({ MQTT_HOST: "127.0.0.1", MQTT_PORT: String(port), MQTT_CLIENT_ID: "host" })
      yield* connect({ MQTT_HOST: "127.0.0.1", MQTT_PORT: "1", MQTT_CLIENT_ID: "theirs" }, { port, clientId: "ours" })
      yield* connect({ MQTT_URL: "mqtt://localhost:1", MQTT_CLIENT_ID: "url" }, {
        url: `mqtt://127.0.0.1:${port}`,
        clientId: "other"
      })
      assert.deepStrictEqual(connects.map(({ clientId }) => clientId), ["url", "host", "ours", "other"])
      assert.deepStrictEqual([connects[0].username, passwordOf(connects[0])], ["user", "secret"])
      const error = yield* Effect.flip(connect({ MQTT_PORT: "many" }))
      assert.include(error.message, `["MQTT"]["PORT"]`)
    })))

  it.live("S3 the port of a URL decides, and MQTT_PORT is read only where it does, as beside a Service of Kubernetes", () =>
    Effect.scoped(Effect.gen(function*() {
      const { connects, port } = yield* acceptor
      const url = `mqtt://127.0.0.1:${port}`
      const { layer, lines } = warnings()
      const connect = (env: Record<string, string>, options: NodeMqtt.Options = {}) =>
        Effect.scoped(
          Layer.build(NodeMqtt.layerConfig(NodeMqttConfig.merge(NodeMqttConfig.environment, Config.succeed(options))))
        ).pipe(Effect.provide(Layer.merge(ConfigProvider.layer(ConfigProvider.fromEnv({ env })), layer)))
      const link = { MQTT_PORT: "tcp://10.0.0.1:1883", MQTT_PORT_1883_TCP_ADDR: "10.0.0.1" }
      yield* connect({ ...link, MQTT_URL: url })
      yield* connect({ ...link, MQTT_ENDPOINTS: url })
      yield* connect(link, { url })
      yield* connect(link, { host: "127.0.0.1", port })
      yield* connect({ MQTT_URL: "mqtt://127.0.0.1", MQTT_PORT: String(port) })
      assert.deepStrictEqual(lines, [])
      yield* connect({ MQTT_URL: url, MQTT_PORT: "1883" })
      assert.strictEqual(connects.length, 6)
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0], new RegExp(`1883.*${port}`))
      const error = yield* Effect.flip(connect({ ...link, MQTT_HOST: "127.0.0.1" }))
      assert.include(error.message, "Kubernetes")
    })))

  it.live("a host in brackets is an address", () =>
    Effect.scoped(Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(NodeMqtt.layer({ host: "[::1]", port: 1 })))
      assert.notInclude(error.message, "No address")
      assert.notInclude(error.message, "[[")
    })))

  it.live("S3 a host given by the program replaces the URL of the environment", () =>
    Effect.scoped(Effect.gen(function*() {
      const { connects, port } = yield* acceptor
      yield* Effect.scoped(Layer.build(NodeMqtt.layerConfig(
        NodeMqttConfig.merge(NodeMqttConfig.environment, Config.succeed({ host: "127.0.0.1", port }))
      ))).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { MQTT_URL: "mqtt://localhost:1" } })))
      )
      assert.strictEqual(connects.length, 1)
    })))

  const connectFrom = (env: Record<string, string>, config: Parameters<typeof NodeMqtt.layerConfig>[0]) =>
    Effect.scoped(
      Layer.build(NodeMqtt.layerConfig(config)).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
      )
    )

  it.live("S3 `layerConfig` reads names of the program's own, beside values", () =>
    Effect.scoped(Effect.gen(function*() {
      const { connects, port } = yield* acceptor
      yield* connectFrom({ BROKER: `mqtt://127.0.0.1:${port}`, DEVICE: "7", MQTT_CLIENT_ID: "unread" }, {
        url: Config.Redacted("BROKER"),
        clientId: Config.map(Config.String("DEVICE"), (name) => `gateway-${name}`),
        will: { topic: Config.succeed("status"), payload: Config.succeed("offline") },
        reconnect: Config.succeed(Schedule.recurs(0))
      })
      assert.deepStrictEqual(connects.map(({ clientId, will }) => [clientId, will?.topic]), [["gateway-7", "status"]])
    })))

  it.live("S3 `layerConfig` reads the usual names under another prefix", () =>
    Effect.scoped(Effect.gen(function*() {
      const { connects, port } = yield* acceptor
      const env = { PLANT_URL: `mqtt://127.0.0.1:${port}`, PLANT_CLIENT_ID: "plant", MQTT_CLIENT_ID: "unread" }
      yield* connectFrom(env, Config.nested(NodeMqttConfig.options, "PLANT"))
      assert.deepStrictEqual(connects.map(({ clientId }) => clientId), ["plant"])
    })))

  it.live("S3 `merge` leaves what the program's own names do not say", () =>
    Effect.scoped(Effect.gen(function*() {
      const { connects, port } = yield* acceptor
      const env = { MQTT_URL: `mqtt://127.0.0.1:${port}`, MQTT_USERNAME: "user", MQTT_CLIENT_ID: "theirs" }
      const own = { clientId: Config.String("DEVICE").pipe(Config.withDefault(undefined)) }
      const merged = NodeMqttConfig.merge(NodeMqttConfig.environment, own)
      yield* connectFrom(env, merged)
      yield* connectFrom({ ...env, DEVICE: "ours" }, merged)
      assert.deepStrictEqual(connects.map(({ clientId }) => clientId), ["theirs", "ours"])
      assert.deepStrictEqual(connects.map(({ username }) => username), ["user", "user"])
    })))
})
