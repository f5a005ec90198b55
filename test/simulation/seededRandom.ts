/**
 * Effect's randomness from the seed of a plan.
 */
import type { Random } from "effect"
import * as SeededRandom from "../protocol/Random.ts"

export const seededRandom = (seed: number): (typeof Random.Random)["Service"] => {
  const random = SeededRandom.make(seed ^ 0x5eed)
  const limit = 2 ** 31 - 1
  return {
    nextIntUnsafe: () => random.integer(0, limit),
    nextDoubleUnsafe: () => random.integer(0, limit) / (limit + 1)
  }
}
