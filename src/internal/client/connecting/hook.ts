/**
 * An effect that the program gave the client to run while it connects: `credentials`, `escalate`, the schedules, and
 * the steps of `authentication`.
 *
 * A hook may end the client that runs it. The end of the client waits for the supervisor, and the supervisor waits for
 * its hook, so a hook has a fiber of its own. The supervisor does not wait for a hook that waits for the supervisor.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Exchange, MqttAuthentication } from "../../../MqttAuthentication.ts"
import type { Lifetime } from "../lifetime.ts"

/** The position of a fiber that runs for the supervisor of a client. */
export interface Inside {
  readonly lifetime: Lifetime
  /** `true` in the fiber of a hook; `false` in the supervisor's fiber, which also runs the program's own transport. */
  readonly isHook: boolean
  /** Done when the supervisor need not wait for the fiber: it is over, or it waits for the end of its client. */
  readonly released: Deferred.Deferred<void>
}

/** Where the current fiber is. A host that runs hooks in fibers of its own (`engine`) passes it on to them. */
export const Inside = Context.Reference<Inside | undefined>("effect-mqtt/internal/Inside", {
  defaultValue: () => undefined
})

/** Marks the supervisor, and all fibers it begins, as inside. */
export const supervise = <A, E, R>(self: Effect.Effect<A, E, R>, lifetime: Lifetime): Effect.Effect<A, E, R> =>
  Effect.provideService(self, Inside, { lifetime, isHook: false, released: Deferred.makeUnsafe<void>() })

/** Ends a client by interrupting its supervisor. Waits for it, unless it waits for this fiber. */
export const interrupt = (supervisor: Fiber.Fiber<unknown, unknown>, lifetime: Lifetime): Effect.Effect<void> =>
  Effect.flatMap(Inside, (inside) => {
    if (inside?.lifetime !== lifetime) return Fiber.interrupt(supervisor)
    Deferred.doneUnsafe(inside.released, Exit.void)
    return inside.isHook ? Fiber.interrupt(supervisor) : Effect.sync(() => supervisor.interruptUnsafe())
  })

export class Hooks {
  readonly #lifetime: Lifetime
  readonly #running = new Set<Fiber.Fiber<unknown, unknown>>()

  constructor(lifetime: Lifetime) {
    this.#lifetime = lifetime
  }

  /** Runs at the end of the client's scope, and waits for the hooks, unless a hook itself closes the scope. */
  readonly end: Effect.Effect<void> = Effect.flatMap(
    Inside,
    (inside) => inside?.lifetime === this.#lifetime ? Effect.void : Fiber.interruptAll(this.#running)
  )

  run<A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) => {
      const inside: Inside = { lifetime: this.#lifetime, isHook: true, released: Deferred.makeUnsafe<void>() }
      return Effect.flatMap(
        Effect.forkDetach(Effect.interruptible(Effect.provideService(self, Inside, inside)), {
          startImmediately: true
        }),
        (fiber) => {
          this.#running.add(fiber)
          fiber.addObserver(() => this.#running.delete(fiber))
          return Effect.onInterrupt(restore(Fiber.join(fiber)), () => {
            if (Deferred.isDoneUnsafe(inside.released)) return Effect.void
            fiber.addObserver(() => Deferred.doneUnsafe(inside.released, Exit.void))
            fiber.interruptUnsafe()
            // The hook may still ask for the end of the client in a finalizer.
            return Deferred.await(inside.released)
          })
        }
      )
    })
  }

  /** A method whose steps are hooks. */
  authentication({ method, reauthenticateBefore, start }: MqttAuthentication): MqttAuthentication {
    return { method, reauthenticateBefore, start: Effect.map(this.run(start), (exchange) => this.#exchange(exchange)) }
  }

  #exchange(exchange: Exchange): Exchange {
    const { expiresAt, initial, next, succeeded } = exchange
    return {
      initial,
      expiresAt,
      next: next && ((data) => this.run(Effect.suspend(() => next(data)))),
      succeeded: succeeded && ((data) => this.run(Effect.suspend(() => succeeded(data))))
    }
  }
}
