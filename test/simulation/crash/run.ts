/**
 * `npm run simulate -- --crashes`: runs many seeds of crashes, or one with its trace.
 */
import * as Batch from "../Batch.ts"
import { type Plan, planOf } from "./CrashPlan.ts"
import * as report from "./crashReport.ts"
import { shrink } from "./crashShrink.ts"
import * as CrashWorld from "./CrashWorld.ts"

export interface Options {
  readonly print: (text: string) => void
  readonly isTraced: boolean
}

/** The seed as it fails, made as short as it gets. */
const explain = async (plan: Plan, { isTraced, print }: Options): Promise<void> => {
  const outcome = await CrashWorld.run(plan)
  for (const line of report.violationsOf(outcome)) print(`  ${line}`)
  const [first] = outcome.violations
  if (first === undefined) return
  const shortest = await shrink(
    plan,
    async (shorter) => (await CrashWorld.run(shorter)).violations.some(({ invariant }) => invariant === first.invariant)
  )
  const short = await CrashWorld.run(shortest)
  print("its shortest form fails with")
  for (const line of report.violationsOf(short)) print(`  ${line}`)
  print(report.describe(shortest))
  if (isTraced) print(report.trace(short.observations))
}

export const runSeed = async (seed: number, options: Options): Promise<boolean> => {
  const plan = planOf(seed)
  const outcome = await CrashWorld.run(plan)
  const isGood = outcome.violations.length === 0
  options.print(`crashes of seed ${seed}: ${isGood ? "ok" : "FAILED"}, trace hash ${outcome.hash}`)
  if (!isGood) await explain(plan, options)
  else {
    options.print(report.describe(plan))
    if (options.isTraced) options.print(report.trace(outcome.observations))
  }
  return isGood
}

export const runSeeds = async (
  { count, from, jobs }: { readonly from: number; readonly count: number; readonly jobs: number },
  options: Options
): Promise<boolean> => {
  const { print } = options
  const { failures, hash } = await Batch.run({
    jobs,
    from,
    count,
    kind: "crashes",
    onProgress: (text) => print(`simulate: ${text}`)
  })
  for (const { index, isEndless } of failures.slice(0, 5)) {
    const remedy = isEndless === true ? ": it does not end" : `; replay it with --crashes --seed ${index} --trace`
    print(`crashes of seed ${index} FAILED${remedy}`)
    if (isEndless !== true) await explain(planOf(index), options)
  }
  const failed = failures.map(({ index }) => index)
  print(
    `simulate: ${failed.length === 0 ? "ok" : "FAILED"}, crashes of seeds ${from} to ${from + count - 1}, ` +
      `${failed.length} with violations${failed.length === 0 ? "" : ` (${failed.join(", ")})`}, hash of all ${hash}`
  )
  return failed.length === 0
}
