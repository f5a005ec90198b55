/**
 * Effects, streams, sinks and schedules between Effect 3 and the engine, which runs on Effect 4.
 *
 * It knows nothing of MQTT, and does not look into the values.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as Schedule from "effect/Schedule"
import * as Decision from "effect/ScheduleDecision"
import * as Interval from "effect/ScheduleInterval"
import * as Intervals from "effect/ScheduleIntervals"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as Engine from "../../../engine/index.ts"
import * as Host from "./host.ts"
import { exitOf, outcomeOf } from "./outcome.ts"

/** Converts a value on its way from one side to the other. */
export type Convert = (value: unknown) => unknown

/** Runs effects of the program, with the services at the place where the program gave them. */
export type ProgramRuntime = Runtime.Runtime<never>

/** The place in the engine that started this fiber of the program, such as a hook of a client. */
class Place extends Context.Reference<Place>()("effect-mqtt-v3/internal/Place", {
  defaultValue: (): Engine.Place => undefined
}) {}

const isSpan = (span: unknown): span is Tracer.AnySpan => typeof span === "object" && span !== null

/** An effect of the program, for the engine to start. It runs in the span of the engine's fiber. */
export const start = <A, E>(runtime: ProgramRuntime, effect: Effect.Effect<A, E>): Engine.Start<A, E> => (done) => {
  const span = Engine.currentHostSpan()
  const inSpan = isSpan(span) ? Effect.withParentSpan(effect, span) : effect
  const place = Engine.currentPlace()
  const inPlace = place === undefined ? inSpan : Effect.provideService(inSpan, Place, place)
  // The fiber itself never fails: Effect 3 would log that as an error that nobody handles.
  const fiber = Runtime.runFork(interruptibleRuntime(runtime))(Effect.exit(inPlace))
  fiber.addObserver((exit) => done(outcomeOf(Exit.flatten(exit)) as Engine.Outcome<A, E>))
  return () => fiber.unsafeInterruptAsFork(FiberId.none)
}

const interruptibleRuntimes = new WeakMap<ProgramRuntime, ProgramRuntime>()

/** The runtime may come from a place where nothing is interrupted, such as a finalizer. */
const interruptibleRuntime = (runtime: ProgramRuntime): ProgramRuntime => {
  const known = interruptibleRuntimes.get(runtime)
  if (known !== undefined) return known
  const made = Runtime.enableRuntimeFlag(runtime, RuntimeFlags.Interruption)
  interruptibleRuntimes.set(runtime, made)
  return made
}

/** An effect of the program as an effect of the engine. `convert` converts its result. */
export const fromEffect = (
  effect: Effect.Effect<unknown, unknown>,
  runtime: ProgramRuntime,
  convert?: Convert
): Engine.Effect<unknown, unknown> => {
  const starting = start(runtime, effect)
  return Engine.fromHost(
    convert === undefined ? starting : (done) => starting((outcome) => done(converted(outcome, convert)))
  )
}

/** Nothing is allocated for a result that crosses as it is. */
const converted = (
  outcome: Engine.Outcome<unknown, unknown>,
  convert: Convert
): Engine.Outcome<unknown, unknown> => {
  if (outcome._tag === "Failure") return outcome
  try {
    const value = convert(outcome.value)
    return value === outcome.value ? outcome : { _tag: "Success", value }
  } catch (defect) {
    return { _tag: "Failure", reasons: [{ _tag: "Die", defect }] }
  }
}

/** An effect of the program that opens a value, with a scope for the value. */
export const opening = <A, E>(
  runtime: ProgramRuntime,
  effect: Effect.Effect<A, E, Scope.Scope>
): Engine.Start<Engine.Opened<A>, E> =>
  start(
    runtime,
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const value = yield* Effect.onError(
          restore(Scope.extend(effect, scope)),
          (cause) => Scope.close(scope, Exit.failCause(cause))
        )
        return { value, close: (outcome) => start(runtime, Scope.close(scope, exitOf(outcome))) }
      })
    )
  )

