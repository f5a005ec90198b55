/**
 * The servers to which a client of `NodeMqtt` connects: lists of servers, endpoints obtained for each attempt, Server
 * References, and the program's own ways to a server.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Exit, Layer, Redacted, Scope, Stream, SubscriptionRef } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Duplex } from "node:stream"
import { MqttClient, MqttError, MqttTransport } from "../../src/index.ts"
import { NodeMqtt, NodeMqttConfig } from "../../src/node/index.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { connected, quietly, soon } from "../brokers/Broker.ts"
import * as port from "../brokers/port.ts"
import * as certificates from "../support/certificates.ts"
import * as listeners from "../support/listeners.ts"
import { assertReason } from "../support/reasons.ts"

const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.scoped, quietly, Effect.timeout("10 seconds"))

const build = (options: NodeMqtt.Options) =>
  Effect.flatMap(
    Layer.build(Layer.fresh(NodeMqtt.layer(options))),
    (services) => Effect.provideContext(MqttClient.MqttClient, services)
  )

const transportOf = (options: NodeMqtt.TransportOptions) =>
  Effect.flatMap(
    Layer.build(Layer.fresh(NodeMqtt.layerTransport(options))),
    (services) => Effect.provideContext(MqttTransport.MqttTransport, services)
  )

const reasonFor = (options: NodeMqtt.Options) => Effect.map(Effect.flip(build(options)), ({ reason }) => reason)

/** A broker that listens, and says whose connections it has had. */
const listen = Effect.fnUntraced(function*(kind: listeners.Kind = "tcp", options?: listeners.Options) {
  const broker = yield* MemoryBroker.make()
  const listener = yield* listeners.listenWith(broker, kind, options)
  const connects = Effect.map(
    broker.received(),
    (packets) => packets.flatMap((packet) => packet._tag === "Connect" ? [packet] : [])
  )
  return { ...listener, broker, connects }
})

const deadUrl = Effect.map(port.free, (unused) => `mqtt://127.0.0.1:${unused}`)

