/**
 * One process of a batch: runs the blocks it is sent and answers with what failed.
 */
import { createHash } from "node:crypto"
import type { Block, Failure, Result } from "./Batch.ts"
import * as exhaustive from "./exhaustive.ts"
import * as report from "./report.ts"
import { planOf } from "./Seeds.ts"
import * as World from "./World.ts"

const plans = { seeds: planOf, exhaustive: exhaustive.planOf }

const runBlock = async ({ count, from, kind }: Block): Promise<Result> => {
  const failures: Array<Failure> = []
  const hash = createHash("sha256")
  for (let index = from; index < from + count; index++) {
    const outcome = await World.run(await plans[kind](index))
    hash.update(outcome.hash)
    if (outcome.violations.length > 0) failures.push({ index, violations: report.violationsOf(outcome) })
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
