/**
 * `npm run bench`: this library, MQTT.js, the bare-`net` limit and two libraries in C in turn, every one in a process of
 * its own, against one sink in its own. Prints medians and spreads, writes them as JSON. What it means is in README.md.
 */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { type Experiment, experiments, isNative, type RelayMessage, type Row, type SideName } from "./Benchmark.ts"
import { buildNatives, type Native } from "./native.ts"
import { BenchmarkProcess, build, startMosquitto } from "./processes.ts"
import { quantity, report, resultsOf, type Sample, toJson } from "./results.ts"
import { type Bench as Shared, SideRun, type Sink } from "./sideRun.ts"

const names = experiments.flatMap(({ rows }) => rows.map(({ name }) => name))

const help = `npm run bench -- [options]

  --json FILE      write {"rows":[{"name","unit","better","ours","peer","limit","ratio",...}],...}
  --rows PATTERN   only rows whose name matches this regular expression
  --rounds N       rounds; every round measures a row once for every side (default 7)
  --quick          2 short rounds: shows that it works, not how fast
  --help           this text

Rows:
  ${names.join("\n  ")}
`

interface Options {
  readonly json: string | undefined
  readonly isWanted: (row: Row) => boolean
  readonly rounds: number
  readonly warmUpSeconds: number
  readonly seconds: number
  readonly isQuick: boolean
}

