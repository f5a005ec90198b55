/**
 * TLS: the trusted certificates, and the error for each failure.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import type { Duplex } from "node:stream"
import type * as Tls from "node:tls"
import { vi } from "vitest"
import { MqttClient, MqttTransport } from "../../src/index.ts"
import { NodeMqtt, NodeTls } from "../../src/node/index.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { connected, quietly, soon } from "../brokers/Broker.ts"
import * as certificates from "../support/certificates.ts"
import * as listeners from "../support/listeners.ts"
import { assertReason } from "../support/reasons.ts"

const { ca } = certificates

const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.scoped, quietly, Effect.timeout("10 seconds"))

const identity = ({ cert, key }: certificates.Identity): NodeTls.TlsOptions => ({ cert, key: Redacted.make(key) })

/** A broker that takes whoever gets to it. */
const listen = (tls: Tls.TlsOptions) =>
  Effect.flatMap(MemoryBroker.make(), (broker) => listeners.listenWith(broker, "tls", { tls }))

const client = (options: NodeMqtt.Options) =>
  Effect.flatMap(
    Layer.build(Layer.fresh(NodeMqtt.layer(options))),
    (services) => Effect.provideContext(MqttClient.MqttClient, services)
  )

/** What a client fails with, and whether it had reached the server's side of TLS. */
const failure = (options: NodeMqtt.Options) => Effect.map(Effect.flip(client(options)), ({ reason }) => reason)

const problemOf = (options: NodeMqtt.Options) =>
  Effect.map(failure(options), (reason) => assertReason(reason, "TlsFailed").problem)

const mutual = { ...certificates.server, ca, requestCert: true, rejectUnauthorized: true }

describe("security 1: TLS that is refused", () => {
  type Case = readonly [
    what: string,
    problem: string,
    server: Tls.TlsOptions,
    client: NodeTls.TlsOptions,
    host?: string
  ]
  const cases: ReadonlyArray<Case> = [
    ["an authority that nobody knows", "UnknownAuthority", certificates.unknown, { ca }],
    ["no authority of its own", "UnknownAuthority", certificates.server, {}],
    [
      "CVE-2019-11777 CVE-2021-40828 CVE-2021-40831 another host's certificate, from the authority that is trusted",
      "HostMismatch",
      certificates.wrongHost,
      { ca }
    ],
    ["a certificate without the address", "HostMismatch", certificates.serverByName, { ca }, "127.0.0.1"],
    ["another name than is asked for", "HostMismatch", certificates.server, { ca, servername: "other.example" }],
    ["an expired certificate", "Expired", certificates.expired, { ca }],
    ["one that is not valid yet", "NotYetValid", certificates.notYetValid, { ca }],
    ["no client certificate, TLS 1.3", "ClientCertificateRequired", mutual, { ca }],
    ["no client certificate, TLS 1.2", "ClientCertificateRequired", { ...mutual, maxVersion: "TLSv1.2" }, { ca }],
    ["a server below the minimum version", "VersionTooOld", { ...certificates.server, maxVersion: "TLSv1.2" }, {
      ca,
      minVersion: "TLSv1.3"
    }],
    [
      "TLS 1.1",
      "VersionTooOld",
      { ...certificates.server, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
      { ca }
    ],
    [
      "no application protocol in common",
      "NoApplicationProtocol",
      { ...certificates.server, ALPNProtocols: ["mqtt"] },
      {
        ca,
        alpnProtocols: ["other"]
      }
    ],
    [
      "no cipher in common",
      "HandshakeRefused",
      { ...certificates.server, maxVersion: "TLSv1.2", ciphers: "RSA-PSK-AES128-GCM-SHA256:AES128-SHA" },
      { ca }
    ]
  ]
  for (const [what, problem, server, tls, host = "localhost"] of cases) {
    it.live(`S24 ${what}: ${problem}`, () =>
      within(Effect.gen(function*() {
        const { port } = yield* listen(server)
        const url = `mqtts://${host}:${port}`
        const reason = assertReason(yield* failure({ url, tls }), "TlsFailed")
        assert.deepStrictEqual([reason.problem, reason.host, reason.port], [problem, host, port])
        assert.match(reason.message, /^TLS with .* failed: [^:]*.*; /)
      })))
  }

  it.live("over WebSocket for the same reasons", () =>
    within(Effect.gen(function*() {
      const { expired, server, unknown, wrongHost } = certificates
      const servers = [
        ["UnknownAuthority", unknown],
        ["HostMismatch", wrongHost],
        ["Expired", expired],
        ["VersionTooOld", { ...server, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }]
      ] as const
      for (const [problem, tls] of servers) {
        const broker = yield* MemoryBroker.make()
        const { port } = yield* listeners.listenWith(broker, "wss", { tls })
        assert.strictEqual(yield* problemOf({ url: `wss://localhost:${port}`, tls: { ca } }), problem)
      }
    })))

  it.live("whatever `NODE_TLS_REJECT_UNAUTHORIZED` says", () =>
    within(Effect.gen(function*() {
      vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0")
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()))
      const { port } = yield* listen(certificates.unknown)
      assert.strictEqual(yield* problemOf({ url: `mqtts://localhost:${port}` }), "UnknownAuthority")
    })))

  it.live("S24 a server that leaves out its intermediate certificate: that cause is named first", () =>
    within(Effect.gen(function*() {
      const { port } = yield* listen(certificates.withoutIntermediate)
      const reason = assertReason(yield* failure({ url: `mqtts://localhost:${port}`, tls: { ca } }), "TlsFailed")
      assert.strictEqual(reason.problem, "UnknownAuthority")
      assert.match(reason.message, /intermediate certificate.*tls\.ca/)
      const whole = yield* listen(certificates.withIntermediate)
      yield* client({ url: `mqtts://localhost:${whole.port}`, tls: { ca } })
      // The whole chain came: that is not it.
      const unknown = yield* failure({ url: `mqtts://localhost:${whole.port}`, tls: { ca: certificates.stranger } })
      assert.notInclude(unknown.message, "intermediate")
    })))

  it.live("S24 a port without TLS, whatever it says: NotTls", () =>
    within(Effect.gen(function*() {
      const answers: ReadonlyArray<(stream: Duplex) => void> = [
        (stream) => stream.end(),
        (stream) => stream.destroy(),
        (stream) => stream.end(Uint8Array.of(0x20, 2, 0, 1)),
        (stream) => stream.end(Uint8Array.of(0x20, 3, 0, 0x84, 0)),
        (stream) => stream.end("HTTP/1.1 400 Bad Request\r\n\r\n")
      ]
      for (const answer of answers) {
        const { port } = yield* listeners.listen("tcp", (stream) => {
          stream.once("data", () => answer(stream))
          stream.resume()
        })
        assert.strictEqual(yield* problemOf({ url: `mqtts://127.0.0.1:${port}` }), "NotTls")
      }
    })))

  it.live("S24 a port with TLS and a client without: what it may be is said, and an alert is recognised", () =>
    within(Effect.gen(function*() {
      const { port } = yield* listen(certificates.server)
      const lost = assertReason(yield* failure({ url: `mqtt://127.0.0.1:${port}` }), "ConnectionLost")
      assert.include(lost.message, "mqtts://")
      const alerting = yield* listeners.listen("tcp", (stream) => {
        stream.once("data", () => stream.end(Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)))
        stream.resume()
      })
      assert.strictEqual(yield* problemOf({ url: alerting.url }), "TlsExpected")
    })))

  it.live("S24 a port for WebSockets and a URL for TCP: its answer in HTTP is recognised", () =>
    within(Effect.gen(function*() {
      const { port } = yield* listeners.listen("tcp", (stream) => {
        stream.once("data", () => stream.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
        stream.resume()
      })
      const violation = assertReason(yield* failure({ url: `mqtt://127.0.0.1:${port}` }), "ProtocolViolation")
      assert.include(violation.message, "HTTP")
      assert.include(violation.message, "ws://")
    })))

  it.live("S24 a server that hangs up on the certificate after the handshake: never connected, and it is said", () =>
    within(Effect.gen(function*() {
      const { port } = yield* listen(mutual)
      const tls = { ca, ...identity(certificates.clientOfAnother) }
      const reason = assertReason(yield* failure({ url: `mqtts://localhost:${port}`, tls }), "ConnectionLost")
      assert.include(reason.message, "tls.cert")
    })))
})

