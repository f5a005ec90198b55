/**
 * Locks that say which tab leads and which tabs live. The browser frees the locks of a tab that is gone.
 *
 * Unlike the lock of a store, a lock in use is no error: the other tabs wait for it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A lock that is held, for as long as the scope. */
export interface Held {
  /** Completes when another page has stolen it. */
  readonly lost: Effect.Effect<void>
}

export interface Locks {
  /** Waits for the lock. If it is interrupted, the request is withdrawn. */
  readonly take: (name: string) => Effect.Effect<Held, never, Scope.Scope>
  /** `undefined` if another tab has it. */
  readonly tryTake: (name: string) => Effect.Effect<Held | undefined, never, Scope.Scope>
  /** Waits until no tab has it. */
  readonly free: (name: string) => Effect.Effect<void>
  /** The names of all held locks that begin with this. */
  readonly held: (prefix: string) => Effect.Effect<ReadonlyArray<string>>
}

/** A request from when it is made; the lock is held until `release`. */
class Request {
  #release: () => void = () => {}
  #isOver = false
  #onLost: () => void = () => {}
  #isLost = false

  readonly lost: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.#isLost) return resume(Effect.void)
    this.#onLost = () => resume(Effect.void)
  })

  readonly release: Effect.Effect<void> = Effect.sync(() => {
    this.#isOver = true
    this.#release()
  })

  make(manager: LockManager, name: string, options: LockOptions): Effect.Effect<boolean> {
    return Effect.callback((resume, signal) => {
      const hold = (lock: Lock | null): Promise<void> =>
        new Promise((resolve) => {
          if (lock === null || this.#isOver) resolve()
          this.#release = resolve
          resume(Effect.succeed(lock !== null))
        })
      // A request with `ifAvailable` is answered at once and may have no signal.
      const given = options.ifAvailable === true ? options : { ...options, signal }
      manager.request(name, given, hold).catch(() => {
        this.#isLost = true
        this.#onLost()
      })
    })
  }
}

const taken = (manager: LockManager, name: string, options: LockOptions) =>
  Effect.gen(function*() {
    const request = new Request()
    yield* Effect.addFinalizer(() => request.release)
    return (yield* request.make(manager, name, options)) ? { lost: request.lost } : undefined
  })

const make = (manager: LockManager): Locks => {
  const take: Locks["take"] = (name) =>
    Effect.flatMap(taken(manager, name, {}), (held) => held === undefined ? Effect.never : Effect.succeed(held))
  return {
    take,
    tryTake: (name) => taken(manager, name, { ifAvailable: true }),
    free: (name) => Effect.asVoid(Effect.scoped(taken(manager, name, { mode: "shared" }))),
    held: (prefix) =>
      Effect.map(
        Effect.promise(() => manager.query()),
        ({ held = [] }) => held.flatMap(({ name = "" }) => name.startsWith(prefix) ? [name] : [])
      )
  }
}

/** The locks of this page, which browsers have in secure contexts only. */
export const get = (): Locks | undefined => {
  const { navigator } = globalThis as { readonly navigator?: { readonly locks?: LockManager } }
  return navigator?.locks === undefined ? undefined : make(navigator.locks)
}
