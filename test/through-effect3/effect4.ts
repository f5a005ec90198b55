/**
 * The test's side of the crossing: what the Effect 3 half of the adapter needs of Effect 4, and cannot import itself.
 *
 * Nothing here knows Effect 3. `v3/test/scenarios` is the other half.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Tracer from "effect/Tracer"
import type { LogEntry } from "../../engine/Host.ts"
import { exitOf, type Outcome, outcomeOf } from "../../engine/Outcome.ts"
import { Measuring } from "../../src/internal/client/calls/instrument.ts"
import { MqttStore, type Provided } from "../../src/internal/store/port.ts"
import { ConnectionDecorator, MqttTransport } from "../../src/MqttTransport.ts"

export { millis } from "effect/Duration"
export { andThen, flatMap, map, suspend } from "effect/Effect"
export type { Effect } from "effect/Effect"
export { effect as layerOf } from "effect/Layer"
export { make as makeRedacted } from "effect/Redacted"
export { layerConfig, MqttClient, onConnected } from "../../src/MqttClient.ts"

/** What an effect of the test has around it. */
export type Services = Context.Context<never>

export const withServices = <A, E>(use: (services: Services) => Effect.Effect<A, E, unknown>): Effect.Effect<A, E> =>
  Effect.contextWith((services: Services) => use(services) as Effect.Effect<A, E>)

type AtEnd = (end: (outcome: Outcome<unknown, unknown>) => Effect.Effect<unknown, unknown>) => Effect.Effect<void>

/** With a part of the test's scope, which ends from where the test ends its scope, or at once if this fails. */
export const inOwnScope = <A, E>(use: (atEnd: AtEnd) => Effect.Effect<A, E>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.flatMap(Scope.fork(scope), (own) => {
        const atEnd: AtEnd = (end) => Scope.addFinalizerExit(own, (exit) => Effect.orDie(end(outcomeOf(exit))))
        return Effect.onError(restore(Effect.suspend(() => use(atEnd))), (cause) =>
          Scope.close(own, Exit.failCause(cause)))
      }))
  )

/** What a fiber of the program has around it that runs an effect of the test, for what the test calls from there. */
const Program = Context.Reference<unknown>("effect-mqtt/test/through-effect3/Program", {
  defaultValue: () => undefined
})

export const inProgram = <A, E>(effect: Effect.Effect<A, E>, program: unknown): Effect.Effect<A, E> =>
  Effect.provideService(effect, Program, program)

export const programOf = (services: Services): unknown => Context.get(services, Program)

// -- What the host of the client is ------------------------------------------------------------------------------------

export const clockOf = (services: Services): Clock.Clock => Context.get(services, Clock.Clock)

export const sleepOn = (services: Services, milliseconds: number): Effect.Effect<void> =>
  clockOf(services).sleep(Duration.millis(milliseconds))

export const randomOf = (services: Services): Random.Random => Context.get(services, Random.Random)

export const minimumLogLevelOf = (services: Services) => Context.get(services, References.MinimumLogLevel)

export const log = ({ annotations, level, message, reasons }: LogEntry): Effect.Effect<void> => {
  const exit = exitOf({ _tag: "Failure", reasons })
  const cause = exit._tag === "Failure" && reasons.length > 0 ? [exit.cause] : []
  return Effect.annotateLogs(Effect.logWithLevel(level)(...message, ...cause), annotations)
}

// -- What the test has provided for a client ---------------------------------------------------------------------------

export const transportOf = (services: Services): MqttTransport["Service"] =>
  Context.get(services as Context.Context<MqttTransport>, MqttTransport)

export const storeOf = (services: Services): Provided["store"] | undefined => Context.get(services, MqttStore)?.store

export const decoratorOf = (services: Services) => Context.getOrUndefined(services, ConnectionDecorator)

export const isMeasuring = (services: Services): boolean => Context.getOrUndefined(services, Measuring) !== undefined

// -- Spans -------------------------------------------------------------------------------------------------------------

export type AnySpan = Tracer.AnySpan
export type Span = Tracer.Span

export const parentSpanOf = (services: Services): AnySpan | undefined =>
  Option.getOrUndefined(Context.getOption(services as Context.Context<Tracer.ParentSpan>, Tracer.ParentSpan))

