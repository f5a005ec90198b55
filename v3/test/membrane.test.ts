/**
 * Every kind of value on its way between Effect 3 and the engine, and back.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Duration,
  Effect,
  Exit,
  Predicate,
  Redacted,
  Runtime,
  Schedule,
  Stream,
  Subscribable
} from "effect"
import * as Engine from "../../engine/index.ts"
import { Membrane } from "../src/internal/membrane.ts"
import * as MqttError from "../src/MqttError.ts"

const membrane = Effect.runSync(Membrane.make)

const toEngine = (value: unknown): unknown => membrane.toEngine(value, Runtime.defaultRuntime)

/** What somebody gives who does not know the types. */
class Own {
  readonly value = 1
}

const unreadable = {
  get qos(): never {
    throw new Error("nobody reads this")
  }
}

describe("to the engine", () => {
  const same: ReadonlyArray<readonly [kind: string, value: unknown]> = [
    ["a text", "hello"],
    ["a number", 1],
    ["nothing", undefined],
    ["null", null],
    ["bytes", Uint8Array.of(1, 2)],
    ["options of plain values", { qos: 1, properties: { userProperties: [["a", "b"]] } }],
    ["an array of plain values", ["a", 1]],
    ["an object of a class", new Own()],
    ["what cannot be read", unreadable]
  ]
  it.each(same)("%s is itself", (_, value) => assert.strictEqual(toEngine(value), value))

  it("a Duration is milliseconds, wherever it stands", () => {
    assert.deepStrictEqual(toEngine({ a: [Duration.seconds(2)], b: { c: Duration.minutes(1) } }), {
      a: [2000],
      b: { c: 60_000 }
    })
  })

  it("a secret stays one", () => {
    const secret = toEngine(Redacted.make("secret"))
    assert.isTrue(Engine.isRedacted(secret))
    if (Engine.isRedacted(secret)) assert.strictEqual(Engine.redactedValue(secret), "secret")
    assert.notInclude(JSON.stringify(secret), "secret\"")
  })

  it("an Effect and a Schedule are the engine's", () => {
    assert.isTrue(Engine.isEffect(toEngine(Effect.succeed(1))))
    assert.isTrue(Engine.isSchedule(toEngine(Schedule.forever)))
  })

  it("an error is the engine's class, and is itself again on the way back", () => {
    const error = new MqttError.MqttError({ reason: new MqttError.Offline() })
    const crossed = toEngine(error)
    assert.instanceOf(crossed, Engine.MqttError.MqttError)
    assert.strictEqual(membrane.toProgram(crossed), error)
  })

  it("a function gets what is the program's, and what it returns is converted", () => {
    const seen: Array<unknown> = []
    const f = toEngine((value: unknown) => {
      seen.push(value)
      return Effect.succeed(Duration.seconds(1))
    })
    assert.isFunction(f)
    if (typeof f !== "function") return
    const error = new Engine.MqttError.MqttError({ reason: new Engine.MqttError.Offline() })
    assert.isTrue(Engine.isEffect(f(error)))
    assert.instanceOf(seen[0], MqttError.MqttError)
  })
})

describe("to the program", () => {
  it("a message is itself", () => {
    const packet = { _tag: "Publish", topic: "t" } as never
    const message = new Engine.MqttMessage.MqttMessage(packet)
    assert.strictEqual(membrane.toProgram(message), message)
    assert.strictEqual(membrane.toProgram(message), message)
  })

  it("an error in a record is Effect 3's class", () => {
    const error = new Engine.MqttError.MqttError({ reason: new Engine.MqttError.Offline() })
    const event = membrane.toProgram({ _tag: "ConnectionEnded", error })
    assert.isTrue(Predicate.hasProperty(event, "error") && event.error instanceof MqttError.MqttError)
  })

  it("a secret stays one", () => {
    const secret = membrane.toProgram(Engine.makeRedacted("secret"))
    assert.isTrue(Redacted.isRedacted(secret))
    if (Redacted.isRedacted(secret)) assert.strictEqual(Redacted.value(secret), "secret")
  })

  it("an effect runs as one of Effect 3, and fails with its error", () => {
    const failing = toEngine(Effect.fail(new MqttError.MqttError({ reason: new MqttError.Offline() })))
    const exit = Effect.runSyncExit(membrane.toProgram(failing) as Effect.Effect<unknown, MqttError.MqttError>)
    assert.isTrue(Exit.isFailure(exit) && Cause.isFailType(exit.cause) && exit.cause.error.reason._tag === "Offline")
  })

  it("what an effect dies of, and an interruption, stay what they are", () => {
    const dying = membrane.toProgram(toEngine(Effect.die("bug"))) as Effect.Effect<unknown>
    assert.deepStrictEqual(Effect.runSyncExit(dying), Exit.die("bug"))
    const interrupted = Effect.runSyncExit(membrane.toProgram(toEngine(Effect.interrupt)) as Effect.Effect<unknown>)
    assert.isTrue(Exit.isInterrupted(interrupted))
  })

  it("a service's stream, sink and state are Effect 3's", () =>
    Effect.gen(function*() {
      const { MemoryBroker } = yield* Effect.promise(() => import("effect-mqtt-v3/testing"))
      const { MqttClient } = yield* Effect.promise(() => import("effect-mqtt-v3"))
      yield* Effect.gen(function*() {
        const mqtt = yield* MqttClient.MqttClient
        assert.isTrue(Subscribable.isSubscribable(mqtt.state))
        assert.strictEqual((yield* mqtt.state.get)._tag, "Connected")
        const messages = yield* mqtt.subscribe("t", { qos: 1 })
        const sent = yield* Stream.run(
          Stream.make({ topic: "t", payload: "1", qos: 1 as const }, { topic: "t", payload: "2", qos: 1 as const }),
          mqtt.publishSink
        )
        assert.strictEqual(sent, 2)
        const texts = yield* Stream.runCollect(Stream.map(Stream.take(messages, 2), ({ text }) => text))
        assert.deepStrictEqual(Chunk.toArray(texts), ["1", "2"])
      }).pipe(
        Effect.scoped,
        Effect.provide(MqttClient.layer()),
        Effect.provide(MemoryBroker.layer({ latency: 0, connectDelay: 0 }))
      )
    }).pipe(Effect.runPromise))
})
