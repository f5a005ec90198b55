/**
 * Values between a test of Effect 4 and the package for Effect 3: what the test gives goes over as the values of Effect 3
 * that a program would have written, and what the client gives comes back.
 */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as EffectRuntime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import * as Decision from "effect/ScheduleDecision"
import * as Interval from "effect/ScheduleInterval"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Engine from "../../../engine/index.ts"
import * as Effect4 from "../../../test/through-effect3/effect4.ts"
import { Bridge } from "../../src/internal/bridge.ts"
import * as Errors from "../../src/internal/errors.ts"
import { exitOf, outcomeOf } from "../../src/internal/outcome.ts"
import { runtimeOf } from "./program.ts"
import { toTest as spanToTest } from "./spans.ts"

type Services = Effect4.Services
type AnyEffect = Effect.Effect<unknown, unknown>
type ScopedEffect = Effect.Effect<unknown, unknown, Scope.Scope>
type AnyEffect4 = Engine.Effect<unknown, unknown>
type ScopedEffect4 = Engine.Effect<unknown, unknown, Engine.Scope>
type Convert = (value: unknown) => unknown
type AnyFunction = (...values: ReadonlyArray<unknown>) => unknown
export type Values = Readonly<Record<string, unknown>>

const isFunction = (value: unknown): value is AnyFunction => typeof value === "function"

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const isPlain = (value: object): value is Values => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** What cannot be read goes over as it is: the client says what is wrong with it. */
const mapped = (values: Values, convert: Convert): Values => {
  try {
    const entries = Object.entries(values).map(([name, value]) => [name, convert(value)] as const)
    return entries.every(([name, value]) => value === values[name]) ? values : Object.fromEntries(entries)
  } catch {
    return values
  }
}

const mappedArray = (values: ReadonlyArray<unknown>, convert: Convert): ReadonlyArray<unknown> => {
  const converted = values.map(convert)
  return converted.every((value, index) => value === values[index]) ? values : converted
}

// -- From the test to the program --------------------------------------------------------------------------------------

/** Of the test, run with what the test had around it when it was given; what it gives stays the test's. */
const runFromTest = (effect: AnyEffect4, services: Services): AnyEffect =>
  Effect.withFiberRuntime(({ currentContext, currentSpan }) => {
    const inside = Effect4.inProgram(effect, currentContext)
    const spanned = currentSpan === undefined ? inside : Effect4.inSpan(inside, spanToTest(currentSpan))
    return new Bridge(services).effect(spanned)
  })

/** An effect of the test for the program. */
const effectFromTest = (effect: AnyEffect4, services: Services): AnyEffect =>
  Effect.map(runFromTest(effect, services), (value) => fromTest(value, services))

/** An effect of the test that wants a scope, which is then the program's. */
export const scopedFromTest = (
  effect: ScopedEffect4,
  services: Services,
  convert: Convert = (value) => fromTest(value, services)
): ScopedEffect =>
  Effect.map(
    Effect.flatMap(new Bridge(services).scope, (scope) => runFromTest(Engine.inScope(effect, scope), services)),
    convert
  )

const scheduleFromTest = (
  schedule: Engine.Schedule<unknown>,
  services: Services
): Schedule.Schedule<unknown, unknown> => {
  const begin = runFromTest(Engine.stepsOf(schedule), services) as Effect.Effect<Engine.Step<unknown>>
  return Schedule.makeWithState(
    undefined as Engine.Step<unknown> | undefined,
    (now, input: unknown, state) =>
      Effect.orDie(Effect.gen(function*() {
        const step = state ?? (yield* begin)
        const delay = yield* runFromTest(step(now, toTest(input)), services)
        return [
          step,
          undefined,
          typeof delay === "number" ? Decision.continueWith(Interval.after(now + delay)) : Decision.done
        ] as const
      }))
  )
}

/** Of the test, for the program. */
export const fromTest = (value: unknown, services: Services): unknown => {
  const convert: Convert = (one) => fromTest(one, services)
  if (isFunction(value)) return (...values: ReadonlyArray<unknown>) => convert(value(...values.map(toTest)))
  if (!isObject(value) || value instanceof Uint8Array) return value
  if (Errors.isError(value)) return Errors.toEffect3(value)
  if (Engine.isDuration(value)) return Duration.millis(Engine.toMillis(value))
  if (Engine.isRedacted(value)) return Redacted.make(Engine.redactedValue(value))
  if (Engine.isSchedule(value)) return scheduleFromTest(value as Engine.Schedule<unknown>, services)
  if (Engine.isEffect(value)) return effectFromTest(value as AnyEffect4, services)
  if (Array.isArray(value)) return mappedArray(value, convert)
  return isPlain(value) ? mapped(value, convert) : value
}

