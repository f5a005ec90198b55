/**
 * Takes this machine's readings.
 */
import { Context, Effect, Layer } from "effect"
import * as Os from "node:os"
import { monitorEventLoopDelay } from "node:perf_hooks"
import type { Reading } from "./reading.ts"

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
        // The measured delay includes the 10 ms between two looks.
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
