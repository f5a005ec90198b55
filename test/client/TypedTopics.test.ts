import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Option, References, Schema, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { MqttClient, MqttError, MqttTopic } from "../../src/index.ts"
import { accepted, type Client, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

const Temperature = MqttTopic.make("site/{site}/temperature", {
  payload: MqttTopic.json(Schema.Struct({ celsius: Schema.Finite }))
})

const good = (celsius: number) => `{"celsius":${celsius}}`

/** No UTF-8. */
const bad = Uint8Array.of(0xff, 0x00, 0xfe)

const through = (mqtt: Client) => Effect.provideService(MqttClient.MqttClient, mqtt)

/** Warnings and errors, as they are logged. */
const logging = <A, E, R>(effect: Effect.Effect<A, E, R>, logged: Array<string>) =>
  effect.pipe(
    Effect.provide(Logger.layer([Logger.make(({ logLevel, message }) => logged.push(`${logLevel}: ${message}`))])),
    Effect.provideService(References.MinimumLogLevel, "Warn")
  )

const publishTo = ({ broker }: Kit, ...payloads: ReadonlyArray<string | Uint8Array>) =>
  Effect.andThen(
    Effect.forEach(payloads, (payload) => broker.publish("site/north/temperature", payload, { qos: 1 })),
    TestClock.adjust(3 * roundTrip)
  )

/** Keeps what a stream delivers. */
const collect = Effect.fnUntraced(function*<A, E>(stream: Stream.Stream<A, E>) {
  const all: Array<A> = []
  const fiber = yield* stream.pipe(
    Stream.runForEach((one) => Effect.sync(() => all.push(one))),
    Effect.forkScoped({ startImmediately: true })
  )
  return { all, fiber }
})

/** The codes of the PUBACKs so far. */
const answers = (kit: Kit) => Effect.map(sent(kit, "Puback"), (packets) => packets.map(({ reasonCode }) => reasonCode))

const celsius = (all: ReadonlyArray<{ readonly payload: { readonly celsius: number } }>) =>
  all.map(({ payload }) => payload.celsius)

describe("publish", () => {
  scenario("in 5.0 a message says what it is, in 3.1.1 it goes without", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const Bytes = MqttTopic.make("bytes", { payload: MqttTopic.bytes })
      const Text = MqttTopic.make("text", { payload: Schema.FiniteFromString })
      const Own = MqttTopic.make("own", {
        payload: MqttTopic.codec(Schema.Uint8Array, { contentType: "application/cbor" })
      })
      yield* complete(
        Effect.all([
          Temperature.publish({ site: "north" }, { celsius: 21.5 }, { qos: 1 }),
          Bytes.publish({}, Uint8Array.of(1), { qos: 1 }),
          Text.publish({}, 7, { qos: 1 }),
          Own.publish({}, Uint8Array.of(2), { qos: 1 })
        ]).pipe(through(mqtt))
      )
      const packets = yield* sent(kit, "Publish")
      assert.deepStrictEqual(packets.map(({ topic }) => topic), ["site/north/temperature", "bytes", "text", "own"])
      assert.deepStrictEqual(yield* accepted(kit), ["{\"celsius\":21.5}", "\u0001", "7", "\u0002"])
      const described = [
        { contentType: "application/json", payloadFormatIndicator: 1 },
        { contentType: "application/octet-stream" },
        { contentType: "text/plain; charset=utf-8", payloadFormatIndicator: 1 },
        { contentType: "application/cbor" }
      ]
      for (const [index, { properties }] of packets.entries()) {
        const { contentType, payloadFormatIndicator } = properties
        const expected = kit.version === "5.0" ? described[index] : {}
        assert.deepStrictEqual({ contentType: undefined, payloadFormatIndicator: undefined, ...expected }, {
          contentType,
          payloadFormatIndicator
        })
      }
    }))

  scenario("properties of the options win, and are refused in 3.1.1", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const exit = yield* Temperature.publish({ site: "a" }, { celsius: 1 }, {
        qos: 1,
        properties: { contentType: "application/senml+json", userProperties: [["a", "b"]] }
      }).pipe(through(mqtt), Effect.exit, complete)
      assert.strictEqual(Exit.isSuccess(exit), kit.version === "5.0")
      for (const { properties } of yield* sent(kit, "Publish")) {
        assert.strictEqual(properties.contentType, "application/senml+json")
        assert.deepStrictEqual(properties.userProperties, [["a", "b"]])
        assert.strictEqual(properties.payloadFormatIndicator, 1)
      }
    }))

  scenario("what waits for a server that turns out to speak 3.1.1 goes without properties", {
    versions: ["3.1.1"],
    broker: { versions: ["3.1.1"] }
  }, (kit) =>
    Effect.gen(function*() {
      const connecting = yield* kit.start({ protocolVersion: "auto", initialConnection: "retry" })
      yield* TestClock.adjust(1)
      const mqtt = yield* Fiber.join(connecting)
      const publishing = yield* begin(through(mqtt)(Temperature.publish({ site: "a" }, { celsius: 1 }, { qos: 1 })))
      yield* complete(Fiber.join(publishing))
      assert.deepStrictEqual(yield* accepted(kit), [good(1)])
    }))

  scenario("what cannot be encoded is not sent", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const Text = MqttTopic.make("t", { payload: MqttTopic.text })
      const failures = yield* Effect.all([
        Effect.flip(Temperature.publish({ site: "#" }, { celsius: 1 })),
        Effect.flip(Temperature.publish({ site: "a" }, { celsius: Number.NaN })),
        Effect.flip(Text.publish({}, "\ud800"))
      ]).pipe(through(mqtt))
      assert.deepStrictEqual(
        failures.map((failure) =>
          failure._tag === "MqttEncodeError" ? [failure.part, failure.parameter] : failure._tag
        ),
        [["parameters", "site"], ["payload", undefined], ["payload", undefined]]
      )
      assert.match(failures[2].message, /lone surrogate/)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* sent(kit, "Publish"), [])
    }))
})

