/**
 * Whole values between Effect 3 and the engine. Effects, streams, sinks, schedules, durations, secrets and errors are
 * converted wherever they stand; functions convert what goes in and what comes out.
 *
 * It knows nothing of MQTT but its errors.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
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

const isFunction = (value: unknown): value is AnyFunction => typeof value === "function"

const isPlain = (value: unknown): value is Values => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Makes a value of the engine. It is given what converts values that are still the program's. */
export type Making<A> = (convert: Convert) => A

const makings = new WeakMap<object, Making<unknown>>()

/** What cannot be read has nothing that could be converted: the engine says what is wrong with it. */
const valuesOf = (values: Values): ReadonlyArray<unknown> => {
  try {
    return Object.values(values)
  } catch {
    return []
  }
}

/** Nothing in it has to be converted: options of numbers and texts, as most are, cross as they are. */
const isInert = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return !isFunction(value)
  if (Array.isArray(value)) return value.every(isInert)
  return value instanceof Uint8Array || (isPlain(value) && !makings.has(value) && valuesOf(value).every(isInert))
}

const mapValues = (values: Values, convert: (value: unknown, name: string) => unknown): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, convert(value, name)]))

/** A value of the program that is the one which `making` makes, wherever it is handed to the engine. */
export const standsFor = <A extends object>(value: A, making: Making<unknown>): A => {
  makings.set(value, making)
  return value
}

export const makingOf = <A>(value: object): Making<A> | undefined => makings.get(value) as Making<A> | undefined

/** The prototypes of values that cross as they are, such as messages: what a value is, its prototype says. */
const crossing = new WeakSet<object>()

const membranes = new WeakMap<object, Membrane>()

/** The membrane that a service of this package is behind. */
export const membraneOf = (service: object): Membrane | undefined => membranes.get(service)

const isReference = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function"

/** The service of the engine that a service of this package is, or the call that one of its calls is. */
export const engineServiceOf = <S extends object>(service: unknown): S | undefined =>
  isReference(service) ? makingOf<S>(service)?.((value) => value) : undefined

/** Whether it can run something of the program, for which it needs what the program provides. */
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
   * Of the program, for the engine. What is an effect, or makes one, runs with `runtime`. Functions under the names in
   * `scoped` make effects that want a scope, which is the engine's.
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

  /** Of the engine, for the program. */
  readonly toProgram = (value: unknown): unknown => {
    if (isFunction(value)) return this.function(value)
    if (typeof value !== "object" || value === null || isInert(value)) return value
    const prototype: object = Object.getPrototypeOf(value)
    if (crossing.has(prototype)) return value
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

  /** In a scope of the engine's that ends with the caller's. */
  scoped(effect: Engine.Effect<unknown, unknown, Engine.Scope>): Effect.Effect<unknown, unknown, Scope.Scope> {
    return Effect.map(this.#bridge.scoped(effect), this.toProgram)
  }

  /** The service that an effect of the engine makes, in the caller's scope. */
  scopedService<S extends object, E>(
    making: Engine.Effect<S, E, Engine.Scope>,
    scoped: ReadonlyArray<string> = []
  ): Effect.Effect<Values, unknown, Scope.Scope> {
    return Effect.map(this.#bridge.scoped(making), (service) => this.service(service as S, scoped))
  }

  /** What an effect of the engine makes, as it is. */
  made<A, E>(effect: Engine.Effect<A, E>): Effect.Effect<A, unknown> {
    return this.#bridge.effect(effect) as Effect.Effect<A, unknown>
  }

  /** What an effect of the engine opens, as it is, in the caller's scope. */
  acquired<A, E>(effect: Engine.Effect<A, E, Engine.Scope>): Effect.Effect<A, E, Scope.Scope> {
    return this.#bridge.scoped(effect) as Effect.Effect<A, E, Scope.Scope>
  }

  /** The services that a layer of the engine makes, in the caller's scope. */
  built<A, E>(layer: Engine.Layer<A, E>): Effect.Effect<Engine.Context<A>, E, Scope.Scope> {
    return this.#bridge.scoped(Engine.build(layer)) as Effect.Effect<Engine.Context<A>, E, Scope.Scope>
  }

  /** Each call of a service; those that are named want a scope, which is the caller's. */
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

  /** What it returns is converted, with `convert` where that is not said by the value itself. */
  function(f: AnyFunction, convert: (value: unknown) => unknown = this.toProgram): AnyFunction {
    return (...values) => {
      const call = (runtime: ProgramRuntime): unknown => convert(f(...values.map((one) => this.toEngine(one, runtime))))
      if (!values.some(runsEffects)) return call(Runtime.defaultRuntime)
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

  /** With what else it has, such as what was granted to a subscription. */
  stream(
    stream: Engine.Stream<unknown, unknown>,
    convert: Convert = this.toProgram
  ): Stream.Stream<unknown, unknown> {
    const { channel: _channel, ...rest } = stream as unknown as Values
    return Object.assign(this.#bridge.stream(stream, convert), mapValues(rest, this.toProgram))
  }
}
