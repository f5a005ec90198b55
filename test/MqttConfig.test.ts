import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Duration, Effect, Layer, Redacted, Result, Schedule } from "effect"
import { expectTypeOf } from "vitest"
import { resolve } from "../src/internal/options.ts"
import * as MqttClient from "../src/MqttClient.ts"
import * as MqttConfig from "../src/MqttConfig.ts"
import { MemoryBroker } from "../src/testing/index.ts"
import { complete } from "./support/time.ts"

const readFrom = (env: Record<string, string>) =>
  MqttConfig.environment.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))

describe("S3 options from the environment", () => {
  const env = {
    MQTT_PROTOCOL_VERSION: "3.1.1",
    MQTT_CLIENT_ID: "client",
    MQTT_USERNAME: "user",
    MQTT_PASSWORD: "secret",
    MQTT_KEEP_ALIVE: "30 seconds",
    MQTT_PING_INTERVAL: "5 seconds",
    MQTT_CONNECT_TIMEOUT: "3 seconds",
    MQTT_RESPONSE_TIMEOUT: "4 seconds",
    MQTT_PACKET_TIMEOUT: "20 seconds",
    MQTT_RESPONSE_TOPIC: "answers/7",
    MQTT_TRACING: "true",
    MQTT_TRACING_PROPAGATE: "false",
    MQTT_TRACING_CONSUME: "link",
    MQTT_METRICS: "true",
    MQTT_DRAIN_TIMEOUT: "500 millis",
    MQTT_UNCLAIMED_TIMEOUT: "2 seconds",
    MQTT_SESSION: "persistent",
    MQTT_SESSION_EXPIRY: "1 hour",
    MQTT_STABLE_AFTER: "1 minute",
    MQTT_INITIAL_CONNECTION: "retry",
    MQTT_REFUSE_UNKNOWN_SESSION: "true",
    MQTT_MAX_IN_FLIGHT: "10",
    MQTT_RECEIVE_MAXIMUM: "20",
    MQTT_STRICT_RECEIVE_MAXIMUM: "true",
    MQTT_MAXIMUM_PACKET_SIZE: "4096",
    MQTT_FILTERS_PER_SUBSCRIBE: "8",
    MQTT_TOPIC_ALIAS_MAXIMUM: "5",
    MQTT_OUTGOING_TOPIC_ALIAS_MAXIMUM: "6",
    MQTT_FOLLOW_SERVER_REFERENCE_MAXIMUM_HOPS: "2",
    MQTT_OUTBOX_MESSAGES: "100",
    MQTT_OUTBOX_BYTES: "1000",
    MQTT_OUTBOX_POLICY: "dropOldest",
    MQTT_OUTBOX_AGE: "1 day",
    MQTT_OUTBOX_AT_CLEAN_START: "drop",
    MQTT_BUFFER_MESSAGES: "200",
    MQTT_BUFFER_BYTES: "2000",
    MQTT_BUFFER_POLICY: "fail",
    MQTT_WILL_TOPIC: "will",
    MQTT_WILL_PAYLOAD: "gone",
    MQTT_WILL_QOS: "2",
    MQTT_WILL_RETAIN: "true",
    MQTT_WILL_DELAY: "10 seconds"
  }

  it.effect("a name that is spelled otherwise fails with the one that was meant", () =>
    Effect.gen(function*() {
      for (
        const [name, meant] of [
          ["MQTT_KEEPALIVE", "KEEP_ALIVE"],
          ["MQTT_CLIENTID", "CLIENT_ID"],
          ["MQTT_MAX_INFLIGHT", "MAX_IN_FLIGHT"],
          ["MQTT_TRACINGCONSUME", "TRACING_CONSUME"],
          ["MQTT_OUTBOXBYTES", "OUTBOX_BYTES"],
          ["MQTT_STRICT_RECEIVEMAXIMUM", "STRICT_RECEIVE_MAXIMUM"],
          ["MQTT_FOLLOW_SERVER_REFERENCE", "FOLLOW_SERVER_REFERENCE_MAXIMUM_HOPS"]
        ]
      ) {
        const error = yield* Effect.flip(readFrom({ [name]: "1" }))
        assert.include(error.message, `did you mean ${meant}?`)
      }
    }))

  it.effect("what says how to trace fails where nothing says whether", () =>
    Effect.gen(function*() {
      for (const name of ["MQTT_TRACING_PROPAGATE", "MQTT_TRACING_CONSUME"]) {
        const env = { [name]: name.endsWith("CONSUME") ? "link" : "false" }
        assert.include((yield* Effect.flip(readFrom(env))).message, name.replace("MQTT_", ""))
        assert.isUndefined((yield* readFrom({ ...env, MQTT_TRACING: "false" })).tracing)
      }
    }))

  it.effect("a Will without a topic fails with the variable that is missing", () =>
    Effect.gen(function*() {
      const withoutTopic: ReadonlyArray<Record<string, string>> = [
        { MQTT_WILL_PAYLOAD: "gone" },
        { MQTT_WILL_QOS: "1" },
        { MQTT_WILL_RETAIN: "true" },
        { MQTT_WILL_DELAY: "1 second" }
      ]
      for (const env of withoutTopic) {
        assert.include((yield* Effect.flip(readFrom(env))).message, `["MQTT"]["WILL_TOPIC"]`)
      }
      assert.isUndefined((yield* readFrom({})).will)
    }))

  it.effect("presence is read, and without a topic fails with the variable that is missing", () =>
    Effect.gen(function*() {
      const values = [["ONLINE", "here"], ["OFFLINE", "away"], ["QOS", "2"], ["RETAIN", "false"]] as const
      for (const [name, value] of values) {
        const error = yield* Effect.flip(readFrom({ [`MQTT_PRESENCE_${name}`]: value }))
        assert.include(error.message, `["MQTT"]["PRESENCE_TOPIC"]`)
      }
      const env = Object.fromEntries(values.map(([name, value]) => [`MQTT_PRESENCE_${name}`, value]))
      const { presence } = yield* readFrom({ ...env, MQTT_PRESENCE_TOPIC: "status" })
      assert.deepStrictEqual(presence, { topic: "status", online: "here", offline: "away", qos: 2, retain: false })
      for (const name of ["QOS", "RETAIN"]) {
        const bad = { ...env, MQTT_PRESENCE_TOPIC: "status", [`MQTT_PRESENCE_${name}`]: "nonsense" }
        assert.include((yield* Effect.flip(readFrom(bad))).message, `PRESENCE_${name}`)
      }
    }))

  it.effect("each is read", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* readFrom(env), {
        protocolVersion: "3.1.1",
        clientId: "client",
        username: "user",
        password: Redacted.make("secret"),
        keepAlive: Duration.seconds(30),
        pingInterval: Duration.seconds(5),
        connectTimeout: Duration.seconds(3),
        responseTimeout: Duration.seconds(4),
        packetTimeout: Duration.seconds(20),
        responseTopic: "answers/7",
        presence: undefined,
        tracing: { propagate: false, consume: "link" },
        metrics: true,
        drainTimeout: Duration.millis(500),
        unclaimedTimeout: Duration.seconds(2),
        session: "persistent",
        sessionExpiry: Duration.hours(1),
        stableAfter: Duration.minutes(1),
        initialConnection: "retry",
        refuseUnknownSession: true,
        maxInFlight: 10,
        receiveMaximum: 20,
        strictReceiveMaximum: true,
        maximumPacketSize: 4096,
        filtersPerSubscribe: 8,
        topicAliasMaximum: 5,
        outgoingTopicAliasMaximum: 6,
        followServerReference: { maximumHops: 2 },
        outbox: { messages: 100, bytes: 1000, policy: "dropOldest", age: Duration.days(1), atCleanStart: "drop" },
        buffer: { messages: 200, bytes: 2000, policy: "fail" },
        will: { topic: "will", payload: "gone", qos: 2, retain: true, delay: Duration.seconds(10) }
      })
    }))

  it.effect("none has to be there", () =>
    Effect.gen(function*() {
      const resolved = Result.getOrThrow(resolve(yield* readFrom({})))
      assert.strictEqual(resolved.protocolVersion, "5.0")
      assert.isUndefined(yield* resolved.will)
      assert.isUndefined(resolved.tracing)
      assert.isUndefined(resolved.metrics)
      assert.strictEqual(resolved.outbox.messages, 10_000)
    }))

  const text = new Set([
    "MQTT_CLIENT_ID",
    "MQTT_USERNAME",
    "MQTT_PASSWORD",
    "MQTT_RESPONSE_TOPIC",
    "MQTT_WILL_TOPIC",
    "MQTT_WILL_PAYLOAD"
  ])
  for (const name of Object.keys(env).filter((name) => !text.has(name))) {
    it.effect(`a bad ${name} names itself`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(readFrom({ ...env, [name]: "nonsense" }))
        assert.include(error.message, `["MQTT"]["${name.slice("MQTT_".length)}"]`)
      }))
  }

  it.effect("`layerConfig` refuses plain values, which the types forbid, and names the first", () =>
    Effect.gen(function*() {
      const refused = (config: unknown) =>
        Layer.build(MqttClient.layerConfig(config as Config.Wrap<MqttClient.Options>)).pipe(Effect.scoped, Effect.flip)
      const cases = [
        ["clientId", { clientId: "mine" }],
        ["messages", { keepAlive: Config.succeed("1 minute"), outbox: { messages: 10 } }],
        ["reconnect", { reconnect: Schedule.spaced("1 second") }],
        ["config", "mine"],
        ["config", null]
      ] as const
      for (const [option, config] of cases) {
        const error = yield* refused(config)
        assert(error._tag === "MqttError" && error.reason._tag === "InvalidOptions", option)
        assert.strictEqual(error.reason.option, option)
        assert.include(error.message, "Config.succeed")
      }
    }).pipe(Effect.provide(MemoryBroker.layer())))

  it.effect("`layerConfig` connects with them, and what the program says wins", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const provider = ConfigProvider.layer(ConfigProvider.fromEnv({ env }))
      yield* complete(Effect.scoped(
        Layer.build(MqttClient.layerConfig(
          Config.map(MqttConfig.environment, (options): MqttClient.Options => ({
            ...options,
            clientId: "mine",
            initialConnection: "fail"
          }))
        )).pipe(
          Effect.provide(provider)
        )
      ))
      const [connect] = yield* broker.received("mine")
      assert.strictEqual(connect._tag === "Connect" && connect.keepAlive, 30)
      assert.strictEqual(connect._tag === "Connect" && connect.username, "user")
    }).pipe(Effect.provide(MemoryBroker.layer())))
})

