import { assert, describe, it } from "@effect/vitest"
import { Fifo } from "../../../src/internal/client/fifo.ts"
import * as Random from "../../protocol/Random.ts"

describe("Fifo", () => {
  it("does what an array does, whatever is done in which order", () => {
    const random = Random.make(7)
    const fifo = new Fifo<number>()
    let model: Array<number> = []
    for (let step = 0; step < 20_000; step++) {
      const choice = random.integer(0, 99)
      if (choice < 50) {
        fifo.push(step)
        model.push(step)
      } else if (choice < 97) {
        assert.strictEqual(fifo.shift(), model.shift())
      } else if (choice < 98) {
        fifo.prepend([step, step + 0.5])
        model.unshift(step, step + 0.5)
      } else if (choice < 99) {
        fifo.retain((item) => item % 3 !== 0)
        model = model.filter((item) => item % 3 !== 0)
      } else if (random.chance(0.1)) {
        assert.deepStrictEqual(fifo.takeAll(), model)
        model = []
      }
      assert.strictEqual(fifo.size, model.length)
      assert.strictEqual(fifo.isEmpty, model.length === 0)
      assert.strictEqual(fifo.first, model[0])
    }
    assert.deepStrictEqual(fifo.toArray(), model)
  })

  it("is empty when it is", () => {
    const fifo = new Fifo<string>()
    assert.isUndefined(fifo.first)
    assert.isUndefined(fifo.shift())
    assert.strictEqual(fifo.size, 0)
  })
})
