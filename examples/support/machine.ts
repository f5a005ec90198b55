/**
 * This machine's readings: what the first run publishes.
 */
import { Context, Effect, Layer, Schema } from "effect"
import * as Os from "node:os"
import { monitorEventLoopDelay } from "node:perf_hooks"

export const Reading = Schema.Struct({
  /** Counts up from 1, so that a missing one shows. */
  number: Schema.Int,
  /** Processes that wanted to run, on average over the last minute. */
  load: Schema.Finite,
  memoryUsed: Schema.Int,
  memoryTotal: Schema.Int,
  /** The longest since the last reading, milliseconds. */
  eventLoopDelay: Schema.Finite,
  /** Of the machine, seconds. */
  uptime: Schema.Int
})
export type Reading = typeof Reading.Type

/** What travels as the payload. */
export const ReadingJson = Schema.fromJsonString(Reading)

export class Machine extends Context.Service<Machine, {
  readonly read: Effect.Effect<Reading>
}>()("examples/Machine") {
  static readonly layer = Layer.effect(
    Machine,
    Effect.gen(function*() {
      const delay = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const histogram = monitorEventLoopDelay({ resolution: 10 })
          histogram.enable()
          return histogram
        }),
        (histogram) => Effect.sync(() => histogram.disable())
      )
      let number = 0
      const read = Effect.sync(() => {
        // What is measured holds the 10 ms between two looks as well.
        const eventLoopDelay = Math.max(0, delay.max / 1e6 - 10)
        delay.reset()
        return {
          number: ++number,
          load: Os.loadavg()[0],
          memoryUsed: Os.totalmem() - Os.freemem(),
          memoryTotal: Os.totalmem(),
          eventLoopDelay: Number(eventLoopDelay.toFixed(3)),
          uptime: Math.floor(Os.uptime())
        }
      })
      return { read }
    })
  )
}
