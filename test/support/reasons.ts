/**
 * Reasons of failures: at what time an effect fails, and with which reason.
 */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { MqttError, MqttErrorReason } from "../../src/MqttError.ts"
import { begin, complete, settle } from "./time.ts"

/** Lets time pass until the effect fails, and returns the reason. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, MqttError, R>) =>
  Effect.map(complete(Effect.flip(effect)), ({ reason }) => reason)

/** The reason of an effect that fails at once, before time passes. */
export const reasonAtOnce = Effect.fnUntraced(function*<A>(effect: Effect.Effect<A, MqttError>) {
  const fiber = yield* begin(Effect.flip(effect))
  yield* settle
  const exit = fiber.pollUnsafe()
  assert.isDefined(exit, "it waits")
  return (yield* exit ?? Effect.never).reason
})

/** Returns the reason, and fails unless it is of this kind. */
export const assertReason = <Tag extends MqttErrorReason["_tag"]>(
  reason: MqttErrorReason,
  tag: Tag
): Extract<MqttErrorReason, { readonly _tag: Tag }> => {
  assert.strictEqual(reason._tag, tag, reason.message)
  return reason as Extract<MqttErrorReason, { readonly _tag: Tag }>
}
