import { assert, describe, it } from "@effect/vitest"
import { Equal, Exit, Schema } from "effect"
import * as MqttError from "../src/MqttError.ts"
import * as MqttErrorSchema from "../src/MqttErrorSchema.ts"
import { reasons } from "./docs/reasons.ts"

const all = Object.values<ReadonlyArray<MqttError.MqttErrorReason>>(reasons).flat()

/** What the other process gets. */
const sent = <A>(schema: Schema.Codec<A, unknown>, error: A): A =>
  Schema.decodeUnknownSync(schema)(JSON.parse(JSON.stringify(Schema.encodeSync(schema)(error))))

describe("MqttErrorSchema", () => {
  it.each(Object.keys(reasons))("%s is the same in another process, an instance of its class", (tag) => {
    for (const reason of all.filter(({ _tag }) => _tag === tag)) {
      const encoded = Schema.encodeSync(MqttErrorSchema.MqttErrorReason)(reason)
      assert.sameMembers(Object.keys(encoded).filter((name) => name !== "cause"), Object.keys(reason))
      const received = sent(MqttErrorSchema.MqttErrorReason, reason)
      assert.strictEqual(received.constructor, reason.constructor)
      assert.isTrue(Equal.equals(received, reason))
      assert.strictEqual(received.isRetryable, reason.isRetryable)
      assert.strictEqual(received.message, reason.message)
    }
  })

  it.each(all)("an MqttError has its reason there: $_tag", (reason) => {
    const error = MqttError.fromReason(reason)
    const received = sent(MqttErrorSchema.MqttError, error)
    assert.instanceOf(received, MqttError.MqttError)
    assert.isTrue(Equal.equals(received, error))
    assert.deepStrictEqual([received.message, received.isRetryable], [error.message, error.isRetryable])
  })

  it("a cause keeps its name and message, and no stack", () => {
    const lost = new MqttError.ConnectionLost({ cause: new TypeError("read ECONNRESET") })
    const { cause, message } = sent(MqttErrorSchema.reasons.ConnectionLost, lost)
    assert.strictEqual(message, lost.message)
    assert.instanceOf(cause, Error)
    assert.deepStrictEqual([cause.name, cause.message], ["TypeError", "read ECONNRESET"])
    const encoded = Schema.encodeSync(MqttErrorSchema.MqttErrorReason)(lost)
    assert.notInclude(JSON.stringify(encoded), "MqttErrorSchema.test")
  })

  it("the schema of one reason takes no other", () => {
    const { MessageExpired, NoResponder } = MqttErrorSchema.reasons
    const encoded = Schema.encodeSync(NoResponder)(new MqttError.NoResponder({ topic: "a" }))
    assert.deepStrictEqual(encoded, { _tag: "NoResponder", topic: "a" })
    assert.isTrue(Exit.isFailure(Schema.decodeUnknownExit(MessageExpired)(encoded)))
    assert.isFalse(Schema.is(MessageExpired)(new MqttError.NoResponder({ topic: "a" })))
    assert.isTrue(Schema.is(MqttErrorSchema.MqttErrorReason)(new MqttError.NoResponder({ topic: "a" })))
  })

  it("what is no error is refused, with the path of what is wrong", () => {
    const decode = Schema.decodeUnknownExit(MqttErrorSchema.MqttError)
    for (
      const wrong of [
        undefined,
        {},
        { _tag: "MqttError" },
        { _tag: "MqttError", reason: { _tag: "Other" } },
        { _tag: "MqttError", reason: { _tag: "TlsFailed", host: "h", port: 1, problem: "Unheard" } },
        { _tag: "MqttError", reason: { _tag: "PortRefused", host: "h", port: 1.5 } }
      ]
    ) {
      assert.isTrue(Exit.isFailure(decode(wrong)))
    }
    const exit = decode({ _tag: "MqttError", reason: { _tag: "PortRefused", host: "h", port: "1" } })
    assert.match(String(exit), /"reason"\]\["port"/)
    const rejected = { _tag: "MqttRejected", reasonCode: 0x91 } as const
    assert.isTrue(Exit.isFailure(Schema.decodeExit(MqttErrorSchema.MqttRejected)(rejected)))
  })

  it("the other errors of the library have schemas too", () => {
    const rejected = new MqttError.MqttRejected({ reasonCode: 0x99 })
    assert.isTrue(Equal.equals(sent(MqttErrorSchema.MqttRejected, rejected), rejected))
    const fault = { part: "payload", description: "no JSON" } as const
    const encode = new MqttError.MqttEncodeError({ template: "a/{b}", ...fault })
    assert.strictEqual(sent(MqttErrorSchema.MqttEncodeError, encode).message, encode.message)
    const decode = new MqttError.MqttDecodeError({ topic: "a/b", ...fault })
    assert.instanceOf(sent(MqttErrorSchema.MqttDecodeError, decode), MqttError.MqttDecodeError)
  })
})
