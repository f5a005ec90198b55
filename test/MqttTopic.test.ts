import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, type Option, Result, Schema, type Stream, type SubscriptionRef } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { expectTypeOf } from "vitest"
import { type MqttClient, MqttMessage, MqttTopic } from "../src/index.ts"
import * as MqttError from "../src/MqttError.ts"
import * as Properties from "../src/protocol/Properties.ts"
import * as Topic from "../src/protocol/Topic.ts"
import * as Random from "./protocol/Random.ts"

const payload = MqttTopic.text

const Temperature = MqttTopic.make("site/{site}/temperature/{sensor}", {
  sensor: Schema.FiniteFromString,
  payload: MqttTopic.json(Schema.Struct({ celsius: Schema.Finite }))
})

const Files = MqttTopic.make("files/{owner}/{path...}", { payload })

const messageWith = (topic: string, bytes: string | Uint8Array) =>
  new MqttMessage.MqttMessage({
    _tag: "Publish",
    topic,
    payload: typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
    qos: 0,
    retain: false,
    dup: false,
    packetIdentifier: 0,
    properties: Properties.none
  })

describe("the template", () => {
  const templates: ReadonlyArray<readonly [template: string, filter: string]> = [
    ["a", "a"],
    ["site/{site}/temperature/{sensor}", "site/+/temperature/+"],
    ["{a}/{b}", "+/+"],
    ["files/{path...}", "files/#"],
    ["{all...}", "#"],
    ["$aws/things/{thing}/shadow/update", "$aws/things/+/shadow/update"],
    ["/{a}/", "/+/"],
    ["{__proto__}/{constructor}", "+/+"]
  ]
  it.each(templates)("\"%s\" has the filter \"%s\"", (template, filter) => {
    const topic = Result.getOrThrow(MqttTopic.makeResult(template, { payload }))
    assert.strictEqual(topic.filter, filter)
    assert.strictEqual(topic.template, template)
  })

  const faulty: ReadonlyArray<readonly [template: string, says: RegExp]> = [
    ["", /is empty/],
    ["a/+", /has a wildcard; write \{name\}/],
    ["a/#", /has a wildcard/],
    ["a+b/{c}", /has a wildcard/],
    ["a/{b", /has a brace/],
    ["a/x{b}", /has a brace/],
    ["a/{b}x", /has a brace/],
    ["a/{}", /has a brace/],
    ["a/{b c}", /has a brace/],
    ["a/{1}", /has a brace/],
    ["a/{b..}", /has a brace/],
    ["a/{b...}/c", /not the last level/],
    ["{a}/{a}", /names a parameter twice/],
    ["{a}/{a...}", /names a parameter twice/],
    ["a/{payload}", /the name "payload"/],
    ["$share/group/{a}", /Shared Subscription/],
    ["a\u0000/{b}", /U\+0000/],
    ["a\ud800/{b}", /lone surrogate/]
  ]
  it.each(faulty)("%j is none", (template, says) => {
    const made = MqttTopic.makeResult(template, { payload })
    assert.isTrue(Result.isFailure(made))
    if (Result.isSuccess(made)) return
    assert.strictEqual(made.failure.reason._tag, "InvalidOptions")
    assert.match(made.failure.message, says)
    assert.throws(() => MqttTopic.make(template, { payload }), says)
  })

  it("a schema for a name that it does not have, and a payload without one, are refused at run time too", () => {
    const template: string = "a/{b}"
    assert.throws(() => MqttTopic.make(template, { c: Schema.String, payload }), /Option `c`.*has no parameter \{c\}/)
    assert.throws(() => MqttTopic.make(template, { toString: Schema.String, payload }), /has no parameter/)
    // @ts-expect-error the payload has no schema
    assert.throws(() => MqttTopic.make(template, {}), /Option `payload`/)
  })

  it("a payload that is neither text nor bytes is refused", () => {
    assert.throws(
      // @ts-expect-error a number is neither
      () => MqttTopic.make("a", { payload: Schema.Finite }),
      /Option `payload`.*neither as text nor as bytes/
    )
    assert.throws(
      () => MqttTopic.codec(Schema.Union([Schema.String, Schema.Uint8Array])),
      /neither as text nor as bytes/
    )
  })
})

