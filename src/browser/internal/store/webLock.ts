/**
 * A lock among all pages and workers of a site, by the Web Locks API. The browser frees it when its page is gone.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MqttError } from "../../../MqttError.ts"
import type { Failures } from "./failures.ts"

/** When a page is loaded again, the browser may not have freed the locks of the former page yet. */
const grace = "500 millis"

const insecure =
  "this page has no `navigator.locks`, so nothing keeps a second tab out: serve it over https, or from localhost"

/** Web Locks are there in secure contexts only. */
const locksOf = (): LockManager | undefined => {
  const { navigator } = globalThis as { readonly navigator?: { readonly locks?: LockManager } }
  return navigator?.locks
}

/** A lock, from the moment it is asked for. */
class Lock {
  #release: (() => void) | undefined
  #isOver = false
  #isLost = false
  #onLost: () => void = () => {}

  /** Waits for the lock, and holds it until `release`. If it is interrupted before, the request is withdrawn. */
  take(locks: LockManager, name: string): Effect.Effect<boolean, unknown> {
    return this.#request(locks, name, (signal) => ({ signal }))
  }

  /** Whether nobody has the lock, as the browser says. If so, it is held until `release`. */
  tryTake(locks: LockManager, name: string): Effect.Effect<boolean, unknown> {
    return this.#request(locks, name, () => ({ ifAvailable: true }))
  }

  #request(
    locks: LockManager,
    name: string,
    optionsOf: (signal: AbortSignal) => LockOptions
  ): Effect.Effect<boolean, unknown> {
    return Effect.callback((resume, signal) => {
      const hold = (granted: unknown) =>
        new Promise<void>((resolve) => {
          if (granted === null || this.#isOver) resolve()
          else this.#release = resolve
          resume(Effect.succeed(granted !== null))
        })
      locks.request(name, optionsOf(signal), hold).catch((cause: unknown) => {
        if (this.#release === undefined) resume(Effect.fail(cause))
        else this.#lose()
      })
    })
  }

  release(): void {
    this.#isOver = true
    this.#release?.()
  }

  /** Runs when another page steals the lock, or has stolen it already. */
  whenLost(run: () => void): void {
    this.#onLost = run
    if (this.#isLost) run()
  }

  #lose(): void {
    this.#isLost = true
    this.#onLost()
  }
}

/**
 * Takes the lock for as long as the scope is open, or fails with `InUse`: only the browser says so, never a clock, because
 * a busy browser grants a free lock late.
 */
export const take = (name: string, failures: Failures): Effect.Effect<Lock, MqttError, Scope.Scope> =>
  Effect.gen(function*() {
    const locks = locksOf()
    if (locks === undefined) return yield* failures.of("open", "Unavailable", new Error(insecure))
    const lock = new Lock()
    yield* Effect.addFinalizer(() => Effect.sync(() => lock.release()))
    const isTaken = yield* lock.take(locks, name).pipe(
      Effect.timeoutOrElse({ duration: grace, orElse: () => lock.tryTake(locks, name) }),
      Effect.mapError((cause) => failures.from("open", cause))
    )
    return isTaken ? lock : yield* failures.inUse
  })
