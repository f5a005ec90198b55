/**
 * WebSocket: the content of the opening request and of frames, and faults of a server.
 */
import type { NodeWS } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Redacted } from "effect"
import type * as Http from "node:http"
import type { Duplex } from "node:stream"
import { MqttClient, MqttConnection, MqttTransport } from "../../src/index.ts"
import { NodeMqtt, NodeWebSocket } from "../../src/node/index.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import { none } from "../../src/protocol/Properties.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { quietly } from "../brokers/Broker.ts"
import { bytesOf, hexOf } from "../protocol/hex.ts"
import * as listeners from "../support/listeners.ts"
import { connack } from "../support/packets.ts"
import { assertReason } from "../support/reasons.ts"

const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.scoped, quietly, Effect.timeout("10 seconds"))

const client = (options: NodeMqtt.Options) =>
  Effect.flatMap(
    Layer.build(Layer.fresh(NodeMqtt.layer(options))),
    (services) => Effect.provideContext(MqttClient.MqttClient, services)
  )

const failure = (options: NodeMqtt.Options) => Effect.map(Effect.flip(client(options)), ({ reason }) => reason)

const connackBytes = Encoder.toBytes(
  connack(),
  { protocolVersion: "5.0", sender: "server" }
) as Uint8Array

/** A WebSocket server that the test plays, once CONNECT has come. */
const playing = (
  play: (webSocket: NodeWS.WebSocket) => void,
  webSocket?: NodeWS.ServerOptions
) =>
  Effect.gen(function*() {
    const server = yield* listeners.listen("ws", () => {}, {
      webSocket: webSocket ?? {},
      onWebSocket: (webSocket) => webSocket.once("message", () => play(webSocket))
    })
    return server.url
  })

/** A server that answers an opening request in its own words. */
const answering = (answer: (stream: Duplex) => void) =>
  Effect.map(
    listeners.listen("tcp", (stream) => {
      stream.once("data", () => answer(stream))
      stream.resume()
    }),
    ({ port }) => `ws://127.0.0.1:${port}`
  )

