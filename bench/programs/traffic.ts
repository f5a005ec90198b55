/**
 * Messages a second: as many as the warm-up says fit in one sample, moved in one go.
 */
import type { Assignment, CleanUp, Experiment, Task, Values } from "../Benchmark.ts"
import { connect } from "./connecting.ts"

/** Long enough to be timed, short enough to look at the clock between. */
const warmUpSliceSeconds = 0.1

/** Of the largest messages. */
const fewest = 20

const percentile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

/** In microseconds. */
const latencyValues = (milliseconds: ReadonlyArray<number>): Values => {
  if (milliseconds.length === 0) return {}
  const sorted = milliseconds.toSorted((a, b) => a - b)
  return { p50: percentile(sorted, 0.5) * 1000, p99: percentile(sorted, 0.99) * 1000 }
}

export const start = async (assignment: Assignment, experiment: Experiment): Promise<Task> => {
  const { traffic } = experiment
  const client = await connect(assignment, experiment)
  const perform = client.perform[traffic.workload]
  if (perform === undefined) throw new Error(`${assignment.side} cannot ${traffic.workload}`)
  let total = 0
  let rate = 1000

  /** Messages a second. */
  const move = async (seconds: number): Promise<number> => {
    // With less than a window the fibers that wait for a turn would be what is measured.
    const count = Math.max(fewest, traffic.window, Math.ceil(rate * seconds))
    const started = performance.now()
    const cleanUp: CleanUp = await perform(traffic, count)
    const reached = count / (performance.now() - started) * 1000
    await cleanUp()
    total += count
    return reached
  }

  return {
    warmUp: async (seconds) => {
      const end = performance.now() + seconds * 1000
      do rate = await move(warmUpSliceSeconds)
      while (performance.now() < end)
    },
    sample: async () => {
      rate = await move(assignment.seconds)
      return { rate, ...latencyValues(client.latencies()) }
    },
    ...(client.processor === undefined ? {} : { processor: client.processor }),
    end: async () => {
      await client.disconnect()
      return total
    }
  }
}
