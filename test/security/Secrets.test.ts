/**
 * Security 2: secrets appear where they must, in CONNECT and AUTH, and nowhere else, even after failures.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Effect,
  Exit,
  Layer,
  Logger,
  Redacted,
  References,
  Schedule,
  Stream,
  SubscriptionRef,
  Tracer
} from "effect"
import { TestClock } from "effect/testing"
import type { Duplex } from "node:stream"
import { inspect } from "node:util"
import { MqttClient, MqttConnection, MqttError } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { none } from "../../src/protocol/Properties.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import * as certificates from "../support/certificates.ts"
import * as listeners from "../support/listeners.ts"
import { complete } from "../support/time.ts"
import { versions } from "../support/versions.ts"

const lockedKey = certificates.encrypted(certificates.client.key, "canary-passphrase")

const secrets = {
  password: "canary-password",
  url: "canary-in-the-url",
  username: "canary-user-of-the-url",
  data: "canary-authentication-data",
  passphrase: "canary-passphrase",
  token: "canary-token-of-a-header",
  signature: "canary-signature-in-the-query",
  // Any line of the key is the key.
  key: certificates.client.key.split("\n")[1],
  lockedKey: lockedKey.split("\n")[1]
}

/** What a secret looks like when somebody prints it: as text, in base64, in a URL, or as its bytes. */
const traces = Object.values(secrets).flatMap((secret) => {
  const bytes = Buffer.from(secret)
  return [
    secret,
    bytes.toString("base64").slice(0, -4),
    bytes.toString("hex"),
    bytes.toString("hex").replaceAll(/(..)(?!$)/g, "$1 "),
    [...bytes].join(","),
    [...bytes].join(", "),
    // As `inspect` prints typed arrays, whose lines hold so many.
    [...bytes.subarray(0, 6)].join(", ")
  ]
})

const assertClean = (what: string, text: string) => {
  for (const trace of traces) assert.notInclude(text, trace, what)
}

/** Every way in which a person or a program may make text of a value. */
const textsOf = (value: unknown): ReadonlyArray<string> => [
  String(value),
  inspect(value, { depth: 30, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null }),
  JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part) ?? ""
]

const assertErrorClean = (exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) return assert.fail("it was to fail")
  assertClean("Cause.pretty", Cause.pretty(exit.cause))
  for (const error of Cause.prettyErrors(exit.cause)) assertClean("stack", `${error.stack}`)
  for (const reason of exit.cause.reasons) {
    const value = reason._tag === "Fail" ? reason.error : reason
    for (const text of textsOf(value)) assertClean("the error", text)
    if (value instanceof MqttError.MqttError) assertClean("its message", value.message + value.reason.message)
  }
  for (const text of textsOf(exit)) assertClean("the exit", text)
}

/** Everything that is logged at any level, and every span. */
const recording = () => {
  const lines: Array<string> = []
  const spans: Array<Tracer.Span> = []
  const collector = Logger.make((options) => {
    lines.push(
      Logger.formatLogFmt.log(options),
      JSON.stringify(Logger.formatStructured.log(options)),
      Cause.pretty(options.cause),
      ...textsOf(options.message)
    )
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const record = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.withSpan("the program"),
      Effect.provide(Logger.layer([collector])),
      Effect.provideService(References.MinimumLogLevel, "Trace"),
      Effect.provideService(Tracer.Tracer, tracer)
    )
  return {
    record,
    assertClean: () => {
      assert.isNotEmpty(lines)
      for (const line of lines) assertClean("a log line", line)
      for (const span of spans) for (const text of textsOf(span)) assertClean("a span", text)
    }
  }
}

/** What a client says of itself. */
const assertClientClean = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"]) {
  const state = yield* SubscriptionRef.get(mqtt.state)
  for (const value of [mqtt, state, yield* mqtt.stats]) {
    for (const text of textsOf(value)) assertClean("the client", text)
  }
})

const password = Redacted.make(secrets.password)
const bytes = Redacted.make(new TextEncoder().encode(secrets.password))

/** The ways to give a password. */
const ways: Readonly<Record<string, MqttClient.Options>> = {
  "as an option": { username: "user", password },
  "as bytes": { username: "user", password: bytes },
  "by an effect per connection": { credentials: Effect.succeed({ username: "user", password }) }
}