describe("subscribe", () => {
  scenario("messages are decoded, and what does not decode is logged", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const logged: Array<string> = []
      const stream = yield* complete(through(mqtt)(Temperature.subscribe({ qos: 1 })))
      assert.deepStrictEqual(stream.topicFilters, ["site/+/temperature"])
      assert.deepStrictEqual(stream.granted, [1])
      const all: Array<MqttTopic.Received<{ readonly site: string }, { readonly celsius: number }>> = []
      yield* logging(Stream.runForEach(stream, (one) => Effect.sync(() => all.push(one))), logged).pipe(
        Effect.forkScoped({ startImmediately: true })
      )
      yield* publishTo(kit, good(1), bad, "{\"celsius\":\"secret\"}", good(2))
      assert.deepStrictEqual(celsius(all), [1, 2])
      assert.deepStrictEqual(all.map(({ parameters }) => parameters), [{ site: "north" }, { site: "north" }])
      assert.deepStrictEqual(logged.length, 2)
      assert.match(logged[0], /^Warn: The payload of "site\/north\/temperature" cannot be decoded: It is not UTF-8/)
      assert.notInclude(logged.join(), "secret")
      assert.deepStrictEqual(yield* answers(kit), [0, 0, 0, 0])
    }))

  for (const [how, failing] of [["fails", Effect.fail("no")], ["dies", Effect.die("dead")]] as const) {
    scenario(
      `a handler of what does not decode gets it, and one that ${how} does not end the stream`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const handled: Array<MqttTopic.Invalid> = []
          const logged: Array<string> = []
          const onInvalid = (invalid: MqttTopic.Invalid) =>
            Effect.andThen(Effect.sync(() => handled.push(invalid)), failing)
          const all: Array<number> = []
          yield* Temperature.messages({ qos: 1, onInvalid }).pipe(
            Stream.runForEach(({ payload }) => Effect.sync(() => all.push(payload.celsius))),
            through(mqtt),
            (running) => logging(running, logged),
            Effect.forkScoped({ startImmediately: true })
          )
          yield* TestClock.adjust(roundTrip)
          yield* publishTo(kit, bad, good(2), bad, good(4))
          assert.deepStrictEqual(all, [2, 4])
          assert.deepStrictEqual(handled.map(({ message }) => message.payload), [bad, bad])
          assert.strictEqual(handled[0].error.part, "payload")
          assert.deepStrictEqual(logged.map((line) => line.split(":")[0]), ["Error", "Error"])
        })
    )
  }

  scenario(
    "a dead letter is the message as it came, with its topic and what was wrong",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const stream = yield* complete(
          through(mqtt)(Temperature.subscribe({
            qos: 1,
            onInvalid: { deadLetter: "dead/temperature" }
          }))
        )
        const { all } = yield* collect(stream)
        yield* kit.broker.publish("site/north/temperature", bad, {
          qos: 1,
          properties: { contentType: "application/json", payloadFormatIndicator: 1, userProperties: [["from", "7"]] }
        })
        yield* publishTo(kit, good(2))
        const [letter, ...others] = yield* sent(kit, "Publish")
        assert.deepStrictEqual(others, [])
        assert.strictEqual(letter.topic, "dead/temperature")
        assert.strictEqual(letter.qos, 1)
        assert.isFalse(letter.retain)
        assert.deepStrictEqual(Uint8Array.from(letter.payload), bad)
        assert.deepStrictEqual(
          letter.properties,
          kit.version === "3.1.1" ? letter.properties : {
            contentType: "application/json",
            userProperties: [
              ["from", "7"],
              ["original-topic", "site/north/temperature"],
              ["error", "The payload of \"site/north/temperature\" cannot be decoded: It is not UTF-8"]
            ]
          }
        )
        assert.deepStrictEqual(celsius(all), [2])
      })
  )

  scenario("the topic of a dead letter may depend on the message; what is wrong holds no control character", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const stream = yield* complete(
        through(mqtt)(Temperature.subscribe({
          onInvalid: { deadLetter: ({ message }) => `dead/${message.topic}`, qos: 1, retain: true }
        }))
      )
      yield* collect(stream)
      yield* publishTo(kit, "{\"celsius\":\"warm\"}")
      const [letter] = yield* sent(kit, "Publish")
      assert.deepStrictEqual([letter.topic, letter.qos, letter.retain], ["dead/site/north/temperature", 1, true])
      const error = letter.properties.userProperties?.find(([name]) => name === "error")?.[1] ?? "none"
      assert.match(error, /celsius/)
      assert.notMatch(error, /\p{Control}/u)
    }))

  scenario(
    "security 21: a flood of bad messages has ten lines in the log in ten seconds, all harmless",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const logged: Array<string> = []
        const stream = yield* complete(through(mqtt)(Temperature.subscribe()))
        yield* logging(Stream.runDrain(stream), logged).pipe(Effect.forkScoped({ startImmediately: true }))
        yield* publishTo(kit, ...Array.from({ length: 200 }, () => "\u001b[2J\n".repeat(1000)))
        assert.lengthOf(logged, 10)
        assert.isEmpty(logged.filter((line) => /\p{Control}/u.test(line) || line.length > 1000))
        yield* TestClock.adjust("10 seconds")
        yield* publishTo(kit, bad)
        assert.lengthOf(logged, 11)
      })
  )

  scenario("dead letters that would come back are refused at once, or logged", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      for (const deadLetter of ["site/dead/temperature", "dead/+", ""]) {
        const failure = yield* Temperature.subscribe({ onInvalid: { deadLetter } }).pipe(Effect.flip, through(mqtt))
        assert.strictEqual(failure.reason._tag, "InvalidOptions")
      }
      const logged: Array<string> = []
      const stream = yield* complete(
        through(mqtt)(Temperature.subscribe({
          onInvalid: { deadLetter: () => "site/dead/temperature" }
        }))
      )
      yield* logging(Stream.runDrain(stream), logged).pipe(Effect.forkScoped({ startImmediately: true }))
      yield* publishTo(kit, bad)
      assert.deepStrictEqual(yield* sent(kit, "Publish"), [])
      assert.strictEqual(logged.length, 1)
    }))

  scenario(
    "with `share` it is a member of a Shared Subscription",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const members = yield* Effect.forEach(["one", "two"], (clientId) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect({ clientId })
            const stream = yield* complete(through(mqtt)(Temperature.subscribe({ share: "workers" })))
            assert.deepStrictEqual(stream.topicFilters, ["$share/workers/site/+/temperature"])
            return (yield* collect(stream)).all
          }))
        yield* publishTo(kit, good(1), good(2), good(3), good(4))
        assert.deepStrictEqual(members.map((all) => all.length), [2, 2])
        const mqtt = yield* kit.connect({ clientId: "three" })
        const failure = yield* Temperature.subscribe({ share: "a/b" }).pipe(Effect.flip, through(mqtt))
        assert.strictEqual(failure.reason._tag, "InvalidRequest")
      })
  )

  scenario(
    "failures are a stream of their own, which is bounded and counts what it drops",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { failures, failuresDropped, messages } = yield* complete(
          through(mqtt)(Temperature.subscribeWithFailures({ qos: 1, failures: 2 }))
        )
        assert.deepStrictEqual(messages.granted, [1])
        const { all } = yield* collect(messages)
        yield* publishTo(kit, "1", "2", good(1), "3", "4", "5", good(2))
        assert.deepStrictEqual(celsius(all), [1, 2])
        assert.strictEqual(yield* failuresDropped, 3)
        const failed = yield* collect(failures)
        yield* publishTo(kit, "6")
        assert.deepStrictEqual(failed.all.map(({ message }) => message.text), ["4", "5", "6"])
        assert.strictEqual(yield* failuresDropped, 3)
        assert.isUndefined(failed.fiber.pollUnsafe())
        yield* complete(mqtt.disconnect)
        assert.isTrue(Exit.isSuccess(yield* complete(Fiber.await(failed.fiber))))
      })
  )

  scenario("it goes on after a lost connection", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { all } = yield* collect(yield* complete(through(mqtt)(Temperature.subscribe({ qos: 1 }))))
      yield* publishTo(kit, good(1), bad)
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected + 2 * roundTrip)
      yield* publishTo(kit, good(2))
      assert.deepStrictEqual(celsius(all), [1, 2])
    }))
})

