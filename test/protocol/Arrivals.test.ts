import { assert, describe, it, vi } from "@effect/vitest"
import * as Arrivals from "../../src/protocol/Arrivals.ts"

const arrival = (packetIdentifier: number) => ({ qos: 1, packetIdentifier, connection: 1, exchange: 0 }) as const

/** Messages with these identifiers, in this order. */
const waiting = (...packetIdentifiers: ReadonlyArray<number>): Arrivals.Arrivals => {
  const batch = Arrivals.batch(Arrivals.empty)
  for (const packetIdentifier of packetIdentifiers) batch.arrive(arrival(packetIdentifier))
  return batch.commit()
}

/** What may be acknowledged, as identifier and Reason Code. */
const settled = (batch: Arrivals.Batch) => {
  const acknowledged: Array<ReadonlyArray<number>> = []
  batch.settle(({ packetIdentifier }, reasonCode) => acknowledged.push([packetIdentifier, reasonCode]))
  return acknowledged
}

describe("Arrivals", () => {
  const table: ReadonlyArray<
    readonly [
      name: string,
      answers: ReadonlyArray<readonly [position: number, reasonCode: number]>,
      settled: Array<Array<number>>
    ]
  > = [
    ["nothing answered", [], []],
    ["the first", [[0, 0x00]], [[7, 0x00]]],
    ["not the first", [[1, 0x00], [2, 0x00]], []],
    ["the first, after those behind it", [[2, 0x00], [1, 0x83], [0, 0x10]], [[7, 0x10], [3, 0x83], [5, 0x00]]],
    ["a gap", [[0, 0x00], [2, 0x00]], [[7, 0x00]]],
    ["one twice: the first answer counts", [[0, 0x83], [0, 0x00]], [[7, 0x83]]],
    ["one that is not there", [[-1, 0x00], [3, 0x00], [99, 0x00]], []]
  ]

  it.each(table)("R93 leave from the front, in the order of arrival: %s", (_, answers, expected) => {
    const batch = Arrivals.batch(waiting(7, 3, 5))
    for (const [position, reasonCode] of answers) batch.answer(position, reasonCode)
    assert.deepStrictEqual(settled(batch), expected)
    assert.deepStrictEqual(settled(batch), [])
    assert.strictEqual(batch.commit().waiting.length, 3 - expected.length)
  })

  it("R93 a position stays what it is when those before it have left", () => {
    const batch = Arrivals.batch(waiting(7, 3))
    batch.answer(0, 0x00)
    assert.deepStrictEqual(settled(batch), [[7, 0x00]])
    assert.deepStrictEqual([0, 1].map(batch.isWaiting), [false, true])
    const next = Arrivals.batch(batch.commit())
    assert.strictEqual(next.arrive(arrival(7)).position, 2)
    next.answer(0, 0x83)
    next.answer(2, 0x10)
    next.answer(1, 0x00)
    assert.deepStrictEqual(settled(next), [[3, 0x00], [7, 0x10]])
  })

  it.each([
    ["upwards", [1, 2, 3]],
    ["downwards", [3, 2, 1]],
    ["that went round", [65_534, 65_535, 1, 2]],
    ["that went round with a gap", [65_534, 65_535, 70, 71]],
    ["that went round twice", [70, 71, 1, 69, 2, 3]],
    ["that went round into those that wait", [70, 71, 1, 65_535]]
  ])("the identifiers of those that wait are known, and of no others: %s", (_, identifiers) => {
    let batch = Arrivals.batch(waiting(...identifiers))
    for (let left = 0; left < identifiers.length; left++) {
      const known = [1, 2, 3, 69, 70, 71, 65_533, 65_534, 65_535].filter(batch.has)
      assert.deepStrictEqual(known, identifiers.slice(left).sort((a, b) => a - b))
      batch.answer(left, 0x00)
      batch.settle(() => {})
      assert.isFalse(batch.has(identifiers[left]))
      // In the step that has asked, and in later ones.
      if (left === 1) batch = Arrivals.batch(batch.commit())
    }
    batch.arrive(arrival(5))
    assert.deepStrictEqual([4, 5, 6].map(batch.has), [false, true, false])
  })

  it.each([
    ["upwards", [1, 2, 3], [4, 5]],
    ["upwards with gaps", [10, 20, 30], [40, 41]],
    ["that went round", [65_534, 65_535, 1, 2], [3, 4]],
    ["that went round and left a gap", [100, 200, 1, 2], [3, 99]]
  ])("two comparisons tell that an identifier is new, without a set of all: %s", (_, identifiers, fresh) => {
    const batch = Arrivals.batch(waiting(...identifiers))
    let made = 0
    vi.stubGlobal("Set", function() {
      made++
    })
    try {
      for (const identifier of fresh) {
        assert.isFalse(batch.has(identifier))
        batch.arrive(arrival(identifier))
      }
    } finally {
      vi.unstubAllGlobals()
    }
    assert.strictEqual(made, 0)
  })

  it("R93 an answer to a position where nothing is yet is none for what comes there", () => {
    for (const position of [3, 99]) {
      const batch = Arrivals.batch(waiting(7, 3, 5))
      batch.answer(position, 0x83)
      batch.arrive(arrival(9))
      for (const answered of [0, 1, 2]) batch.answer(answered, 0x00)
      assert.deepStrictEqual(settled(batch), [[7, 0x00], [3, 0x00], [5, 0x00]])
      batch.answer(3, 0x10)
      assert.deepStrictEqual(settled(batch), [[9, 0x10]])
    }
  })

  it("R93 an answer that waits is kept from one batch to the next", () => {
    const first = Arrivals.batch(waiting(7, 3))
    first.answer(1, 0x83)
    const second = Arrivals.batch(first.commit())
    second.answer(0, 0x00)
    assert.deepStrictEqual(settled(second), [[7, 0x00], [3, 0x83]])
  })

  it("a batch works on a copy", () => {
    const before = waiting(7, 3)
    const batch = Arrivals.batch(before)
    batch.arrive(arrival(5))
    batch.answer(0, 0x00)
    batch.settle(() => {})
    assert.deepStrictEqual(before, waiting(7, 3))
    assert.deepStrictEqual(Arrivals.empty, waiting())
  })
})