describe("security 2: secrets on the fake network", () => {
  for (const [way, options] of Object.entries(ways)) {
    for (const protocolVersion of versions) {
      it.effect(`a password ${way}, through every failure there is (${protocolVersion})`, () => {
        const { assertClean, record } = recording()
        return Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const broker = yield* MemoryBroker.MemoryBroker
          const make = MqttClient.make({
            clientId: "client",
            protocolVersion,
            reconnect: Schedule.spaced("1 second"),
            ...options
          })
          const failing = complete(Effect.exit(Effect.scoped(make)))
          yield* network.refuseConnect(1)
          assertErrorClean(yield* failing)
          yield* broker.refuseSession(0x86)
          assertErrorClean(yield* failing)
          yield* broker.ignoreConnect()
          assertErrorClean(yield* failing)
          yield* network.cutAfter({ bytes: 5, direction: "fromClient", how: "reset" }, "next")
          assertErrorClean(yield* failing)

          const mqtt = yield* complete(make)
          const events: Array<unknown> = []
          yield* mqtt.events.pipe(
            Stream.runForEach((event) => Effect.sync(() => events.push(event))),
            Effect.forkScoped({ startImmediately: true })
          )
          yield* assertClientClean(mqtt)
          for (const fault of [network.reset, network.close, network.drop, broker.kick("client")]) {
            yield* fault
            yield* TestClock.adjust("2 minutes")
          }
          yield* broker.disconnectClient("client", 0x8b)
          // A violation: the session is said to be there although a clean one was asked for.
          yield* broker.lieAboutSessionPresent(true)
          yield* TestClock.adjust("1 minute")
          yield* assertClientClean(mqtt)
          assertErrorClean(yield* complete(Effect.exit(mqtt.publish("a/#", "x"))))
          // It ends with a refusal that nothing mends.
          yield* broker.refuseSession(0x87)
          yield* network.reset
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* SubscriptionRef.get(mqtt.state))._tag, "Closed")
          yield* assertClientClean(mqtt)
          assertErrorClean(yield* complete(Effect.exit(mqtt.publish("t", "x"))))
          assert.isAbove(events.length, 10)
          for (const text of textsOf(events)) assertCleanText(text)
          // It did go where it belongs.
          const [connect] = yield* broker.received("client")
          const sent = connect._tag === "Connect" ? new TextDecoder().decode(connect.password) : ""
          assert.strictEqual(sent, secrets.password)
        }).pipe(
          Effect.scoped,
          Effect.provide(MemoryBroker.layer()),
          record,
          Effect.tap(() => Effect.sync(assertClean))
        )
      })
    }
  }

  it.effect("a credentials effect that fails or dies with the password in its hands", () => {
    const { assertClean, record } = recording()
    const failure = MqttError.fromReason(new MqttError.OpenFailed({ endpoint: "vault", cause: "sealed" }))
    return Effect.gen(function*() {
      for (const credentials of [Effect.fail(failure), Effect.die(new Error("no vault"))]) {
        const withPassword = Effect.andThen(Effect.succeed({ username: "user", password }), credentials)
        const exit = yield* complete(Effect.exit(Effect.scoped(MqttClient.make({ credentials: withPassword }))))
        assertErrorClean(exit)
      }
      yield* Effect.log("done")
    }).pipe(Effect.provide(MemoryBroker.layer()), record, Effect.tap(() => Effect.sync(assertClean)))
  })

  it.effect("Authentication Data of a connection, through refusal, challenge and violation", () => {
    const { assertClean, record } = recording()
    const authenticationData = new TextEncoder().encode(secrets.data)
    const properties = { authenticationMethod: "SCRAM", authenticationData }
    const connect = (fails: boolean) =>
      complete(Effect.exit(Effect.scoped(Effect.flatMap(
        MqttConnection.make({
          properties,
          connectTimeout: "5 seconds",
          authenticate: () =>
            fails
              ? Effect.fail(MqttError.fromReason(new MqttError.ConnectionRefused({ reasonCode: 0x87 })))
              : Effect.succeed({ _tag: "Auth", reasonCode: 0x18, properties })
        }),
        (connection) =>
          Effect.andThen(connection.send({ _tag: "Auth", reasonCode: 0x19, properties: none }), connection.pull)
      ))))
    const layer = MemoryBroker.layer({
      exchangeAuthentication: ({ round }) =>
        round === 1 ? { _tag: "Continue", data: authenticationData } : { _tag: "Refuse", reasonCode: 0x87 }
    })
    return Effect.gen(function*() {
      assertErrorClean(yield* connect(false))
      assertErrorClean(yield* connect(true))
      yield* Effect.log("done")
    }).pipe(Effect.provide(layer), record, Effect.tap(() => Effect.sync(assertClean)))
  })
})

