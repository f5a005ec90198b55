/**
 * Typed topics with schemas of Effect 3. What they do with the network is the main package's, and tested there.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Context,
  Duration,
  Effect,
  Either,
  Exit,
  Fiber,
  Layer,
  Option,
  ParseResult,
  Queue,
  Ref,
  Schedule,
  Schema,
  Stream,
  TestClock
} from "effect"
import { MqttClient, MqttError, MqttTopic } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import { expectTypeOf } from "vitest"

const brokerAndClient = MqttClient.layer({ clientId: "client" }).pipe(
  Layer.provideMerge(MemoryBroker.layer({ latency: 0, connectDelay: 0 }))
)

const payload = MqttTopic.text

const Reading = Schema.Struct({
  celsius: Schema.Finite,
  unit: Schema.optional(Schema.Union(Schema.Literal("C"), Schema.Literal("F"), Schema.Number)),
  secret: Schema.optional(Schema.NumberFromString)
})

const Temperature = MqttTopic.make("site/{site}/temperature/{sensor}", {
  sensor: Schema.NumberFromString,
  payload: MqttTopic.json(Reading)
})

const Files = MqttTopic.make("files/{owner}/{path...}", { payload })

/** Lets what is under way come to its end: time stands still. */
const settle = TestClock.adjust(0)

/** Publishes a payload that no typed topic would. */
const publishRaw = (topic: string, text: string) =>
  Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publish(topic, text, { qos: 1 }))

describe("the template", () => {
  it("its names are the parameters, with the types of their schemas", () => {
    expectTypeOf(Temperature.topic).parameter(0).toEqualTypeOf<{ readonly site: string; readonly sensor: number }>()
    expectTypeOf(Files.topic).parameter(0).toEqualTypeOf<
      { readonly owner: string; readonly path: ReadonlyArray<string> }
    >()
    expectTypeOf(MqttTopic.make("a", { payload }).topic).parameter(0).toEqualTypeOf<{}>()
    expectTypeOf(Temperature.publish).parameter(1).toEqualTypeOf<Schema.Schema.Type<typeof Reading>>()
    const versions = MqttTopic.make("{version}", {
      version: Schema.Literal("v1", "v2"),
      payload: Schema.Uint8ArrayFromSelf
    })
    expectTypeOf(versions.topic).parameter(0).toEqualTypeOf<{ readonly version: "v1" | "v2" }>()
    expectTypeOf(versions.publish).parameter(1).toEqualTypeOf<Uint8Array>()
  })

  it("mistakes do not compile", () => {
    // Nothing here is run.
    const mistakes = () => [
      // @ts-expect-error the template has no {c}
      MqttTopic.make("a/{b}", { c: Schema.String, payload }),
      // @ts-expect-error a level is text
      MqttTopic.make("a/{b}", { b: Schema.Finite, payload }),
      // @ts-expect-error several levels are an array
      MqttTopic.make("a/{b...}", { b: Schema.String, payload }),
      // @ts-expect-error a number is neither text nor bytes
      MqttTopic.make("a", { payload: Schema.Finite }),
      // @ts-expect-error a template has no wildcards
      MqttTopic.make("a/+", { payload }),
      // @ts-expect-error the payload is missing
      MqttTopic.make("a", {}),
      // @ts-expect-error a level's schema needs no services
      MqttTopic.make("a/{b}", { b: Translated, payload }),
      // @ts-expect-error celsius is a number
      Temperature.publish({ site: "north", sensor: 7 }, { celsius: "21" })
    ]
    assert.isFunction(mistakes)
  })

  it("makes Topic Names and reads them", () => {
    assert.strictEqual(Temperature.filter, "site/+/temperature/+")
    assert.strictEqual(Temperature.template, "site/{site}/temperature/{sensor}")
    const topic = Temperature.topic({ site: "north", sensor: 7 })
    assert.deepStrictEqual(topic, Either.right("site/north/temperature/7"))
    assert.deepStrictEqual(
      Temperature.parse("site/north/temperature/7"),
      Either.right({ site: "north", sensor: 7 })
    )
    assert.deepStrictEqual(Files.topic({ owner: "me", path: ["a", "b"] }), Either.right("files/me/a/b"))
    assert.deepStrictEqual(Files.parse("files/me/a/b"), Either.right({ owner: "me", path: ["a", "b"] }))
    assert.deepStrictEqual(Files.shared("group"), Either.right("$share/group/files/+/#"))
  })

  it("a level that does not decode, and one that cannot be a level, are Left and name the parameter", () => {
    const decoded = Either.flip(Temperature.parse("site/north/temperature/warm"))
    assert(Either.isRight(decoded) && decoded.right instanceof MqttError.MqttDecodeError)
    const { cause, ...fields } = decoded.right
    assert.deepInclude(fields, { part: "parameters", parameter: "sensor", topic: "site/north/temperature/warm" })
    assert.strictEqual(fields.description, "Expected NumberFromString")
    assert(ParseResult.isParseError(cause))
    assert.include(cause.message, "warm")

    const encoded = Either.flip(Files.topic({ owner: "a/b", path: ["c"] }))
    assert(Either.isRight(encoded) && encoded.right instanceof MqttError.MqttEncodeError)
    assert.strictEqual(encoded.right.parameter, "owner")
  })

  it("one that is none throws an error of this package, or is Left", () => {
    const template: string = "a/+"
    const made = Either.flip(MqttTopic.makeResult(template, { payload }))
    assert(Either.isRight(made) && made.right instanceof MqttError.MqttError)
    assert.strictEqual(made.right.reason._tag, "InvalidOptions")
    assert.throws(() => MqttTopic.make(template, { payload }), MqttError.MqttError, /has a wildcard/)
    assert.throws(() => MqttTopic.make(template.slice(0, 1), { c: Schema.String, payload }), /has no parameter \{c\}/)
    // @ts-expect-error the payload has no schema
    assert.throws(() => MqttTopic.make(template.slice(0, 1), {}), /Option `payload`.*is missing/)
    assert.throws(
      () => MqttTopic.codec(Schema.Union(Schema.String, Schema.Uint8ArrayFromSelf)),
      MqttError.MqttError,
      /neither as text nor as bytes/
    )
    assert.throws(() => MqttTopic.make("a", { payload: "text" as never }), /a schema, or a codec such as/)
  })
})

