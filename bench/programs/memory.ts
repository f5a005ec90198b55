/**
 * The most memory the operating system has given the process in a run of a million messages.
 */
import type { Assignment, Experiment, Task } from "../Benchmark.ts"
import { peakMemory } from "../peakMemory.ts"
import { connect } from "./connecting.ts"

export const start = async (assignment: Assignment, experiment: Experiment): Promise<Task> => {
  const { traffic } = experiment
  const client = await connect(assignment, experiment)
  const count = assignment.isQuick ? 100_000 : 1_000_000
  return {
    warmUp: () => Promise.resolve(),
    sample: async () => {
      const cleanUp = await client.perform[traffic.workload]?.(traffic, count)
      await cleanUp?.()
      return { peak: peakMemory() }
    },
    end: async () => {
      await client.disconnect()
      return count
    }
  }
}
