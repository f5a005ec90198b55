/**
 * `npm run simulate`: runs many seeds, one seed with its trace, the exhaustive cuts, or the planted bugs.
 *
 * `--seeds 1000 --from 1 --jobs 2`, `--seed 7 --trace`, `--exhaustive`, `--planted`; with `--crashes` seeds, a seed or the
 * planted bugs of processes that die.
 */
import { parseArgs } from "node:util"
import { code } from "../../scripts/code.ts"
import * as Batch from "./Batch.ts"
import * as crashes from "./crash/run.ts"
import { runExhaustive } from "./exhaustive.ts"
import type * as Plan from "./Plan.ts"
import { runPlanted } from "./planted.ts"
import * as report from "./report.ts"
import { planOf } from "./Seeds.ts"
import { shrink } from "./shrink.ts"
import * as World from "./World.ts"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "500" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    jobs: { type: "string", default: "2" },
    trace: { type: "boolean", default: false },
    exhaustive: { type: "boolean", default: false },
    planted: { type: "boolean", default: false },
    crashes: { type: "boolean", default: false },
    pairs: { type: "string", default: "10000" }
  }
})

const whole = (name: string, text: string, minimum: number): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= minimum) return value
  console.error(`--${name} is a whole number from ${minimum}`)
  process.exit(2)
}

const jobs = whole("jobs", values.jobs, 1)

/** The seed as it fails, made as short as it gets. */
const explain = async (plan: Plan.Plan): Promise<void> => {
  const outcome = await World.run(plan)
  for (const line of report.violationsOf(outcome)) console.log(`  ${line}`)
  const [first] = outcome.violations
  if (first === undefined) return
  const shortest = await shrink(
    plan,
    async (shorter) => (await World.run(shorter)).violations.some(({ invariant }) => invariant === first.invariant)
  )
  const short = await World.run(shortest)
  console.log(`its shortest form (${shortest.steps.length} of ${plan.steps.length} steps) fails with`)
  for (const line of report.violationsOf(short)) console.log(`  ${line}`)
  console.log(report.describe(shortest))
  if (values.trace) console.log(report.trace(shortest, short.observations))
}

const runSeed = async (seed: number): Promise<boolean> => {
  const plan = planOf(seed)
  const outcome = await World.run(plan)
  const isGood = outcome.violations.length === 0
  console.log(`seed ${seed}: ${isGood ? "ok" : "FAILED"}, trace hash ${outcome.hash}`)
  if (isGood) {
    console.log(report.describe(plan))
    if (values.trace) console.log(report.trace(plan, outcome.observations))
  } else {
    await explain(plan)
  }
  return isGood
}

const runSeeds = async (from: number, count: number): Promise<boolean> => {
  const { failures, hash } = await Batch.run({
    jobs,
    from,
    count,
    kind: "seeds",
    onProgress: (text) => console.log(`simulate: ${text}`)
  })
  for (const failure of failures.slice(0, 5)) {
    if (failure.isEndless === true) {
      console.log(`seed ${failure.index} FAILED: it does not end`)
      console.log(report.describe(planOf(failure.index)))
    } else {
      console.log(`seed ${failure.index} FAILED; replay it with --seed ${failure.index} --trace`)
      await explain(planOf(failure.index))
    }
  }
  const failed = failures.map(({ index }) => index)
  console.log(
    `simulate: ${failed.length === 0 ? "ok" : "FAILED"}, seeds ${from} to ${from + count - 1}, ` +
      `${failed.length} with violations${failed.length === 0 ? "" : ` (${failed.join(", ")})`}, hash of all ${hash}`
  )
  return failed.length === 0
}

const runCrashes = (): Promise<boolean> => {
  const options = { print: console.log, isTraced: values.trace }
  if (values.seed !== undefined) return crashes.runSeed(whole("seed", values.seed, 0), options)
  return crashes.runSeeds(
    { from: whole("from", values.from, 0), count: whole("seeds", values.seeds, 1), jobs },
    options
  )
}

const isGood = values.crashes && values.planted
  ? await runPlanted({ jobs, kind: "crashes", print: console.log })
  : values.crashes
  ? await runCrashes()
  : values.exhaustive
  ? await runExhaustive({ jobs, pairs: whole("pairs", values.pairs, 0), print: console.log })
  : values.planted
  ? await runPlanted({ jobs, print: console.log })
  : values.seed !== undefined
  ? await runSeed(whole("seed", values.seed, 0))
  : await runSeeds(whole("from", values.from, 0), whole("seeds", values.seeds, 1))
console.log(`simulate: ${code()}`)
process.exitCode = isGood ? 0 : 1