// -- From the program to the test --------------------------------------------------------------------------------------

const start = <A, E>(effect: Effect.Effect<A, E>, services: Services): Engine.Start<A, E> => (done) => {
  // A fiber that fails itself would be logged as one whose error nobody handles.
  const ending = Effect.uninterruptible(Effect.exit(Effect.interruptible(effect)))
  const fiber = EffectRuntime.runFork(runtimeOf(services))(ending)
  fiber.addObserver((exit) => done(outcomeOf(Exit.flatten(exit)) as Engine.Outcome<A, E>))
  return () => fiber.unsafeInterruptAsFork(FiberId.none)
}

/** An effect of the program for the test, run with what the test has around it where it runs it. */
export const effectToTest = (effect: AnyEffect, convert: Convert = toTest): AnyEffect4 =>
  Effect4.withServices((services) => Engine.fromHost(start(Effect.map(effect, convert), services)))

/** Its scope is one of the program's, which ends with the test's, or when there is nothing to end later. */
export const scopedToTest = (effect: ScopedEffect, convert: Convert = toTest): ScopedEffect4 =>
  Effect4.inOwnScope((atEnd) => {
    const scope = Effect.runSync(Scope.make())
    const opening = effectToTest(Scope.extend(effect, scope), convert)
    return Effect4.andThen(atEnd((outcome) => effectToTest(Scope.close(scope, exitOf(outcome)))), opening)
  })

type Pulling = Effect.Effect<Chunk.Chunk<unknown>, Option.Option<unknown>>

const pulled = (pull: Pulling): Effect4.Pull =>
  effectToTest(
    Effect.matchEffect(pull, {
      onSuccess: (chunk) => Effect.succeed(Chunk.toReadonlyArray(chunk).map(toTest)),
      onFailure: (end): AnyEffect => Option.isNone(end) ? Effect.succeed(undefined) : Effect.fail(end.value)
    }),
    (elements) => elements
  ) as Effect4.Pull

/** With what else it has, such as what was granted to a subscription. */
const streamToTest = (stream: Stream.Stream<unknown, unknown>): unknown => {
  const opened = scopedToTest(Effect.map(Stream.toPull(stream), pulled), (pull) => pull)
  const own = Object.entries(stream).filter(([name]) => name !== "channel").map((
    [name, value]
  ) => [name, toTest(value)])
  return Object.assign(Effect4.streamOf(opened as never), Object.fromEntries(own))
}

const sinkToTest = (sink: Sink.Sink<unknown, unknown, never, unknown>): unknown =>
  Effect4.sinkOf((pull) =>
    Effect4.withServices((services) => {
      const next = Effect.flatMap(
        Effect.mapError(new Bridge(services).effect(pull), Option.some),
        (elements) =>
          elements === undefined
            ? Effect.fail(Option.none())
            : Effect.succeed(
              Chunk.unsafeFromArray((elements as ReadonlyArray<unknown>).map((one) => fromTest(one, services)))
            )
      )
      return effectToTest(Stream.run(Stream.repeatEffectChunkOption(next), sink))
    })
  )

/** Of the program, for the test. */
export const toTest = (value: unknown): unknown => {
  if (isFunction(value)) return functionToTest(value)
  if (!isObject(value) || value instanceof Uint8Array) return value
  if (Errors.isError(value)) return Errors.toEngine(value)
  if (Duration.isDuration(value)) return Effect4.millis(Duration.toMillis(value))
  if (Redacted.isRedacted(value)) return Effect4.makeRedacted(Redacted.value(value))
  if (Effect.isEffect(value)) return effectToTest(value as AnyEffect)
  if (Stream.StreamTypeId in value) return streamToTest(value as Stream.Stream<unknown, unknown>)
  if (Sink.SinkTypeId in value) return sinkToTest(value as never)
  if (Array.isArray(value)) return mappedArray(value, toTest)
  return isPlain(value) ? mapped(value, toTest) : value
}

/** What it is given are values of the test, as it has them around it. */
export const functionToTest = (f: AnyFunction): AnyFunction => (...values) =>
  Effect4.withServices((services) => {
    const result = toTest(f(...values.map((value) => fromTest(value, services))))
    return result as AnyEffect4
  })