/** An effect of the program that needs a scope, and gets a scope of the engine. */
export const fromScopedEffect = (
  effect: Effect.Effect<unknown, unknown, Scope.Scope>,
  runtime: ProgramRuntime
): Engine.Effect<unknown, unknown, Engine.Scope> => Engine.scopedFromHost(opening(runtime, effect))

/** The engine waits between the steps: on the program's clock, and no longer than the client lives. */
export const fromSchedule = (
  schedule: Schedule.Schedule<unknown, unknown>,
  runtime: ProgramRuntime,
  convert: Convert
): Engine.Schedule<unknown, unknown, unknown> =>
  Engine.scheduleFrom(() => {
    let state: unknown = schedule.initial
    const step = (now: number, input: unknown) =>
      Effect.map(schedule.step(now, convert(input), state), ([next, , decision]) => {
        state = next
        return decision._tag === "Done" ? undefined : Math.max(0, Intervals.start(decision.intervals) - now)
      })
    return (now, input) => Engine.fromHost(start(runtime, step(now, input)))
  })

/** A schedule of the engine for the program. Each run of it is a run of the engine's schedule. */
export const toSchedule = (
  schedule: Engine.Schedule<unknown>,
  convert: Convert
): Schedule.Schedule<unknown, unknown> => {
  const begin = Effect.flatMap(
    Bridge.make,
    (bridge) =>
      Effect.map(bridge.effect(Engine.stepsOf(schedule)), (step) => ({ bridge, step: step as Engine.Step<unknown> }))
  )
  return Schedule.makeWithState(
    undefined as Effect.Effect.Success<typeof begin> | undefined,
    (now, input: unknown, state) =>
      Effect.orDie(Effect.gen(function*() {
        const run = state ?? (yield* begin)
        const delay = yield* run.bridge.effect(run.step(now, convert(input)))
        return [
          run,
          undefined,
          typeof delay === "number" ? Decision.continueWith(Interval.after(now + delay)) : Decision.done
        ] as const
      }))
  )
}

/** Waits for the engine. An interruption interrupts the engine's fiber, and waits for its end. */
class Waiting {
  #outcome: Engine.Outcome<unknown, unknown> | undefined
  #listener: ((exit: Exit.Exit<unknown, unknown>) => void) | undefined

  readonly done = (outcome: Engine.Outcome<unknown, unknown>): void => {
    this.#outcome = outcome
    this.#listener?.(exitOf(outcome))
  }

