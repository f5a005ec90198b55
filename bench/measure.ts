/**
 * The process of one side: starts its program, and warms up, measures and ends as it is told.
 *
 * The same for every side and program; only the module it loads from `programs/` differs.
 */
import {
  type Assignment,
  experiments,
  type Program,
  type SideMessage,
  type SideRequest,
  type Task
} from "./Benchmark.ts"

const tell = (message: SideMessage): void => {
  process.send?.(message)
}

/** Seconds so far, all threads: of this process, and of the one that a side in C has for itself. */
const processorOf = (task: Task): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6 + (task.processor?.() ?? 0)
}

const sample = async (task: Task): Promise<void> => {
  const processor = processorOf(task)
  const started = performance.now()
  const values = await task.sample()
  const seconds = (performance.now() - started) / 1000
  tell({ _tag: "Sampled", values, seconds, processor: processorOf(task) - processor })
}

const answer = async (task: Task, request: SideRequest): Promise<void> => {
  switch (request._tag) {
    case "WarmUp":
      await task.warmUp(request.seconds)
      return tell({ _tag: "WarmedUp" })
    case "Sample":
      return sample(task)
    case "End":
      tell({ _tag: "Ended", total: await task.end() })
      process.disconnect()
  }
}

const assignment: Assignment = JSON.parse(process.argv[2])
const experiment = experiments.find(({ name }) => name === assignment.experiment)
if (experiment === undefined) throw new Error(`no experiment is named ${assignment.experiment}`)

const program: Program = await import(`./programs/${experiment.program}.ts`)
const task = await program.start(assignment, experiment)
process.on("message", (request: SideRequest) => {
  answer(task, request).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
tell({ _tag: "Started" })
