/**
 * Options from the program's `ConfigProvider`: the same variables as in the main package.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Config,
  ConfigError,
  ConfigProvider,
  Duration,
  Effect,
  Either,
  Layer,
  Logger,
  Option,
  Redacted,
  Schedule
} from "effect"
import { MqttClient, MqttConfig, MqttError } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import * as util from "node:util"
import * as Engine from "../../engine/index.ts"
import { fromEngine } from "../src/internal/config.ts"

type Environment = Readonly<Record<string, string>>

/** As `ConfigProvider.fromEnv` reads, which always reads the environment of the process. */
const providerOf = (environment: Environment) =>
  ConfigProvider.fromMap(new Map(Object.entries(environment)), { pathDelim: "_" })

const readFrom = <A>(config: Config.Config<A>, environment: Environment) => providerOf(environment).load(config)

const environmentFrom = (environment: Environment) => readFrom(MqttConfig.environment, environment)

/** Of the engine itself, from the same texts. */
const engineReads = (config: Engine.Config<unknown>, environment: Environment) => {
  const textAt = (path: Engine.ConfigPath) => environment[path.join("_")]
  return Engine.run(Engine.noServices(), Engine.readConfig(config, textAt), () => undefined)
}

/** All variables, those that are none for being misspelt too. */
const variables = (() => {
  const asked = Engine.run(
    Engine.noServices(),
    Engine.askedBy(Engine.MqttConfig.environment, () => undefined),
    () => undefined
  )
  assert(typeof asked !== "function" && asked._tag === "Success")
  return asked.value.map((path) => path.join("_"))
})()