describe("types", () => {
  it("parameters come from the template, and have the types of their schemas", () => {
    expectTypeOf(Temperature.topic).parameter(0).toEqualTypeOf<{ readonly site: string; readonly sensor: number }>()
    expectTypeOf(Files.topic).parameter(0).toEqualTypeOf<
      { readonly owner: string; readonly path: ReadonlyArray<string> }
    >()
    expectTypeOf(MqttTopic.make("a", { payload }).topic).parameter(0).toEqualTypeOf<{}>()
    expectTypeOf(Temperature.publish).parameter(1).toEqualTypeOf<{ readonly celsius: number }>()
    const versions = MqttTopic.make("{version}", { version: Schema.Literals(["v1", "v2"]), payload: Schema.Uint8Array })
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
      // @ts-expect-error the payload has no schema
      MqttTopic.make("a/{b}", { b: Schema.String }),
      // @ts-expect-error wildcards are parameters
      MqttTopic.make("a/+", { payload }),
      // @ts-expect-error wildcards are parameters
      MqttTopic.make("a/#", { payload }),
      // @ts-expect-error only the last level may be several
      MqttTopic.make("a/{b...}/c", { payload }),
      // @ts-expect-error a parameter is a whole level
      MqttTopic.make("a/x{b}", { payload }),
      // @ts-expect-error a parameter is there once
      MqttTopic.make("{b}/{b}", { payload }),
      // @ts-expect-error that is the payload's name
      MqttTopic.make("{payload}", { payload }),
      // @ts-expect-error a topic has a character
      MqttTopic.make("", { payload }),
      // @ts-expect-error shared subscriptions are an option
      MqttTopic.make("$share/group/{a}", { payload }),
      // @ts-expect-error a parameter is missing
      Temperature.topic({ site: "north" }),
      // @ts-expect-error a parameter is a number
      Temperature.topic({ site: "north", sensor: "7" }),
      // @ts-expect-error the payload is another
      Temperature.publish({ site: "north", sensor: 7 }, { fahrenheit: 70 })
    ]
    assert.isFunction(mistakes)
  })

  it("what is needed and what can go wrong is known", () => {
    class Key extends Context.Service<Key, string>()("Key") {}
    const types = () => {
      const consuming = Temperature.consume(() => Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x99 })))
      expectTypeOf(consuming).toEqualTypeOf<Effect.Effect<void, MqttError.MqttError, MqttClient.MqttClient>>()
      const counting = Temperature.consume(() => Effect.fail("full" as const), {
        onInvalid: () => Effect.fail(1 as const)
      })
      expectTypeOf<Effect.Error<typeof counting>>().toEqualTypeOf<MqttError.MqttError | "full" | 1>()
      const logged = Temperature.messages({ onInvalid: () => Key })
      expectTypeOf<Stream.Services<typeof logged>>().toEqualTypeOf<MqttClient.MqttClient | Key>()
      expectTypeOf<Effect.Success<ReturnType<typeof Temperature.latest>>>().toEqualTypeOf<
        SubscriptionRef.SubscriptionRef<Option.Option<{ readonly celsius: number }>>
      >()
      const next = Temperature.next({ timeout: "1 second", onInvalid: () => Key })
      expectTypeOf(next).toEqualTypeOf<
        Effect.Effect<
          MqttTopic.Received<{ readonly site: string; readonly sensor: number }, { readonly celsius: number }>,
          MqttError.MqttError,
          MqttClient.MqttClient | Key
        >
      >()
      const deliveries = Files.deliveries({ onInvalid: { deadLetter: "dead" } })
      expectTypeOf(deliveries).toEqualTypeOf<
        Stream.Stream<
          MqttTopic.Delivery<{ readonly owner: string; readonly path: ReadonlyArray<string> }, string>,
          MqttError.MqttError,
          MqttClient.MqttClient
        >
      >()
      const plain = MqttTopic.latest("a")
      expectTypeOf<Effect.Success<typeof plain>>().toEqualTypeOf<
        SubscriptionRef.SubscriptionRef<Option.Option<string>>
      >()
      const number = MqttTopic.latest("a", { payload: Schema.FiniteFromString })
      expectTypeOf<Effect.Success<typeof number>>().toEqualTypeOf<
        SubscriptionRef.SubscriptionRef<Option.Option<number>>
      >()
    }
    assert.isFunction(types)
  })
})