describe("consume", () => {
  /** Begins to consume and waits until the subscription is there. */
  const consuming = <A, E>(mqtt: Client, effect: Effect.Effect<A, E, MqttClient.MqttClient>) =>
    Effect.tap(begin(through(mqtt)(effect)), () => TestClock.adjust(roundTrip))

  const ignore = () => Effect.void

  scenario("what does not decode is refused with 0x99, and it goes on", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const handled: Array<number> = []
      const consumer = yield* consuming(
        mqtt,
        Temperature.consume(({ payload }) => Effect.sync(() => handled.push(payload.celsius)))
      )
      yield* publishTo(kit, good(1), bad, good(2))
      assert.deepStrictEqual(handled, [1, 2])
      assert.deepStrictEqual(yield* answers(kit), kit.version === "5.0" ? [0, 0x99, 0] : [0, 0, 0])
      yield* Fiber.interrupt(consumer)
      yield* TestClock.adjust(roundTrip)
    }))

  scenario("it is acknowledged when its handler is done with it", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const consumer = yield* consuming(
        mqtt,
        Temperature.consume(ignore, { onInvalid: () => Effect.sleep("1 second") })
      )
      yield* publishTo(kit, bad)
      assert.deepStrictEqual(yield* answers(kit), [])
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(yield* answers(kit), [0])
      yield* Fiber.interrupt(consumer)
      yield* TestClock.adjust(roundTrip)
    }))

  scenario("it is acknowledged when its dead letter was", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const consumer = yield* consuming(mqtt, Temperature.consume(ignore, { onInvalid: { deadLetter: "dead" } }))
      yield* kit.broker.holdAcknowledgements()
      yield* kit.broker.publish("site/north/temperature", bad, { qos: 1 })
      yield* TestClock.adjust(2 * roundTrip)
      assert.strictEqual((yield* sent(kit, "Publish")).length, 1)
      assert.deepStrictEqual(yield* answers(kit), [])
      yield* kit.broker.releaseAcknowledgements()
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* answers(kit), [0])
      yield* Fiber.interrupt(consumer)
      yield* TestClock.adjust(roundTrip)
    }))

  const unburied: ReadonlyArray<readonly [what: string, deadLetter: MqttTopic.DeadLetter["deadLetter"]]> = [
    ["the server refuses it", "denied"],
    ["its topic is one of the filter", () => "site/dead/temperature"],
    ["its topic is none", () => "dead/#"],
    ["nothing comes of its topic", () => {
      throw new Error("no topic")
    }]
  ]
  for (const [what, deadLetter] of unburied) {
    scenario(`a consumer goes on when a message cannot become a dead letter: ${what}`, {
      versions: ["5.0"],
      broker: { authorizePublish: ({ topic }) => topic === "denied" ? 0x87 : 0x00 }
    }, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const logged: Array<string> = []
        const handled: Array<unknown> = []
        const consuming = yield* begin(
          logging(
            Effect.exit(
              through(mqtt)(
                Temperature.consume((received) => Effect.sync(() => handled.push(received)), {
                  onInvalid: { deadLetter }
                })
              )
            ),
            logged
          )
        )
        yield* TestClock.adjust(roundTrip)
        yield* publishTo(kit, bad, good(1))
        assert.isUndefined(consuming.pollUnsafe())
        assert.lengthOf(handled, 1)
        assert.deepStrictEqual(yield* answers(kit), [0x99, 0])
        assert.lengthOf(logged, 1)
        assert.match(logged[0], /could not become a dead letter/)
        // Nobody's messages fill the log.
        yield* publishTo(kit, ...Array.from({ length: 30 }, () => bad))
        yield* TestClock.adjust(40 * roundTrip)
        assert.lengthOf(logged, 10)
        yield* Fiber.interrupt(consuming)
        yield* TestClock.adjust(roundTrip)
      }))
  }

  scenario("a dead letter leaves out the properties that do not fit, and one that is too large is logged", {
    versions: ["5.0"],
    broker: { maximumPacketSize: 300 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const consumer = yield* consuming(mqtt, Temperature.consume(ignore, { onInvalid: { deadLetter: "dead" } }))
      const large = (bytes: number) => new Uint8Array(bytes)
      const topic = "site/north/temperature"
      yield* kit.broker.publish(topic, large(10), { qos: 1, properties: { userProperties: [["k", "v"]] } })
      yield* kit.broker.publish(topic, large(10), { qos: 1, properties: { userProperties: [["k", "v".repeat(200)]] } })
      yield* kit.broker.publish(topic, large(200), { qos: 1 })
      yield* kit.broker.publish(topic, large(265), { qos: 1 })
      yield* TestClock.adjust(12 * roundTrip)
      const names = (yield* sent(kit, "Publish")).map(({ properties }) =>
        (properties.userProperties ?? []).map(([name]) => name)
      )
      assert.deepStrictEqual(names, [
        ["k", "original-topic", "error"],
        ["original-topic", "error"],
        ["original-topic"],
        []
      ])
      assert.deepStrictEqual(yield* answers(kit), [0, 0, 0, 0])
      yield* Fiber.interrupt(consumer)
      yield* TestClock.adjust(roundTrip)
    }))

  scenario("a dead letter does not go round between two typed topics", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const One = MqttTopic.make("one/{x}", { payload: Schema.FiniteFromString })
      const Other = MqttTopic.make("other/{x}", { payload: Schema.FiniteFromString })
      yield* begin(through(mqtt)(One.consume(ignore, { onInvalid: { deadLetter: "other/1" } })))
      yield* begin(through(mqtt)(Other.consume(ignore, { onInvalid: { deadLetter: "one/1" } })))
      yield* TestClock.adjust(2 * roundTrip)
      yield* kit.broker.publish("one/2", "no number", { qos: 1 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* sent(kit, "Publish")).map(({ topic }) => topic), ["other/1"])
    }))

  scenario("a handler of what does not decode may refuse it, and one that fails is a handler that fails", {
    versions: ["5.0"],
    leavesUnfinished: true
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const onInvalid = ({ message }: MqttTopic.Invalid) =>
        Effect.fail(
          message.text === "refuse" ? new MqttError.MqttRejected({ reasonCode: 0x83 }) : "full" as const
        )
      const consumer = yield* consuming(mqtt, Temperature.consume(ignore, { onInvalid }))
      yield* publishTo(kit, "refuse", "fail", good(1))
      assert.deepStrictEqual(yield* Fiber.await(consumer), Exit.fail("full" as const))
      assert.deepStrictEqual(yield* answers(kit), [0x83])
      const handled: Array<number> = []
      const next = yield* consuming(
        mqtt,
        Temperature.consume(({ payload }) => Effect.sync(() => handled.push(payload.celsius)), { onInvalid: ignore })
      )
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(handled, [1])
      assert.deepStrictEqual(yield* answers(kit), [0x83, 0, 0])
      yield* Fiber.interrupt(next)
      yield* TestClock.adjust(roundTrip)
    }))
})