export const inSpan = <A, E>(effect: Effect.Effect<A, E>, span: AnySpan): Effect.Effect<A, E> =>
  Effect.withParentSpan(effect, span)

export const isTraced = (services: Services): boolean => Context.get(services, References.TracerEnabled)

export interface SpanOptions {
  readonly name: string
  readonly parent: AnySpan | undefined
  readonly links: ReadonlyArray<{ readonly span: AnySpan; readonly attributes: Readonly<Record<string, unknown>> }>
  readonly startTime: bigint
  readonly kind: Tracer.SpanKind
}

export const makeSpan = (services: Services, { kind, links, name, parent, startTime }: SpanOptions): Tracer.Span =>
  Context.get(services, Tracer.Tracer).span({
    name,
    parent: Option.fromUndefinedOr(parent),
    annotations: Context.empty(),
    links: [...links],
    startTime,
    kind,
    root: parent === undefined,
    sampled: true
  })

export const endSpan = (span: Tracer.Span, time: bigint, outcome: Outcome<unknown, unknown>): void =>
  span.end(time, exitOf(outcome))

/** A span that neither tracer has made. */
export const externalSpan = (span: { readonly traceId: string; readonly spanId: string; readonly sampled: boolean }) =>
  Tracer.externalSpan(span)

// -- Metrics -----------------------------------------------------------------------------------------------------------

export const registryOf = (services: Services): Metric.MetricRegistry => Context.get(services, Metric.MetricRegistry)

/** What a metric of the program says now. */
export interface MirroredMetric {
  readonly id: string
  readonly type: "Counter" | "Gauge" | "Histogram"
  readonly description: string | undefined
  readonly attributes: Readonly<Record<string, string>>
  readonly state: object
}

const metadataOf = ({ state, ...metadata }: MirroredMetric) => ({
  ...metadata,
  hooks: { get: () => state, update: () => {}, modify: () => {} }
})

/** Whoever reads the registry finds these too. */
export const mirror = (registry: Metric.MetricRegistry, read: () => ReadonlyArray<MirroredMetric>): void => {
  const values = registry.values.bind(registry)
  registry.values = () => [...values(), ...read().map(metadataOf)].values()
}

// -- What the client gives ---------------------------------------------------------------------------------------------

/** The next elements, or `undefined` at the end. */
export type Pull = Effect.Effect<ReadonlyArray<unknown> | undefined, unknown>

const isSome = (elements: ReadonlyArray<unknown>): elements is NonEmptyReadonlyArray<unknown> => elements.length > 0

export const streamOf = (open: Effect.Effect<Pull, unknown, Scope.Scope>): Stream.Stream<unknown, unknown> =>
  Stream.unwrap(Effect.map(open, (pull) => {
    const next = Effect.flatMap(
      pull,
      (elements) => elements === undefined ? Cause.done() : Effect.succeed(elements)
    )
    const some = Effect.repeat(next, { until: isSome }) as Effect.Effect<NonEmptyReadonlyArray<unknown>, unknown>
    return Stream.fromPull(Effect.succeed(some)) as Stream.Stream<unknown, unknown>
  }))

/** A sink that is run over there: it gets what pulls from here. */
export const sinkOf = (
  run: (pull: Pull) => Effect.Effect<unknown, unknown>
): Sink.Sink<unknown, unknown, never, unknown> =>
  Sink.fromTransform((upstream: Effect.Effect<ReadonlyArray<unknown>, Cause.Done>) => {
    const pull = Effect.catchCause(
      upstream as Pull,
      (cause) =>
        cause.reasons.some((reason) => reason._tag === "Fail" && Cause.isDone(reason.error))
          ? Effect.undefined
          : Effect.failCause(cause)
    )
    return Effect.map(run(pull), (result): Sink.End<unknown, never> => [result])
  })

/**
 * The state of the client as the test knows it. Its value is asked for over there, and its changes are published here as
 * they come.
 */
export const refOf = (get: () => unknown): { readonly ref: unknown; readonly publish: (value: unknown) => void } => {
  const ref = Effect.runSync(SubscriptionRef.make<unknown>(undefined))
  const pubsub = Effect.runSync(PubSub.unbounded<unknown>({ replay: 1 }))
  Object.defineProperty(ref, "value", { get })
  return {
    ref: Object.assign(ref, { pubsub }),
    publish: (value) => {
      PubSub.publishUnsafe(pubsub, value)
    }
  }
}
