/**
 * Requests with types: payloads, answers and failures go through schemas, and peers without this library take part.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, References, Schema } from "effect"
import { TestClock } from "effect/testing"
import { MqttClient, MqttError, MqttTopic } from "../../src/index.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import type { Properties } from "../../src/protocol/Properties.ts"
import { type Client, type Kit, scenario as scenarioOf, sent, type Settings } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

class Busy extends Schema.TaggedError<Busy>()("Busy", { until: Schema.Date }) {}

const Restart = MqttTopic.makeRequest("devices/{device}/restart", {
  device: Schema.FiniteFromString,
  payload: MqttTopic.json(Schema.Struct({ isForced: Schema.Boolean })),
  answer: MqttTopic.json(Schema.Struct({ version: Schema.String })),
  failure: MqttTopic.json(Busy)
})

const busy = new Busy({ until: new Date(0) })

/** Its requests do not decode for a responder of `Restart`. */
const Other = MqttTopic.makeRequest("devices/{device}/restart", {
  payload: MqttTopic.text,
  answer: MqttTopic.text
})

/** 3.1.1 has no requests. */
const scenario = (name: string, settings: Settings, tell: Parameters<typeof scenarioOf>[2]): void =>
  scenarioOf(name, { versions: ["5.0"], ...settings }, tell)

const through = (mqtt: Client) => Effect.provideService(MqttClient.MqttClient, mqtt)

const responderName = "responder"

/** A client that responds, and the fiber that does. */
const responds = Effect.fnUntraced(function*<E>(
  kit: Kit,
  responding: Effect.Effect<void, E, MqttClient.MqttClient>,
  name = responderName
) {
  const mqtt = yield* kit.connect({ clientId: name })
  const fiber = yield* begin(through(mqtt)(responding))
  yield* TestClock.adjust(roundTrip)
  return fiber
})

/** A responder without this library, which always gives the same answer. */
const answersWith = (kit: Kit, payload: string | Uint8Array, properties: MqttClient.PublishProperties = {}) =>
  Effect.flatMap(kit.connect({ clientId: responderName }), (mqtt) => {
    const responding = mqtt.respond("devices/+/restart", () => Effect.succeed({ payload, properties }))
    return Effect.andThen(Effect.forkScoped(responding, { startImmediately: true }), TestClock.adjust(roundTrip))
  })

const ask = (mqtt: Client) => complete(through(mqtt)(Restart.request({ device: 7 }, { isForced: false })))

/** Requests, or answers, that reached the broker. */
const published = (kit: Kit, isRequest: boolean) =>
  Effect.map(
    kit.broker.messages,
    (messages) =>
      messages.filter(({ topic, properties }) =>
        isRequest ? properties.responseTopic !== undefined : topic.startsWith("response/")
      )
  )

const saysOf = ({ contentType, payloadFormatIndicator, userProperties }: Properties): Properties => ({
  contentType,
  payloadFormatIndicator,
  userProperties
})

/** The codes with which the responder acknowledged requests so far. */
const acknowledgements = (kit: Kit) =>
  Effect.andThen(
    TestClock.adjust(2 * roundTrip),
    Effect.map(sent(kit, "Puback", responderName), (packets) => packets.map(({ reasonCode }) => reasonCode))
  )

/** Warnings and errors, as they are logged. */
const logging = <A, E, R>(effect: Effect.Effect<A, E, R>, logged: Array<string>) =>
  effect.pipe(
    Effect.provide(Logger.layer([Logger.make(({ logLevel, message }) => logged.push(`${logLevel}: ${message}`))])),
    Effect.provideService(References.MinimumLogLevel, "Warn")
  )

const succeed = () => Effect.succeed({ version: "1.2.0" })

/** Of an `MqttError`: why it is. */
const tagOf = (error: unknown): string => error instanceof MqttError.MqttError ? error.reason._tag : String(error)