describe("payloads", () => {
  it("say in 5.0 what they are", () => {
    assert.deepInclude(MqttTopic.json(Reading), { format: "text", contentType: "application/json" })
    assert.deepInclude(MqttTopic.json(Reading, { contentType: "application/senml+json" }), {
      contentType: "application/senml+json"
    })
    assert.deepInclude(MqttTopic.text, { format: "text", contentType: "text/plain; charset=utf-8" })
    assert.deepInclude(MqttTopic.bytes, { format: "bytes", contentType: "application/octet-stream" })
    assert.deepInclude(MqttTopic.codec(Schema.Literal("on", "off")), { format: "text" })
  })

  it.scoped("go out and come back decoded, with the parameters, whatever their values are", () =>
    Effect.gen(function*() {
      const At = Schema.Struct({
        lasts: Schema.Duration,
        at: Schema.Date,
        name: Schema.OptionFromNullOr(Schema.String)
      })
      const Event = MqttTopic.make("event/{lasts}", {
        lasts: Schema.NumberFromString.pipe(Schema.compose(Schema.DurationFromMillis)),
        payload: MqttTopic.json(At)
      })
      const events = yield* Event.subscribe({ qos: 1 })
      assert.deepStrictEqual(events.granted, [1])
      assert.deepStrictEqual(events.topicFilters, ["event/+"])
      const sent = { lasts: Duration.seconds(2), at: new Date(0), name: Option.some("door") }
      yield* Event.publish({ lasts: Duration.seconds(1) }, sent, { qos: 1 })
      const { message, parameters, payload } = Option.getOrThrow(yield* Stream.runHead(events))
      assert.deepStrictEqual(parameters, { lasts: Duration.seconds(1) })
      assert.deepStrictEqual(payload, sent)
      assert.strictEqual(message.topic, "event/1000")
      assert.strictEqual(message.contentType, "application/json")
    }).pipe(Effect.provide(brokerAndClient)))

  const faulty = [
    ["no JSON", `{"celsius": secret`, "Expected a valid JSON string"],
    ["another type", `{"celsius":"secret"}`, `Expected number\n  at ["celsius"]`],
    ["what is missing", "{}", `Missing key\n  at ["celsius"]`],
    ["no member of a union", `{"celsius":1,"unit":"secret"}`, `Expected "C" | "F" | number\n  at ["unit"]`],
    ["a transformation", `{"celsius":1,"secret":"secret"}`, `Expected NumberFromString\n  at ["secret"]`]
  ] as const
  for (const [name, text, description] of faulty) {
    it.scoped(`that do not decode say what was expected and where, and not what came: ${name}`, () =>
      Effect.gen(function*() {
        const invalid = yield* Queue.unbounded<MqttError.MqttDecodeError>()
        const messages = yield* Temperature.subscribe({
          qos: 1,
          onInvalid: ({ error, message }) =>
            Effect.zipRight(
              Effect.sync(() => assert.strictEqual(message.text, text)),
              Queue.offer(invalid, error)
            )
        })
        yield* publishRaw("site/north/temperature/7", text)
        yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 1 }, { qos: 1 })
        const { payload } = Option.getOrThrow(yield* Stream.runHead(messages))
        assert.deepStrictEqual(payload, { celsius: 1 })
        const error = yield* Queue.take(invalid)
        assert.instanceOf(error, MqttError.MqttDecodeError)
        assert.deepInclude(error, { topic: "site/north/temperature/7", part: "payload", description })
        assert(ParseResult.isParseError(error.cause))
        assert.strictEqual(
          error.message,
          `The payload of "site/north/temperature/7" cannot be decoded: ${description}`
        )
      }).pipe(Effect.provide(brokerAndClient)))
  }

  it.scoped("that do not encode fail before anything is sent", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const error = yield* Effect.flip(Temperature.publish({ site: "north", sensor: 7 }, { celsius: Number.NaN }))
      assert.instanceOf(error, MqttError.MqttEncodeError)
      assert.deepInclude(error, {
        template: "site/{site}/temperature/{sensor}",
        part: "payload",
        description: `Expected a finite number\n  at ["celsius"]`
      })
      assert.isTrue(ParseResult.isParseError((error as MqttError.MqttEncodeError).cause))
      const packets = yield* broker.received("client")
      assert.isFalse(packets.some(({ _tag }) => _tag === "Publish"))
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("what the author of a schema says is said", () =>
    Effect.gen(function*() {
      const Even = Schema.NumberFromString.pipe(Schema.filter((value) => value % 2 === 0 || "must be even"))
      const Pairs = MqttTopic.make("pairs", { payload: Even })
      const pairs = yield* Pairs.subscribeWithFailures({ qos: 1 })
      yield* publishRaw("pairs", "3")
      yield* Pairs.publish({}, 4, { qos: 1 })
      assert.strictEqual(Option.getOrThrow(yield* Stream.runHead(pairs.messages)).payload, 4)
      const { error } = Option.getOrThrow(yield* Stream.runHead(pairs.failures))
      assert.instanceOf(error, MqttError.MqttDecodeError)
      assert.strictEqual(error.description, "must be even")
      assert.strictEqual(yield* pairs.failuresDropped, 0)
    }).pipe(Effect.provide(brokerAndClient)))
})

