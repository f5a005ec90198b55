/**
 * Which of several endpoints an attempt goes to.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"

/**
 * `inOrder`: the first, and the next after each attempt that failed; from the first again once a connection has been
 * stable. `roundRobin`: each attempt goes to the one after that of the last attempt. `random`: in an order of chance, all
 * of them before one comes again.
 *
 * @since 0.1.0
 * @category models
 */
export type EndpointPolicy = "inOrder" | "roundRobin" | "random"

export interface Turns {
  /** The index of the endpoint whose turn it is. */
  readonly next: (count: number) => Effect.Effect<number>
  /** Whether a connection is open, over which the endpoint was not lost. */
  readonly isConnected: () => boolean
  /** To be run with each connection that opened: notes in its scope how long it has lived. */
  readonly opened: Effect.Effect<void, never, Scope.Scope>
}

const milliseconds = Effect.map(Clock.Clock, (clock) => Number(clock.monotonicTimeNanosUnsafe()) / 1e6)

export const make = (policy: EndpointPolicy, stableAfter: Duration.Input = "10 seconds"): Turns => {
  const stableMilliseconds = Duration.toMillis(stableAfter)
  let position = 0
  let order: ReadonlyArray<number> = []
  let open = 0

  const startAnew = (): void => {
    if (policy === "inOrder") position = 0
    order = []
  }

  const shuffled = Effect.fnUntraced(function*(count: number) {
    if (order.length !== count || position >= count) {
      order = yield* Random.shuffle(Array.from({ length: count }, (_, index) => index))
      position = 0
    }
    return order[position++]
  })

  return {
    next: (count) => policy === "random" ? shuffled(count) : Effect.sync(() => position++ % count),
    isConnected: () => open > 0,
    opened: Effect.gen(function*() {
      const since = yield* milliseconds
      open++
      yield* Effect.addFinalizer(() =>
        Effect.map(milliseconds, (now) => {
          open--
          if (now - since >= stableMilliseconds) startAnew()
        })
      )
    })
  }
}
