/**
 * Reasons of failures: when an effect fails, and of which kind its reason is.
 */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { MqttError, MqttErrorReason } from "../../src/MqttError.ts"
import { begin, complete, settle } from "./time.ts"

/** Time passes until the effect fails; why it did. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, MqttError, R>) =>
  Effect.map(complete(Effect.flip(effect)), ({ reason }) => reason)

/** Why an effect fails at once: no time passes. */
export const reasonAtOnce = Effect.fnUntraced(function*<A>(effect: Effect.Effect<A, MqttError>) {
  const fiber = yield* begin(Effect.flip(effect))
  yield* settle
  const exit = fiber.pollUnsafe()
  assert.isDefined(exit, "it waits")
  return (yield* exit ?? Effect.never).reason
})

/** The reason, which must be of this kind. */
export const assertReason = <Tag extends MqttErrorReason["_tag"]>(
  reason: MqttErrorReason,
  tag: Tag
): Extract<MqttErrorReason, { readonly _tag: Tag }> => {
  assert.strictEqual(reason._tag, tag, reason.message)
  return reason as Extract<MqttErrorReason, { readonly _tag: Tag }>
}