describe("topic", () => {
  it("is the template with the encoded parameters in it", () => {
    assert.deepStrictEqual(
      Temperature.topic({ site: "north", sensor: 7 }),
      Result.succeed("site/north/temperature/7")
    )
    assert.deepStrictEqual(Files.topic({ owner: "a", path: ["b", "c"] }), Result.succeed("files/a/b/c"))
    assert.deepStrictEqual(
      MqttTopic.make("$aws/things/{thing}", { payload }).topic({ thing: "$x" }),
      Result.succeed("$aws/things/$x")
    )
  })

  const hostile: ReadonlyArray<readonly [what: string, site: string, says: RegExp]> = [
    ["a separator", "a/b", /holds a "\/"/],
    ["the way out of the template", "a/temperature/1/x", /holds a "\/"/],
    ["a wildcard for one level", "+", /holds a wildcard/],
    ["a wildcard for all levels", "#", /holds a wildcard/],
    ["a wildcard among others", "a#", /holds a wildcard/],
    ["U+0000", "a\u0000", /control character/],
    ["a line break", "a\nb", /control character/],
    ["U+007F", "a\u007f", /control character/],
    ["a non-character", "\uffff", /non-character/],
    ["a lone surrogate", "\udc00", /lone surrogate/],
    ["nothing", "", /is empty/],
    ["more than a topic can hold", "é".repeat(32_768), /longer than 65535 bytes/]
  ]
  it.each(hostile)("a parameter with %s is refused", (_, site, says) => {
    const failure = Result.getOrThrow(Result.flip(Temperature.topic({ site, sensor: 7 })))
    assert.strictEqual(failure._tag, "MqttEncodeError")
    assert.strictEqual(failure.part, "parameters")
    assert.strictEqual(failure.parameter, "site")
    assert.match(
      failure.message,
      /^The parameter "site" for "site\/\{site\}\/temperature\/\{sensor\}" cannot be encoded: /
    )
    assert.match(failure.description, says)
    assert.isTrue(Result.isFailure(Files.topic({ owner: "me", path: ["a", site, "b"] })))
  })

  it("the whole may not be longer than a topic can be", () => {
    const failure = Result.getOrThrow(
      Result.flip(Files.topic({ owner: "a".repeat(40_000), path: ["b".repeat(40_000)] }))
    )
    assert.isUndefined(failure.parameter)
    assert.match(failure.description, /longer than 65535 bytes/)
  })

  it("a parameter that is the first level may not begin with \"$\"", () => {
    const first = MqttTopic.make("{a}/{b}", { payload })
    assert.isTrue(Result.isFailure(first.topic({ a: "$SYS", b: "c" })))
    assert.isTrue(Result.isFailure(first.topic({ a: "$share", b: "c" })))
    assert.deepStrictEqual(first.topic({ a: "c", b: "$SYS" }), Result.succeed("c/$SYS"))
    const all = MqttTopic.make("{all...}", { payload })
    assert.isTrue(Result.isFailure(all.topic({ all: ["$SYS", "c"] })))
    assert.deepStrictEqual(all.topic({ all: ["c", "$SYS"] }), Result.succeed("c/$SYS"))
  })

  it("a value that its schema does not take is refused", () => {
    const failure = Result.getOrThrow(Result.flip(Temperature.topic({ site: "a", sensor: Number.NaN })))
    assert.strictEqual(failure.parameter, "sensor")
    assert.match(failure.description, /finite/)
    // @ts-expect-error it is missing
    assert.isTrue(Result.isFailure(Temperature.topic({ sensor: 1 })))
    // @ts-expect-error one level is not several
    assert.isTrue(Result.isFailure(Temperature.topic({ site: ["a", "b"], sensor: 1 })))
  })

  it("one level is not several, also where the compiler does not know the template", () => {
    const one: string = "a/{b}"
    const levels = MqttTopic.make(one, { b: Schema.Array(Schema.String), payload })
    const several: string = "a/{b...}"
    const level = MqttTopic.make(several, { b: Schema.String, payload })
    for (const made of [levels.topic({ b: ["c", "d"] }), level.topic({ b: "c" })]) {
      assert.match(Result.getOrThrow(Result.flip(made)).description, /Its schema does not encode to/)
    }
  })

  it("no level at all is refused, unless `allowEmpty` says otherwise", () => {
    assert.isTrue(Result.isFailure(Files.topic({ owner: "a", path: [] })))
    assert.isTrue(Result.isFailure(Files.parse("files/a")))
    assert.isTrue(Result.isFailure(Files.parse("files//a")))
    const loose = MqttTopic.make("files/{owner}/{path...}", { payload }, { allowEmpty: true })
    for (const parameters of [{ owner: "", path: ["", "a"] }, { owner: "a", path: [] }, { owner: "", path: [""] }]) {
      const topic = Result.getOrThrow(loose.topic(parameters))
      assert.deepStrictEqual(loose.parse(topic), Result.succeed(parameters))
      assert.isTrue(Topic.matches(loose.filter, topic))
    }
  })
})

