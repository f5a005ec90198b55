/**
 * Effects, streams and sinks of the client for a host: run, pulled and fed through plain callbacks.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { Services } from "./Host.ts"
import { exitOf, isEnd, type Outcome, outcomeOf } from "./Outcome.ts"

/**
 * Runs an effect. The outcome of one that ended at once is returned, and nothing is called later. Otherwise what is
 * returned interrupts it, and `done` hears when that is through.
 */
export const run = <A, E>(
  services: Services,
  effect: Effect.Effect<A, E>,
  done: (outcome: Outcome<A, E>) => void
): Outcome<A, E> | (() => void) => {
  const fiber = Effect.runForkWith(services)(effect)
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return outcomeOf(exit)
  fiber.addObserver((exit) => done(outcomeOf(exit)))
  return () => fiber.interruptUnsafe()
}

export const makeScope = (): Scope.Closeable => Scope.makeUnsafe()

export const closeScope = (scope: Scope.Closeable, outcome: Outcome<unknown, unknown>): Effect.Effect<void> =>
  Scope.close(scope, exitOf(outcome))

export const inScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>, scope: Scope.Scope): Effect.Effect<A, E> =>
  Scope.provide(effect, scope)

/** The next elements of a stream, or `undefined` at the end. */
export type Pull<A = unknown, E = unknown> = Effect.Effect<ReadonlyArray<A> | undefined, E>

export const pullOf = <A, E>(
  stream: Stream.Stream<A, E>,
  scope: Scope.Scope
): Effect.Effect<Pull<A, E>> =>
  Effect.map(Scope.provide(Stream.toPull(stream), scope), (pull) =>
    Effect.catchCause(
      pull,
      (cause): Effect.Effect<undefined, E> =>
        cause.reasons.some(isEnd) ? Effect.undefined : Effect.failCause(withoutEnd(cause))
    ))

const withoutEnd = <E>(cause: Cause.Cause<E | Cause.Done>): Cause.Cause<E> => cause as Cause.Cause<E>

/** A sink that is fed. */
export interface Feed<A, In, E> {
  /** Waits until the elements were taken, or fails with what the sink failed with. */
  readonly offer: (elements: ReadonlyArray<In>) => Effect.Effect<void, E>
  /** Nothing more comes: what the sink makes of it all. */
  readonly end: Effect.Effect<A, E>
}

/** As many elements wait for the sink as a stream has in a chunk by default. */
const capacity = 16

export const feed = <A, In, E>(sink: Sink.Sink<A, In, never, E>): Effect.Effect<Feed<A, In, E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const queue = yield* Queue.make<In, Cause.Done>({ capacity })
    const running = yield* Effect.forkScoped(Stream.run(Stream.fromQueue(queue), sink))
    const result = Fiber.join(running)
    return {
      offer: (elements) => Effect.raceFirst(Effect.asVoid(Queue.offerAll(queue, elements)), Effect.asVoid(result)),
      end: Effect.andThen(Queue.end(queue), result)
    }
  })
