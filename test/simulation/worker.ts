/**
 * One process of a batch: runs the blocks it is sent, and answers with the failures.
 */
import { createHash } from "node:crypto"
import type { Block, Failure, Result } from "./Batch.ts"
import * as CrashPlan from "./crash/CrashPlan.ts"
import * as crashReport from "./crash/crashReport.ts"
import * as CrashWorld from "./crash/CrashWorld.ts"
import * as exhaustive from "./exhaustive.ts"
import type { Plan } from "./Plan.ts"
import * as report from "./report.ts"
import { planOf } from "./Seeds.ts"
import * as World from "./World.ts"

interface Run {
  readonly hash: string
  readonly violations: ReadonlyArray<string>
}

const runWorld = async (plan: Plan): Promise<Run> => {
  const outcome = await World.run(plan)
  return { hash: outcome.hash, violations: report.violationsOf(outcome) }
}

const runCrashes = async (seed: number): Promise<Run> => {
  const outcome = await CrashWorld.run(CrashPlan.planOf(seed))
  return { hash: outcome.hash, violations: crashReport.violationsOf(outcome) }
}

const runs: Record<Block["kind"], (index: number) => Promise<Run>> = {
  seeds: (seed) => runWorld(planOf(seed)),
  crashes: runCrashes,
  exhaustive: async (index) => runWorld(await exhaustive.planOf(index))
}

const runBlock = async ({ count, from, kind }: Block): Promise<Result> => {
  const failures: Array<Failure> = []
  const hash = createHash("sha256")
  for (let index = from; index < from + count; index++) {
    process.send?.(index)
    const run = await runs[kind](index)
    hash.update(run.hash)
    if (run.violations.length > 0) failures.push({ index, violations: run.violations })
  }
  return { failures, hash: hash.digest("hex") }
}

process.on("message", (block: Block) => {
  runBlock(block).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    }
  )
})