describe("several endpoints", () => {
  const retrying = { initialConnection: "retry", reconnect: soon } as const

  it.live("the next one after a failed attempt", () =>
    within(Effect.gen(function*() {
      const { connects, url } = yield* listen()
      const mqtt = yield* build({ endpoints: [yield* deadUrl, yield* deadUrl, url], ...retrying })
      yield* connected(mqtt)
      assert.lengthOf(yield* connects, 1)
    })))

  it.live("the next one after a server that accepts connections and says nothing for longer than stableAfter", () =>
    within(Effect.gen(function*() {
      const { connects, url } = yield* listen()
      const silent = Net.createServer((socket) => {
        socket.on("error", () => socket.destroy())
        socket.resume()
      })
      const silentUrl = `mqtt://127.0.0.1:${yield* port.listen(silent)}`
      const mqtt = yield* build({
        endpoints: [silentUrl, silentUrl, url],
        connectTimeout: "200 millis",
        stableAfter: "1 millis",
        ...retrying
      })
      yield* connected(mqtt)
      assert.isNotEmpty(yield* connects)
    })))

  it.live("a new outage begins with the first again, if the connection was stable", () =>
    within(Effect.gen(function*() {
      const [first, second] = [yield* listen(), yield* listen()]
      const mqtt = yield* build({ endpoints: [first.url, second.url], stableAfter: "1 millis", ...retrying })
      yield* connected(mqtt)
      for (const count of [2, 3]) {
        yield* Effect.sleep("5 millis")
        yield* first.cut
        yield* first.broker.awaitPacket((yield* first.connects)[0].clientId, "Connect", count)
      }
      assert.lengthOf(yield* second.connects, 0)
    })))

  it.live("round robin leaves no one out", () =>
    within(Effect.gen(function*() {
      const [first, second] = [yield* listen(), yield* listen()]
      const mqtt = yield* build({
        endpoints: [first.url, second.url],
        endpointPolicy: "roundRobin",
        clientId: "client",
        stableAfter: "1 millis",
        ...retrying
      })
      yield* connected(mqtt)
      yield* first.cut
      yield* second.broker.awaitPacket("client", "Connect")
      yield* second.cut
      yield* first.broker.awaitPacket("client", "Connect", 2)
    })))

  it.live("each with its own user name, password and TLS; 3.1.1 cleans up where it then connects", () =>
    within(Effect.gen(function*() {
      const [first, second] = [yield* listen(), yield* listen("tls")]
      yield* first.broker.refuseSession(0x88)
      const withUser = (url: string, user: string) => url.replace("://", `://${user}:secret-of-${user}@`)
      const mqtt = yield* build({
        endpoints: [withUser(first.url, "one"), { url: withUser(second.url, "two"), tls: { ca: certificates.ca } }],
        protocolVersion: "3.1.1",
        clientId: "client",
        session: "cleanStartThenPersistent",
        ...retrying
      })
      yield* connected(mqtt)
      const said = (connects: typeof first.connects) =>
        Effect.map(
          connects,
          (all) =>
            all.map(({ cleanStart, password, username }) => [username, `${Buffer.from(password ?? [])}`, cleanStart])
        )
      assert.deepStrictEqual(yield* said(first.connects), [["one", "secret-of-one", true]])
      assert.deepStrictEqual(yield* said(second.connects), [
        ["two", "secret-of-two", true],
        ["two", "secret-of-two", false]
      ])
    })))

  it.live("S52 the list can be obtained for every attempt", () =>
    within(Effect.gen(function*() {
      const { url } = yield* listen()
      const lists = [[yield* deadUrl], [url]]
      const endpoints = Effect.sync(() => lists.shift() ?? [])
      yield* connected(yield* build({ endpoints, ...retrying }))
      assert.lengthOf(lists, 0)
    })))

  it.live("the transport says how many there are", () =>
    within(Effect.gen(function*() {
      const { endpoint, endpoints } = yield* transportOf({ endpoints: ["mqtt://u:p@a", { host: "b", tls: {} }] })
      assert.deepStrictEqual([endpoint, endpoints], ["mqtt://a:1883, mqtts://b:8883", 2])
    })))

  const wrong: ReadonlyArray<readonly [what: string, option: string, options: NodeMqtt.Options]> = [
    ["none", "endpoints", { endpoints: [] }],
    ["a list and a URL", "endpoints", { endpoints: ["mqtt://a"], url: "mqtt://b" }],
    ["a list and a host", "endpoints", { endpoints: ["mqtt://a"], host: "b" }],
    ["no URL", "endpoints[1].url", { endpoints: ["mqtt://a", "b"] }],
    ["a port that is none", "endpoints[0].port", { endpoints: [{ host: "a", port: 0 }] }],
    ["a URL and a host", "endpoints[0].url", { endpoints: [{ url: "mqtt://a", host: "b" }] }],
    ["TLS for what goes without", "endpoints[0].tls", { endpoints: [{ url: "mqtt://a", tls: {} }] }],
    ["TLS where nobody has it", "tls", { endpoints: ["mqtt://a", "ws://b"], tls: {} }],
    ["TLS for a URL without", "tls", { url: "mqtt://a", tls: {} }],
    ["an option of a server that does not exist", "endpoints[0]", { endpoints: [{ hots: "a" } as object] }],
    ["an option of TLS that does not exist", "tls", { url: "mqtts://a", tls: { caFile: "ca.pem" } as object }],
    ["an option of TLS in Node's name", "tls", { url: "mqtts://a", tls: { rejectUnauthorized: false } as object }],
    ["an option of WebSocket that does not exist", "webSocket", { url: "ws://a", webSocket: { header: {} } as object }],
    ["a policy without a list", "endpointPolicy", { url: "mqtt://a", endpointPolicy: "random" }],
    ["TLS for a URL without, that is obtained", "tls", { url: Effect.succeed("ws://127.0.0.1"), tls: {} }]
  ]
  for (const [what, option, options] of wrong) {
    it.live(`${what} is refused with its option`, () =>
      within(Effect.gen(function*() {
        assert.strictEqual(assertReason(yield* reasonFor(options), "InvalidOptions").option, option)
      })))
  }
})