describe("schemas that misbehave", () => {
  const throwing = Schema.transform(Schema.String, Schema.String, {
    strict: true,
    decode: (text) => {
      throw new Error(`cannot stand ${text}`)
    },
    encode: (text) => text
  })
  const dying = Schema.transformOrFail(Schema.String, Schema.String, {
    strict: true,
    decode: () => Effect.dieMessage("no more"),
    encode: () => Effect.dieMessage("no more")
  })

  for (
    const [name, schema, description] of [["throw", throwing, "cannot stand it"], ["die", dying, "no more"]] as const
  ) {
    it.scoped(`when they ${name}, the message does not decode, and the next one is read`, () =>
      Effect.gen(function*() {
        const Odd = MqttTopic.make("odd/{n}", { payload: schema })
        const odd = yield* Odd.subscribeWithFailures({ qos: 1 })
        yield* publishRaw("odd/1", "it")
        yield* publishRaw("odd/2", "it")
        yield* Effect.forkScoped(Stream.runDrain(odd.messages))
        const failures = yield* odd.failures.pipe(Stream.take(2), Stream.runCollect)
        assert.deepStrictEqual(
          Chunk.toReadonlyArray(failures).map(({ error }) => [error.topic, error.description]),
          [["odd/1", description], ["odd/2", description]]
        )
      }).pipe(Effect.provide(brokerAndClient)))
  }

  it.scoped("a defect of encoding stays one", () =>
    Effect.gen(function*() {
      const Odd = MqttTopic.make("odd", { payload: dying })
      const exit = yield* Effect.exit(Odd.publish({}, "it"))
      assert(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("a value that JSON has no form for is refused", () =>
    Effect.gen(function*() {
      const Any = MqttTopic.make("any", { payload: MqttTopic.json(Schema.Unknown) })
      for (
        const [value, description] of [
          [{ big: 1n }, "Expected a JSON-serializable value"],
          [undefined, "Expected string"]
        ] as const
      ) {
        const error = yield* Effect.flip(Any.publish({}, value))
        assert(error instanceof MqttError.MqttEncodeError)
        assert.strictEqual(error.description, description)
      }
    }).pipe(Effect.provide(brokerAndClient)))

  it("a level whose schema takes time is Left", () => {
    const Slow = MqttTopic.make("slow/{level}", {
      level: Schema.transformOrFail(Schema.String, Schema.String, {
        strict: true,
        decode: (text) => Effect.delay(Effect.succeed(text), "1 second"),
        encode: (text) => Effect.succeed(text)
      }),
      payload
    })
    assert.isTrue(Either.isLeft(Slow.parse("slow/1")))
    assert.deepStrictEqual(Slow.topic({ level: "1" }), Either.right("slow/1"))
  })
})

/** What texts mean, and who asked. */
class Dictionary extends Context.Tag("Dictionary")<Dictionary, {
  readonly meaning: (text: string) => Effect.Effect<string>
}>() {}

/** Looks into the dictionary for a while. */
const Translated = Schema.transformOrFail(Schema.String, Schema.String, {
  strict: true,
  decode: (text, _, ast) =>
    Effect.flatMap(Dictionary, ({ meaning }) => Effect.delay(meaning(text), "1 second")).pipe(
      Effect.filterOrFail((meaning) => meaning !== "", () => new ParseResult.Type(ast, text, "no such word"))
    ),
  encode: (text) => Effect.map(Dictionary, () => text.toLowerCase())
})

const dictionary = (words: Readonly<Record<string, string>>) =>
  Layer.succeed(Dictionary, { meaning: (text) => Effect.succeed(words[text] ?? "") })

const Words = MqttTopic.make("words/{language}", { payload: Translated })

describe("a schema that needs a service and time", () => {
  it("says so in the types", () => {
    expectTypeOf(Words.publish({ language: "en" }, "x")).toEqualTypeOf<
      Effect.Effect<
        Effect.Effect.Success<ReturnType<typeof Words.publish>>,
        MqttError.MqttError | MqttError.MqttEncodeError,
        MqttClient.MqttClient | Dictionary
      >
    >()
    const messages = Words.messages()
    expectTypeOf<Stream.Stream.Context<typeof messages>>().toEqualTypeOf<MqttClient.MqttClient | Dictionary>()
  })

  it.scoped("has that of whoever runs the stream", () =>
    Effect.gen(function*() {
      const words = yield* Words.subscribe({ qos: 1 })
      yield* Words.publish({ language: "en" }, "HOUSE", { qos: 1 }).pipe(Effect.provide(dictionary({})))
      const first = Stream.runHead(words).pipe(Effect.map(Option.map(({ payload }) => payload)))
      const reading = yield* Effect.fork(Effect.provide(first, dictionary({ house: "Haus" })))
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(reading)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(reading), Option.some("Haus"))
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("a word that is not in it goes where `onInvalid` says, whose services are that of the stream too", () =>
    Effect.gen(function*() {
      const words = yield* Words.subscribe({
        qos: 1,
        onInvalid: ({ error }) =>
          Effect.flatMap(Dictionary, ({ meaning }) => meaning(error.description))
            .pipe(Effect.tap((said) => Effect.sync(() => assert.strictEqual(said, "said"))))
      })
      expectTypeOf<Stream.Stream.Context<typeof words>>().toEqualTypeOf<Dictionary>()
      yield* publishRaw("words/en", "hovel")
      yield* publishRaw("words/en", "house")
      const reading = yield* Effect.fork(
        Effect.provide(Stream.runHead(words), dictionary({ house: "Haus", "no such word": "said" }))
      )
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(reading)).payload, "Haus")
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("of which nothing goes on when the reader is interrupted", () =>
    Effect.gen(function*() {
      const released = yield* Ref.make(false)
      const slow = Layer.succeed(Dictionary, {
        meaning: () => Effect.onInterrupt(Effect.never, () => Ref.set(released, true))
      })
      const reading = yield* Effect.fork(Effect.provide(Stream.runDrain(Words.messages({ qos: 1 })), slow))
      yield* settle
      yield* publishRaw("words/en", "house")
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(reading)
      assert.isTrue(yield* Ref.get(released))
    }).pipe(Effect.provide(brokerAndClient)))
})

describe("a client of the program's own making", () => {
  it.scoped("is asked: its calls stand for those of the client that it was made of", () =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const published = yield* Ref.make<ReadonlyArray<string>>([])
      const spying = MqttClient.MqttClient.of({
        ...mqtt,
        publish: (topic, payload, options) =>
          Effect.zipRight(Ref.update(published, (topics) => [...topics, topic]), mqtt.publish(topic, payload, options))
      })
      const { payload } = yield* Effect.gen(function*() {
        const readings = yield* Temperature.subscribe({ qos: 1 })
        yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 21 }, { qos: 1 })
        return Option.getOrThrow(yield* Stream.runHead(readings))
      }).pipe(Effect.provideService(MqttClient.MqttClient, spying))
      assert.deepStrictEqual(payload, { celsius: 21 })
      assert.deepStrictEqual(yield* Ref.get(published), ["site/north/temperature/7"])
    }).pipe(Effect.provide(brokerAndClient)))

  it.effect("whose error is the call's", () =>
    Effect.gen(function*() {
      const offline = MqttError.fromReason(new MqttError.Offline())
      const error = yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 21 }).pipe(
        Effect.provideService(MqttClient.MqttClient, { publish: () => Effect.fail(offline) } as never),
        Effect.flip
      )
      assert.strictEqual(error, offline)
    }))
})

describe("receiving", () => {
  it.scoped("consume: the handler's error and services, and a refusal of what does not decode", () =>
    Effect.gen(function*() {
      class Full extends Schema.TaggedError<Full>()("Full", { at: Schema.Number }) {}
      const broker = yield* MemoryBroker.MemoryBroker
      const consuming = yield* Temperature.consume(
        ({ parameters, payload }) =>
          Effect.flatMap(
            Dictionary,
            ({ meaning }) =>
              Effect.flatMap(meaning(parameters.site), (site) =>
                payload.celsius > 30 ? Effect.fail(new Full({ at: payload.celsius })) : Effect.log(site))
          ),
        { qos: 1 }
      ).pipe(Effect.provide(dictionary({})), Effect.fork)
      yield* settle
      yield* publishRaw("site/north/temperature/7", "{}")
      yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 31 }, { qos: 1 })
      const error = yield* Effect.flip(Fiber.join(consuming))
      assert(error._tag === "Full")
      assert.strictEqual(error.at, 31)
      const codes = (yield* broker.received("client")).flatMap((packet) =>
        packet._tag === "Puback" ? [packet.reasonCode] : []
      )
      assert.deepStrictEqual(codes, [0x99])
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("consume: attempts and the end of it are on the program's clock", () =>
    Effect.gen(function*() {
      const attempts = yield* Ref.make(0)
      const consuming = yield* Effect.fork(Temperature.consume(
        () => Effect.zipRight(Ref.update(attempts, (count) => count + 1), Effect.fail("not yet")),
        {
          qos: 1,
          attempts: Schedule.intersect(Schedule.spaced("2 seconds"), Schedule.recurs(1)),
          onFailure: "acknowledge",
          until: Effect.sleep("5 seconds")
        }
      ))
      yield* settle
      yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 21 }, { qos: 1 })
      yield* settle
      assert.strictEqual(yield* Ref.get(attempts), 1)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Ref.get(attempts), 2)
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(consuming)))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(consuming)
      assert.strictEqual(yield* Ref.get(attempts), 2)
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("consume: the dead letter's topic depends on the Cause, which is Effect 3's", () =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const dead = yield* mqtt.subscribe("dead/+", { qos: 1 })
      yield* Effect.forkScoped(Temperature.consume(({ payload }) => Effect.fail(`too warm: ${payload.celsius}`), {
        qos: 1,
        deadLetter: (_, cause) => `dead/${Cause.isCause(cause) ? String(Cause.squash(cause)).length : "foreign"}`
      }))
      yield* settle
      yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 21 }, { qos: 1 })
      assert.strictEqual(Option.getOrThrow(yield* Stream.runHead(dead)).topic, "dead/12")
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("deliveries are acknowledged and refused by the program", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const reading = yield* Temperature.deliveries({ qos: 1 }).pipe(
        Stream.mapEffect(({ acknowledge, payload, reject }) => payload.celsius > 30 ? reject(0x97) : acknowledge),
        Stream.take(2),
        Stream.runDrain,
        Effect.fork
      )
      yield* settle
      yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 21 }, { qos: 1 })
      yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 31 }, { qos: 1 })
      yield* Fiber.join(reading)
      yield* settle
      const codes = (yield* broker.received("client")).flatMap((packet) =>
        packet._tag === "Puback" ? [packet.reasonCode] : []
      )
      assert.deepStrictEqual(codes, [0, 0x97])
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("what does not decode becomes a dead letter", () =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const dead = yield* mqtt.subscribe("dead/+", { qos: 1 })
      const reading = yield* Effect.fork(Temperature.next({
        onInvalid: { deadLetter: ({ error, message }) => `dead/${error.part}-${message.payload.length}`, qos: 1 }
      }))
      yield* settle
      yield* publishRaw("site/north/temperature/7", "{}")
      const { topic, userProperties } = Option.getOrThrow(yield* Stream.runHead(dead))
      assert.strictEqual(topic, "dead/payload-2")
      assert.include(userProperties.map(([name]) => name), "original-topic")
      yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 3 }, { qos: 1 })
      assert.strictEqual((yield* Fiber.join(reading)).payload.celsius, 3)
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("next fails in time", () =>
    Effect.gen(function*() {
      const waiting = yield* Effect.fork(Effect.flip(Temperature.next({ timeout: "5 seconds" })))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "NextTimeout")
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("latest: none, each value, and none again", () =>
    Effect.gen(function*() {
      const parameters = { site: "north", sensor: 7 }
      const latest = yield* Temperature.latest(parameters)
      assert.deepStrictEqual(yield* latest.get, Option.none())
      const changes = yield* latest.changes.pipe(Stream.take(3), Stream.runCollect, Effect.fork)
      yield* settle
      yield* Temperature.publish(parameters, { celsius: 21 }, { qos: 1, retain: true })
      yield* settle
      assert.deepStrictEqual(yield* latest.get, Option.some({ celsius: 21 }))
      yield* publishRaw("site/north/temperature/7", "broken")
      yield* settle
      assert.deepStrictEqual(yield* latest.get, Option.some({ celsius: 21 }))
      yield* publishRaw("site/north/temperature/7", "")
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(yield* Fiber.join(changes)),
        [Option.none(), Option.some({ celsius: 21 }), Option.none()]
      )
      assert.isTrue(Option.isSome(yield* latest.get) === false)
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("latest of a plain topic is text, or what its schema says", () =>
    Effect.gen(function*() {
      const text = yield* MqttTopic.latest("mode")
      const mode = yield* MqttTopic.latest("mode", { payload: Schema.Literal("on", "off") })
      expectTypeOf(yield* mode.get).toEqualTypeOf<Option.Option<"on" | "off">>()
      yield* publishRaw("mode", "on")
      yield* settle
      assert.deepStrictEqual([yield* text.get, yield* mode.get], [Option.some("on"), Option.some("on")])
      const error = yield* Effect.flip(MqttTopic.latest("mode/+"))
      assert.strictEqual(error.reason._tag, "InvalidRequest")
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("options that are none are refused with the reason of the main package", () =>
    Effect.gen(function*() {
      for (const options of [{ onInvalid: "bury" }, { share: 1 }, null, []]) {
        const error = yield* Effect.flip(Temperature.subscribe(options as never))
        assert.strictEqual(error.reason._tag, "InvalidOptions", JSON.stringify(options))
      }
    }).pipe(Effect.provide(brokerAndClient)))
})

class Busy extends Schema.TaggedError<Busy>()("Busy", { seconds: Schema.Finite }) {}

const Restart = MqttTopic.makeRequest("devices/{device}/restart", {
  device: Schema.NumberFromString,
  payload: MqttTopic.json(Schema.Struct({ isForced: Schema.Boolean })),
  answer: MqttTopic.json(Schema.Struct({ after: Schema.Duration })),
  failure: MqttTopic.json(Busy)
})

describe("requests", () => {
  const responder = Restart.respond(({ parameters, payload }) =>
    payload.isForced
      ? Effect.succeed({ after: Duration.seconds(parameters.device) })
      : Effect.fail(new Busy({ seconds: 30 }))
  )

  it.scoped("have typed answers and failures", () =>
    Effect.gen(function*() {
      yield* Effect.forkScoped(responder)
      yield* settle
      const answer = yield* Restart.request({ device: 7 }, { isForced: true })
      assert.deepStrictEqual(answer, { after: Duration.seconds(7) })
      const busy = yield* Restart.request({ device: 7 }, { isForced: false }).pipe(
        Effect.catchTag("Busy", (error) => Effect.succeed(error))
      )
      assert.instanceOf(busy, Busy)
      assert.deepInclude(busy, { seconds: 30 })
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("another failure of the handler ends the responder, and a refusal does not", () =>
    Effect.gen(function*() {
      const handler = (isForced: boolean): Effect.Effect<never, "broken" | MqttError.MqttRejected> =>
        Effect.fail(isForced ? "broken" : new MqttError.MqttRejected({ reasonCode: 0x80 }))
      const responding = yield* Effect.fork(Restart.respond(({ payload }) => handler(payload.isForced)))
      yield* settle
      const refused = yield* Restart.request({ device: 7 }, { isForced: false }, { timeout: "2 seconds" }).pipe(
        Effect.flip,
        Effect.fork
      )
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(refused))._tag, "MqttError")
      assert.isTrue(Option.isNone(yield* Fiber.poll(responding)))
      yield* Effect.fork(Restart.request({ device: 7 }, { isForced: true }))
      assert.strictEqual(yield* Effect.flip(Fiber.join(responding)), "broken")
    }).pipe(Effect.provide(brokerAndClient)))

  it.scoped("that do not decode are told so, and what came stays here", () =>
    Effect.gen(function*() {
      yield* Effect.forkScoped(responder)
      yield* settle
      const Wrong = MqttTopic.makeRequest("devices/{device}/restart", {
        device: Schema.NumberFromString,
        payload: MqttTopic.text,
        answer: MqttTopic.text
      })
      const error = yield* Effect.flip(Wrong.request({ device: 7 }, `{"isForced":"secret"}`))
      assert.instanceOf(error, MqttError.MqttDecodeError)
      assert.deepInclude(error, { part: "request", topic: "devices/7/restart" })
      assert.include(error.description, "payload: Expected boolean")
      assert.notInclude(error.message, "secret")
    }).pipe(Effect.provide(brokerAndClient)))
})