const decodeErrorOf = (error: unknown): MqttError.MqttDecodeError =>
  error instanceof MqttError.MqttDecodeError ? error : assert.fail(String(error))

describe("request and respond", () => {
  scenario("both messages say what they are, and the answer is decoded", {}, (kit) =>
    Effect.gen(function*() {
      const seen: Array<MqttTopic.Received<{ readonly device: number }, { readonly isForced: boolean }>> = []
      yield* responds(
        kit,
        Restart.respond((received) => {
          seen.push(received)
          return Effect.succeed({ version: "1.2.0" })
        })
      )
      const mqtt = yield* kit.connect()
      const answer = yield* complete(
        through(mqtt)(
          Restart.request({ device: 7 }, { isForced: true }, {
            qos: 2,
            properties: { userProperties: [["from", "test"]] }
          })
        )
      )
      assert.deepStrictEqual(answer, { version: "1.2.0" })
      const [{ message, parameters, payload }] = seen
      assert.deepStrictEqual([parameters, payload], [{ device: 7 }, { isForced: true }])
      assert.strictEqual(message.topic, "devices/7/restart")
      assert.strictEqual(message.qos, 2)
      const described = { contentType: "application/json", payloadFormatIndicator: 1 } as const
      const [request] = yield* published(kit, true)
      assert.deepStrictEqual(saysOf(request.properties), { ...described, userProperties: [["from", "test"]] })
      const [given] = yield* published(kit, false)
      assert.deepStrictEqual(saysOf(given.properties), { ...described, userProperties: undefined })
      assert.strictEqual(given.qos, 2)
      yield* TestClock.adjust(2 * roundTrip)
    }))

  scenario("what the options say of a request wins", {}, (kit) =>
    Effect.gen(function*() {
      yield* responds(kit, Restart.respond(succeed))
      const mqtt = yield* kit.connect()
      yield* complete(
        through(mqtt)(
          Restart.request({ device: 7 }, { isForced: true }, { properties: { contentType: "application/own" } })
        )
      )
      const [request] = yield* published(kit, true)
      assert.strictEqual(request.properties.contentType, "application/own")
      assert.strictEqual(request.properties.payloadFormatIndicator, 1)
    }))

  scenario(
    "the failure of the handler is that of the request, and the responder goes on",
    {},
    (kit) =>
      Effect.gen(function*() {
        const responding = Restart.respond(({ payload }) => payload.isForced ? succeed() : Effect.fail(busy))
        const fiber = yield* responds(kit, responding)
        const mqtt = yield* kit.connect()
        const failure = yield* Effect.flip(ask(mqtt))
        assert.instanceOf(failure, Busy)
        assert.deepStrictEqual(failure, busy)
        const [given] = yield* published(kit, false)
        assert.deepStrictEqual(saysOf(given.properties), {
          contentType: "application/json",
          payloadFormatIndicator: 1,
          userProperties: [["answer-kind", "failure"]]
        })
        assert.deepStrictEqual(yield* acknowledgements(kit), [0x00])
        const answer = yield* complete(through(mqtt)(Restart.request({ device: 7 }, { isForced: true })))
        assert.deepStrictEqual(answer, { version: "1.2.0" })
        assert.isUndefined(fiber.pollUnsafe())
      })
  )

  scenario("bytes are no text", {}, (kit) =>
    Effect.gen(function*() {
      const Bytes = MqttTopic.makeRequest("bytes", { payload: MqttTopic.bytes, answer: MqttTopic.bytes })
      yield* responds(kit, Bytes.respond(({ payload }) => Effect.succeed(payload.toReversed())))
      const mqtt = yield* kit.connect()
      const answer = yield* complete(through(mqtt)(Bytes.request({}, Uint8Array.of(1, 0xff))))
      assert.deepStrictEqual(Array.from(answer), [0xff, 1])
      for (const { properties } of [...yield* published(kit, true), ...yield* published(kit, false)]) {
        assert.deepStrictEqual(saysOf(properties), {
          contentType: "application/octet-stream",
          payloadFormatIndicator: undefined,
          userProperties: undefined
        })
      }
    }))

  scenario("members of a share answer each request once", {}, (kit) =>
    Effect.gen(function*() {
      const answered: Array<string> = []
      for (const name of ["Ada", "Grace"]) {
        yield* responds(
          kit,
          Restart.respond(() => {
            answered.push(name)
            return Effect.succeed({ version: name })
          }, { share: "workers" }),
          name
        )
      }
      const mqtt = yield* kit.connect()
      const asking = through(mqtt)(Restart.request({ device: 7 }, { isForced: false }))
      const answers = yield* complete(Effect.replicateEffect(asking, 6))
      assert.deepStrictEqual(answers.map(({ version }) => version).toSorted(), answered.toSorted())
      assert.strictEqual(answered.length, 6)
      assert.deepStrictEqual([...new Set(answered)].toSorted(), ["Ada", "Grace"])
      const subscribed = yield* sent(kit, "Subscribe", "Ada")
      assert.deepStrictEqual(
        subscribed.flatMap(({ subscriptions }) => subscriptions.map(({ topicFilter }) => topicFilter)),
        ["$share/workers/devices/+/restart"]
      )
      const wrong = yield* Effect.flip(through(mqtt)(Restart.respond(succeed, { share: "a/b" })))
      assert.strictEqual(tagOf(wrong), "InvalidRequest")
    }))

  scenario("the other options are those of the client", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const timeout = through(mqtt)(
        Restart.request({ device: 7 }, { isForced: false }, { qos: 0, timeout: "1 second" })
      )
      assert.strictEqual(tagOf(yield* Effect.flip(complete(timeout))), "RequestTimeout")
      yield* responds(kit, Restart.respond(succeed, { responseTopics: "elsewhere/#" }))
      yield* logging(Effect.flip(complete(timeout)), [])
      assert.deepStrictEqual(yield* published(kit, false), [])
    }))
})

