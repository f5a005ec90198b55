/**
 * Values that the types forbid, such as they come from JSON: every call that publishes, with every wrong value in every
 * field. It ends with a typed error, and nothing has changed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Options from "../../src/internal/options.ts"
import * as MqttClient from "../../src/MqttClient.ts"
import * as MqttTopic from "../../src/MqttTopic.ts"
import { type Client, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"

/** At least one of each type that JavaScript has. `undefined` is allowed where a field may be left out. */
const values: { readonly [name: string]: unknown } = {
  undefined: undefined,
  null: null,
  true: true,
  zero: 0,
  one: 1,
  number: 5.5,
  NaN: NaN,
  bigint: 1n,
  empty: "",
  text: "1",
  symbol: Symbol("symbol"),
  object: { a: 1 },
  Buffer: { type: "Buffer", data: [1, 2] },
  String: new String("text"),
  Number: new Number(1),
  Date: new Date(0),
  function: () => "text",
  array: [1, 2],
  pairs: [["a"]],
  ArrayBuffer: new ArrayBuffer(3),
  Uint16Array: new Uint16Array([1, 300]),
  DataView: new DataView(new ArrayBuffer(3)),
  bytes: new Uint8Array(3),
  throwing: new Proxy({}, {
    get: () => {
      throw new Error("nobody reads this")
    },
    ownKeys: () => {
      throw new Error("nobody reads this")
    }
  })
}

/** The values that each field may have; everything else is wrong. */
const allowed: { readonly [field: string]: ReadonlyArray<string> } = {
  topic: ["text"],
  payload: ["empty", "text", "bytes"],
  // An object without a field of that name says nothing.
  options: [
    "undefined",
    "object",
    "Buffer",
    "String",
    "Number",
    "Date",
    "ArrayBuffer",
    "Uint16Array",
    "DataView",
    "bytes"
  ],
  qos: ["undefined", "zero", "one"],
  retain: ["undefined", "true"],
  whenOffline: ["undefined"],
  properties: ["undefined", "Number", "Date", "ArrayBuffer", "DataView"],
  "properties.payloadFormatIndicator": ["undefined", "zero", "one"],
  "properties.messageExpiryInterval": ["undefined", "zero", "one"],
  "properties.contentType": ["undefined", "empty", "text"],
  "properties.responseTopic": ["undefined", "text"],
  "properties.correlationData": ["undefined", "bytes"],
  "properties.userProperties": ["undefined"],
  "properties.topicAlias": ["undefined"]
}

interface Call {
  readonly topic: unknown
  readonly payload: unknown
  readonly options: unknown
}

const good: Call = { topic: "t", payload: "payload", options: { qos: 1 } }

/** A call that is right but for one field. */
const withWrong = (field: string, value: unknown): Call => {
  if (field in good) return { ...good, [field]: value }
  const [name, property] = field.split(".")
  return { ...good, options: { qos: 1, [name]: property === undefined ? value : { [property]: value } } }
}

const wrongCalls = Object.entries(allowed).flatMap(([field, right]) =>
  Object.entries(values).flatMap(([name, value]) =>
    right.includes(name) ? [] : [{ field, name, call: withWrong(field, value) }]
  )
)

// The types of the calls forbid all of these.
type Forbidden = never

const ways: { readonly [name: string]: (mqtt: Client, call: Call) => Effect.Effect<unknown, unknown> } = {
  publish: (mqtt, { options, payload, topic }) =>
    mqtt.publish(topic as Forbidden, payload as Forbidden, options as Forbidden),
  publishAsync: (mqtt, { options, payload, topic }) =>
    Effect.flatten(mqtt.publishAsync(topic as Forbidden, payload as Forbidden, options as Forbidden)),
  publishSink: (mqtt, { options, payload, topic }) =>
    Stream.run(Stream.make({ ...(options as object), topic, payload } as Forbidden), mqtt.publishSink)
}

/** What a publish changes. */
const stateOf = (kit: Kit, mqtt: Client) =>
  Effect.gen(function*() {
    const { inFlight, outboxBytes, outboxDropped, outboxMessages, packetsSent } = yield* mqtt.stats
    const publishes = (yield* sent(kit, "Publish")).length
    return { inFlight, outboxBytes, outboxDropped, outboxMessages, packetsSent, publishes }
  })

/** Fails with `InvalidRequest` at once. */
const refuses = Effect.fnUntraced(function*(effect: Effect.Effect<unknown, unknown>, what: string) {
  const exit = yield* Effect.exit(Effect.timeout(effect, "0 millis")).pipe(begin, Effect.flatMap(Fiber.join), complete)
  const error = Exit.isFailure(exit) ? Exit.findError(exit) : assert.fail(`${what} succeeded`)
  const reason = error._tag === "Success" ? (error.success as { reason?: { _tag: string } }).reason?._tag : undefined
  assert.strictEqual(reason, "InvalidRequest", `${what}: ${String(exit)}`)
})

