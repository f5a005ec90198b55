/**
 * Tests for the kinds of values of Effect 4.
 */
import * as Predicate from "effect/Predicate"
import type * as SubscriptionRef from "effect/SubscriptionRef"

export { isCause } from "effect/Cause"
export { isDuration, toMillis } from "effect/Duration"
export { isEffect } from "effect/Effect"
export { isLayer } from "effect/Layer"
export { isSome } from "effect/Option"
export { isRedacted, make as makeRedacted, value as redactedValue } from "effect/Redacted"
export { isFailure } from "effect/Result"
export type { Result } from "effect/Result"
export { isSchedule } from "effect/Schedule"
export { isSink } from "effect/Sink"
export { isStream } from "effect/Stream"
export { changes as changesOf, get as getRef } from "effect/SubscriptionRef"

export const isSubscriptionRef = (value: unknown): value is SubscriptionRef.SubscriptionRef<unknown> =>
  Predicate.hasProperty(value, "~effect/SubscriptionRef")
