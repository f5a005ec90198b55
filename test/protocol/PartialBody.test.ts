import { assert, describe, it } from "@effect/vitest"
import { PartialBody } from "../../src/protocol/PartialBody.ts"

/** Bytes that tell where they belong. */
const bytesFrom = (start: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (start + index) % 251)

const collected = (lengths: ReadonlyArray<number>): PartialBody => {
  const body = new PartialBody()
  let start = 0
  for (const length of lengths) {
    body.add(bytesFrom(start, length))
    start += length
  }
  return body
}

const total = (lengths: ReadonlyArray<number>): number => lengths.reduce((sum, length) => sum + length, 0)

describe("PartialBody", () => {
  const cases: ReadonlyArray<readonly [name: string, lengths: ReadonlyArray<number>]> = [
    ["small ones", [1, 2, 3, 100, 1]],
    ["large ones", [1024, 65_536, 4000]],
    ["small ones around a large one", [1, 2, 5000, 3, 4]],
    ["large ones around a small one", [5000, 1, 2000]],
    ["more small ones than go into one buffer", Array.from({ length: 200 }, () => 1023)],
    ["a small one that just fills a buffer", [...Array.from({ length: 64 }, () => 1000), 1023, 513, 1, 1]],
    ["none", []]
  ]
  for (const [name, lengths] of cases) {
    it(`is what came, in order: ${name}`, () => {
      const body = collected(lengths)
      assert.strictEqual(body.length, total(lengths))
      assert.deepStrictEqual(body.take(), bytesFrom(0, total(lengths)))
    })
  }

  it("is empty once taken", () => {
    const body = collected([10, 5000])
    body.take()
    assert.strictEqual(body.length, 0)
    body.add(Uint8Array.of(7))
    assert.deepStrictEqual(body.take(), Uint8Array.of(7))
  })

  it("a small chunk is copied at once, and may be used again", () => {
    const body = new PartialBody()
    const chunk = Uint8Array.of(1, 2, 3)
    body.add(chunk)
    chunk.fill(0)
    body.add(chunk.subarray(0, 1))
    assert.deepStrictEqual(body.take(), Uint8Array.of(1, 2, 3, 0))
  })

  it("one large chunk is not copied", () => {
    const chunk = bytesFrom(0, 1024)
    const body = new PartialBody()
    body.add(chunk)
    assert.strictEqual(body.take(), chunk)
  })
})
