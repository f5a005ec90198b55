/**
 * `npm run fleet`: thousands of clients in virtual time on a server that restarts, is away, or refuses connections; at the
 * end a report.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { Worker } from "node:worker_threads"
import type * as Fleet from "./Fleet.ts"
import * as report from "./report.ts"
import { faults, policies, scenes } from "./scenes.ts"

const help = `npm run fleet -- [options]

  --clients N   how many clients there are (default 1000)
  --seed N      decides all that is random; the same seed does the same (default 1)
  --jobs N      how many runs there are at a time, each in a thread of its own (default: the processors, at most 4)
  --fault F     only this fault: ${Object.keys(faults).join(", ")}
  --json        prints the report as JSON
  --out DIR     also writes the report there: fleet.txt, fleet.json, and a chart for each fault
  --help        this text

10,000 clients take seven minutes of processor time, and 2 GiB for each job. Ends with 0 if every check holds.
`

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: String(Math.min(4, Os.availableParallelism())) },
    fault: { type: "string" },
    json: { type: "boolean", default: false },
    out: { type: "string" },
    help: { type: "boolean", default: false }
  }
})

const wrong = (text: string): never => {
  console.error(`fleet: ${text}`)
  return process.exit(2)
}

const whole = (name: string, text: string): number => {
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= 1 ? value : wrong(`--${name} is a whole number from 1, not ${text}`)
}

const tell = (line: string): void => {
  if (!values.json) console.log(line)
}

const inThread = (options: Fleet.Options): Effect.Effect<Fleet.Outcome> =>
  Effect.callback((resume) => {
    const worker = new Worker(new URL("worker.ts", import.meta.url), {
      workerData: options,
      resourceLimits: { maxOldGenerationSizeMb: 4096, maxYoungGenerationSizeMb: 192 }
    })
    worker.on("message", (outcome: Fleet.Outcome) => resume(Effect.succeed(outcome)))
    worker.on("error", (error) => resume(Effect.die(error)))
    return Effect.promise(() => worker.terminate())
  })

const write = (directory: string, result: report.Result): void => {
  Fs.mkdirSync(directory, { recursive: true })
  const save = (name: string, content: string) => Fs.writeFileSync(Path.join(directory, name), content)
  save("fleet.txt", report.text(result) + "\n")
  save("fleet.json", report.json(result) + "\n")
  for (const [name, svg] of report.charts(result)) save(`${name}.svg`, svg)
}

const program = Effect.gen(function*() {
  const started = performance.now()
  const clients = whole("clients", values.clients)
  const seed = whole("seed", values.seed)
  const wanted = scenes.filter(([fault]) => values.fault === undefined || fault === values.fault)
  if (wanted.length === 0) return wrong(`--fault is one of ${Object.keys(faults).join(", ")}`)
  const outcomes = yield* Effect.forEach(
    wanted,
    ([fault, policy]) =>
      Effect.tap(
        inThread({ clients, fault, policy, seed }),
        ({ took }) => Effect.sync(() => tell(`fleet: ${fault}, ${policies[policy].name}: ${took.toFixed(0)} s`))
      ),
    { concurrency: whole("jobs", values.jobs) }
  )
  const { system, user } = process.cpuUsage()
  const took = (performance.now() - started) / 1000
  const result = { clients, seed, outcomes, took, processorTime: (user + system) / 1e6 }
  console.log(values.json ? report.json(result) : report.text(result))
  if (values.out !== undefined) write(values.out, result)
  process.exitCode = report.checks(result).every(({ holds }) => holds) ? 0 : 1
})

if (values.help) console.log(help)
else NodeRuntime.runMain(program)
