/**
 * Handling failures by their reasons, which Effect 3 itself has nothing for.
 */
import { assert, it } from "@effect/vitest"
import { Data, Effect } from "effect"
import { MqttError } from "effect-mqtt-v3"

class Other extends Data.TaggedError("Other") {}

const failingWith = (reason: MqttError.MqttErrorReason): Effect.Effect<number, MqttError.MqttError | Other> =>
  Effect.fail(MqttError.fromReason(reason))

const refused = new MqttError.PublishRefused({ topic: "site/a", reasonCode: 0x87 })

it.effect("a reason is handled, with its data", () =>
  Effect.gen(function*() {
    const handled: Effect.Effect<number | string, MqttError.MqttError | Other> = failingWith(refused).pipe(
      MqttError.catchReason("PublishRefused", ({ reasonCode, topic }) => Effect.succeed(`${topic} ${reasonCode}`))
    )
    assert.strictEqual(yield* handled, "site/a 135")
  }))

it.effect("one of several reasons is handled", () =>
  Effect.gen(function*() {
    const handled = failingWith(new MqttError.Offline()).pipe(
      MqttError.catchReason(["PublishRefused", "Offline"], ({ _tag }) => Effect.succeed(_tag))
    )
    assert.strictEqual(yield* handled, "Offline")
  }))

it.effect("every other reason, and every other error, stays", () =>
  Effect.gen(function*() {
    const handle = MqttError.catchReason("PublishRefused", () => Effect.succeed(0))
    const offline = MqttError.fromReason(new MqttError.Offline())
    assert.strictEqual(yield* Effect.flip(handle(Effect.fail(offline))), offline)
    assert.instanceOf(yield* Effect.flip(handle(Effect.fail(new Other()))), Other)
    assert.strictEqual(yield* handle(Effect.succeed(1)), 1)
  }))

it.effect("several reasons have handlers of their own, which may fail and need services", () =>
  Effect.gen(function*() {
    const handle = MqttError.catchReasons({
      PublishRefused: ({ reasonCode }) => Effect.succeed(reasonCode),
      Offline: () => Effect.fail(new Other())
    })
    const handled: Effect.Effect<number, MqttError.MqttError | Other> = handle(failingWith(refused))
    assert.strictEqual(yield* handled, 0x87)
    assert.instanceOf(yield* Effect.flip(handle(failingWith(new MqttError.Offline()))), Other)
    // @ts-expect-error `Nonsense` is no reason
    MqttError.catchReasons({ Nonsense: () => Effect.void })
  }))