describe("latest", () => {
  const topic = "site/north/temperature"
  const current = <A>(ref: SubscriptionRef.SubscriptionRef<Option.Option<A>>) =>
    Option.getOrUndefined(SubscriptionRef.getUnsafe(ref))

  scenario(
    "is the retained value, then the live one, and none after an empty payload",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.broker.publish(topic, good(1), { retain: true })
        const latest = yield* complete(through(mqtt)(Temperature.latest({ site: "north" })))
        const changes = yield* collect(SubscriptionRef.changes(latest))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(current(latest), { celsius: 1 })
        yield* publishTo(kit, good(2))
        assert.deepStrictEqual(current(latest), { celsius: 2 })
        yield* publishTo(kit, bad)
        assert.deepStrictEqual(current(latest), { celsius: 2 })
        yield* kit.broker.publish(topic, "", { retain: true })
        yield* TestClock.adjust(roundTrip)
        assert.isUndefined(current(latest))
        yield* publishTo(kit, good(3))
        assert.deepStrictEqual(current(latest), { celsius: 3 })
        assert.deepStrictEqual(
          changes.all.map((value) => Option.getOrUndefined(value)?.celsius).slice(-4),
          [1, 2, undefined, 3]
        )
      })
  )

  scenario("comes back with the connection, with what was retained meanwhile", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const latest = yield* complete(through(mqtt)(MqttTopic.latest("t", { payload: Schema.FiniteFromString })))
      assert.isUndefined(current(latest))
      yield* kit.network.reset
      yield* kit.broker.publish("t", "5", { qos: 1, retain: true })
      yield* TestClock.adjust(reconnected + 2 * roundTrip)
      assert.strictEqual(current(latest), 5)
    }))

  scenario("asks for QoS 1, and keeps no more than the value", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const latest = yield* complete(through(mqtt)(MqttTopic.latest("t", { payload: MqttTopic.bytes })))
      const [{ subscriptions }] = yield* sent(kit, "Subscribe")
      assert.deepStrictEqual(subscriptions.map(({ qos }) => qos), [1])
      yield* kit.broker.publish("t", "five!")
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(current(latest)?.buffer.byteLength, 5)
    }))

  for (const session of ["clean", "persistent"] as const) {
    scenario(
      `followed again at once it starts with the retained value (${session})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session })
          yield* kit.broker.publish("t", "1", { retain: true })
          const follow = Effect.tap(
            MqttTopic.latest("t", { payload: Schema.FiniteFromString }),
            Effect.sleep(roundTrip)
          )
          yield* complete(through(mqtt)(Effect.asVoid(Effect.scoped(follow))))
          assert.strictEqual(current(yield* complete(through(mqtt)(follow))), 1)
        })
    )
  }

  for (const session of ["clean", "persistent"] as const) {
    for (const how of ["subscribe", "consume"] as const) {
      scenario(
        `beside another subscriber of the topic it starts with the retained value, again and again (${session}, ${how})`,
        {},
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect({ session })
            yield* kit.broker.publish("t", "1", { retain: true })
            const other = how === "subscribe"
              ? yield* begin(Effect.scoped(Effect.flatMap(mqtt.subscribe("t", { qos: 2 }), Stream.runDrain)))
              : yield* begin(mqtt.consume("t", () => Effect.void, { qos: 2 }))
            yield* TestClock.adjust(2 * roundTrip)
            const follow = Effect.tap(
              MqttTopic.latest("t", { payload: Schema.FiniteFromString }),
              Effect.sleep(roundTrip)
            )
            for (let time = 0; time < 3; time++) {
              const value = Effect.scoped(Effect.map(follow, current))
              assert.strictEqual(yield* complete(through(mqtt)(value)), 1)
            }
            const latest = yield* complete(through(mqtt)(follow))
            yield* kit.broker.publish("t", "2", { qos: 1 })
            yield* TestClock.adjust(roundTrip)
            assert.strictEqual(current(latest), 2)
            yield* Fiber.interrupt(other)
          })
      )
    }
  }

  scenario(
    "those who come later have it from those who are there, and ask for nothing",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.broker.publish("t", "1", { retain: true })
        const scope = yield* Scope.make()
        const first = yield* complete(through(mqtt)(Scope.provide(MqttTopic.latest("t"), scope)))
        yield* TestClock.adjust(roundTrip)
        const second = yield* complete(through(mqtt)(MqttTopic.latest("t")))
        assert.strictEqual(current(second), "1")
        assert.lengthOf(yield* sent(kit, "Subscribe"), 1)
        yield* Scope.close(scope, Exit.void)
        yield* kit.broker.publish("t", "2", { retain: true })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual([current(first), current(second)], ["1", "2"])
        const third = yield* complete(through(mqtt)(MqttTopic.latest("t", { payload: MqttTopic.json(Schema.Finite) })))
        assert.strictEqual(current(third), 2)
      })
  )

  scenario(
    "who comes while the first one waits has the retained message, should that one leave without it",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.broker.publish("t", "1", { retain: true })
        yield* kit.broker.delayAnswers(roundTrip)
        const first = yield* begin(through(mqtt)(Effect.scoped(MqttTopic.latest("t"))))
        yield* TestClock.adjust(1.5 * roundTrip)
        const second = yield* begin(through(mqtt)(MqttTopic.latest("t")))
        yield* TestClock.adjust(10 * roundTrip)
        yield* Fiber.join(first)
        assert.strictEqual(current(yield* Fiber.join(second)), "1")
      })
  )

  scenario("nobody is asked who has left", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.publish("t", "1", { retain: true })
      yield* complete(through(mqtt)(Effect.scoped(Effect.andThen(MqttTopic.latest("t"), Effect.sleep(roundTrip)))))
      yield* TestClock.adjust(2 * roundTrip)
      yield* kit.broker.publish("t", "", { retain: true })
      const latest = yield* complete(through(mqtt)(MqttTopic.latest("t")))
      yield* TestClock.adjust(roundTrip)
      assert.isUndefined(current(latest))
    }))

  scenario("a filter is not a topic", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const failure = yield* MqttTopic.latest("t/+").pipe(Effect.flip, through(mqtt))
      assert.strictEqual(failure.reason._tag, "InvalidRequest")
    }))

  scenario(
    "a subscription that the server refuses later is logged",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const logged: Array<string> = []
        yield* complete(logging(through(mqtt)(MqttTopic.latest("t")), logged))
        yield* kit.broker.refuseSubscribe(0x87)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected + 2 * roundTrip)
        assert.match(
          logged.join(),
          /^Error: The latest value is not followed any more: The server refused the subscription/
        )
      })
  )
})