describe("parse", () => {
  it("reads the parameters", () => {
    assert.deepStrictEqual(
      Temperature.parse("site/north/temperature/7"),
      Result.succeed({ site: "north", sensor: 7 })
    )
    assert.deepStrictEqual(Files.parse("files/a/b/c"), Result.succeed({ owner: "a", path: ["b", "c"] }))
  })

  const others: ReadonlyArray<readonly [topic: string, part: string]> = [
    ["site/north/temperature", "topic"],
    ["site/north/temperature/7/8", "topic"],
    ["site/north/humidity/7", "topic"],
    ["Site/north/temperature/7", "topic"],
    ["", "topic"],
    ["site/\u0000/temperature/7", "topic"],
    ["site/+/temperature/7", "topic"],
    ["site//temperature/7", "parameters"],
    ["site/north/temperature/warm", "parameters"]
  ]
  it.each(others)("%j is none of its topics: the %s", (topic, part) => {
    const failure = Result.getOrThrow(Result.flip(Temperature.parse(topic)))
    assert.strictEqual(failure._tag, "MqttDecodeError")
    assert.strictEqual(failure.part, part)
  })

  it("a parameter may be called like something that every object has", () => {
    const template: string = "{__proto__}/{constructor}"
    const topic = MqttTopic.make(template, { payload })
    const parameters = Result.getOrThrow(topic.parse("a/b"))
    assert.deepStrictEqual(Object.entries(parameters), [["__proto__", "a"], ["constructor", "b"]])
    assert.strictEqual(Object.getPrototypeOf(parameters), Object.prototype)
    assert.deepStrictEqual(topic.topic(parameters), Result.succeed("a/b"))
    assert.isTrue(Result.isFailure(topic.topic(JSON.parse("{}"))))
  })

  it("says nothing of what came", () => {
    const failure = Result.getOrThrow(Result.flip(Temperature.parse("site/north/temperature/hunter2")))
    assert.notInclude(failure.description, "hunter2")
  })
})

/** Strings that somebody hostile would try, more often than others. */
const hostileText = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(Schema.Union([
      Schema.Literals([
        "/",
        "+",
        "#",
        "$",
        "$SYS",
        "$share",
        "a",
        "temperature",
        "humidity",
        "..",
        "",
        "\u0000",
        "\ud800",
        "é"
      ]),
      Schema.String
    ])),
    { maxLength: 4 }
  ),
  (parts) => parts.join("")
)