describe("what cannot be encoded", () => {
  scenario("is not asked", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const Text = MqttTopic.makeRequest("t/{name}", { payload: MqttTopic.text, answer: MqttTopic.text })
      const failures = yield* Effect.all([
        Effect.flip(Text.request({ name: "#" }, "a")),
        Effect.flip(Text.request({ name: "a" }, "\ud800"))
      ]).pipe(through(mqtt))
      assert.deepStrictEqual(
        failures.map((failure) => failure._tag === "MqttEncodeError" ? failure.part : failure._tag),
        ["parameters", "payload"]
      )
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* sent(kit, "Publish"), [])
    }))

  const Text = MqttTopic.makeRequest("t", {
    payload: MqttTopic.text,
    answer: MqttTopic.text,
    failure: MqttTopic.text
  })
  const handlers = {
    answer: () => Effect.succeed("\ud800"),
    failure: () => Effect.fail("\ud800")
  }
  for (const part of ["answer", "failure"] as const) {
    scenario(`is a failure of the handler: the ${part}`, {}, (kit) =>
      Effect.gen(function*() {
        const fiber = yield* responds(kit, Text.respond(handlers[part]))
        const mqtt = yield* kit.connect()
        const asking = yield* begin(through(mqtt)(Text.request({}, "a", { timeout: "1 second", qos: 0 })))
        const failure = yield* Effect.flip(complete(Fiber.join(fiber)))
        assert.strictEqual(failure._tag, "MqttEncodeError")
        if (failure._tag === "MqttEncodeError") assert.strictEqual(failure.part, part)
        assert.match(failure.message, new RegExp(`^The ${part} for "t" cannot be encoded: It holds a lone surrogate`))
        assert.strictEqual(tagOf(yield* Effect.flip(complete(Fiber.join(asking)))), "RequestTimeout")
      }))
  }
})

