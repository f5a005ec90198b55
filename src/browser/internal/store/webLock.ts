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

  /**
   * Completes when the lock is granted; it is held until `release`. If it is interrupted before, the request is
   * withdrawn.
   */
  grant(locks: LockManager, name: string): Effect.Effect<void, unknown> {
    return Effect.callback((resume, signal) => {
      const hold = () =>
        new Promise<void>((resolve) => {
          if (this.#isOver) return resolve()
          this.#release = resolve
          resume(Effect.void)
        })
      locks.request(name, { signal }, hold).catch((cause: unknown) => {
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

/** Takes the lock for as long as the scope is open, or fails with `InUse`. */
export const take = (name: string, failures: Failures): Effect.Effect<Lock, MqttError, Scope.Scope> =>
  Effect.gen(function*() {
    const locks = locksOf()
    if (locks === undefined) return yield* failures.of("open", "Unavailable", new Error(insecure))
    const lock = new Lock()
    yield* Effect.addFinalizer(() => Effect.sync(() => lock.release()))
    yield* lock.grant(locks, name).pipe(
      Effect.mapError((cause) => failures.from("open", cause)),
      Effect.timeoutOrElse({ duration: grace, orElse: () => Effect.fail(failures.inUse) })
    )
    return lock
  })