describe("options from the environment", () => {
  it.effect("are read, as values of Effect 3", () =>
    Effect.gen(function*() {
      const options = yield* environmentFrom({
        MQTT_CLIENT_ID: "client",
        MQTT_PASSWORD: "secret",
        MQTT_KEEP_ALIVE: "30 seconds",
        MQTT_SESSION: "persistent",
        MQTT_MAX_IN_FLIGHT: "10",
        MQTT_OUTBOX_AGE: "1 day",
        MQTT_WILL_TOPIC: "gone",
        MQTT_WILL_DELAY: "10 seconds"
      })
      assert.deepInclude(options, { clientId: "client", session: "persistent", maxInFlight: 10 })
      assert.isTrue(Redacted.isRedacted(options.password))
      assert.strictEqual(Redacted.value(options.password ?? Redacted.make("")), "secret")
      assert.deepStrictEqual(options.keepAlive, Duration.seconds(30))
      assert.deepStrictEqual(options.outbox?.age, Duration.days(1))
      assert.deepInclude(options.will, { topic: "gone", payload: "", delay: Duration.seconds(10) })
    }))

  it.effect("none has to be there", () =>
    Effect.gen(function*() {
      const options = yield* environmentFrom({})
      const said = Object.entries(options).filter(([, value]) => value !== undefined).map(([name]) => name)
      assert.deepStrictEqual(said, ["outbox", "buffer"])
    }))

  it("are the main package's", () => {
    assert.isAbove(variables.length, 100)
    for (const name of ["MQTT_CLIENT_ID", "MQTT_WILL_TOPIC", "MQTT_TRACING", "MQTT_KEEPALIVE"]) {
      assert.include(variables, name)
    }
  })

  it.effect("each fails with its own name and in the main package's words, or is text", () =>
    Effect.gen(function*() {
      let failures = 0
      for (const name of variables) {
        const environment = { [name]: "nonsense" }
        const expected = engineReads(Engine.MqttConfig.environment, environment)
        assert(typeof expected !== "function")
        const read = yield* Effect.either(environmentFrom(environment))
        assert.strictEqual(Either.isLeft(read), expected._tag === "Failure", name)
        if (Either.isRight(read) || expected._tag === "Success") continue
        failures++
        const [reason] = expected.reasons
        assert(reason?._tag === "Fail")
        const [{ message, path }] = reason.error.faults as [Engine.ConfigFault]
        const error = read.left
        assert(ConfigError.isConfigError(error) && (error._op === "InvalidData" || error._op === "MissingData"))
        assert.strictEqual(error.message, message)
        assert.deepStrictEqual(error.path, [...path], name)
        assert.strictEqual(error._op, path.join("_") === name ? "InvalidData" : "MissingData")
        assert.notInclude(String(error), "nonsense")
      }
      assert.isAbove(failures, 100)
    }))

  it.effect("one that is missing is missing, and one that is wrong is invalid", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(environmentFrom({ MQTT_WILL_QOS: "1" }))
      assert.strictEqual(String(missing), `(Missing data at MQTT.WILL_TOPIC: "Expected string")`)
      const invalid = yield* Effect.flip(environmentFrom({ MQTT_KEEP_ALIVE: "a while" }))
      assert.strictEqual(String(invalid), `(Invalid data at MQTT.KEEP_ALIVE: "Expected a valid Duration string")`)
      const misspelt = yield* Effect.flip(environmentFrom({ MQTT_KEEPALIVE: "30 seconds" }))
      assert.strictEqual(
        String(misspelt),
        `(Invalid data at MQTT.KEEPALIVE: "is not an option; did you mean KEEP_ALIVE?")`
      )
    }))

  it.effect("stand under a prefix of the program's own, and where its provider has them", () =>
    Effect.gen(function*() {
      const config = Config.nested(MqttConfig.options, "CLOUD")
      const options = yield* readFrom(config, { CLOUD_CLIENT_ID: "cloud", MQTT_CLIENT_ID: "other" })
      assert.strictEqual(options.clientId, "cloud")
      const error = yield* Effect.flip(readFrom(config, { CLOUD_KEEP_ALIVE: "a while" }))
      assert.include(String(error), "CLOUD.KEEP_ALIVE")
      const dotted = ConfigProvider.fromMap(new Map([["mqtt.client-id", "kebab"]])).pipe(
        ConfigProvider.kebabCase
      )
      assert.strictEqual((yield* dotted.load(MqttConfig.environment)).clientId, "kebab")
      const json = ConfigProvider.fromJson({ MQTT: { CLIENT_ID: "json", KEEP_ALIVE: "5 seconds" } })
      assert.deepInclude(yield* json.load(MqttConfig.environment), { clientId: "json", keepAlive: Duration.seconds(5) })
    }))

  it.effect("combine with others, and may be left out altogether", () =>
    Effect.gen(function*() {
      const [options, name] = yield* readFrom(
        Config.all([MqttConfig.environment, Config.string("NAME")]),
        { MQTT_CLIENT_ID: "client", NAME: "it" }
      )
      assert.deepStrictEqual([options.clientId, name], ["client", "it"])
      const will = yield* readFrom(Config.option(MqttConfig.environment), { MQTT_WILL_QOS: "1" })
      assert.deepStrictEqual(will, Option.none())
    }))

  it.effect("a source that cannot be read fails as it does in Effect 3", () =>
    Effect.gen(function*() {
      const unavailable = ConfigProvider.fromFlat(ConfigProvider.makeFlat({
        load: (path) =>
          Effect.fail(ConfigError.SourceUnavailable([...path], "the vault is shut", Option.none as never)),
        enumerateChildren: () => Effect.die("not asked"),
        patch: ConfigProvider.fromMap(new Map()).flattened.patch
      }))
      const error = yield* Effect.flip(unavailable.load(MqttConfig.environment))
      assert.include(String(error), "the vault is shut")
    }))

  it.effect("a secret is printed nowhere", () =>
    Effect.gen(function*() {
      const secrets = { MQTT_PASSWORD: "hunter2", MQTT_USERNAME: "user" }
      const options = yield* environmentFrom(secrets)
      const error = yield* Effect.flip(environmentFrom({ ...secrets, MQTT_QOS: "1", MQTT_KEEP_ALIVE: "hunter2" }))
      for (const value of [options, error]) {
        for (const text of [util.inspect(value, { depth: 9 }), JSON.stringify(value), String(value)]) {
          assert.notInclude(text, "hunter2")
        }
      }
      assert.strictEqual(String(options.password), "<redacted>")
    }))

  const node = fromEngine(Engine.NodeMqttConfig.environment)

  it.effect("what is asked for only when something else is there is looked for too", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(readFrom(node, { MQTT_STORE_SYNC: "full" }))
      assert.strictEqual(String(error), `(Missing data at MQTT.STORE_PATH: "Expected string")`)
    }))

  it.effect("a warning goes to the program's loggers, once", () =>
    Effect.gen(function*() {
      const warnings: Array<unknown> = []
      const logger = Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void warnings.push(message)))
      const options = yield* readFrom(node, { MQTT_URL: "mqtt://localhost:1884", MQTT_PORT: "1883" }).pipe(
        Effect.provide(logger)
      )
      assert.isTrue(Redacted.isRedacted((options as { readonly url: unknown }).url))
      assert.strictEqual(warnings.length, 1)
      assert.include(String(warnings[0]), "PORT says 1883")
    }))
})

