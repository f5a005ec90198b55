/**
 * Something has happened: everybody who waits for a condition looks again.
 */
import { Effect } from "effect"

export class Signal {
  readonly #watchers = new Set<() => void>()

  /** Those who wait are told at once, before anything else happens. */
  readonly changed = (): void => {
    for (const watcher of this.#watchers) watcher()
  }

  /** Until a condition holds. `then` is run in the moment in which it does. */
  until(condition: () => boolean, then: () => void = () => {}): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const watcher = () => {
        if (!condition()) return
        this.#watchers.delete(watcher)
        then()
        resume(Effect.void)
      }
      this.#watchers.add(watcher)
      watcher()
      return Effect.sync(() => void this.#watchers.delete(watcher))
    })
  }
}