const assertCleanText = (text: string) => assertClean("an event", text)

describe("security 2: secrets over TCP", () => {
  const withSecrets = (url: string) => url.replace("mqtt://", `mqtt://${secrets.username}:${secrets.url}@`)

  const failing = (options: NodeMqtt.Options) =>
    Effect.exit(Effect.scoped(Layer.build(NodeMqtt.layer({ connectTimeout: "200 millis", ...options }))))

  it.live("user name and password in a URL: refused port, unknown host, wrong password, silence, loss, violation", () => {
    const { assertClean, record } = recording()
    return Effect.gen(function*() {
      const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
      const broker = yield* MemoryBroker.MemoryBroker
      const unused = yield* Effect.scoped(
        Effect.flatMap(MemoryBroker.make(), (other) => NodeMemoryBroker.listen(other))
      )
      assertErrorClean(yield* failing({ url: withSecrets(unused.url) }))
      assertErrorClean(yield* failing({ url: withSecrets("mqtt://broker.invalid") }))
      yield* broker.refuseSession(0x86)
      assertErrorClean(yield* failing({ url: withSecrets(url) }))
      yield* broker.ignoreConnect()
      assertErrorClean(yield* failing({ url: withSecrets(url) }))
      yield* broker.lieAboutSessionPresent(true)
      assertErrorClean(yield* failing({ url: withSecrets(url) }))

      const options = { url: withSecrets(url), clientId: "client", reconnect: Schedule.spaced("1 millis") }
      const services = yield* Layer.build(NodeMqtt.layer(options))
      const mqtt = yield* Effect.provideContext(MqttClient.MqttClient, services)
      yield* broker.restart({ keepSessions: false })
      yield* broker.refuseSession(0x86)
      yield* SubscriptionRef.changes(mqtt.state).pipe(
        Stream.takeUntil(({ _tag }) => _tag === "Closed"),
        Stream.runDrain
      )
      yield* assertClientClean(mqtt)
      assertErrorClean(yield* Effect.exit(mqtt.publish("t", "x")))
      const connects = (yield* broker.received("client")).filter(({ _tag }) => _tag === "Connect")
      assert.isAbove(connects.length, 1)
    }).pipe(
      Effect.scoped,
      Effect.provide(NodeMemoryBroker.layer()),
      record,
      Effect.timeout("10 seconds"),
      Effect.tap(() => Effect.sync(assertClean))
    )
  })

  it.live("a URL that cannot be used is not repeated", () =>
    Effect.gen(function*() {
      const wrong = [
        `mqtt://${secrets.username}:${secrets.url}@`,
        `mqtt:/${secrets.username}:${secrets.url}@host:port`,
        `http://${secrets.username}:${secrets.url}@host`,
        `mqtt://${secrets.username}:${secrets.url}%zz@host`,
        `mqtt://${secrets.username}:${secrets.url}@host:99999`,
        `${secrets.username}:${secrets.url}@host`
      ]
      for (const url of wrong) assertErrorClean(yield* failing({ url }))
      assertErrorClean(yield* failing({ url: withSecrets("mqtt://localhost"), host: "other" }))
    }))

  it("options that hold a password can be printed", () => {
    for (const options of Object.values(ways)) for (const text of textsOf(options)) assertCleanText(text)
  })
})

