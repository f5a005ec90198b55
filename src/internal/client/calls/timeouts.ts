/**
 * The time limits of calls that wait, however many: one fiber sleeps until the earliest limit.
 *
 * A fiber and a timer for each request took half of the time of a request.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

interface Limit {
  /** Milliseconds of the clock. */
  readonly due: number
  readonly expired: () => void
}

export class Timeouts {
  readonly clock: Clock.Clock
  readonly #run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  /** By the time allowed, in milliseconds. Limits that allow the same time end in the order in which they began. */
  readonly #limits = new Map<number, Set<Limit>>()
  #fiber: Fiber.Fiber<void> | undefined
  /** When the fiber looks for expired limits. */
  #wakesAt = Infinity

  /** The fiber ends with the scope, and when no call waits. */
  constructor(context: Context.Context<never>, scope: Scope.Scope) {
    const run = Effect.runForkWith(context)
    this.clock = Context.get(context, Clock.Clock)
    this.#run = (effect) => Fiber.runIn(run(effect), scope)
  }

  /** Calls `expired` after this time, unless the returned function is called before. */
  add(milliseconds: number, expired: () => void): () => void {
    const limit: Limit = { due: this.#now + milliseconds, expired }
    const others = this.#limits.get(milliseconds)
    if (others === undefined) this.#limits.set(milliseconds, new Set([limit]))
    else others.add(limit)
    if (limit.due < this.#wakesAt) this.#wakeAt(limit.due)
    return () => this.#remove(milliseconds, limit)
  }

  #remove(milliseconds: number, limit: Limit): void {
    const limits = this.#limits.get(milliseconds)
    limits?.delete(limit)
    if (limits?.size === 0) this.#limits.delete(milliseconds)
  }

  #wakeAt(due: number): void {
    this.#wakesAt = due
    this.#fiber?.interruptUnsafe()
    this.#fiber = this.#run(this.#watching)
  }

  readonly #watching: Effect.Effect<void> = Effect.suspend(() => {
    const milliseconds = this.#wakesAt - this.#now
    // Not at once: the call does not wait yet. A clock cannot sleep for a part of a nanosecond, and would be asked again
    // and again.
    return milliseconds > 0 ? Effect.sleep(Math.ceil(milliseconds)) : Effect.yieldNow
  }).pipe(
    Effect.andThen(Effect.suspend(() => {
      this.#expire(this.#now)
      this.#wakesAt = this.#earliest
      return this.#wakesAt === Infinity ? Effect.void : this.#watching
    }))
  )

  #expire(now: number): void {
    for (const [milliseconds, limits] of this.#limits) {
      for (const limit of limits) {
        if (limit.due > now) break
        this.#remove(milliseconds, limit)
        limit.expired()
      }
    }
  }

  get #earliest(): number {
    let earliest = Infinity
    for (const limits of this.#limits.values()) {
      for (const { due } of limits) {
        earliest = Math.min(earliest, due)
        break
      }
    }
    return earliest
  }

  /** Milliseconds of a clock that does not jump, as the wall clock does. */
  get #now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1e6
  }
}