describe("the opening request", () => {
  it.live("security 23: R153 offers mqtt, and carries path, query and headers; no compression is offered", () =>
    within(Effect.gen(function*() {
      const requests: Array<Http.IncomingMessage> = []
      const broker = yield* MemoryBroker.make()
      const { port, url } = yield* listeners.listenWith(broker, "ws", {
        onRequest: (request) => requests.push(request)
      })
      const headers = { authorization: Redacted.make("Bearer token"), "x-plain": "yes" }
      yield* client({ url: `${url}/mqtt/a?signature=x%20y`, webSocket: { headers, protocols: ["mqtt", "mqttv3.1"] } })
      const [{ headers: sent, url: path }] = requests
      assert.strictEqual(path, "/mqtt/a?signature=x%20y")
      assert.deepInclude(sent, {
        host: `127.0.0.1:${port}`,
        authorization: "Bearer token",
        "x-plain": "yes",
        "sec-websocket-protocol": "mqtt,mqttv3.1"
      })
      assert.isUndefined(sent["sec-websocket-extensions"])
    })))

  it.live("compression is offered if it is asked for", () =>
    within(Effect.gen(function*() {
      const broker = yield* MemoryBroker.make()
      const { url } = yield* listeners.listenWith(broker, "ws", { webSocket: { perMessageDeflate: { threshold: 0 } } })
      const mqtt = yield* client({ url, webSocket: { compression: true } })
      yield* mqtt.publish("a", "x".repeat(10_000), { qos: 1 })
      assert.strictEqual((yield* broker.awaitMessages("a"))[0].payload.length, 10_000)
    })))

  it.live("S52 headers are obtained for every attempt", () =>
    within(Effect.gen(function*() {
      const tokens: Array<unknown> = []
      const broker = yield* MemoryBroker.make()
      const { url } = yield* listeners.listenWith(broker, "ws", {
        onRequest: ({ headers }) => tokens.push(headers["x-token"])
      })
      let issued = 0
      const webSocket = Effect.sync(() => ({ headers: { "x-token": `${++issued}` } }))
      const { open } = NodeWebSocket.make({ host: "127.0.0.1", port: Number(new URL(url).port), webSocket })
      yield* Effect.scoped(open)
      yield* Effect.scoped(open)
      assert.deepStrictEqual(tokens, ["1", "2"])
    })))

  for (
    const [what, chosen] of [["none", false], ["another", "mqttv3.1"], ["one that was not offered", "other"]] as const
  ) {
    it.live(`security 23: R154 a server that chooses ${what} of the sub-protocols is not spoken to`, () =>
      within(Effect.gen(function*() {
        const url = yield* playing((webSocket) => webSocket.send(connackBytes), { handleProtocols: () => chosen })
        const reason = assertReason(
          yield* failure({ url, webSocket: { protocols: ["mqtt", "mqttv3.1"] } }),
          "WebSocketFailed"
        )
        assert.strictEqual(reason.problem, "SubProtocol")
        assert.include(reason.message, "MQTT-6.0.0-4")
        assert.isFalse(reason.isRetryable)
      })))
  }

  it.live("R153 sub-protocols without mqtt are refused before anything is opened", () =>
    within(Effect.gen(function*() {
      const reason = yield* failure({ url: "ws://broker.invalid", webSocket: { protocols: ["other"] } })
      assert.strictEqual(assertReason(reason, "InvalidOptions").option, "webSocket")
    })))

  for (
    const [status, isRetryable] of [[200, true], [301, true], [401, false], [403, false], [404, false], [429, true], [
      503,
      true
    ]] as const
  ) {
    it.live(`an answer with status ${status} is UpgradeRefused`, () =>
      within(Effect.gen(function*() {
        const url = yield* answering((stream) =>
          stream.end(`HTTP/1.1 ${status} Whatever\r\nlocation: ws://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n`)
        )
        const reason = assertReason(yield* failure({ url }), "WebSocketFailed")
        assert.deepStrictEqual(
          [reason.problem, reason.status, reason.isRetryable],
          ["UpgradeRefused", status, isRetryable]
        )
      })))
  }

  it.live("an answer that is none of a WebSocket server is NotWebSocket", () =>
    within(Effect.gen(function*() {
      const answers: ReadonlyArray<(stream: Duplex) => void> = [
        (stream) => stream.end("220 mail.example ESMTP\r\n"),
        (stream) => stream.end(),
        (stream) => stream.destroy(),
        (stream) =>
          stream.end(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
              "sec-websocket-protocol: mqtt\r\nsec-websocket-accept: wrong\r\n\r\n"
          )
      ]
      for (const answer of answers) {
        const reason = yield* failure({ url: yield* answering(answer) })
        assert.strictEqual(assertReason(reason, "WebSocketFailed").problem, "NotWebSocket")
      }
    })))

  it.live("S24 a port with TLS is recognised", () =>
    within(Effect.gen(function*() {
      const url = yield* answering((stream) => stream.end(Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)))
      assert.strictEqual(assertReason(yield* failure({ url }), "TlsFailed").problem, "TlsExpected")
    })))
})