describe("security 2: secrets over every transport", () => {
  const { expired, unknown, wrongHost } = certificates

  const isSecure = (kind: listeners.Kind) => kind === "tls" || kind === "wss"

  /** Everything that can be secret about a server. */
  const withSecrets = (kind: listeners.Kind, url: string): NodeMqtt.Options => {
    const secretUrl = kind === "unix"
      ? url
      : `${url.replace("://", `://${secrets.username}:${secrets.url}@`)}/mqtt?signature=${secrets.signature}`
    return {
      url: secretUrl,
      clientId: "client",
      connectTimeout: "300 millis",
      ...(kind === "unix" ? { username: secrets.username, password } : {}),
      webSocket: { headers: { authorization: Redacted.make(secrets.token) } },
      ...(isSecure(kind)
        ? {
          tls: {
            ca: certificates.ca,
            cert: certificates.client.cert,
            key: Redacted.make(lockedKey),
            passphrase: Redacted.make(secrets.passphrase)
          }
        }
        : {})
    }
  }

  const failing = (options: NodeMqtt.Options) => Effect.exit(Effect.scoped(Layer.build(NodeMqtt.layer(options))))

  /** Peers that say something that they may not, or nothing. */
  const rude: ReadonlyArray<(stream: Duplex) => void> = [
    (stream) => stream.destroy(),
    (stream) => stream.end(Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)),
    (stream) => stream.end("HTTP/1.1 403 Forbidden\r\n\r\n"),
    (stream) => stream.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
    () => {}
  ]

  it.live.each(listeners.kinds)("%s: every way to fail, and a client that is lost", (kind) => {
    const { assertClean, record } = recording()
    const scheme = (url: string) =>
      url.replace(/^\w+/, { tls: "mqtts", wss: "wss", ws: "ws", tcp: "mqtt", unix: "unix" }[kind])
    return Effect.gen(function*() {
      const broker = yield* MemoryBroker.make()
      const unused = yield* Effect.scoped(listeners.listen(kind, () => {}))
      assertErrorClean(yield* failing(withSecrets(kind, unused.url)))
      if (kind !== "unix") assertErrorClean(yield* failing(withSecrets(kind, scheme("mqtt://broker.invalid"))))
      for (const answer of rude) {
        const peer = yield* listeners.listen(kind === "unix" ? kind : "tcp", (stream) => {
          stream.once("data", () => answer(stream))
          stream.resume()
        })
        assertErrorClean(yield* failing(withSecrets(kind, scheme(peer.url))))
      }
      for (const server of isSecure(kind) ? [unknown, expired, wrongHost] : []) {
        const { url } = yield* listeners.listenWith(broker, kind, { tls: server })
        assertErrorClean(yield* failing(withSecrets(kind, url)))
      }
      const wrongKey = { tls: { cert: certificates.server.cert, key: Redacted.make(lockedKey), passphrase: password } }
      assertErrorClean(yield* failing({ ...withSecrets(kind, unused.url), ...wrongKey }))
      assertErrorClean(yield* failing({ ...withSecrets(kind, unused.url), tls: Effect.succeed(wrongKey.tls) }))
      const broken = { headers: { authorization: Redacted.make(`${secrets.token}\n`) } }
      if (kind === "ws" || kind === "wss") {
        const { url } = yield* listeners.listenWith(broker, kind)
        assertErrorClean(yield* failing({ ...withSecrets(kind, url), webSocket: broken }))
      }

      const headers: Array<unknown> = []
      const listener = yield* listeners.listenWith(broker, kind, {
        onRequest: (request) => headers.push(request.headers["authorization"])
      })
      yield* broker.refuseSession(0x86)
      assertErrorClean(yield* failing(withSecrets(kind, listener.url)))
      yield* broker.ignoreConnect()
      assertErrorClean(yield* failing(withSecrets(kind, listener.url)))

      const options = {
        ...withSecrets(kind, listener.url),
        reconnect: Schedule.spaced("1 millis"),
        connectTimeout: "5 seconds"
      } as const
      const mqtt = yield* Effect.provideContext(MqttClient.MqttClient, yield* Layer.build(NodeMqtt.layer(options)))
      yield* listener.cut
      yield* broker.awaitPacket("client", "Connect", 4)
      yield* broker.refuseSession(0x86)
      yield* listener.cut
      yield* SubscriptionRef.changes(mqtt.state).pipe(
        Stream.takeUntil(({ _tag }) => _tag === "Closed"),
        Stream.runDrain
      )
      yield* assertClientClean(mqtt)
      assertErrorClean(yield* Effect.exit(mqtt.publish("t", "x")))
      // They are no secret where they have to be.
      const passwords = (yield* broker.received("client")).flatMap((packet) =>
        packet._tag === "Connect" ? [`${Buffer.from(packet.password ?? [])}`] : []
      )
      assert.deepStrictEqual([...new Set(passwords)], [kind === "unix" ? secrets.password : secrets.url])
      if (kind === "ws" || kind === "wss") assert.deepStrictEqual([...new Set(headers)], [secrets.token])
      const transport = yield* Layer.build(NodeMqtt.layerTransport(options))
      for (const text of textsOf(transport)) assertCleanText(text)
    }).pipe(
      Effect.scoped,
      record,
      Effect.timeout("20 seconds"),
      Effect.tap(() => Effect.sync(assertClean))
    )
  })
})