describe("any other failure of the handler", () => {
  const Broken = MqttTopic.makeRequest("devices/{device}/restart", {
    payload: MqttTopic.text,
    answer: MqttTopic.text,
    failure: MqttTopic.json(Schema.Unknown)
  })

  scenario("is that of a consumer", { leavesUnfinished: true }, (kit) =>
    Effect.gen(function*() {
      const fiber = yield* responds(kit, Restart.respond(() => Effect.fail("broken" as const)))
      const mqtt = yield* kit.connect()
      const asking = yield* begin(Effect.flip(ask(mqtt)))
      assert.strictEqual(yield* Effect.flip(complete(Fiber.join(fiber))), "broken")
      assert.strictEqual(tagOf(yield* complete(Fiber.join(asking))), "RequestTimeout")
      assert.deepStrictEqual(yield* published(kit, false), [])
    }))

  scenario("is that of a consumer where there is no schema for it", {}, (kit) =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      yield* responds(kit, logging(Other.respond(() => Effect.fail(busy), { onFailure: "reject" }), logged))
      const mqtt = yield* kit.connect()
      const asking = complete(through(mqtt)(Other.request({ device: "7" }, "a", { timeout: "1 second" })))
      assert.strictEqual(tagOf(yield* Effect.flip(asking)), "RequestTimeout")
      assert.deepStrictEqual(yield* acknowledgements(kit), [0x80])
      assert.match(logged.join(), /A message handler failed/)
    }))

  scenario("a refusal is none for the other side, whatever its schema takes", {}, (kit) =>
    Effect.gen(function*() {
      yield* responds(kit, Broken.respond(() => Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x87 }))))
      const mqtt = yield* kit.connect()
      const asking = complete(through(mqtt)(Broken.request({ device: "7" }, "a", { timeout: "1 second" })))
      const failure = yield* Effect.flip(asking)
      assert.strictEqual(tagOf(failure), "RequestTimeout")
      assert.deepStrictEqual(yield* acknowledgements(kit), [0x87])
    }))
})