const optionsFrom = (args: Array<string>): Options | undefined => {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: "string" },
      rows: { type: "string", default: "" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return undefined
  const pattern = new RegExp(values.rows)
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 7))
  if (!names.some((name) => pattern.test(name))) throw new Error(`--rows ${values.rows} matches none of the rows`)
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds must be a whole number above 0, not ${values.rounds}`)
  }
  return {
    json: values.json,
    isWanted: ({ name }) => pattern.test(name),
    rounds,
    isQuick: values.quick,
    ...values.quick ? { warmUpSeconds: 0.15, seconds: 0.15 } : { warmUpSeconds: 0.5, seconds: 0.3 }
  }
}

interface Bench extends Shared {
  readonly options: Options
  readonly natives: ReadonlyArray<Native>
}

type SamplesOfSides = Record<SideName, Array<Sample>>

const noSamples = (): SamplesOfSides => ({ ours: [], v3: [], peer: [], limit: [], libmosquitto: [], paho: [] })

const withRuns = async <A>(
  bench: Bench,
  experiment: Experiment,
  sides: ReadonlyArray<SideName>,
  use: (runs: ReadonlyMap<SideName, SideRun>) => Promise<A>
): Promise<A> => {
  bench.sink.tell({ _tag: "Expect", window: experiment.traffic.window })
  const runs = new Map(sides.map((side) => [side, new SideRun(bench, experiment, side)]))
  try {
    for (const run of runs.values()) await run.started()
    const result = await use(runs)
    for (const run of runs.values()) await run.end()
    return result
  } finally {
    for (const run of runs.values()) run.kill()
  }
}

/** Sides inside a round: a machine that slows down slows all of them; who goes first changes. */
const inTurn = ({ sides }: Experiment, round: number): ReadonlyArray<SideName> =>
  sides.map((_, turn) => sides[(round + turn) % sides.length])

const log = ({ rows: [row] }: Experiment, round: number, sampled: ReadonlyArray<readonly [SideName, Sample]>) => {
  const values = sampled.map(([side, { values }]) => `${side} ${quantity(values[row.metric], row.unit)}`)
  console.error([`round ${round + 1}, ${row.name}:`.padEnd(60), ...values].join("  "))
}

/** The same processes in every round, warmed up once, all of them connected all the time. */
const measureWarm = (bench: Bench, experiment: Experiment, rounds: number): Promise<SamplesOfSides> =>
  withRuns(bench, experiment, experiment.sides, async (runs) => {
    const samples = noSamples()
    for (const run of runs.values()) await run.warmUp(bench.options.warmUpSeconds)
    for (let round = 0; round < rounds; round++) {
      const sampled: Array<readonly [SideName, Sample]> = []
      for (const side of inTurn(experiment, round)) {
        const sample = await runs.get(side)?.sample()
        if (sample === undefined) continue
        samples[side].push(sample)
        sampled.push([side, sample])
      }
      log(experiment, round, sampled)
    }
    return samples
  })

/** A process of its own for every sample. */
const measureFresh = async (bench: Bench, experiment: Experiment, rounds: number): Promise<SamplesOfSides> => {
  const samples = noSamples()
  for (let round = 0; round < rounds; round++) {
    const sampled: Array<readonly [SideName, Sample]> = []
    for (const side of inTurn(experiment, round)) {
      const sample = await withRuns(bench, experiment, [side], (runs) => {
        const [run] = runs.values()
        return run.sample()
      })
      samples[side].push(sample)
      sampled.push([side, sample])
    }
    log(experiment, round, sampled)
  }
  return samples
}

const wantedOf = ({ isWanted }: Options): ReadonlyArray<Experiment> =>
  experiments.filter(({ rows }) => rows.some(isWanted))

const isSide = (options: Options, isOne: (side: SideName) => boolean): boolean =>
  wantedOf(options).some(({ sides }) => sides.some(isOne))

/** The sides in C, where a wanted row has them; the package for Effect 3 is measured as it is published. */
const buildFor = async (options: Options): Promise<ReadonlyArray<Native>> => {
  build()
  if (isSide(options, (side) => side === "v3")) {
    const { bundle } = await import("../scripts/effect3/bundle.ts")
    await bundle()
  }
  return isSide(options, isNative) ? buildNatives() : []
}

/** An experiment without the sides that could not be built. */
const withoutLeftOut = (experiment: Experiment, natives: ReadonlyArray<Native>): Experiment => ({
  ...experiment,
  sides: experiment.sides.filter((side) => !natives.some(({ _tag, name }) => _tag === "LeftOut" && name === side))
})

const measureAll = async (bench: Bench): Promise<ReadonlyMap<Experiment, SamplesOfSides>> => {
  const { isQuick, rounds } = bench.options
  const measured = new Map<Experiment, SamplesOfSides>()
  for (const experiment of wantedOf(bench.options)) {
    if (experiment.broker === "mosquitto" && bench.mosquitto === undefined) {
      console.error(`${experiment.name}: left out, mosquitto is not installed`)
      continue
    }
    const { isFresh } = experiment
    const sides = withoutLeftOut(experiment, bench.natives)
    const needed = Math.min(rounds, experiment.rounds ?? rounds, isQuick && isFresh ? 1 : rounds)
    measured.set(experiment, await (isFresh ? measureFresh : measureWarm)(bench, sides, needed))
  }
  return measured
}

const main = async (): Promise<void> => {
  const args = process.argv.slice(2)
  const options = optionsFrom(args)
  if (options === undefined) return console.log(help)
  const started = performance.now()
  const natives = await buildFor(options)
  for (const native of natives) {
    if (native._tag === "LeftOut") console.error(`${native.name}: left out, ${native.reason}`)
  }
  const sink: Sink = new BenchmarkProcess("the sink", "sink.js", [])
  const { ca, ports } = await sink.next("Listening")
  const relay = new BenchmarkProcess<never, RelayMessage>("the relay", "relay.js", [`${ports.tcp}`])
  const mosquitto = await startMosquitto()
  try {
    const relayPorts = await relay.next("Relaying")
    const all = { ...ports, ...relayPorts, mosquitto: mosquitto?.port ?? 0 }
    const bench = { options, natives, sink, mosquitto, ca, ports: all }
    const results = resultsOf(await measureAll(bench), options.isWanted)
    const seconds = (performance.now() - started) / 1000
    console.log(report(results, natives))
    if (options.json !== undefined) {
      const command = ["npm run bench --", ...args].join(" ")
      const json = toJson(results, { command, isQuick: options.isQuick, seconds, natives })
      writeFileSync(options.json, JSON.stringify(json, undefined, 2) + "\n")
    }
  } finally {
    sink.kill()
    relay.kill()
    mosquitto?.stop()
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
