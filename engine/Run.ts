/**
 * Effects, streams and sinks of the client for a host, which runs, pulls and feeds them through plain callbacks.
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
 * Runs an effect. If it ends at once, its outcome is returned and `done` is never called. Otherwise the returned
 * function interrupts it, and `done` is called at its end.
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

/** A sink that the host feeds. */
export interface Feed<A, In, E> {
  /** Waits until the sink has taken the elements, or fails with the sink's failure. */
  readonly offer: (elements: ReadonlyArray<In>) => Effect.Effect<void, E>
  /** Ends the input, and waits for the result of the sink. */
  readonly end: Effect.Effect<A, E>
}

/** The number of elements that may wait for the sink: as many as a chunk of a stream has by default. */
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
