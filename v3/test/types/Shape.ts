/**
 * What a type says, in words that no version of Effect owns. Types of both packages say the same if their shapes are the
 * same.
 *
 * Functions are compared without their type parameters: each is what it extends.
 */
import type { KeyValueStore } from "@effect/platform/KeyValueStore"
import type * as Cause3 from "effect/Cause"
import type { Config } from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type { Reference, Tag, TagClassShape } from "effect/Context"
import type { Duration, DurationInput } from "effect/Duration"
import type { Effect } from "effect/Effect"
import type { Either } from "effect/Either"
import type { Layer } from "effect/Layer"
import type { Metric } from "effect/Metric"
import type { Option } from "effect/Option"
import type { Redacted } from "effect/Redacted"
import type { Schedule } from "effect/Schedule"
import type { Scope } from "effect/Scope"
import type { Sink } from "effect/Sink"
import type { Stream } from "effect/Stream"
import type { Subscribable } from "effect/Subscribable"
import type { ExternalSpan, ParentSpan, Span } from "effect/Tracer"
import type * as Cause4 from "effect4/Cause"
import type * as Config4 from "effect4/Config"
import type * as Context4 from "effect4/Context"
import type * as Duration4 from "effect4/Duration"
import type * as Effect4 from "effect4/Effect"
import type * as Layer4 from "effect4/Layer"
import type * as Metric4 from "effect4/Metric"
import type * as Option4 from "effect4/Option"
import type { KeyValueStore as KeyValueStore4 } from "effect4/persistence/KeyValueStore"
import type * as Redacted4 from "effect4/Redacted"
import type * as Result4 from "effect4/Result"
import type * as Schedule4 from "effect4/Schedule"
import type * as Scope4 from "effect4/Scope"
import type * as Sink4 from "effect4/Sink"
import type * as Stream4 from "effect4/Stream"
import type * as SubscriptionRef4 from "effect4/SubscriptionRef"
import type * as Tracer4 from "effect4/Tracer"
import type { Duplex } from "node:stream"

type Primitive = string | number | bigint | boolean | symbol | null | undefined

/** The same on both sides. */
type Opaque = Primitive | Uint8Array | Date | Duplex | AbortSignal

type IsUnknown<T> = unknown extends T ? true : false

/** A name without the package that it is of. */
type NameOf<Key> = Key extends `effect-mqtt-v3/${infer Name}` | `effect-mqtt/${infer Name}` ? Name : Key

/** A cause, and what may be given for how long something takes, are unions: they are looked at as a whole. */
type Shape<T> = IsUnknown<T> extends true ? unknown
  : [T] extends [never] ? never
  : [T] extends [Cause3.Cause<infer E>] ? { cause: Shape<E> }
  : [T] extends [Cause4.Cause<infer E>] ? { cause: Shape<E> }
  : [Duration] extends [T] ? { duration: true } | ShapeOfEach<Exclude<T, DurationInput>>
  : [Duration4.Duration] extends [T] ? { duration: true } | ShapeOfEach<Exclude<T, Duration4.Input>>
  : ShapeOfEach<T>

type ShapeOfEach<T> = T extends Opaque ? T
  : T extends { readonly Type: infer A; readonly Encoded: unknown; readonly ast: object } ? { schema: Shape<A> }
  : T extends Error & { readonly _tag: infer Name } ? { error: Name; fields: Fields<T> }
  : T extends ConfigError | Config4.ConfigError ? { error: "ConfigError" }
  : T extends Metric.Counter<infer A> | Metric4.Counter<infer A> ? { counter: A }
  : T extends Metric.Gauge<infer A> | Metric4.Gauge<infer A> ? { gauge: A }
  : T extends abstract new(...values: infer P) => infer I ? ShapeOfClass<T, P, I>
  : T extends (...values: infer P) => infer R ? { parameters: ShapeOfEach<P>; result: Shape<R> }
  : T extends ReadonlyArray<unknown> ? { [Index in keyof T]: Shape<T[Index]> }
  : ShapeOfValue<T>

/** A class of a service is known by its name, and has what the service has. */
type ShapeOfClass<T, P, I> = T extends Reference<infer _, infer A> ? { reference: Shape<A> }
  : T extends Context4.Reference<infer A> ? { reference: Shape<A> }
  : T extends Tag<infer _, infer S> | Context4.Key<infer _, infer S> ? { service: ShapeOfService<I>; calls: Shape<S> }
  : { parameters: ShapeOfEach<P>; instance: ShapeOfEach<I> }