describe("a request that does not decode", () => {
  const askOther = (mqtt: Client, device = "7") =>
    complete(through(mqtt)(Other.request({ device }, "restart!", { timeout: "1 second" })))

  scenario("is logged, acknowledged, and who asked is told", {}, (kit) =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const fiber = yield* responds(kit, logging(Restart.respond(() => assert.fail("it was handled")), logged))
      const mqtt = yield* kit.connect()
      const error = decodeErrorOf(yield* Effect.flip(askOther(mqtt)))
      assert.strictEqual(error.part, "request")
      assert.strictEqual(error.topic, "devices/7/restart")
      assert.match(
        error.message,
        /^The request of "devices\/7\/restart" cannot be decoded: The responder says: payload: .*; give both sides the same template and the same schemas$/
      )
      assert.notInclude(error.message, "restart!")
      const [given] = yield* published(kit, false)
      assert.deepStrictEqual(saysOf(given.properties), {
        contentType: "text/plain; charset=utf-8",
        payloadFormatIndicator: 1,
        userProperties: [["answer-kind", "invalid"]]
      })
      assert.deepStrictEqual(yield* acknowledgements(kit), [0x00])
      assert.strictEqual(logged.length, 1)
      assert.match(logged[0], /^Warn: The payload of "devices\/7\/restart" cannot be decoded/)
      assert.isUndefined(fiber.pollUnsafe())

      const secret = through(mqtt)(Other.request({ device: "7" }, "{\"isForced\":\"hunter2\"}"))
      const { message } = decodeErrorOf(yield* Effect.flip(complete(secret)))
      assert.match(message, /The responder says: payload: Expected boolean/)
      assert.notInclude(message, "hunter2")
      const parameter = decodeErrorOf(yield* Effect.flip(askOther(mqtt, "seven")))
      assert.match(parameter.message, /The responder says: device: /)
    }))

  scenario("goes where `onInvalid` says", {}, (kit) =>
    Effect.gen(function*() {
      const put: Array<MqttTopic.Invalid> = []
      const onInvalid = (invalid: MqttTopic.Invalid) => Effect.sync(() => put.push(invalid))
      yield* responds(kit, Restart.respond(succeed, { onInvalid }))
      const mqtt = yield* kit.connect()
      assert.strictEqual(decodeErrorOf(yield* Effect.flip(askOther(mqtt))).part, "request")
      assert.deepStrictEqual(put.map(({ error, message }) => [error.part, message.text]), [["payload", "restart!"]])
    }))

  scenario(
    "becomes a dead letter, and who asked is told also when it cannot become one",
    {},
    (kit) =>
      Effect.gen(function*() {
        const logged: Array<string> = []
        const responding = Restart.respond(succeed, { onInvalid: { deadLetter: "dead" } })
        yield* responds(kit, logging(responding, logged))
        const mqtt = yield* kit.connect()
        assert.strictEqual(decodeErrorOf(yield* Effect.flip(askOther(mqtt))).part, "request")
        const dead = (yield* kit.broker.messages).filter(({ topic }) => topic === "dead")
        assert.deepStrictEqual(dead.map(({ payload }) => new TextDecoder().decode(payload)), ["restart!"])
        // A dead letter is never made a dead letter again.
        const asking = through(mqtt)(
          Other.request({ device: "7" }, "restart!", { properties: { userProperties: [["original-topic", "x"]] } })
        )
        assert.strictEqual(decodeErrorOf(yield* Effect.flip(complete(asking))).part, "request")
        assert.match(logged.join(), /could not become a dead letter/)
        assert.deepStrictEqual(yield* acknowledgements(kit), [0x00, 0x00])
        const refused = yield* Effect.flip(
          through(mqtt)(Restart.respond(succeed, { onInvalid: { deadLetter: "devices/a/restart" } }))
        )
        assert.strictEqual(tagOf(refused), "InvalidOptions")
      })
  )

  scenario("is not answered when its place refuses it", {}, (kit) =>
    Effect.gen(function*() {
      const refusal = new MqttError.MqttRejected({ reasonCode: 0x83 })
      yield* responds(kit, Restart.respond(succeed, { onInvalid: () => Effect.fail(refusal) }))
      const mqtt = yield* kit.connect()
      assert.strictEqual(tagOf(yield* Effect.flip(askOther(mqtt))), "RequestTimeout")
      assert.deepStrictEqual(yield* acknowledgements(kit), [0x83])
      assert.deepStrictEqual(yield* published(kit, false), [])
    }))

  scenario("ends the responder when its place fails", { leavesUnfinished: true }, (kit) =>
    Effect.gen(function*() {
      const fiber = yield* responds(kit, Restart.respond(succeed, { onInvalid: () => Effect.fail("full" as const) }))
      const mqtt = yield* kit.connect()
      const asking = yield* begin(Effect.exit(askOther(mqtt)))
      assert.strictEqual(yield* Effect.flip(complete(Fiber.join(fiber))), "full")
      assert.isTrue(Exit.isFailure(yield* complete(Fiber.join(asking))))
    }))

  scenario("says nothing of what was thrown", {}, (kit) =>
    Effect.gen(function*() {
      const Dying = MqttTopic.makeRequest("devices/{device}/restart", {
        payload: Schema.String.check(Schema.makeFilter(() => {
          throw new Error("secret")
        })),
        answer: MqttTopic.text
      })
      yield* responds(kit, logging(Dying.respond(() => Effect.succeed("a")), []))
      const mqtt = yield* kit.connect()
      const { message } = decodeErrorOf(yield* Effect.flip(askOther(mqtt)))
      assert.match(message, /The responder says: payload: It cannot be decoded; give/)
    }))
})