describe("S3 options under names of the program's own", () => {
  const run = () => Effect.void
  const values = {
    reconnect: Schedule.spaced("5 seconds"),
    credentials: Effect.succeed({ username: "user" }),
    authentication: { method: "TOKEN", start: Effect.never },
    isRetryable: () => true,
    password: Redacted.make("secret"),
    userProperties: [["a", "1"], ["a", "2"]],
    escalate: { after: 2, run }
  } satisfies MqttClient.Options

  const unwrapped = (wrapped: Config.Wrap<MqttClient.Options>, env: Record<string, string> = {}) =>
    Config.unwrap<MqttClient.Options>(wrapped).pipe(
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
    )

  it.effect("schedules, effects, functions, secrets and arrays are given as they are", () =>
    Effect.gen(function*() {
      const options = yield* unwrapped({
        reconnect: Config.succeed(values.reconnect),
        credentials: Config.succeed(values.credentials),
        authentication: Config.succeed(values.authentication),
        isRetryable: Config.succeed(values.isRetryable),
        password: Config.succeed(values.password),
        userProperties: Config.succeed(values.userProperties),
        escalate: Config.succeed(values.escalate)
      })
      const given = Object.entries(values)
      assert.deepStrictEqual(Object.keys(options), given.map(([option]) => option))
      for (const [option, value] of given) {
        assert.strictEqual(new Map(Object.entries(options)).get(option), value, option)
      }
    }))

  it.effect("an option that holds others is read part by part", () =>
    Effect.gen(function*() {
      const options = yield* unwrapped({
        outbox: { messages: Config.Int("ROOM"), policy: Config.succeed("dropOldest") },
        escalate: { after: Config.Int("PATIENCE"), run: Config.succeed(run) }
      }, { ROOM: "5", PATIENCE: "7" })
      assert.deepStrictEqual(options.outbox, { messages: 5, policy: "dropOldest" })
      assert.strictEqual(options.escalate?.after, 7)
      assert.strictEqual(options.escalate?.run, run)
    }))

  it("a value that is not a Config does not compile: it would be taken apart", () => {
    type Wrapped = Config.Wrap<MqttClient.Options>
    type Values = typeof values
    expectTypeOf<{ readonly reconnect: Config.Config<Values["reconnect"]> }>().toExtend<Wrapped>()
    expectTypeOf<Pick<Values, "reconnect">>().not.toExtend<Wrapped>()
    expectTypeOf<Pick<Values, "credentials">>().not.toExtend<Wrapped>()
    expectTypeOf<Pick<Values, "authentication">>().not.toExtend<Wrapped>()
    expectTypeOf<Pick<Values, "isRetryable">>().not.toExtend<Wrapped>()
    expectTypeOf<Pick<Values, "password">>().not.toExtend<Wrapped>()
    expectTypeOf<Pick<Values, "userProperties">>().not.toExtend<Wrapped>()
    expectTypeOf<Pick<Values, "escalate">>().not.toExtend<Wrapped>()
  })
})
