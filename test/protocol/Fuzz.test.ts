import { assert, describe, it } from "@effect/vitest"
import { isUntouched, run } from "../fuzz/fuzz.ts"

describe("50,000 mutated and random inputs", () => {
  for (let part = 0; part < 5; part++) {
    it(`R1 R11 R143 S46 nothing but typed errors, the same however the bytes are cut, seed ${part}`, () => {
      const { decoder } = run({ inputs: 10_000, seed: part, target: "decoder" })
      assert.strictEqual(decoder.inputs, 10_000)
      // The inputs reach both sides of most rules: a fuzzer that only meets the first check shows nothing.
      assert.isAbove(decoder.refused, 3_000)
      assert.isAbove(decoder.results, 3_000)
      assert.isAbove(decoder.rules, 50)
      assert.isTrue(isUntouched())
    })
  }
})

describe("5,000 inputs each", () => {
  it("names and filters are judged as the specification says, and match as it says", () => {
    const { topics } = run({ inputs: 5_000, seed: 1, target: "topics" })
    assert.isAbove(topics.refused, 2_000)
    assert.isAbove(topics.results, 500)
    assert.isAbove(topics.rules, 15)
  })

  it("a wrong option is refused by name whatever the others are, and a URL leads where it says", () => {
    const { options } = run({ inputs: 5_000, seed: 1, target: "options" })
    assert.isAbove(options.refused, 2_000)
    assert.isAbove(options.results, 500)
    assert.isAbove(options.rules, 80)
  })

  it("a record of a store reads as it was written, or not at all", () => {
    const { store } = run({ inputs: 5_000, seed: 1, target: "store" })
    assert.isAbove(store.refused, 2_000)
    assert.isAbove(store.results, 500)
    assert.strictEqual(store.rules, 8)
  })

  it("without a target, each gets its share", () => {
    const tallies = run({ inputs: 1_000, seed: 1 })
    for (const { inputs } of Object.values(tallies)) assert.isAbove(inputs, 20)
    assert.strictEqual(Object.values(tallies).reduce((sum, { inputs }) => sum + inputs, 0), 1_000)
    assert.isTrue(isUntouched())
  })
})