describe("a responder without this library", () => {
  scenario("answers with plain bytes", {}, (kit) =>
    Effect.gen(function*() {
      yield* answersWith(kit, new TextEncoder().encode("{\"version\":\"0.9\",\"model\":\"x\"}"))
      const mqtt = yield* kit.connect()
      assert.deepStrictEqual(yield* ask(mqtt), { version: "0.9" })
    }))

  scenario("may say whatever else it likes", {}, (kit) =>
    Effect.gen(function*() {
      yield* answersWith(kit, "{\"version\":\"0.9\"}", {
        contentType: "text/html",
        userProperties: [["status", "failure"], ["answer-kind", "excellent"], ["answer-kind", "failure"]]
      })
      const mqtt = yield* kit.connect()
      assert.deepStrictEqual(yield* ask(mqtt), { version: "0.9" })
    }))

  scenario("can fail, if it says so", {}, (kit) =>
    Effect.gen(function*() {
      yield* answersWith(kit, "{\"_tag\":\"Busy\",\"until\":\"1970-01-01T00:00:00.000Z\"}", {
        userProperties: [["answer-kind", "failure"]]
      })
      const mqtt = yield* kit.connect()
      assert.deepStrictEqual(yield* Effect.flip(ask(mqtt)), busy)
      const unexpected = decodeErrorOf(
        yield* Effect.flip(complete(through(mqtt)(Other.request({ device: "7" }, "a"))))
      )
      assert.strictEqual(unexpected.part, "failure")
      assert.match(
        unexpected.message,
        /^The failure of "devices\/7\/restart" cannot be decoded: .*give the request a `failure`/
      )
    }))

  const undecodable: ReadonlyArray<readonly [part: string, payload: string | Uint8Array, kind?: string]> = [
    ["answer", "{\"version\":1}"],
    ["answer", ""],
    ["answer", Uint8Array.of(0xff)],
    ["failure", "{\"_tag\":\"Idle\"}", "failure"]
  ]
  for (const [index, [part, payload, kind]] of undecodable.entries()) {
    scenario(`what does not decode is the ${part} (${index})`, {}, (kit) =>
      Effect.gen(function*() {
        yield* answersWith(kit, payload, kind === undefined ? {} : { userProperties: [["answer-kind", kind]] })
        const mqtt = yield* kit.connect()
        const error = decodeErrorOf(yield* Effect.flip(ask(mqtt)))
        assert.strictEqual(error.part, part)
        assert.strictEqual(error.topic, "devices/7/restart")
      }))
  }

  scenario("cannot write into a log with what it says", {}, (kit) =>
    Effect.gen(function*() {
      yield* answersWith(kit, "\u001b[2J\n", { userProperties: [["answer-kind", "invalid"]] })
      const mqtt = yield* kit.connect()
      const error = decodeErrorOf(yield* Effect.flip(ask(mqtt)))
      assert.strictEqual(error.part, "request")
      assert.match(error.message, /The responder says: \\x1b\[2J\\x0a;/)
    }))

  scenario("is understood by one without types too", {}, (kit) =>
    Effect.gen(function*() {
      yield* responds(kit, Restart.respond(succeed))
      const mqtt = yield* kit.connect()
      const answer: MqttMessage = yield* complete(mqtt.request("devices/7/restart", "{\"isForced\":false}"))
      assert.strictEqual(answer.text, "{\"version\":\"1.2.0\"}")
    }))
})

describe("MQTT 3.1.1", () => {
  scenario("has no requests, and the error says so", { versions: ["3.1.1"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      for (
        const failure of [
          yield* Effect.flip(ask(mqtt)),
          yield* Effect.flip(complete(through(mqtt)(Restart.respond(succeed))))
        ]
      ) {
        assert.strictEqual(tagOf(failure), "InvalidRequest")
        assert.match(failure.message, /connect with protocolVersion: "5.0"/)
      }
      assert.deepStrictEqual(yield* sent(kit, "Publish"), [])
    }))
})
