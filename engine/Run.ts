/**
 * Effects, streams and sinks of the client for a host, which runs, pulls and feeds them through plain callbacks.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
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
  /** Waits until the sink asks for more than these elements, or fails with what the sink failed with. */
  readonly offer: (elements: ReadonlyArray<In>) => Effect.Effect<void, E>
  /** Ends the input, and waits for the result of the sink. */
  readonly end: Effect.Effect<A, E>
}

type Elements<In> = NonEmptyReadonlyArray<In>

const isSome = <In>(elements: ReadonlyArray<In>): elements is Elements<In> => elements.length > 0

/** What a sink pulls: the host's elements, of which none is taken before the sink asks for it. */
class Offered<In> {
  readonly #asked = Latch.makeUnsafe()
  readonly #given = Latch.makeUnsafe()
  /** `undefined`: nothing more comes. */
  #elements: Elements<In> | undefined

  readonly pull: Effect.Effect<Elements<In>, Cause.Done> = Effect.suspend(() => {
    this.#asked.openUnsafe()
    return Effect.flatMap(this.#given.await, () => {
      if (this.#elements === undefined) return Cause.done()
      this.#given.closeUnsafe()
      return Effect.succeed(this.#elements)
    })
  })

  /** Waits until the sink asks for more. */
  give(elements: Elements<In>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#elements = elements
      this.#asked.closeUnsafe()
      this.#given.openUnsafe()
      return this.#asked.await
    })
  }

  readonly end: Effect.Effect<void> = Effect.sync(() => {
    this.#elements = undefined
    this.#given.openUnsafe()
  })
}

export const feed = <A, In, E>(sink: Sink.Sink<A, In, never, E>): Effect.Effect<Feed<A, In, E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const offered = new Offered<In>()
    const running = yield* Effect.forkScoped(Stream.run(Stream.fromPull(Effect.succeed(offered.pull)), sink))
    const result = Fiber.join(running)
    return {
      offer: (elements) =>
        isSome(elements) ? Effect.raceFirst(offered.give(elements), Effect.asVoid(result)) : Effect.void,
      end: Effect.andThen(offered.end, result)
    }
  })
