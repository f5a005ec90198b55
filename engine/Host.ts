/**
 * The client's needs from a program that does not know Effect 4, and the services of Effect 4 made from them: time,
 * chance, logs, spans and metrics.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { HostRegistry, type RegisterMetric } from "./Metrics.ts"
import type { Reason } from "./Outcome.ts"
import { BridgedSpan, type MakeSpan } from "./Spans.ts"

export type Level = "Fatal" | "Error" | "Warn" | "Info" | "Debug" | "Trace"

export interface LogEntry {
  readonly level: Level
  readonly message: ReadonlyArray<unknown>
  readonly reasons: ReadonlyArray<Reason<unknown>>
  readonly annotations: Readonly<Record<string, unknown>>
}

export interface Host {
  /** Milliseconds since 1970. */
  readonly millis: () => number
  /** From a clock that nobody sets. */
  readonly nanos: () => bigint
  /** Calls `wake` after this time. The returned function prevents that. */
  readonly sleep: (millis: number, wake: () => void) => () => void
  /** From 0, included, to 1. */
  readonly random: () => number
  readonly log: (entry: LogEntry) => void
  /** Entries below this level cost nothing. This matters, because every packet is logged at Trace. */
  readonly minimumLogLevel: Level | "All" | "None"
  readonly span: MakeSpan
  readonly metric: RegisterMetric
}

/** The services in which the client runs. */
export type Services = Context.Context<never>

export const servicesOf = (host: Host): Services =>
  Context.make(Clock.Clock, clockOf(host)).pipe(
    Context.add(Random.Random, randomOf(host)),
    Context.add(Logger.CurrentLoggers, new Set([loggerOf(host)])),
    Context.add(References.MinimumLogLevel, host.minimumLogLevel),
    Context.add(Metric.MetricRegistry, new HostRegistry(host.metric)),
    Context.add(Tracer.Tracer, Tracer.make({ span: (options) => new BridgedSpan(host.span, options) }))
  )

const clockOf = ({ millis, nanos, sleep }: Host): Clock.Clock => ({
  currentTimeMillisUnsafe: millis,
  currentTimeMillis: Effect.sync(millis),
  currentTimeNanosUnsafe: nanos,
  currentTimeNanos: Effect.sync(nanos),
  monotonicTimeNanosUnsafe: nanos,
  monotonicTimeNanos: Effect.sync(nanos),
  sleep: (duration) => {
    const time = Duration.toMillis(duration)
    if (time === Infinity) return Effect.never
    return Effect.callback((resume) => {
      const cancel = sleep(time, () => resume(Effect.void))
      return Effect.sync(cancel)
    })
  }
})

const randomOf = ({ random }: Host): Random.Random => ({
  nextDoubleUnsafe: random,
  nextIntUnsafe: () => Math.floor((random() - 0.5) * 2 * Number.MAX_SAFE_INTEGER)
})

const loggerOf = ({ log }: Host): Logger.Logger<unknown, void> =>
  Logger.make(({ cause, fiber, logLevel, message }) => {
    if (logLevel === "All" || logLevel === "None") return
    log({
      level: logLevel,
      message: Array.isArray(message) ? message : [message],
      reasons: cause.reasons,
      annotations: fiber.getRef(References.CurrentLogAnnotations)
    })
  })