  /** If a fiber is interrupted in the turn in which the engine's effect ends, it does not hear of that end. */
  readonly #end: Effect.Effect<unknown, unknown> = Effect.async((resume) => {
    if (this.#outcome === undefined) this.#listener = resume
    else resume(exitOf(this.#outcome))
  })

  until(interrupt: () => void, restore: Restore): Effect.Effect<unknown, unknown> {
    return Effect.onInterrupt(restore(this.#end), () => {
      if (this.#outcome !== undefined) return Effect.void
      interrupt()
      return Effect.exit(this.#end)
    })
  }
}

/**
 * Waits for something that is started with a callback, and ends it when the fiber is interrupted.
 *
 * `Effect.async` can do so with the effect that its function returns, and takes twice as long.
 */
export const interruptible = <A, E>(
  begin: (done: (exit: Exit.Exit<A, E>) => void) => () => void
): Effect.Effect<A, E> =>
  Effect.uninterruptibleMask((restore) => {
    let exit: Exit.Exit<A, E> | undefined
    let listener: ((exit: Exit.Exit<A, E>) => void) | undefined
    const end = begin((ended) => {
      exit = ended
      listener?.(ended)
    })
    // A refusal comes in the same turn.
    if (exit !== undefined) return exit
    const waiting = Effect.async<A, E>((resume) => {
      if (exit === undefined) listener = resume
      else resume(exit)
    })
    return Effect.catchAllCause(restore(waiting), (cause) => {
      if (Cause.isInterruptedOnly(cause)) end()
      return Effect.failCause(cause)
    })
  })

type Restore = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

export class Bridge {
  readonly #services: Engine.Services

  constructor(services: Engine.Services) {
    this.#services = services
  }

  static readonly make: Effect.Effect<Bridge> = Effect.map(Host.make, (host) => new Bridge(Engine.servicesOf(host)))

  /**
   * An effect that ends at once costs no fiber of Effect 3. Nothing comes between the start and the wait: Effect 3 may
   * give way there, and an interruption would be lost.
   */
  effect(effect: Engine.Effect<unknown, unknown>): Effect.Effect<unknown, unknown> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime((fiber) => {
        const services = this.#servicesFor(fiber)
        const waiting = new Waiting()
        const running = Engine.run(services, effect, waiting.done)
        return typeof running === "function" ? waiting.until(running, restore) : exitOf(running)
      })
    )
  }

  #servicesFor(fiber: Fiber.RuntimeFiber<unknown, unknown>): Engine.Services {
    const { currentContext, currentSpan } = fiber
    const here = Engine.servicesAt(this.#services, Context.get(currentContext as Context.Context<never>, Place))
    const inSpan = currentSpan === undefined ? here : Engine.inSpan(here, Host.referenceTo(currentSpan))
    return fiber.getFiberRef(FiberRef.currentTracerEnabled) ? inSpan : Engine.withoutTracing(inSpan)
  }

  /** A scope of the engine. It ends with the program's scope, in the fiber that closes that. */
  readonly scope: Effect.Effect<Engine.Scope, never, Scope.Scope> = Effect.flatMap(Effect.scope, (programScope) => {
    const scope = Engine.makeScope()
    const close = (exit: Exit.Exit<unknown, unknown>) =>
      Effect.orDie(this.effect(Engine.closeScope(scope, outcomeOf(exit))))
    return Effect.as(Scope.addFinalizerExit(programScope, close), scope)
  })

  /** If it fails, or is interrupted, nothing of it stays in the program's scope. */
  scoped(effect: Engine.Effect<unknown, unknown, Engine.Scope>): Effect.Effect<unknown, unknown, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(this, function*() {
        const own = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
        const scope = yield* Scope.extend(this.scope, own)
        return yield* Effect.onError(
          restore(this.effect(Engine.inScope(effect, scope))),
          (cause) => Scope.close(own, Exit.failCause(cause))
        )
      })
    )
  }

  /** Passes the stream on chunk by chunk, and pulls only on demand. */
  stream(stream: Engine.Stream<unknown, unknown>, convert: Convert): Stream.Stream<unknown, unknown> {
    const pulling = Effect.map(
      Effect.flatMap(this.scope, (scope) => this.effect(Engine.pullOf(stream, scope))),
      (pull) => Stream.repeatEffectChunkOption(this.#next(pull as Engine.Pull, convert))
    )
    return Stream.unwrapScoped(pulling)
  }

  #next(pull: Engine.Pull, convert: Convert): Effect.Effect<Chunk.Chunk<unknown>, Option.Option<unknown>> {
    return Effect.matchEffect(this.effect(pull), {
      onFailure: (error) => Effect.fail(Option.some(error)),
      onSuccess: (elements) =>
        elements === undefined
          ? Effect.fail(Option.none())
          : Effect.succeed(Chunk.unsafeFromArray((elements as ReadonlyArray<unknown>).map(convert)))
    })
  }

  /** Feeds the sink chunk by chunk, and stops as soon as it has failed. */
  sink(
    sink: Engine.Sink<unknown, unknown, never, unknown>,
    convert: Convert
  ): Sink.Sink<unknown, unknown, never, unknown> {
    const feeding = Effect.map(this.scoped(Engine.feed(sink)), (feed) => {
      const { end, offer } = feed as Engine.Feed<unknown, unknown, unknown>
      const take = (chunk: Chunk.Chunk<unknown>) => this.effect(offer(Chunk.toReadonlyArray(chunk).map(convert)))
      return Sink.mapEffect(Sink.forEachChunk(take), () => this.effect(end))
    })
    return Sink.unwrapScoped(feeding)
  }
}