describe("S52 what is obtained for every attempt", () => {
  it.live("a signed URL: its user name, password, path and query", () =>
    within(Effect.gen(function*() {
      const paths: Array<string | undefined> = []
      const { connects, cut, url } = yield* listen("ws", { onRequest: (request) => paths.push(request.url) })
      let signed = 0
      const sign = Effect.sync(() => {
        signed++
        return Redacted.make(`${url.replace("://", `://user:${signed}@`)}/mqtt?signature=${signed}`)
      })
      const mqtt = yield* build({ url: sign, reconnect: soon, clientId: "client" })
      yield* connected(mqtt)
      yield* cut
      yield* Effect.repeat(connects, { until: (all) => all.length === 2, schedule: soon })
      assert.deepStrictEqual(paths, ["/mqtt?signature=1", "/mqtt?signature=2"])
      assert.deepStrictEqual((yield* connects).map(({ password }) => `${Buffer.from(password ?? [])}`), ["1", "2"])
    })))

  const failing: ReadonlyArray<
    readonly [what: string, options: (effect: Effect.Effect<never, unknown>) => NodeMqtt.Options]
  > = [
    ["the URL", (url) => ({ url })],
    ["the list", (endpoints) => ({ endpoints })],
    ["TLS", (tls) => ({ url: "mqtts://127.0.0.1:1", tls })],
    ["TLS of a WebSocket", (tls) => ({ url: "wss://127.0.0.1:1", tls })],
    ["headers", (webSocket) => ({ url: "ws://127.0.0.1:1", webSocket })]
  ]
  for (const [what, options] of failing) {
    it.live(`${what}: what it fails with is what the attempt fails with`, () =>
      within(Effect.gen(function*() {
        const closed = MqttError.fromReason(new MqttError.Closed())
        assert.strictEqual(yield* reasonFor(options(Effect.fail(closed))), closed.reason)
        const other = assertReason(yield* reasonFor(options(Effect.fail("no vault"))), "OpenFailed")
        assert.include(other.message, "no vault")
        assert.isTrue(other.isRetryable)
      })))
  }

  it.live("what never comes is given up with the attempt", () =>
    within(Effect.gen(function*() {
      for (const [, options] of failing) {
        const reason = yield* reasonFor({ ...options(Effect.never), connectTimeout: "20 millis" })
        assert.strictEqual(assertReason(reason, "ConnectTimeout").waitingFor, "network")
      }
    })))
})

describe("R63 Server References", () => {
  const openAt = (transport: MqttTransport.MqttTransport["Service"], reference: string) => {
    assert.isDefined(transport.openAt)
    return transport.openAt(reference)
  }

  it.live("lead to another host and port with the same scheme, the first that answers", () =>
    within(Effect.gen(function*() {
      const [old, other] = [yield* listen(), yield* listen()]
      const transport = yield* transportOf({ url: old.url })
      yield* openAt(transport, `127.0.0.1:${other.port}`)
      yield* openAt(transport, `mqtt://127.0.0.1:${other.port}`)
      yield* openAt(transport, `127.0.0.1:${yield* port.free} 127.0.0.1:${other.port}`)
      assert.deepStrictEqual([old.opened(), other.opened()], [0, 3])
    })))

  it.live("security 1: the certificate is checked for the new name, and a name that was set for the old one is forgotten", () =>
    within(Effect.gen(function*() {
      const other = yield* listen("tls", { tls: certificates.wrongHost })
      const tls = { ca: certificates.ca, servername: "other.example" }
      const transport = yield* transportOf({ url: "mqtts://old.invalid", tls })
      const { reason } = yield* Effect.flip(openAt(transport, `localhost:${other.port}`))
      assert.strictEqual(assertReason(reason, "TlsFailed").problem, "HostMismatch")
      const right = yield* listen("tls")
      yield* openAt(transport, `localhost:${right.port}`)
    })))

  it.live("what the server says of it is harmless and short in messages", () =>
    within(Effect.gen(function*() {
      const transport = yield* transportOf({ url: "mqtt://old.invalid" })
      for (const reference of ["\u001b[2J:1883", "x".repeat(60_000), `mqtt://${"y".repeat(60_000)}:1883`]) {
        const error = yield* Effect.flip(openAt(transport, reference))
        assert.isBelow(error.message.length, 1000)
        assert.notMatch(error.message, /\p{Control}/u)
      }
    })))

  it.live("security 1: never from TLS to none", () =>
    within(Effect.gen(function*() {
      const other = yield* listen()
      const transport = yield* transportOf({ url: "mqtts://old.invalid" })
      for (const reference of [`mqtt://127.0.0.1:${other.port}`, `ws://127.0.0.1:${other.port}`]) {
        assertReason((yield* Effect.flip(openAt(transport, reference))).reason, "OpenFailed")
      }
      assert.strictEqual(other.opened(), 0)
    })))
})

describe("a way of the program's own", () => {
  /** A proxy that joins what CONNECT asks for. */
  const proxy = Effect.gen(function*() {
    const asked: Array<string | undefined> = []
    const sockets = new Set<Duplex>()
    const server = Http.createServer((_request, response) => void response.writeHead(405).end())
    server.on("connect", (request, socket) => {
      asked.push(request.url)
      const { hostname, port } = new URL(`tcp://${request.url}`)
      const upstream = Net.connect(Number(port), hostname === "broker.test" ? "127.0.0.1" : hostname)
      for (const one of [socket, upstream]) {
        sockets.add(one)
        one.on("error", () => {})
      }
      upstream.once("connect", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
        socket.pipe(upstream)
        upstream.pipe(socket)
      })
    })
    const listening = yield* port.listen(server)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
      })
    )
    return { port: listening, asked }
  })

  /** As it stands in the documentation. */
  const through = (proxyPort: number): NodeMqtt.Connect => ({ host, port }) =>
    Effect.callback<Duplex, unknown>((resume) => {
      const request = Http.request({ host: "127.0.0.1", port: proxyPort, method: "CONNECT", path: `${host}:${port}` })
      request.on("error", (error) => resume(Effect.fail(error)))
      request.on("response", ({ statusCode }) => resume(Effect.fail(`the proxy answered ${statusCode}`)))
      request.on("connect", (_response, socket) => resume(Effect.succeed(socket)))
      request.end()
      return Effect.sync(() => request.destroy())
    })

  for (const kind of ["tcp", "tls", "ws", "wss"] as const) {
    it.live(`${kind} through a proxy that speaks CONNECT, by a name that only the proxy knows`, () =>
      within(Effect.gen(function*() {
        const { asked, port: proxyPort } = yield* proxy
        const tls = { ...certificates.server }
        const { broker, port, url } = yield* listen(kind, { tls })
        const secure = kind === "tls" || kind === "wss"
        const scope = yield* Scope.make()
        const options = {
          url: url.replace("127.0.0.1", secure ? "localhost" : "broker.test"),
          connect: through(proxyPort),
          ...(secure ? { tls: { ca: certificates.ca } } : {})
        }
        const mqtt = yield* Scope.provide(build(options), scope)
        yield* mqtt.publish("a", "x", { qos: 1 })
        const { clientId } = yield* connected(mqtt)
        yield* Scope.close(scope, Exit.void)
        yield* broker.awaitPacket(clientId, "Disconnect")
        assert.deepStrictEqual(asked, [`${secure ? "localhost" : "broker.test"}:${port}`])
      })))
  }

  it.live("what it fails with is the cause", () =>
    within(Effect.gen(function*() {
      const connect: NodeMqtt.Connect = () => Effect.fail("the proxy answered 407")
      const reason = assertReason(yield* reasonFor({ url: "mqtts://broker.test", connect }), "OpenFailed")
      assert.include(reason.message, "mqtts://broker.test:8883: the proxy answered 407")
    })))
})