describe("TLS that is trusted", () => {
  const connects = (server: Tls.TlsOptions, tls: NodeTls.TlsOptions, host = "localhost") =>
    within(Effect.gen(function*() {
      const { port } = yield* listen(server)
      const mqtt = yield* client({ url: `mqtts://${host}:${port}`, tls })
      assert.strictEqual((yield* connected(mqtt)).protocolVersion, "5.0")
    }))

  it.live("S24 by the name, with an authority of its own", () => connects(certificates.server, { ca }))
  it.live("by the address, if the certificate has it", () => connects(certificates.server, { ca }, "127.0.0.1"))
  it.live("by another name that is asked for", () =>
    connects(certificates.wrongHost, { ca, servername: "other.example" }, "127.0.0.1"))
  it.live("one of several authorities, as bytes", () =>
    connects(certificates.server, { ca: [certificates.unknown.cert, new TextEncoder().encode(ca)] }))
  it.live("S24 a client certificate", () => connects(mutual, { ca, ...identity(certificates.client) }))
  it.live("a client certificate whose key takes a passphrase", () => {
    const { cert, key } = certificates.client
    const encrypted = Redacted.make(certificates.encrypted(key, "open sesame"))
    return connects(mutual, { ca, cert, key: encrypted, passphrase: Redacted.make("open sesame") })
  })
  it.live("security 1: anybody, if that is asked for by its name", () =>
    connects(certificates.unknown, { dangerouslyAcceptAnyCertificate: true }))

  it.live("the name that is asked for, and the application protocol, reach the server", () =>
    within(Effect.gen(function*() {
      const asked: Array<unknown> = []
      const { port } = yield* listen({
        ...certificates.server,
        ALPNProtocols: ["mqtt"],
        SNICallback: (name, done) => {
          asked.push(name)
          done(null)
        }
      })
      const { open } = NodeTls.make({ host: "localhost", port, tls: { ca, alpnProtocols: ["other", "mqtt"] } })
      yield* open
      assert.deepStrictEqual(asked, ["localhost"])
    })))
})

