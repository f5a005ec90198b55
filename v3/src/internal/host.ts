/**
 * The program as a host of the engine: its clock, chance, loggers, log level, tracer and labels of metrics, taken where
 * the program makes a client.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Tracer from "effect/Tracer"
import type * as Engine from "../../../engine/index.ts"
import { registerWith } from "./metrics.ts"
import { causeOf, exitOf } from "./outcome.ts"
import { TraceState, traceStateOf } from "./traceState.ts"

const levels = {
  Fatal: LogLevel.Fatal,
  Error: LogLevel.Error,
  Warn: LogLevel.Warning,
  Info: LogLevel.Info,
  Debug: LogLevel.Debug,
  Trace: LogLevel.Trace
} as const

/** Runs an effect of Effect 3 as the engine asks for it. */
export type Run = <A, E>(effect: Effect.Effect<A, E>) => { readonly cancel: () => void }

const sleepOn = (runtime: Runtime.Runtime<never>, clock: Clock.Clock): Engine.Host["sleep"] => (millis, wake) => {
  const fiber = Runtime.runFork(runtime)(Effect.interruptible(clock.sleep(Duration.millis(millis))))
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit)) wake()
  })
  return () => fiber.unsafeInterruptAsFork(FiberId.none)
}

const isAnySpan = (value: unknown): value is Tracer.AnySpan => typeof value === "object" && value !== null

/** The same span for the program. */
export const parentOf = ({ host, traceState, ...reference }: Engine.SpanReference): Tracer.AnySpan => {
  if (isAnySpan(host)) return host
  const context = traceState === undefined ? Context.empty() : Context.make(TraceState, traceState)
  return Tracer.externalSpan({ ...reference, context })
}

/** The same span for the engine. */
export const referenceTo = (span: Tracer.AnySpan): Engine.SpanReference => ({
  traceId: span.traceId,
  spanId: span.spanId,
  sampled: span.sampled,
  traceState: traceStateOf(span),
  host: span
})

const spansOf = (tracer: Tracer.Tracer): Engine.Host["span"] => ({ kind, links, name, parent, startTime }) => {
  const span = tracer.span(
    name,
    parent === undefined ? Option.none() : Option.some(parentOf(parent)),
    Context.empty(),
    links.map(({ attributes, ...to }) => ({ _tag: "SpanLink", span: parentOf(to), attributes })),
    startTime,
    kind
  )
  return {
    ...referenceTo(span),
    attribute: (key, value) => span.attribute(key, value),
    event: (event, time, attributes) => span.event(event, time, attributes),
    end: (time, outcome) => span.end(time, exitOf(outcome))
  }
}

const logOn = (runtime: Runtime.Runtime<never>): Engine.Host["log"] => ({ annotations, level, message, reasons }) => {
  const cause = reasons.length === 0 ? [] : [causeOf(reasons)]
  Runtime.runSync(runtime)(
    Effect.annotateLogs(Effect.logWithLevel(levels[level], ...message, ...cause), annotations)
  )
}

/** Taken from the fiber that asks. */
export const make: Effect.Effect<Engine.Host> = Effect.gen(function*() {
  const runtime = yield* Effect.runtime<never>()
  const [clock, random, tracer] = [yield* Effect.clock, yield* Effect.random, yield* Effect.tracer]
  const { _tag: minimum } = yield* FiberRef.get(FiberRef.currentMinimumLogLevel)
  return {
    millis: () => clock.unsafeCurrentTimeMillis(),
    nanos: () => clock.unsafeCurrentTimeNanos(),
    sleep: sleepOn(runtime, clock),
    random: () => Runtime.runSync(runtime)(random.next),
    log: logOn(runtime),
    minimumLogLevel: minimum === "Warning" ? "Warn" : minimum,
    span: spansOf(tracer),
    metric: registerWith(yield* FiberRef.get(FiberRef.currentMetricLabels))
  }
})
