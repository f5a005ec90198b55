/**
 * How long a process that has loaded nothing else waits for the library.
 */
import type { Assignment, SideName, Task } from "../Benchmark.ts"

const loads: { readonly [_ in SideName]?: () => Promise<unknown> } = {
  ours: () => Promise.all([import("../../src/index.ts"), import("../../src/node/index.ts")]),
  peer: () => import("mqtt"),
  limit: () => import("node:net")
}

export const start = ({ side }: Assignment): Promise<Task> =>
  Promise.resolve({
    warmUp: () => Promise.resolve(),
    sample: async () => {
      const started = performance.now()
      await loads[side]?.()
      return { import: performance.now() - started }
    },
    end: () => Promise.resolve(0)
  })
