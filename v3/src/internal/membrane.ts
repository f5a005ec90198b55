/**
 * Whole values between Effect 3 and the engine. Effects, streams, sinks, schedules, durations, secrets and errors are
 * converted wherever they stand; functions convert their arguments and their results.
 *
 * Of MQTT it knows only the errors.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import * as Engine from "../../../engine/index.ts"
import {
  Bridge,
  type Convert,
  fromEffect,
  fromSchedule,
  fromScopedEffect,
  type ProgramRuntime,
  toSchedule
} from "./bridge.ts"
import * as Errors from "./errors.ts"
import { causeOf } from "./outcome.ts"

type Values = Readonly<Record<string, unknown>>
type ScopedEffect = Engine.Effect<unknown, unknown, Engine.Scope>
type AnyFunction = (...values: ReadonlyArray<unknown>) => unknown

const isStream = (value: unknown): value is Stream.Stream<unknown, unknown> =>
  typeof value === "object" && value !== null && Stream.StreamTypeId in value

const isFunction = (value: unknown): value is AnyFunction => typeof value === "function"

const isPlain = (value: unknown): value is Values => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Makes a value of the engine. `convert` converts the parts that are still the program's. */
export type Making<A> = (convert: Convert) => A

const makings = new WeakMap<object, Making<unknown>>()

/** A value that cannot be read has nothing to convert: the engine says what is wrong with it. */
const valuesOf = (values: Values): ReadonlyArray<unknown> => {
  try {
    return Object.values(values)
  } catch {
    return []
  }
}

/** Nothing in it has to be converted. Most options are numbers and texts, and cross unchanged. */
const isInert = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return !isFunction(value)
  if (Array.isArray(value)) return value.every(isInert)
  return value instanceof Uint8Array || (isPlain(value) && !makings.has(value) && valuesOf(value).every(isInert))
}

const mapValues = (values: Values, convert: (value: unknown, name: string) => unknown): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, convert(value, name)]))

/** Marks a value of the program: wherever the engine is given this value, it gets the result of `making` instead. */
export const standsFor = <A extends object>(value: A, making: Making<unknown>): A => {
  makings.set(value, making)
  return value
}

export const makingOf = <A>(value: object): Making<A> | undefined => makings.get(value) as Making<A> | undefined

/** The prototypes of values that cross unchanged, such as messages. */
const crossing = new WeakSet<object>()

const membranes = new WeakMap<object, Membrane>()

/** The membrane around a service of this package. */
export const membraneOf = (service: object): Membrane | undefined => membranes.get(service)

const isReference = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function"

/** The service of the engine behind a service of this package, or the call behind one of its calls. */
export const engineServiceOf = <S extends object>(service: unknown): S | undefined =>
  isReference(service) ? makingOf<S>(service)?.((value) => value) : undefined

/** Whether the value can run code of the program, and so needs the services of the program. */
const runsEffects = (value: unknown): boolean =>
  isFunction(value) || (!Errors.isError(value) && Effect.isEffect(value)) ||
  (isPlain(value) && valuesOf(value).some(runsEffects))

export class Membrane {
  readonly #bridge: Bridge

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  static readonly make: Effect.Effect<Membrane> = Effect.map(Bridge.make, (bridge) => new Membrane(bridge))

  /**
   * Converts a value of the program for the engine. Effects in it run with `runtime`, and so do the effects that its
   * functions make. Functions under the names in `scoped` make effects that need a scope, and get a scope of the
   * engine.
   */
  toEngine(value: unknown, runtime: ProgramRuntime, scoped: ReadonlyArray<string> = []): unknown {
    const convert = (one: unknown): unknown => this.toEngine(one, runtime, scoped)
    if (Errors.isError(value)) return Errors.toEngine(value)
    if (isFunction(value)) return (...values: ReadonlyArray<unknown>) => convert(value(...values.map(this.toProgram)))
    if (typeof value !== "object" || value === null) return value
    // First, as a handler makes one for every message.
    if (Effect.isEffect(value)) return fromEffect(value as Effect.Effect<unknown, unknown>, runtime, convert)
    if (Duration.isDuration(value)) return Duration.toMillis(value)
    if (Redacted.isRedacted(value)) return Engine.makeRedacted(Redacted.value(value))
    if (Schedule.isSchedule(value)) return fromSchedule(value as Schedule.Schedule<unknown>, runtime, this.toProgram)
    if (isInert(value)) return value
    if (Array.isArray(value)) return value.map(convert)
    if (!isPlain(value)) return value
    const making = makingOf(value)
    if (making !== undefined) return making(convert)
    return mapValues(
      value,
      (one, name) => scoped.includes(name) && isFunction(one) ? this.#scopedFunction(one, runtime) : convert(one)
    )
  }

