import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal } from "effect"
import * as Library from "../src/index.ts"
import * as MqttError from "../src/MqttError.ts"
import * as MqttErrorSchema from "../src/MqttErrorSchema.ts"
import { reasons } from "./docs/reasons.ts"

const tags: Array<string> = Object.keys(MqttErrorSchema.reasons)

describe("MqttError", () => {
  it("every reason has a row that says whether trying again can help", () => {
    assert.sameMembers(Object.keys(reasons), tags)
    for (const reason of Object.values<ReadonlyArray<MqttError.MqttErrorReason>>(reasons).flat()) {
      assert.isBoolean(reason.isRetryable, reason._tag)
      assert.strictEqual(MqttError.fromReason(reason).isRetryable, reason.isRetryable)
    }
  })

  it("has the fields of its reason and nothing more, and the same fields make equal errors", () => {
    const make = () =>
      MqttError.fromReason(new MqttError.PublishRefused({ topic: "a", reasonCode: 0x87, userProperties: [["b", "c"]] }))
    assert.sameMembers(Object.keys(make().reason), ["_tag", "topic", "reasonCode", "userProperties"])
    assert.isTrue(Equal.equals(make(), make()))
    assert.isFalse(Equal.equals(make().reason, new MqttError.PublishRefused({ topic: "b", reasonCode: 0x87 })))
    assert.strictEqual(String(make().reason), `PublishRefused: ${make().message}`)
  })

  it("what refuses a message is one of the Reason Codes that can", () => {
    assert.strictEqual(new MqttError.MqttRejected({ reasonCode: 0x97 }).reasonCode, 0x97)
    assert.throws(() => new MqttError.MqttRejected({ reasonCode: 0x91 as 0x97 }), RangeError)
  })

  it("in JSON has its message and that of its reason", () => {
    for (const reason of Object.values<ReadonlyArray<MqttError.MqttErrorReason>>(reasons).flat()) {
      const written = JSON.parse(JSON.stringify(MqttError.fromReason(reason)))
      assert.strictEqual(written._tag, "MqttError")
      assert.strictEqual(written.message, reason.message)
      assert.deepStrictEqual([written.reason._tag, written.reason.message], [reason._tag, reason.message])
    }
  })

  it("some rows look at the data of the reason", () => {
    const upgrade = (status: number) =>
      new MqttError.WebSocketFailed({ endpoint: "", problem: "UpgradeRefused", status }).isRetryable
    assert.deepStrictEqual([401, 429, 503].map(upgrade), [false, true, true])
    const refused = (reasonCode: number) => new MqttError.ConnectionRefused({ reasonCode }).isRetryable
    assert.deepStrictEqual([0x86, 0x88].map(refused), [false, true])
    const tls = (problem: MqttError.TlsProblem) => new MqttError.TlsFailed({ host: "", port: 1, problem }).isRetryable
    assert.deepStrictEqual([tls("HostMismatch"), tls("Expired")], [false, true])
  })

  it.effect("one reason is caught by its tag", () =>
    Effect.gen(function*() {
      const failing = Effect.fail(MqttError.fromReason(new MqttError.ConnectionRefused({ reasonCode: 0x88 })))
      const caught = yield* Effect.catchReason(
        failing,
        "MqttError",
        "ConnectionRefused",
        ({ isRetryable, reasonCode }) => Effect.succeed([isRetryable, reasonCode])
      )
      assert.deepStrictEqual(caught, [true, 0x88])
    }))

  it("has every error of the library, and their tags name it", () => {
    const isError = (value: unknown): value is new() => Error =>
      typeof value === "function" && value.prototype instanceof Error
    const exported = Object.values<Readonly<Record<string, unknown>>>(Library).flatMap((module) =>
      Object.entries(module)
    )
    const errors = exported.filter(([, value]) => isError(value))
    const own = new Map<string, unknown>(Object.entries(MqttError))
    for (const [name, value] of errors) assert.strictEqual(own.get(name), value, name)
    const names = errors.map(([name]) => name).filter((name) => !tags.includes(name))
    assert.sameMembers(names, ["MqttError", "MqttRejected", "MqttEncodeError", "MqttDecodeError"])
  })
})
