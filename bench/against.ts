/**
 * `npm run bench:against -- DIR`: this checkout and another one, on the same machine, and how they compare.
 *
 * The library of both is connected to one sink, and they take turns, sample by sample: what slows the machine down slows
 * both samples of a pair, so each pair has a ratio of its own, and their median is what counts. Each round has new
 * processes, because two processes of one program differ too. The other checkout needs its own `node_modules`.
 */
import { execFileSync } from "node:child_process"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import { type Experiment, experiments, type Row } from "./Benchmark.ts"
import { BenchmarkProcess, build, builtOf } from "./processes.ts"
import { quantity, type Sample } from "./results.ts"
import { type Bench, SideRun, type Sink } from "./sideRun.ts"

/** Publishing, receiving and consuming: the rows that no change may slow down. */
const coreRows = "^(publish qos[012] window 1000|publish qos1 forEach|publishSink|publish qos1 sequential|" +
  "receive qos[012]$|receive qos[01] by chunks|consume|request/response|codec)"

const warmUpSeconds = 1

/** Of one round. */
const pairs = 6

/** The other one's benchmark knows how it is built. */
const buildOther = (checkout: string): void => {
  const module = pathToFileURL(resolve(checkout, "bench", "processes.ts"))
  execFileSync(process.execPath, ["--input-type=module", "--eval", `(await import("${module}")).build()`], {
    stdio: "inherit"
  })
}

type Pair = readonly [here: Sample, there: Sample]

/** Who goes first changes with each pair. */
const measureRound = async (bench: Bench, experiment: Experiment, other: string): Promise<ReadonlyArray<Pair>> => {
  bench.sink.tell({ _tag: "Expect", window: experiment.traffic.window })
  const here = new SideRun(bench, experiment, "ours")
  const there = new SideRun(bench, experiment, "ours", builtOf(other))
  try {
    const sampled: Array<Pair> = []
    for (const run of [here, there]) {
      await run.started()
      await run.warmUp(warmUpSeconds)
    }
    for (let pair = 0; pair < pairs; pair++) {
      const first = pair % 2 === 0 ? undefined : await there.sample()
      const ofHere = await here.sample()
      sampled.push([ofHere, first ?? await there.sample()])
    }
    for (const run of [here, there]) await run.end()
    return sampled
  } finally {
    for (const run of [here, there]) run.kill()
  }
}

/** The value below which this share of them is. */
const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)]

/** What the pairs say of a row: above 1 this checkout is better. */
const compare = ({ better, metric, name, unit }: Row, sampled: ReadonlyArray<Pair>): string => {
  const values = sampled.map(([here, there]) => [here.values[metric], there.values[metric]] as const)
  const ratios = values.map(([here, there]) => better === "higher" ? here / there : there / here)
  const medians = [0, 1].map((side) => quantity(quantile(values.map((pair) => pair[side]), 0.5), unit).padStart(12))
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share).toFixed(3))
  return [name.padEnd(34), ...medians, middle.padStart(13), `  ${low} to ${high}`].join(" ")
}

const title = ["row".padEnd(34), "here".padStart(12), "there".padStart(12), "here / there", "  the middle half"].join(
  " "
)

const main = async (): Promise<void> => {
  const { positionals: [other], values } = parseArgs({
    allowPositionals: true,
    options: { rows: { type: "string", default: coreRows }, rounds: { type: "string", default: "5" } }
  })
  if (other === undefined) throw new Error("usage: npm run bench:against -- DIR [--rows PATTERN] [--rounds N]")
  const isWanted = new RegExp(values.rows)
  build()
  buildOther(resolve(other))
  const sink: Sink = new BenchmarkProcess("the sink", "sink.js", [])
  const { ca, ports } = await sink.next("Listening")
  const options = { isQuick: false, seconds: 0.3 }
  const bench = { options, sink, mosquitto: undefined, ca, ports: { ...ports, relay: [], cut: 0, mosquitto: 0 } }
  console.log(title)
  try {
    for (const experiment of experiments.filter(({ isFresh, rows: [row] }) => !isFresh && isWanted.test(row.name))) {
      const sampled: Array<Pair> = []
      for (let round = 0; round < Number(values.rounds); round++) {
        sampled.push(...await measureRound(bench, experiment, resolve(other)))
      }
      for (const row of experiment.rows) console.log(compare(row, sampled))
    }
  } finally {
    sink.kill()
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
