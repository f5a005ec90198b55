/** Annotations of a log line about a failure: the tag of the reason, and the topic that it is about, if any. */
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import { MqttError } from "../MqttError.ts"
import { harmless } from "./harmlessText.ts"

export type FailureAnnotations = {
  readonly reason: string
  readonly topic?: string
}

/** A program may fail with a value of any kind. */
const tagOf = (error: unknown): string =>
  Predicate.hasProperty(error, "_tag") ? String(error._tag) : error instanceof Error ? error.name : "Unknown"

export const ofError = (error: unknown): FailureAnnotations => {
  if (!(error instanceof MqttError)) return { reason: tagOf(error) }
  const { reason } = error
  const annotations = { reason: reason._tag }
  return "topic" in reason && reason.topic !== "" ? { ...annotations, topic: harmless(reason.topic) } : annotations
}

export const ofCause = (cause: Cause.Cause<unknown>): FailureAnnotations => ofError(Cause.squash(cause))