  #scopedFunction(f: AnyFunction, runtime: ProgramRuntime): AnyFunction {
    return (...values) => {
      const effect = f(...values.map(this.toProgram)) as Effect.Effect<unknown, unknown, Scope.Scope>
      return fromScopedEffect(Effect.map(effect, (one) => this.toEngine(one, runtime)), runtime)
    }
  }

  /** Converts a value of the engine for the program. */
  readonly toProgram = (value: unknown): unknown => {
    if (isFunction(value)) return this.function(value)
    if (typeof value !== "object" || value === null) return value
    const prototype: object = Object.getPrototypeOf(value)
    // First, as the messages of a stream come one after another.
    if (crossing.has(prototype) || isInert(value)) return value
    if (Errors.isError(value)) return Errors.toEffect3(value)
    if (Engine.isCause(value)) return causeOf(value.reasons)
    if (Engine.isDuration(value)) return Duration.millis(Engine.toMillis(value))
    if (Engine.isRedacted(value)) return Redacted.make(Engine.redactedValue(value))
    if (Engine.isSubscriptionRef(value)) return this.subscribable(value)
    if (Engine.isEffect(value)) return this.effect(value as Engine.Effect<unknown, unknown>)
    if (Engine.isStream(value)) return this.stream(value as Engine.Stream<unknown, unknown>)
    if (Engine.isSink(value)) return this.#bridge.sink(value as never, (element) => element)
    if (Engine.isSchedule(value)) return toSchedule(value as Engine.Schedule<unknown>, Errors.toEngine)
    if (Array.isArray(value)) return value.map(this.toProgram)
    if (isPlain(value)) return mapValues(value, this.toProgram)
    crossing.add(prototype)
    return value
  }

  effect(effect: Engine.Effect<unknown, unknown>): Effect.Effect<unknown, unknown> {
    return Effect.map(this.#bridge.effect(effect), this.toProgram)
  }

  /** Runs in a scope of the engine that ends with the caller's scope. */
  scoped(effect: Engine.Effect<unknown, unknown, Engine.Scope>): Effect.Effect<unknown, unknown, Scope.Scope> {
    return Effect.map(this.#bridge.scoped(effect), this.toProgram)
  }

  /** The service from an effect of the engine, in the caller's scope. */
  scopedService<S extends object, E>(
    making: Engine.Effect<S, E, Engine.Scope>,
    scoped: ReadonlyArray<string> = []
  ): Effect.Effect<Values, unknown, Scope.Scope> {
    return Effect.map(this.#bridge.scoped(making), (service) => this.service(service as S, scoped))
  }

  /** The result of an effect of the engine, unchanged. */
  made<A, E>(effect: Engine.Effect<A, E>): Effect.Effect<A, unknown> {
    return this.#bridge.effect(effect) as Effect.Effect<A, unknown>
  }

  /** The value that an effect of the engine opens, unchanged, in the caller's scope. */
  acquired<A, E>(effect: Engine.Effect<A, E, Engine.Scope>): Effect.Effect<A, E, Scope.Scope> {
    return this.#bridge.scoped(effect) as Effect.Effect<A, E, Scope.Scope>
  }

  /** The services of a layer of the engine, in the caller's scope. */
  built<A, E>(layer: Engine.Layer<A, E>): Effect.Effect<Engine.Context<A>, E, Scope.Scope> {
    return this.#bridge.scoped(Engine.build(layer)) as Effect.Effect<Engine.Context<A>, E, Scope.Scope>
  }

  /** Converts each call of a service. Calls named in `scoped` need a scope, and get the caller's. */
  service(service: object, scoped: ReadonlyArray<string> = []): Values {
    const converted = mapValues(service as Values, (value, name) => {
      const call = this.#call(value, scoped.includes(name))
      return isReference(call) ? standsFor(call, () => value) : call
    })
    membranes.set(converted, this)
    return standsFor(converted, () => service)
  }

  #call(value: unknown, isScoped: boolean): unknown {
    if (!isScoped) return this.toProgram(value)
    if (isFunction(value)) return this.function(value, (effect) => this.scoped(effect as ScopedEffect))
    return this.scoped(value as ScopedEffect)
  }

  /** Converts results with `convert`, which is needed if the value itself does not show how to convert it. */
  function(f: AnyFunction, convert: (value: unknown) => unknown = this.toProgram): AnyFunction {
    return (...values) => {
      const call = (runtime: ProgramRuntime): unknown => convert(f(...values.map((one) => this.toEngine(one, runtime))))
      const made = call(Runtime.defaultRuntime)
      if (!values.some(runsEffects)) return made
      if (isStream(made)) return Stream.unwrap(Effect.map(Effect.runtime(), (runtime) => call(runtime) as typeof made))
      return Effect.flatMap(Effect.runtime(), (runtime) => call(runtime) as Effect.Effect<unknown, unknown>)
    }
  }

  subscribable(
    ref: Engine.SubscriptionRef<unknown>,
    convert: Convert = this.toProgram
  ): Subscribable.Subscribable<unknown, unknown> {
    return Subscribable.make({
      get: Effect.map(this.#bridge.effect(Engine.getRef(ref)), convert),
      changes: this.#bridge.stream(Engine.changesOf(ref), convert)
    })
  }

  /** A stream with its other properties, such as the result of a subscription. */
  stream(
    stream: Engine.Stream<unknown, unknown>,
    convert: Convert = this.toProgram
  ): Stream.Stream<unknown, unknown> {
    const { channel: _channel, ...rest } = stream as unknown as Values
    return Object.assign(this.#bridge.stream(stream, convert), mapValues(rest, this.toProgram))
  }
}