describe("frames", () => {
  it.live("R150 are binary", () =>
    within(Effect.gen(function*() {
      const frames: Array<boolean> = []
      const { url } = yield* listeners.listen("ws", () => {}, {
        onWebSocket: (webSocket) =>
          webSocket.on("message", (_, isBinary) => {
            frames.push(isBinary)
            if (frames.length === 1) webSocket.send(connackBytes)
          })
      })
      const mqtt = yield* client({ url })
      yield* mqtt.publish("a", "x")
      yield* mqtt.publish("a", "y")
      assert.deepStrictEqual([...new Set(frames)], [true])
    })))

  it.live("R152 of one byte each, and several packets in one", () =>
    within(Effect.gen(function*() {
      const url = yield* playing((webSocket) => {
        for (const byte of connackBytes) webSocket.send(Uint8Array.of(byte))
        webSocket.send(Buffer.concat(["a", "b"].map((topic) =>
          Encoder.toBytes(
            {
              _tag: "Publish",
              topic,
              payload: Uint8Array.of(1),
              qos: 0,
              retain: false,
              dup: false,
              packetIdentifier: 0,
              properties: none
            },
            { protocolVersion: "5.0", sender: "server" }
          ) as Uint8Array
        )))
      })
      const connection = yield* Effect.provide(MqttConnection.make({}), NodeMqtt.layerTransport({ url }))
      const topics: Array<string> = []
      while (topics.length < 2) {
        for (const packet of yield* connection.pull) if (packet._tag === "Publish") topics.push(packet.topic)
      }
      assert.deepStrictEqual(topics, ["a", "b"])
    })))

  type Case = readonly [
    what: string,
    problem: string,
    play: (webSocket: NodeWS.WebSocket) => void,
    options?: NodeWebSocket.WebSocketOptions
  ]
  /** Bytes below the frames, as only a server of one's own can send them. */
  const raw = (...bytes: ReadonlyArray<number>) => (webSocket: NodeWS.WebSocket) => {
    const { _socket: socket } = webSocket as unknown as { readonly _socket: Duplex }
    socket.write(Uint8Array.from(bytes))
  }
  const cases: ReadonlyArray<Case> = [
    ["R151 a text frame", "TextFrame", (webSocket) => webSocket.send("hello")],
    ["R151 an empty text frame", "TextFrame", (webSocket) => webSocket.send("")],
    ["a frame beyond the limit", "FrameTooLarge", (webSocket) => webSocket.send(new Uint8Array(4_194_305))],
    ["a frame that says it has 2^40 bytes", "FrameTooLarge", raw(0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0)],
    ["a frame beyond a limit of the program's", "FrameTooLarge", (webSocket) => webSocket.send(new Uint8Array(1001)), {
      maximumFrameSize: 1000
    }],
    ["fragments that are too large together", "FrameTooLarge", (webSocket) => {
      for (let count = 0; count < 5; count++) webSocket.send(new Uint8Array(1_048_576), { fin: false })
    }],
    ["a bomb of permessage-deflate", "FrameTooLarge", (webSocket) => webSocket.send(new Uint8Array(100_000_000)), {
      compression: true
    }],
    ["a compressed frame that nobody asked for", "Malformed", raw(0xc2, 1, 0)],
    ["a frame with an unknown opcode", "Malformed", raw(0x83, 0)],
    ["a masked frame", "Malformed", raw(0x82, 0x81, 1, 2, 3, 4, 5)]
  ]
  for (const [what, problem, play, webSocket = {}] of cases) {
    it.live(`security 23: ${what}: ${problem}, and the connection is closed`, () =>
      within(Effect.gen(function*() {
        const closed = yield* Deferred.make<void>()
        const url = yield* playing((peer) => {
          peer.on("error", () => {})
          peer.once("close", () => Deferred.doneUnsafe(closed, Exit.void))
          play(peer)
        }, { perMessageDeflate: webSocket.compression === true ? { threshold: 0 } : false })
        const reason = assertReason(yield* failure({ url, webSocket }), "WebSocketFailed")
        assert.strictEqual(reason.problem, problem)
        assert.isTrue(reason.isRetryable)
        yield* Deferred.await(closed)
      })))
  }
})

it.live("CVE-2026-25627 a packet whose length is not that of its frame", () =>
  within(Effect.gen(function*() {
    // "a" and the beginning of "b" in one frame, the rest of "b" in the next, and then nothing of a packet that began.
    const frames = ["30 04 0001 61 00 30 06 00", "01 62 00 0102", "30 7f 0001 63"]
    const url = yield* playing((webSocket) => {
      webSocket.send(connackBytes)
      for (const frame of frames) webSocket.send(bytesOf(frame))
    })
    const connection = yield* Effect.provide(
      MqttConnection.make({ packetTimeout: "100 millis" }),
      NodeMqtt.layerTransport({ url })
    )
    const received: Array<readonly [topic: string, payload: string]> = []
    const pulling = Effect.forever(Effect.map(connection.pull, (packets) => {
      for (const packet of packets) if (packet._tag === "Publish") received.push([packet.topic, hexOf(packet.payload)])
    }))
    assertReason((yield* Effect.flip(pulling)).reason, "PacketTimeout")
    assert.deepStrictEqual(received, [["a", ""], ["b", "01 02"]])
  })))

it.live("a close code of the server is told", () =>
  within(Effect.gen(function*() {
    const url = yield* playing((webSocket) => webSocket.close(1008, "not you"))
    const reason = assertReason(yield* failure({ url }), "ConnectionLost")
    assert.include(reason.message, "1008: not you")
  })))

it.live("the transport says where it leads without the query", () =>
  within(Effect.gen(function*() {
    const { endpoint } = yield* Effect.provide(
      MqttTransport.MqttTransport,
      NodeWebSocket.layer({ host: "::1", path: "/mqtt?token=x", tls: {} })
    )
    assert.strictEqual(endpoint, "wss://[::1]:443/mqtt")
  })))
