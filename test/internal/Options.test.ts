import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted, Result, type Schedule } from "effect"
import { TestClock } from "effect/testing"
import { expectTypeOf } from "vitest"
import * as Options from "../../src/internal/options.ts"
import * as MqttClient from "../../src/MqttClient.ts"
import type * as MqttError from "../../src/MqttError.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { versions } from "../support/versions.ts"

const resolve = (options: MqttClient.Options): Options.Resolved => Result.getOrThrow(Options.resolve(options))

/** The option that is refused, and why. */
const refused = (options: MqttClient.Options): MqttError.InvalidOptions => {
  const result = Options.resolve(options)
  assert.isTrue(Result.isFailure(result), "was not refused")
  const reason = Result.isFailure(result) ? result.failure.reason : undefined
  assert.strictEqual(reason?._tag, "InvalidOptions")
  return reason as MqttError.InvalidOptions
}

describe("options", () => {
  it("S1 nothing has to be given", () => {
    const resolved = resolve({})
    assert.strictEqual(resolved.protocolVersion, "5.0")
    assert.strictEqual(resolved.session, "clean")
    assert.strictEqual(Duration.toSeconds(resolved.keepAlive), 60)
    assert.strictEqual(resolved.responseTimeout, 10_000)
    assert.strictEqual(resolved.maximumPacketSize, 1024 * 1024)
    assert.strictEqual(resolved.filtersPerSubscribe, 100)
    assert.deepStrictEqual(resolved.outbox, { messages: 10_000, bytes: 16 * 1024 * 1024, policy: "suspend" })
    assert.deepStrictEqual(resolved.buffer, resolved.outbox)
  })

  it("S3 an option that does not exist is refused with the name that was meant", () => {
    const cases: ReadonlyArray<readonly [name: string, meant: string | undefined, options: object]> = [
      ["keepalive", "keepAlive", { keepalive: "30 seconds" }],
      ["clientID", "clientId", { clientID: "a" }],
      ["client_id", "clientId", { client_id: "a" }],
      ["maxInflight", "maxInFlight", { maxInflight: 1 }],
      ["will.payloads", "will.payload", { will: { topic: "t", payload: "", payloads: "" } }],
      ["outbox.message", "outbox.messages", { outbox: { message: 1 } }],
      ["somethingElseAltogether", undefined, { somethingElseAltogether: 1 }]
    ]
    for (const [name, meant, options] of cases) {
      const { description, option } = refused(options)
      assert.strictEqual(option, name)
      if (meant !== undefined) assert.include(description, `\`${meant}\``)
    }
    resolve({ keepalive: undefined } as MqttClient.Options)
  })

  it("S3 what says how a session is kept is refused where no session is spoken of", () => {
    assert.strictEqual(refused({ sessionExpiry: "1 hour" }).option, "sessionExpiry")
    assert.strictEqual(refused({ refuseUnknownSession: true }).option, "refuseUnknownSession")
    // Whoever says "clean" has not forgotten the session.
    resolve({ session: "clean", sessionExpiry: "1 hour", refuseUnknownSession: true })
    resolve({ session: "persistent", clientId: "c", sessionExpiry: "1 hour", refuseUnknownSession: true })
    resolve({ refuseUnknownSession: false })
  })

  it("S3 options that do not exist do not compile", () => {
    // With a signature for any name, or none at all, the compiler would take every misspelling.
    expectTypeOf<string extends keyof MqttClient.Options ? "any name" : "these names">().toEqualTypeOf<"these names">()
    expectTypeOf<MqttClient.Options>().not.toBeAny()
    expectTypeOf<keyof MqttClient.Options>().extract<"keepalive" | "client_id" | "qos">().toBeNever()
    expectTypeOf<"keepAlive" | "clientId" | "will">().toExtend<keyof MqttClient.Options>()
    expectTypeOf(MqttClient.layer).parameter(0).toEqualTypeOf<MqttClient.Options | undefined>()
    expectTypeOf(MqttClient.make).parameter(0).toEqualTypeOf<MqttClient.Options | undefined>()
  })

  it("R15 a QoS other than 0, 1 and 2 does not compile", () => {
    expectTypeOf<NonNullable<MqttClient.PublishOptions["qos"]>>().toEqualTypeOf<0 | 1 | 2>()
    expectTypeOf<NonNullable<MqttClient.SubscribeOptions["qos"]>>().toEqualTypeOf<0 | 1 | 2>()
    expectTypeOf<NonNullable<MqttClient.Will["qos"]>>().toEqualTypeOf<0 | 1 | 2>()
  })

  it("R38 a generated client identifier is new each time and one that every server takes", () => {
    const identifiers = Array.from({ length: 100 }, () => resolve({}).clientId)
    assert.strictEqual(new Set(identifiers).size, 100)
    for (const identifier of identifiers) assert.match(identifier, /^[0-9a-zA-Z]{1,23}$/)
  })

  describe("S4 birth and presence", () => {
    it("presence is Will, birth and goodbye", () => {
      const { birth, goodbye, will } = resolve({ presence: { topic: "t" } })
      const message = { topic: "t", qos: 1, retain: true, properties: {} } as const
      const [online, offline] = ["online", "offline"].map((text) => new TextEncoder().encode(text))
      assert.deepStrictEqual(Effect.runSync(birth), { ...message, payload: online })
      assert.deepStrictEqual(Effect.runSync(will), { ...message, payload: offline })
      assert.deepStrictEqual(goodbye, { ...message, payload: offline })
      const neither = resolve({ will: { topic: "t", payload: "" }, birth: { topic: "t", payload: "" } })
      assert.isUndefined(neither.goodbye)
      assert.strictEqual(Effect.runSync(neither.birth)?.qos, 0)
    })

    it("what cannot be said is refused with the name that the program gave it", () => {
      const birth = { topic: "t", payload: "" }
      const large = "x".repeat(65_536)
      const cases: ReadonlyArray<readonly [name: string, options: object]> = [
        ["presence", { presence: { topic: "t" }, will: birth }],
        ["presence", { presence: { topic: "t" }, birth: Effect.succeed(birth) }],
        ["presence.topic", { presence: {} }],
        ["presence.topic", { presence: { topic: "a/+" } }],
        ["presence.offline", { presence: { topic: "t", offline: large } }],
        ["presence.online", { presence: { topic: "t", online: 1 } }],
        ["presence.qos", { presence: { topic: "t", qos: 3 } }],
        ["presence.will", { presence: { topic: "t", will: "x" } }],
        ["birth", { birth: "online" }],
        ["birth.payload", { birth: { topic: "t" } }],
        ["birth.topic", { birth: { topic: "#", payload: "" } }],
        ["birth.whenOffline", { birth: { ...birth, whenOffline: "drop" } }],
        ["birth.properties.topicAlias", { birth: { ...birth, properties: { topicAlias: 1 } } }],
        ["birth.properties.messageExpiryInterval", { birth: { ...birth, properties: { messageExpiryInterval: -1 } } }]
      ]
      for (const [name, options] of cases) assert.strictEqual(refused(options).option, name)
      assert.include(
        refused({ presence: { topic: "t" }, will: birth }).description,
        "leave it out, or leave out `will` and `birth`"
      )
    })

    it("what an effect gives is checked as a value is", () => {
      const cases: ReadonlyArray<readonly [name: string, given: unknown]> = [
        ["payload", { topic: "t" }],
        ["topic", { topic: "a/#", payload: "" }],
        ["qos", { topic: "t", payload: "", qos: 3 }],
        ["retained", { topic: "t", payload: "", retained: true }]
      ]
      for (const option of ["will", "birth"] as const) {
        for (const [name, given] of cases) {
          const resolved = resolve({ [option]: Effect.succeed(given) } as MqttClient.Options)
          const { reason } = Effect.runSync(Effect.flip<unknown, MqttError.MqttError, never>(resolved[option]))
          assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, `${option}.${name}`)
        }
      }
    })
  })

  describe("S4 the Will", () => {
    for (const protocolVersion of versions) {
      for (const qos of [0, 1, 2] as const) {
        it(`R31 QoS ${qos} is accepted (${protocolVersion})`, () => {
          const will = Effect.runSync(resolve({ protocolVersion, will: { topic: "t", payload: "gone", qos } }).will)
          assert.deepStrictEqual(will, {
            topic: "t",
            payload: new TextEncoder().encode("gone"),
            qos,
            retain: false,
            properties: {}
          })
        })
      }

      for (const topic of ["", "a/+", "#", "a\u0000b", "a\ud800b"]) {
        it(`R43 the topic ${JSON.stringify(topic)} is refused (${protocolVersion})`, () => {
          assert.strictEqual(refused({ protocolVersion, will: { topic, payload: "gone" } }).option, "will.topic")
        })
      }
    }

    it("a delay is one of its properties", () => {
      const will = Effect.runSync(
        resolve({
          will: { topic: "t", payload: "gone", delay: "1 minute", properties: { contentType: "text/plain" } }
        }).will
      )
      assert.deepStrictEqual(will?.properties, { contentType: "text/plain", willDelayInterval: 60 })
    })

    it("a delay that is no whole number of seconds is refused", () => {
      const { option } = refused({ will: { topic: "t", payload: "gone", delay: "1500 millis" } })
      assert.strictEqual(option, "will.delay")
    })
  })

  describe("S5 what cannot work is refused with its name", () => {
    const cases: ReadonlyArray<readonly [what: string, option: string, options: MqttClient.Options]> = [
      ["keep alive above 65,535 seconds", "keepAlive", { keepAlive: "65536 seconds" }],
      ["keep alive that is no whole number of seconds", "keepAlive", { keepAlive: "30500 millis" }],
      ["keep alive of milliseconds, for want of a unit", "keepAlive", { keepAlive: 60 }],
      ["keep alive below zero", "keepAlive", { keepAlive: "-1 seconds" }],
      ["keep alive without end", "keepAlive", { keepAlive: Duration.infinity }],
      ["keep alive shorter than the response timeout", "keepAlive", { keepAlive: "5 seconds" }],
      ["R34 a password without a user name under 3.1.1", "password", {
        protocolVersion: "3.1.1",
        password: Redacted.make("secret")
      }],
      ["a connect timeout of nothing", "connectTimeout", { connectTimeout: 0 }],
      ["a packet timeout of nothing", "packetTimeout", { packetTimeout: 0 }],
      ["a tracing option that does not exist", "tracing.consum", { tracing: { consum: "link" } as object }],
      ["a time for subscribers below nothing", "unclaimedTimeout", { unclaimedTimeout: -1 }],
      ["a Response Topic with a wildcard", "responseTopic", { responseTopic: "answers/+" }],
      ["a Response Topic of nothing", "responseTopic", { responseTopic: "" }],
      ["a response timeout of nothing", "responseTimeout", { responseTimeout: "0 seconds" }],
      ["a persistent session without a client identifier", "session", { session: "persistent" }],
      ["a cold boot without a client identifier", "session", { session: "cleanStartThenPersistent", clientId: "" }],
      ["an empty client identifier with `auto`", "clientId", { protocolVersion: "auto", clientId: "" }],
      ["a window of none", "maxInFlight", { maxInFlight: 0 }],
      ["a window larger than there are identifiers", "maxInFlight", { maxInFlight: 65_536 }],
      ["a Receive Maximum of none", "receiveMaximum", { receiveMaximum: 0 }],
      ["a Maximum Packet Size that no CONNACK fits", "maximumPacketSize", { maximumPacketSize: 1 }],
      ["SUBSCRIBE without a filter", "filtersPerSubscribe", { filtersPerSubscribe: 0 }],
      ["an outbox without room", "outbox.messages", { outbox: { messages: 0 } }],
      ["a buffer without room", "buffer.bytes", { buffer: { bytes: 0 } }],
      ["a buffer of a size that is no number", "buffer.messages", { buffer: { messages: Number.NaN } }],
      ["a client identifier that is no text", "clientId", { clientId: "a\ud800b" }],
      ["a user name with U+0000", "username", { username: "a\u0000b" }]
    ]
    for (const [what, option, options] of cases) {
      it(what, () => {
        const reason = refused(options)
        assert.strictEqual(reason.option, option)
        assert.include(reason.message, option)
      })
    }

    it("what can work is not", () => {
      resolve({ keepAlive: 0 })
      resolve({ keepAlive: "65535 seconds" })
      resolve({ keepAlive: "10 seconds" })
      resolve({ keepAlive: "1 second", responseTimeout: "1 second" })
      resolve({ password: Redacted.make("secret") })
      resolve({ protocolVersion: "3.1.1", username: "", password: Redacted.make("secret") })
      resolve({ maxInFlight: 65_535, receiveMaximum: 65_535 })
      resolve({ session: "persistent", clientId: "client" })
    })

    it.effect("before anything is opened", () =>
      Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const error = yield* Effect.flip(Effect.scoped(Layer.build(MqttClient.layer({ keepAlive: "5 seconds" }))))
        assert.strictEqual(error.reason._tag, "InvalidOptions")
        assert.strictEqual((yield* network.counters).attempts, 0)
      }).pipe(Effect.provide(MemoryBroker.layer())))
  })

  it("a secret is not in what is printed of the options", () => {
    const options: MqttClient.Options = { username: "user", password: Redacted.make("secret") }
    assert.notInclude(JSON.stringify(options), "secret")
    assert.notInclude(String(options.password), "secret")
  })

  it.effect("the default schedule waits longer and longer, up to 40 seconds, for ever", () =>
    Effect.gen(function*() {
      const attempts: Array<number> = []
      yield* Effect.clockWith((clock) => clock.currentTimeMillis).pipe(
        Effect.tap((at) => Effect.sync(() => attempts.push(at))),
        Effect.repeat(MqttClient.defaultReconnect as Schedule.Schedule<unknown>),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* TestClock.adjust("1 hour")
      const waits = attempts.slice(1).map((at, index) => at - attempts[index])
      assert.isAbove(waits.length, 90)
      waits.forEach((wait, index) => {
        const shortest = Math.min(500 * 2 ** index, 10_000)
        assert.isAtLeast(wait, shortest)
        assert.isAtMost(wait, 4 * shortest + 1)
      })
    }))
})
