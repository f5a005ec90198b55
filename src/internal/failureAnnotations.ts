/**
 * What a log line about a failure is annotated with: the tag of the reason, and the topic that it is about, if any.
 */
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import { MqttError } from "../MqttError.ts"
import { harmless } from "./harmlessText.ts"

export type FailureAnnotations = {
  readonly reason: string
  readonly topic?: string
}

/** Of a reason: its tag. Of what a program failed of: its own tag or name. */
const tagOf = (error: unknown): string => {
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : "Unknown"
}

export const ofError = (error: unknown): FailureAnnotations => {
  if (!(error instanceof MqttError)) return { reason: tagOf(error) }
  const { reason } = error
  const topic = "topic" in reason ? reason.topic : undefined
  return { reason: reason._tag, ...(topic === undefined || topic === "" ? {} : { topic: harmless(topic) }) }
}

export const ofCause = (cause: Cause.Cause<unknown>): FailureAnnotations => ofError(Cause.squash(cause))