const refused = (config: unknown) =>
  Layer.build(MqttClient.layerConfig(config as Config.Config<MqttClient.Options>)).pipe(Effect.scoped, Effect.flip)

describe("layerConfig", () => {
  const broker = MemoryBroker.layer({ latency: 0, connectDelay: 0 })

  it.scoped("connects with the options of the environment", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      yield* Layer.build(MqttClient.layerConfig()).pipe(
        Effect.withConfigProvider(
          providerOf({ MQTT_CLIENT_ID: "mine", MQTT_KEEP_ALIVE: "30 seconds", MQTT_PASSWORD: "p" })
        ),
        // The client goes before its broker does.
        Effect.scoped
      )
      const [connect] = yield* broker.received("mine")
      assert(connect?._tag === "Connect")
      assert.strictEqual(connect.keepAlive, 30)
      assert.deepStrictEqual(connect.password, new TextEncoder().encode("p"))
    }).pipe(Effect.provide(broker)))

  it.scoped("takes a Config for each option, part by part, and values that cannot be read", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const client = MqttClient.layerConfig({
        clientId: Config.string("ID"),
        keepAlive: Config.duration("ALIVE"),
        password: Config.redacted("WORD"),
        reconnect: Config.succeed(Schedule.spaced("1 second")),
        outbox: { messages: Config.integer("ROOM"), policy: Config.succeed("fail") },
        username: Config.withDefault(Config.string("NAME"), "nobody")
      })
      yield* Layer.build(client).pipe(
        Effect.withConfigProvider(providerOf({ ID: "mine", ALIVE: "20 seconds", WORD: "p", ROOM: "1" })),
        Effect.scoped
      )
      const [connect] = yield* broker.received("mine")
      assert(connect?._tag === "Connect")
      assert.deepInclude(connect, { keepAlive: 20, username: "nobody", password: new TextEncoder().encode("p") })
    }).pipe(Effect.provide(broker)))

  it.effect("fails with what is missing, all of it", () =>
    Effect.gen(function*() {
      const error = yield* refused({ clientId: Config.string("ID"), username: Config.string("NAME") }).pipe(
        Effect.withConfigProvider(providerOf({}))
      )
      assert(ConfigError.isConfigError(error))
      assert.include(String(error), "ID")
      assert.include(String(error), "NAME")
    }).pipe(Effect.provide(broker)))

  it.effect("refuses plain values, which the types forbid, and names the first", () =>
    Effect.gen(function*() {
      // @ts-expect-error a value is no Config
      assert.isDefined(MqttClient.layerConfig({ clientId: "mine" }))
      const cases = [
        ["clientId", { clientId: "mine" }],
        ["messages", { keepAlive: Config.succeed("1 minute"), outbox: { messages: 10 } }],
        ["reconnect", { reconnect: Schedule.spaced("1 second") }],
        ["config", "mine"],
        ["config", null]
      ] as const
      for (const [option, config] of cases) {
        const error = yield* refused(config)
        assert(error instanceof MqttError.MqttError && error.reason._tag === "InvalidOptions", option)
        assert.strictEqual(error.reason.option, option)
        assert.include(error.message, "Config.succeed")
      }
    }).pipe(Effect.provide(broker)))
})