describe("S3 from the environment", () => {
  const folder = Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )

  const buildFrom = (env: Record<string, string>, options: NodeMqtt.Options = {}) =>
    Effect.flatMap(
      Layer.build(NodeMqtt.layerConfig(NodeMqttConfig.merge(NodeMqttConfig.environment, Config.succeed(options)))).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
      ),
      (services) => Effect.provideContext(MqttClient.MqttClient, services)
    )

  it.live("TLS with files that are read for every attempt", () =>
    within(Effect.gen(function*() {
      const { cut, url } = yield* listen("tls", {
        tls: { ...certificates.server, ca: certificates.ca, requestCert: true, rejectUnauthorized: true }
      })
      const home = yield* folder
      const write = (files: Record<string, string>) => {
        for (const [name, text] of Object.entries(files)) Fs.writeFileSync(Path.join(home, name), text)
      }
      const { cert, key } = certificates.client
      write({ "ca.pem": certificates.ca, "cert.pem": cert, "key.pem": certificates.encrypted(key, "open") })
      const mqtt = yield* buildFrom({
        MQTT_URL: url.replace("127.0.0.1", "localhost"),
        MQTT_TLS_CA_FILE: Path.join(home, "ca.pem"),
        MQTT_TLS_CERT_FILE: Path.join(home, "cert.pem"),
        MQTT_TLS_KEY_FILE: Path.join(home, "key.pem"),
        MQTT_TLS_PASSPHRASE: "open",
        MQTT_TLS_MIN_VERSION: "TLSv1.3"
      }, { reconnect: soon })
      yield* connected(mqtt)
      Fs.rmSync(Path.join(home, "key.pem"))
      yield* cut
      yield* SubscriptionRef.changes(mqtt.state).pipe(
        Stream.takeUntil((state) => state._tag === "Disconnected" && state.error.reason._tag === "OpenFailed"),
        Stream.runDrain
      )
      write({ "key.pem": certificates.encrypted(key, "open") })
      yield* connected(mqtt)
    })))

  it.live("a list of servers, and headers of a WebSocket", () =>
    within(Effect.gen(function*() {
      const requests: Array<Http.IncomingMessage> = []
      const { url } = yield* listen("ws", { onRequest: (request) => requests.push(request) })
      const mqtt = yield* buildFrom({
        MQTT_ENDPOINTS: `${yield* deadUrl}, ${url}/mqtt,`,
        MQTT_ENDPOINT_POLICY: "roundRobin",
        MQTT_INITIAL_CONNECTION: "retry",
        MQTT_WEB_SOCKET_HEADERS: "Authorization: Bearer token: x\nX-Other: y"
      }, { reconnect: soon })
      yield* connected(mqtt)
      assert.deepInclude(requests[0].headers, { authorization: "Bearer token: x", "x-other": "y" })
    })))

  it.live("a variable for TLS or WebSocket that is spelled otherwise fails with the one that was meant", () =>
    within(Effect.gen(function*() {
      for (
        const [name, meant] of [
          ["MQTT_TLS_CAFILE", "TLS_CA_FILE"],
          ["MQTT_TLS_CA", "TLS_CA_FILE"],
          ["MQTT_TLSMINVERSION", "TLS_MIN_VERSION"],
          ["MQTT_TLS_SERVER_NAME", "TLS_SERVERNAME"],
          ["MQTT_WEBSOCKET_HEADERS", "WEB_SOCKET_HEADERS"],
          ["MQTT_WEB_SOCKET_MAXIMUMUNSENT", "WEB_SOCKET_MAXIMUM_UNSENT"],
          ["MQTT_ENDPOINTPOLICY", "ENDPOINT_POLICY"]
        ]
      ) {
        const error = yield* Effect.flip(buildFrom({ [name]: "CANARY" }))
        assert.include(error.message, `did you mean ${meant}?`)
        assert.notInclude(error.message, "CANARY")
      }
    })))

  it.live("a server of the program's replaces the list, and a policy that is none names itself", () =>
    within(Effect.gen(function*() {
      const { url } = yield* listen()
      yield* buildFrom({ MQTT_ENDPOINTS: "mqtt://broker.invalid" }, { url })
      const error = yield* Effect.flip(buildFrom({ MQTT_ENDPOINT_POLICY: "sometimes" }))
      assert.include(error.message, "ENDPOINT_POLICY")
    })))
})