describe("values of wrong types", () => {
  for (const [name, way] of Object.entries(ways)) {
    for (const tracing of [undefined, {}]) {
      scenario(
        `${name} refuses them, and nothing has changed${tracing ? " (traced)" : ""}`,
        {},
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect({ tracing })
            yield* complete(way(mqtt, good))
            const before = yield* stateOf(kit, mqtt)
            for (const { call, field, name } of wrongCalls) {
              // A sink has the options in the message itself.
              if (field === "options" && way === ways.publishSink) continue
              yield* refuses(way(mqtt, call), `${field}: ${name}`)
            }
            assert.deepStrictEqual(yield* stateOf(kit, mqtt), before)
            yield* complete(way(mqtt, good))
          })
      )
    }
  }

  scenario("publishSink refuses messages that are none", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      for (const [name, value] of Object.entries(values)) {
        yield* refuses(Stream.run(Stream.make(value as Forbidden), mqtt.publishSink), name)
      }
    }))

  scenario("a request refuses them, a timeout among them", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const before = yield* stateOf(kit, mqtt)
      const request = ({ options, payload, topic }: Call) =>
        mqtt.request(topic as Forbidden, payload as Forbidden, options as Forbidden)
      for (const { call, field, name } of wrongCalls) {
        // A topic that is empty is found when there is somewhere to answer to.
        if (field === "topic" && name === "empty") continue
        if (field === "topic" || field === "payload" || field === "options" || field === "qos") {
          yield* refuses(request(call), `${field}: ${name}`)
        }
      }
      for (const name of ["null", "true", "text", "symbol", "function"]) {
        yield* refuses(request({ ...good, options: { timeout: values[name] } }), `timeout: ${name}`)
      }
      assert.deepStrictEqual(yield* stateOf(kit, mqtt), before)
    }))

  scenario(
    "an answer that is none is not sent, and the next request is answered",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        // One that throws when it is looked at is a defect of the handler.
        const wrong = Object.keys(values).filter((name) => !["empty", "text", "bytes", "throwing"].includes(name))
        const answers: Array<unknown> = [
          ...wrong.map((name) => values[name]),
          ...wrong.map((name) => ({ payload: values[name] })),
          ...["null", "true", "one", "text", "array"].map((name) => ({ payload: "", properties: values[name] }))
        ]
        const responder = yield* kit.connect({ clientId: "responder" })
        const all = [...answers]
        const responding = yield* begin(
          responder.respond("ask", () => Effect.succeed((all.shift() ?? "right") as Forbidden))
        )
        yield* TestClock.adjust(roundTrip)
        for (const index of answers.keys()) {
          yield* complete(kit.broker.publish("ask", "", { qos: 1, properties: { responseTopic: "answers" } }))
          yield* TestClock.adjust(2 * roundTrip)
          assert.isUndefined(responding.pollUnsafe(), `answer ${index} ended it`)
        }
        const answer = yield* complete(mqtt.request("ask", ""))
        assert.strictEqual(answer.text, "right")
        yield* Fiber.interrupt(responding)
        yield* TestClock.adjust(2 * roundTrip)
      })
  )

  scenario("MqttTopic refuses them", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const topic = MqttTopic.make("t/{name}", { payload: MqttTopic.json(Schema.Number) })
      const publish = (parameters: unknown, value: unknown, options?: unknown) =>
        topic.publish(parameters as Forbidden, value as Forbidden, options as Forbidden).pipe(
          Effect.provideService(MqttClient.MqttClient, mqtt)
        )
      for (const [name, value] of Object.entries(values)) {
        // A function has a name, and so has the topic then.
        if (name === "throwing" || name === "function") continue
        const encoding = yield* Effect.flip(publish(value, 1))
        assert.strictEqual(encoding._tag, "MqttEncodeError", name)
      }
      for (const { call, field, name } of wrongCalls) {
        if (field !== "topic" && field !== "payload") {
          yield* refuses(publish({ name: "a" }, 1, call.options), `${field}: ${name}`)
        }
      }
    }))

  for (const protocolVersion of versions) {
    it(`the Will refuses them (${protocolVersion})`, () => {
      const rightWills: { readonly [field: string]: ReadonlyArray<string> } = {
        topic: ["text"],
        payload: ["empty", "text", "bytes"],
        qos: ["undefined", "zero", "one"],
        retain: ["undefined", "true"],
        // Whole seconds are a number of milliseconds, a pair of seconds and nanoseconds, or an object of units.
        delay: [
          "undefined",
          "zero",
          "NaN",
          "object",
          "Buffer",
          "Date",
          "ArrayBuffer",
          "bytes",
          "Number",
          "String",
          "Uint16Array",
          "DataView"
        ],
        properties: ["undefined", "Number", "Date", "ArrayBuffer", "DataView", "throwing"]
      }
      const wills = Object.entries(rightWills).flatMap(([field, right]) =>
        Object.entries(values).flatMap(([name, value]) =>
          right.includes(name) ? [] : [[`${field}: ${name}`, { topic: "t", payload: "gone", [field]: value }] as const]
        )
      )
      for (const [what, will] of [["null", null] as const, ["a number", 1] as const, ...wills]) {
        const result = Options.resolve({ protocolVersion, will: will as Forbidden })
        const reason = Result.isFailure(result) ? result.failure.reason._tag : "nothing"
        // Without properties, 3.1.1 does not look at what they say.
        if (protocolVersion === "3.1.1" && what.startsWith("properties") && reason === "nothing") continue
        assert.strictEqual(reason, "InvalidOptions", what)
      }
    })
  }
})
