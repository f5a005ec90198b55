/**
 * A program of Effect 3 that stands where a test of Effect 4 stands: its clock, chance, loggers, tracer and labels of
 * metrics are those of the test.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import { defaultScheduler, type Scheduler } from "effect/Scheduler"
import * as Tracer from "effect/Tracer"
import * as Engine from "../../../engine/index.ts"
import * as Effect4 from "../../../test/through-effect3/effect4.ts"
import * as Turns from "../../../test/through-effect3/turns.ts"
import type { ProgramRuntime } from "../../src/internal/bridge.ts"
import { outcomeOf } from "../../src/internal/outcome.ts"
import { labelsFor } from "./metrics.ts"
import { fromTest, tracerOf } from "./spans.ts"

const clockOf = (services: Effect4.Services): Clock.Clock => {
  const clock = Effect4.clockOf(services)
  const millis = () => clock.currentTimeMillisUnsafe()
  // What Effect 3 calls the time in nanoseconds is of a clock that nobody sets.
  const nanos = () => clock.monotonicTimeNanosUnsafe()
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: millis,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.async((resume) => {
        const sleeping = Effect4.sleepOn(services, Duration.toMillis(duration))
        const running = Engine.run(services, sleeping, ({ _tag }) => {
          if (_tag === "Success") resume(Effect.void)
        })
        if (typeof running === "function") return Effect.sync(running)
        return resume(Effect.void)
      })
  }
}

const randomOf = (services: Effect4.Services): Random.Random => {
  const random = Effect4.randomOf(services)
  return Object.create(Random.make("unused"), {
    next: { value: Effect.sync(() => random.nextDoubleUnsafe()) },
    nextInt: { value: Effect.sync(() => random.nextIntUnsafe()) }
  })
}

const levels = {
  Fatal: "Fatal",
  Error: "Error",
  Warning: "Warn",
  Info: "Info",
  Debug: "Debug",
  Trace: "Trace"
} as const

const loggerOf = (services: Effect4.Services): Logger.Logger<unknown, void> =>
  Logger.make(({ annotations, cause, logLevel, message }) => {
    const { _tag: level } = logLevel
    if (level === "All" || level === "None") return
    const outcome = outcomeOf(Effect.runSync(Effect.exit(Effect.failCause(cause))))
    const entry: Engine.LogEntry = {
      level: levels[level],
      message: Array.isArray(message) ? message : [message],
      reasons: Cause.isEmptyType(cause) || outcome._tag === "Success" ? [] : outcome.reasons,
      annotations: Object.fromEntries(HashMap.toEntries(annotations))
    }
    Engine.run(services, Effect4.log(entry), () => {})
  })

const minimumOf = (services: Effect4.Services): LogLevel.LogLevel => {
  const level = Effect4.minimumLogLevelOf(services)
  return LogLevel.fromLiteral(level === "Warn" ? "Warning" : level)
}

/** As Effect 3's own, except that the clock of the test hears of it. */
const scheduler: Scheduler = {
  shouldYield: (fiber) => defaultScheduler.shouldYield(fiber),
  scheduleTask: (task) => Turns.microtask(task)
}

const makeRuntime = (services: Effect4.Services): ProgramRuntime => {
  const span = Effect4.parentSpanOf(services)
  const around = Effect4.programOf(services) as Context.Context<never> | undefined ?? Context.empty()
  const own = span === undefined ? around : Context.add(around, Tracer.ParentSpan, fromTest(span))
  const runtime = Effect.runtime<never>().pipe(
    Effect.withClock(clockOf(services)),
    Effect.withRandom(randomOf(services)),
    Effect.withTracer(tracerOf(services)),
    Effect.withTracerEnabled(Effect4.isTraced(services)),
    Effect.withScheduler(scheduler),
    Effect.locally(FiberRef.currentLoggers, HashSet.make(loggerOf(services))),
    Effect.locally(FiberRef.currentMinimumLogLevel, minimumOf(services)),
    Effect.locally(FiberRef.currentMetricLabels, labelsFor(services)),
    Effect.provide(own)
  )
  return Effect.runSync(runtime)
}

/** Not a table of all: it would keep the size that it had with the most of them, and tests measure memory. */
let latest: { readonly services: Effect4.Services; readonly runtime: ProgramRuntime } | undefined

/** The runtime of Effect 3 for this part of the test. */
export const runtimeOf = (services: Effect4.Services): ProgramRuntime => {
  if (latest?.services !== services) latest = { services, runtime: makeRuntime(services) }
  return latest.runtime
}
