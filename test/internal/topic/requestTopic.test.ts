/**
 * Definitions of typed requests, at compile time and at run time. See `test/client/TypedRequests.test.ts` for their
 * behaviour.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Result, Schema, SchemaGetter } from "effect"
import { expectTypeOf } from "vitest"
import { type MqttClient, MqttError, MqttTopic } from "../../../src/index.ts"

const text = MqttTopic.text

class Busy extends Schema.TaggedError<Busy>()("Busy", { seconds: Schema.Finite }) {}

class Unknown extends Schema.TaggedError<Unknown>()("Unknown", {}) {}

const Restart = MqttTopic.makeRequest("devices/{device}/restart", {
  device: Schema.FiniteFromString,
  payload: MqttTopic.json(Schema.Struct({ isForced: Schema.Boolean })),
  answer: MqttTopic.json(Schema.Struct({ version: Schema.String })),
  failure: MqttTopic.json(Schema.Union([Busy, Unknown]))
})

const Square = MqttTopic.makeRequest("square", { payload: Schema.FiniteFromString, answer: Schema.FiniteFromString })

type Client = MqttClient.MqttClient

describe("a definition", () => {
  it("has the topics of its template", () => {
    assert.strictEqual(Restart.template, "devices/{device}/restart")
    assert.strictEqual(Restart.filter, "devices/+/restart")
    assert.deepStrictEqual(Restart.shared("workers"), Result.succeed("$share/workers/devices/+/restart"))
    assert.isTrue(Result.isFailure(Restart.shared("a/b")))
    assert.deepStrictEqual(Restart.topic({ device: 7 }), Result.succeed("devices/7/restart"))
    assert.deepStrictEqual(Restart.parse("devices/7/restart"), Result.succeed({ device: 7 }))
    assert.isTrue(Result.isFailure(Restart.parse("devices/seven/restart")))
    const loose = MqttTopic.makeRequest("a/{b}", { payload: text, answer: text }, { allowEmpty: true })
    assert.deepStrictEqual(loose.topic({ b: "" }), Result.succeed("a/"))
  })

  it("what is wrong with it is said at run time too", () => {
    const template: string = "a/{b}"
    const wrong: ReadonlyArray<readonly [definition: object, says: RegExp, template?: string]> = [
      [{ payload: text }, /Option `answer`.*is missing; give it a schema/],
      [{ answer: text }, /Option `payload`.*is missing/],
      [{ payload: text, answer: text, c: Schema.String }, /Option `c`.*has no parameter \{c\}/],
      [{ payload: text, answer: Schema.Finite }, /Option `answer`.*neither as text nor as bytes/],
      [{ payload: text, answer: text, failure: Schema.Finite }, /Option `failure`.*neither as text nor as bytes/],
      [{ payload: text, answer: "text" }, /Option `answer`.*is not a schema, or a codec/],
      [{ payload: text, answer: text, failure: 1 }, /Option `failure`.*is not a schema, or a codec/],
      [{ payload: text, answer: text, b: text }, /Option `b`.*is not a schema/],
      [{ payload: text, answer: text }, /the name "answer", which is taken; give it another name/, "a/{answer}"],
      [{ payload: text, answer: text }, /the name "failure", which is taken/, "{failure...}"],
      [{ payload: text, answer: text }, /has a wildcard/, "a/+"]
    ]
    for (const [definition, says, source = template] of wrong) {
      const made = MqttTopic.makeRequestResult(source, definition as never)
      const failure = Result.getOrThrow(Result.flip(made))
      assert.strictEqual(failure.reason._tag, "InvalidOptions")
      assert.match(failure.message, says)
      assert.throws(() => MqttTopic.makeRequest(source, definition as never), says)
    }
    const made = MqttTopic.makeRequestResult(template, { b: Schema.FiniteFromString, payload: text, answer: text })
    assert.deepStrictEqual(Result.getOrThrow(made).parse("a/1"), Result.succeed({ b: 1 }))
  })
})

describe("types", () => {
  it("parameters, payload, answer and failure are those of the schemas", () => {
    const types = () => {
      expectTypeOf(Restart.topic).parameter(0).toEqualTypeOf<{ readonly device: number }>()
      const requesting = Restart.request({ device: 7 }, { isForced: true })
      expectTypeOf(requesting).toEqualTypeOf<
        Effect.Effect<
          { readonly version: string },
          Busy | Unknown | MqttError.MqttError | MqttError.MqttEncodeError | MqttError.MqttDecodeError,
          Client
        >
      >()
      const squaring = Square.request({}, 3)
      expectTypeOf(squaring).toEqualTypeOf<
        Effect.Effect<
          number,
          MqttError.MqttError | MqttError.MqttEncodeError | MqttError.MqttDecodeError,
          Client
        >
      >()
    }
    assert.isFunction(types)
  })

  it("what a responder can fail with is what is left of its handler's failures", () => {
    const types = () => {
      const typed = Restart.respond(({ parameters, payload }) => {
        expectTypeOf(parameters).toEqualTypeOf<{ readonly device: number }>()
        expectTypeOf(payload).toEqualTypeOf<{ readonly isForced: boolean }>()
        return Effect.fail(new Busy({ seconds: 1 }))
      })
      expectTypeOf(typed).toEqualTypeOf<
        Effect.Effect<void, MqttError.MqttError | MqttError.MqttEncodeError, Client>
      >()
      const other = Restart.respond(({ payload }) =>
        Effect.gen(function*() {
          if (payload.isForced) return yield* new MqttError.MqttRejected({ reasonCode: 0x87 })
          if (payload.isForced) return yield* new Unknown()
          return yield* Effect.fail("broken" as const)
        }), { onInvalid: () => Effect.fail(1 as const) })
      expectTypeOf<Effect.Error<typeof other>>().toEqualTypeOf<
        MqttError.MqttError | MqttError.MqttEncodeError | "broken" | 1
      >()
      const untyped = Square.respond(() => Effect.fail(new Busy({ seconds: 1 })))
      expectTypeOf<Effect.Error<typeof untyped>>().toEqualTypeOf<
        MqttError.MqttError | MqttError.MqttEncodeError | Busy
      >()
    }
    assert.isFunction(types)
  })

  it("each side needs the services of what it encodes and decodes", () => {
    class Encoding extends Context.Service<Encoding, string>()("Encoding") {}
    class Decoding extends Context.Service<Decoding, string>()("Decoding") {}
    const needing = Schema.String.pipe(Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.transformEffect((text: string) => Effect.as(Decoding, text)),
      encode: SchemaGetter.transformEffect((text: string) => Effect.as(Encoding, text))
    }))
    const types = () => {
      const asked = MqttTopic.makeRequest("a", { payload: needing, answer: text })
      expectTypeOf<Effect.Services<ReturnType<typeof asked.request>>>().toEqualTypeOf<Client | Encoding>()
      const answered = MqttTopic.makeRequest("a", { payload: text, answer: text, failure: needing })
      expectTypeOf<Effect.Services<ReturnType<typeof answered.request>>>().toEqualTypeOf<Client | Decoding>()
      const responding = answered.respond(() => Effect.succeed("a"))
      expectTypeOf<Effect.Services<typeof responding>>().toEqualTypeOf<Client | Encoding>()
    }
    assert.isFunction(types)
  })

  it("mistakes do not compile", () => {
    const mistakes = () => [
      // @ts-expect-error the answer has no schema
      MqttTopic.makeRequest("a/{b}", { payload: text }),
      // @ts-expect-error the payload has no schema
      MqttTopic.makeRequest("a/{b}", { answer: text }),
      // @ts-expect-error a number is neither text nor bytes
      MqttTopic.makeRequest("a/{b}", { payload: text, answer: Schema.Finite }),
      // @ts-expect-error the template has no {c}
      MqttTopic.makeRequest("a/{b}", { c: Schema.String, payload: text, answer: text }),
      // @ts-expect-error that is the answer's name
      MqttTopic.makeRequest("a/{answer}", { payload: text, answer: text }),
      // @ts-expect-error that is the failure's name
      MqttTopic.makeRequest("a/{failure...}", { payload: text, answer: text }),
      // @ts-expect-error wildcards are parameters
      MqttTopic.makeRequest("a/+", { payload: text, answer: text }),
      // @ts-expect-error the failure belongs to requests
      MqttTopic.make("a", { payload: text, failure: text }),
      // @ts-expect-error a parameter is missing
      Restart.request({}, { isForced: true }),
      // @ts-expect-error the payload is another
      Restart.request({ device: 7 }, { forced: true }),
      // @ts-expect-error the answer is another
      Restart.respond(() => Effect.succeed("1.2.0"))
    ]
    assert.isFunction(mistakes)
  })
})