type ShapeOfService<T> = T extends TagClassShape<infer Key, infer _> | Context4.ServiceClass.Shape<infer Key, infer _>
  ? NameOf<Key>
  : T extends Scope | Scope4.Scope ? "Scope"
  : T extends ParentSpan | Tracer4.ParentSpan ? "ParentSpan"
  : T extends KeyValueStore | KeyValueStore4 ? "KeyValueStore"
  : T

/** What an error has besides what every error of its version of Effect has. */
type Fields<T> = {
  [Name in Exclude<keyof T, keyof Cause3.YieldableError | keyof Cause4.YieldableError>]: Shape<T[Name]>
}

type ShapeOfValue<T> = T extends Config<infer A> | Config4.Config<infer A> ? { config: Shape<A> }
  : T extends Option<infer A> | Option4.Option<infer A> ? { option: Shape<A> }
  : T extends Either<infer A, infer E> | Result4.Result<infer A, infer E> ? { result: Shape<A>; error: Shape<E> }
  : T extends Redacted<infer A> | Redacted4.Redacted<infer A> ? { redacted: Shape<A> }
  : T extends Effect<infer A, infer E, infer R> | Effect4.Effect<infer A, infer E, infer R>
    ? { effect: Shape<A>; error: Shape<E>; services: ShapeOfService<R> }
  : T extends Stream<infer A, infer E, infer R> ? ShapeOfStream<A, E, R, Omit<T, keyof Stream<unknown>>>
  : T extends Stream4.Stream<infer A, infer E, infer R> ? ShapeOfStream<A, E, R, Omit<T, keyof Stream4.Stream<unknown>>>
  : T extends
    Sink<infer A, infer In, infer L, infer E, infer R> | Sink4.Sink<infer A, infer In, infer L, infer E, infer R>
    ? { sink: Shape<A>; input: Shape<In>; leftover: Shape<L>; error: Shape<E>; services: ShapeOfService<R> }
  : T extends Layer<infer A, infer E, infer R> | Layer4.Layer<infer A, infer E, infer R>
    ? { layer: ShapeOfService<A>; error: Shape<E>; services: ShapeOfService<R> }
  : T extends Schedule<infer A, infer In, infer R> ?
    { schedule: Shape<A>; input: Shape<In>; services: ShapeOfService<R> }
  : T extends Schedule4.Schedule<infer A, infer In, infer _, infer R>
    ? { schedule: Shape<A>; input: Shape<In>; services: ShapeOfService<R> }
  : T extends Subscribable<infer A> | SubscriptionRef4.SubscriptionRef<infer A> ? { subscribable: Shape<A> }
  : T extends ExternalSpan | Tracer4.ExternalSpan ? { span: "external" }
  : T extends Span | Tracer4.Span ? { span: "own" }
  : { [Name in keyof T]: Shape<T[Name]> }

/** With what else it has, such as the granted QoS of a subscription. */
type ShapeOfStream<A, E, R, Rest> = {
  stream: Shape<A>
  error: Shape<E>
  services: ShapeOfService<R>
  rest: { [Name in keyof Rest]: Shape<Rest[Name]> }
}

type Identical<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

/** The names under which two types have something else, or only one of them has something. */
type Differences<A, B> = {
  [Name in keyof A | keyof B]: Name extends keyof A & keyof B
    ? Identical<Shape<Pick<A, Name>>, Shape<Pick<B, Name>>> extends true ? never : Name
    : Name
}[keyof A | keyof B]

/** `never` if both say the same. */
export type Difference<A, B> = Identical<Shape<A>, Shape<B>> extends true ? never
  : [Differences<A, B>] extends [never] ? "the whole"
  : Differences<A, B>

/** The names of two modules that stand for something else. */
export type DifferenceOfModules<A, B> = {
  [Name in keyof A | keyof B]: Name extends keyof A & keyof B
    ? Identical<Shape<A[Name]>, Shape<B[Name]>> extends true ? never : Name
    : Name
}[keyof A | keyof B]

/** Does not compile unless it is given `never`. */
export type None<_ extends never> = true