describe("TLS options", () => {
  const { cert, key } = certificates.client
  const identityWith = (other: NodeTls.TlsOptions) => ({ cert, key: Redacted.make(key), ...other })
  /** Node would take each of them for nothing, and trust its own authorities or show no certificate. */
  const withoutMaterial: ReadonlyArray<readonly [what: string, tls: NodeTls.TlsOptions]> = [
    ["an empty authority", { ca: "" }],
    ["a blank authority", { ca: "\n" }],
    ["an authority of no bytes", { ca: new Uint8Array() }],
    ["an authority that is no certificate", { ca: "nonsense" }],
    ["no authorities", { ca: [] }],
    ["an empty one of several authorities", { ca: [ca, ""] }],
    ["an authority that is half there", { ca: ca.slice(0, ca.length / 2) }],
    ["a second authority that is half there", { ca: `${ca}\n${ca.slice(0, ca.length / 2)}` }],
    ["an authority that is damaged", { ca: ca.replace(/\n\w{20}/, "\nAAAAAAAAAAAAAAAAAAAA") }],
    ["a private key for an authority", { ca: key }],
    ["an empty certificate", identityWith({ cert: "" })],
    ["an empty key", identityWith({ key: Redacted.make("") })],
    ["a certificate for a key", identityWith({ key: Redacted.make(cert) })],
    ["an empty authority, for anybody", { ca: "", dangerouslyAcceptAnyCertificate: true }]
  ]
  const wrong: ReadonlyArray<readonly [what: string, tls: NodeTls.TlsOptions]> = [
    ["a certificate without its key", { cert }],
    ["a key without its certificate", { key: Redacted.make(key) }],
    ["what is no certificate", { cert: "nonsense", key: Redacted.make("nonsense") }],
    ["another one's key", { cert, key: Redacted.make(certificates.server.key) }],
    ["a wrong passphrase", {
      cert,
      key: Redacted.make(certificates.encrypted(key, "right")),
      passphrase: Redacted.make("wrong")
    }],
    ...withoutMaterial
  ]
  for (const [what, tls] of wrong) {
    it.live(`${what} is refused before anything is opened`, () =>
      within(Effect.gen(function*() {
        const reason = assertReason(yield* failure({ url: "mqtts://broker.invalid", tls }), "InvalidOptions")
        assert.strictEqual(reason.option, "tls")
      })))
  }

  for (const [what, tls] of withoutMaterial) {
    it.live(`${what}, obtained for an attempt, is InvalidMaterial: the next may have it, and nothing of it is printed`, () =>
      within(Effect.gen(function*() {
        const { port } = yield* listen(mutual)
        const reason = yield* failure({ url: `mqtts://localhost:${port}`, tls: Effect.succeed(tls) })
        assert.strictEqual(assertReason(reason, "TlsFailed").problem, "InvalidMaterial")
        assert.isTrue(reason.isRetryable)
        assert.notInclude(reason.message, "-----")
        assert.notInclude(reason.message, "nonsense")
      })))
  }

  it.live("S52 obtained for an attempt, such as from a file that is being replaced, they may be right for the next", () =>
    within(Effect.gen(function*() {
      const { port } = yield* listen(mutual)
      let attempts = 0
      const tls = Effect.sync((): NodeTls.TlsOptions => {
        attempts++
        if (attempts === 1) return { ca, cert, key: Redacted.make(certificates.server.key) }
        return { ca, ...identity(certificates.client) }
      })
      const url = `mqtts://localhost:${port}`
      assert.strictEqual(yield* problemOf({ url, tls }), "InvalidMaterial")
      yield* client({ url, tls })
      assert.strictEqual(attempts, 2)
    })))

  it.live("S52 a client with an expired certificate is let in once it has a new one", () =>
    within(Effect.gen(function*() {
      const { port } = yield* listen(mutual)
      const identities = [certificates.clientOfAnother, certificates.client]
      const tls = Effect.sync(() => ({ ca, ...identity(identities.shift() ?? certificates.client) }))
      const mqtt = yield* client({
        url: `mqtts://localhost:${port}`,
        tls,
        initialConnection: "retry",
        reconnect: soon
      })
      yield* connected(mqtt)
      assert.deepStrictEqual(identities, [])
    })))
})

it.live("a transport alone is the same", () =>
  within(Effect.gen(function*() {
    const { port } = yield* listen(certificates.expired)
    const transport = yield* Effect.provide(
      MqttTransport.MqttTransport,
      NodeTls.layer({ host: "localhost", port, tls: { ca } })
    )
    assert.strictEqual(transport.endpoint, `mqtts://localhost:${port}`)
    assert.strictEqual(assertReason((yield* Effect.flip(transport.open)).reason, "TlsFailed").problem, "Expired")
  })))
