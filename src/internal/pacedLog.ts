/**
 * A log line for each bad message, but no more lines than somebody can read: publishers decide how many bad messages
 * come.
 */
import * as Effect from "effect/Effect"

/** At most this many lines in this many milliseconds. */
const lines = 10
const period = 10_000

export class PacedLog {
  #written = 0
  #unwritten = 0
  #began = -Infinity

  /** Writes the line, or counts it: the next written line says how many were left out. */
  write(line: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.clockWith((clock) => {
      const now = clock.currentTimeMillisUnsafe()
      if (now - this.#began >= period) {
        this.#began = now
        this.#written = 0
      }
      if (this.#written >= lines) {
        this.#unwritten++
        return Effect.void
      }
      this.#written++
      const unwritten = this.#unwritten
      this.#unwritten = 0
      return unwritten === 0 ? line : Effect.annotateLogs(line, { similarLinesNotWritten: unwritten })
    })
  }
}