describe("any parameters", () => {
  const All = MqttTopic.make("{a}/x/{b}/{rest...}", { payload })
  /** What differs from it in a literal level, or has another number of levels above the last. */
  const elsewhere = ["+/y/#", "$SYS/#", "+/x", "+", "y", "+/x/+", "$share/g/+/y/#", "+/+/+/never", "/x/#"]

  it.prop(
    "what is made is read back, and is nobody else's topic",
    { a: hostileText, b: hostileText, rest: Arbitrary.array(hostileText, { maxLength: 3 }) },
    (parameters) => {
      const made = All.topic(parameters)
      if (Result.isFailure(made)) return
      assert.deepStrictEqual(All.parse(made.success), Result.succeed(parameters))
      assert.isUndefined(Topic.validateTopicName(made.success, "5.0"))
      assert.isTrue(Topic.matches(All.filter, made.success))
      assert.strictEqual(made.success.split("/").length, 3 + parameters.rest.length)
      assert.strictEqual(made.success.split("/")[1], "x")
      for (const filter of elsewhere) {
        if (filter === "+/+/+/never" && parameters.rest[0] === "never") continue
        assert.isFalse(Topic.matches(filter, made.success), filter)
      }
    },
    { arbitrary: { runs: Random.rounds(5_000) } }
  )

  it.prop(
    "what has nothing to hide in it is made",
    { site: Schema.String, sensor: Schema.Int },
    (parameters) => {
      const isPlain = parameters.site !== "" &&
        !/[/+#\p{Control}\p{Surrogate}\p{Noncharacter_Code_Point}]/u.test(parameters.site)
      const made = Temperature.topic(parameters)
      assert.strictEqual(Result.isSuccess(made), isPlain)
      if (Result.isFailure(made)) return
      const expected = { ...parameters, sensor: parameters.sensor === 0 ? 0 : parameters.sensor }
      assert.deepStrictEqual(Temperature.parse(made.success), Result.succeed(expected))
    },
    { arbitrary: { runs: Random.rounds(2_000) } }
  )

  it.prop(
    "what is read is made again, from any topic",
    {
      topic: Arbitrary.map(Arbitrary.array(hostileText, { maxLength: 5 }), (levels) => ["a", "x", ...levels].join("/"))
    },
    ({ topic }) => {
      const read = All.parse(topic)
      if (Result.isFailure(read)) return
      assert.isTrue(Topic.matches(All.filter, topic))
      assert.deepStrictEqual(All.topic(read.success), Result.succeed(topic))
    },
    { arbitrary: { runs: Random.rounds(2_000) } }
  )
})

describe("shared", () => {
  it("is the filter of a Shared Subscription", () => {
    assert.deepStrictEqual(Temperature.shared("workers"), Result.succeed("$share/workers/site/+/temperature/+"))
    for (const group of ["", "a/b", "+", "a#", "\u0000", "\ud800"]) {
      const failure = Result.getOrThrow(Result.flip(Temperature.shared(group)))
      assert.strictEqual(failure.reason._tag, "InvalidRequest", JSON.stringify(group))
    }
  })
})

describe("decode", () => {
  const decoded = <A, E>(effect: Effect.Effect<A, E>) => Effect.runSyncExit(effect)
  const failureOf = <A>(effect: Effect.Effect<A, MqttError.MqttDecodeError>) => Effect.runSync(Effect.flip(effect))

  it("gives parameters, payload and message", () => {
    const message = messageWith("site/north/temperature/7", "{\"celsius\":21.5}")
    assert.deepStrictEqual(
      decoded(Temperature.decode(message)),
      Exit.succeed({ parameters: { site: "north", sensor: 7 }, payload: { celsius: 21.5 }, message })
    )
  })

  it("text is strict UTF-8", () => {
    const topic = MqttTopic.make("t", { payload })
    const { payload: text } = Effect.runSync(topic.decode(messageWith("t", "\ufeffü\u0000")))
    assert.strictEqual(text, "\ufeffü\u0000")
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x61, 0xe2, 0x82]]) {
      const failure = failureOf(topic.decode(messageWith("t", Uint8Array.from(bytes))))
      assert.strictEqual(failure.part, "payload")
      assert.match(failure.message, /^The payload of "t" cannot be decoded: It is not UTF-8/)
      assert.strictEqual(
        failureOf(Temperature.decode(messageWith("site/a/temperature/1", Uint8Array.from(bytes)))).part,
        "payload"
      )
    }
  })

  it("JSON is of any schema, also with what JSON has no form for", () => {
    const topic = MqttTopic.make("t", {
      payload: MqttTopic.json(
        Schema.Struct({ at: Schema.Date, bytes: Schema.Uint8Array, note: Schema.optionalKey(Schema.String) })
      )
    })
    const text = "{\"at\":\"1970-01-01T00:00:00.000Z\",\"bytes\":\"AQI=\"}"
    const { payload: value } = Effect.runSync(topic.decode(messageWith("t", text)))
    assert.deepStrictEqual(value, { at: new Date(0), bytes: Uint8Array.of(1, 2) })
    for (const broken of ["", "{", "null", "{\"at\":0}"]) {
      assert.strictEqual(failureOf(topic.decode(messageWith("t", broken))).part, "payload")
    }
  })

  it("a schema that dies is a failure too", () => {
    const Dying = Schema.String.check(Schema.makeFilter(() => {
      throw new Error("broken")
    }))
    const topic = MqttTopic.make("t", { payload: Dying })
    assert.match(failureOf(topic.decode(messageWith("t", "a"))).message, /broken/)
  })

  it("bytes are as they came", () => {
    const topic = MqttTopic.make("t", { payload: MqttTopic.bytes })
    assert.deepStrictEqual(
      Effect.runSync(topic.decode(messageWith("t", Uint8Array.of(0xff)))).payload,
      Uint8Array.of(0xff)
    )
  })
})
