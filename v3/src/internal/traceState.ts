/**
 * The `tracestate` of other tracing systems, in the context of a span of Effect 3.
 */
import * as Context from "effect/Context"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"

/** The client passes it on unchanged, with each message published inside the trace. */
export class TraceState extends Context.Reference<TraceState>()("effect-mqtt-v3/MqttTracing/TraceState", {
  defaultValue: (): string | undefined => undefined
}) {}

/** Taken from the nearest span that has it. */
export const traceStateOf = (span: Tracer.AnySpan): string | undefined => {
  let current: Tracer.AnySpan | undefined = span
  while (current !== undefined) {
    const traceState = Context.get(current.context, TraceState)
    if (traceState !== undefined) return traceState
    current = current._tag === "Span" ? Option.getOrUndefined(current.parent) : undefined
  }
  return undefined
}
