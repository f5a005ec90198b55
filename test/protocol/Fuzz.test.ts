import { assert, describe, it } from "@effect/vitest"
import { isUntouched, run } from "../fuzz/fuzz.ts"

describe("50,000 mutated and random inputs", () => {
  for (let part = 0; part < 5; part++) {
    it(`R1 R11 R143 S46 nothing but typed errors, the same however the bytes are cut, seed ${part}`, () => {
      const result = run({ inputs: 10_000, seed: part })
      assert.strictEqual(result.inputs, 10_000)
      // The inputs reach both sides of most rules: a fuzzer that only meets the first check shows nothing.
      assert.isAbove(result.refused, 3_000)
      assert.isAbove(result.packets, 3_000)
      assert.isAbove(result.rules, 50)
      assert.isTrue(isUntouched())
    })
  }
})
