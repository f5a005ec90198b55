/**
 * The most memory the operating system has given the process in a run of a million messages.
 */
import type { Assignment, Experiment, Task } from "../Benchmark.ts"
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
      // In kilobytes, whatever the documentation of the operating system says.
      return { peak: process.resourceUsage().maxRSS / 1024 }
    },
    end: async () => {
      await client.disconnect()
      return count
    }
  }
}
