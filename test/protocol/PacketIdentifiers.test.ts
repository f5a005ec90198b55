import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as PacketIdentifiers from "../../src/protocol/PacketIdentifiers.ts"
import * as Random from "./Random.ts"

type Pool = PacketIdentifiers.PacketIdentifiers<number>

const allOf = <A>(pool: PacketIdentifiers.PacketIdentifiers<A>): Array<readonly [identifier: number, value: A]> => {
  const all: Array<readonly [number, A]> = []
  PacketIdentifiers.forEach(pool, (value, identifier) => all.push([identifier, value]))
  return all
}

const allocated = (pool: Pool, value: number): readonly [identifier: number, pool: Pool] => {
  const result = PacketIdentifiers.allocate(pool, value)
  if (result === undefined) throw new Error("expected a free Packet Identifier")
  return result
}

/** Every identifier in use, each standing for itself. */
const full: Pool = PacketIdentifiers.mutate(PacketIdentifiers.empty<number>(), (batch) => {
  for (let identifier = 1; identifier <= PacketIdentifiers.maximum; identifier++) batch.set(identifier, identifier)
})

/** What the pool has to do, by the plainest means. */
class Model {
  readonly values = new Map<number, number>()
  last = 0

  copy(): Model {
    const copy = new Model()
    this.values.forEach((value, identifier) => copy.values.set(identifier, value))
    copy.last = this.last
    return copy
  }

  allocate(value: number): number {
    if (this.values.size === PacketIdentifiers.maximum) return 0
    do this.last = this.last % PacketIdentifiers.maximum + 1
    while (this.values.has(this.last))
    this.values.set(this.last, value)
    return this.last
  }
}

const assertSame = (pool: Pool, model: Model) => {
  assert.deepStrictEqual(allOf(pool), [...model.values].toSorted(([a], [b]) => a - b))
  assert.strictEqual(pool.size, model.values.size)
}

// Neighbours, page borders of any likely size, both ends.
const identifier = Arbitrary.schema(
  Schema.Literals([1, 2, 3, 31, 32, 33, 63, 64, 255, 256, 1023, 1024, 1025, 32_768, 65_503, 65_504, 65_534, 65_535])
)
const operation = Arbitrary.all({
  kind: Arbitrary.schema(Schema.Literals(["allocate", "allocate", "set", "release", "release last", "jump"])),
  identifier
})
type Operation = {
  readonly kind: "allocate" | "set" | "release" | "release last" | "jump"
  readonly identifier: number
}

/** The same operation on both; whatever it answers must be the same. */
const apply = (
  batch: PacketIdentifiers.Batch<number>,
  model: Model,
  { identifier, kind }: Operation,
  value: number
) => {
  switch (kind) {
    case "allocate":
      return assert.strictEqual(batch.allocate(value), model.allocate(value))
    case "set":
      batch.set(identifier, value)
      model.values.set(identifier, value)
      break
    case "release":
      assert.strictEqual(batch.release(identifier), model.values.delete(identifier))
      break
    case "release last":
      assert.strictEqual(batch.release(model.last), model.values.delete(model.last))
      break
    case "jump":
      // So that allocation crosses pages and the end: as if that many had been given and acknowledged.
      for (let count = 0; count < identifier; count++) {
        const given = batch.allocate(value)
        if (given !== model.allocate(value)) assert.fail(`${given} instead of ${model.last}`)
        batch.release(given)
        model.values.delete(given)
      }
  }
  assert.strictEqual(batch.get(identifier), model.values.get(identifier))
  assert.strictEqual(batch.has(identifier), model.values.has(identifier))
  assert.strictEqual(batch.size, model.values.size)
}

/** Gives every number there is once, and takes each back at once. */
const goRound = (batch: PacketIdentifiers.Batch<number>) => {
  for (let count = 0; count < PacketIdentifiers.maximum; count++) batch.release(batch.allocate(count))
}

interface Branch {
  readonly slots: ReadonlyArray<object | undefined>
}

/** What the module keeps to itself. */
interface Table {
  readonly root: { readonly slots: ReadonlyArray<Branch | undefined> }
}

const pagesOf = (pool: Pool): number => {
  const branches = (pool as Pool & Table).root.slots.filter((branch) => branch !== undefined)
  return branches.length + branches.flatMap((branch) => branch.slots.filter((leaf) => leaf !== undefined)).length
}

describe("PacketIdentifiers", () => {
  it("R16 gives non-zero identifiers, one after the other, each with its value", () => {
    const [first, one] = allocated(PacketIdentifiers.empty(), 10)
    const [second, two] = allocated(one, 20)
    assert.deepStrictEqual([first, second], [1, 2])
    assert.strictEqual(PacketIdentifiers.get(two, 1), 10)
    assert.strictEqual(PacketIdentifiers.get(two, 2), 20)
    assert.isUndefined(PacketIdentifiers.get(one, 2))
    assert.deepStrictEqual(PacketIdentifiers.values(two), [10, 20])
  })

  it("R16 S35 does not give an identifier again before all the others", () => {
    const [first, one] = allocated(PacketIdentifiers.empty(), 0)
    const [second] = allocated(PacketIdentifiers.release(one, first), 0)
    assert.strictEqual(second, 2)
  })

  it("R16 S35 wraps around to 1, and skips those in use", () => {
    let pool: Pool = PacketIdentifiers.empty()
    for (const taken of [1, 2, 32, 64, 65_535]) pool = PacketIdentifiers.set(pool, taken, -taken)
    const given: Array<number> = []
    pool = PacketIdentifiers.mutate(pool, (batch) => {
      for (let count = 0; count < 65_530; count++) given.push(batch.allocate(0))
    })
    assert.strictEqual(new Set(given).size, 65_530)
    assert.deepStrictEqual(given.slice(0, 2), [3, 4])
    assert.strictEqual(given.at(-1), 65_534)
    for (const taken of [1, 2, 32, 64, 65_535]) assert.notInclude(given, taken)
    pool = PacketIdentifiers.release(PacketIdentifiers.release(pool, 5), 3)
    const [wrapped, after] = allocated(pool, 1)
    assert.strictEqual(wrapped, 3)
    assert.strictEqual(allocated(after, 1)[0], 5)
  })

  it("R16 S35 all 65,535 in use: none is given until one is free", () => {
    assert.strictEqual(full.size, 65_535)
    assert.isUndefined(PacketIdentifiers.allocate(full, 0))
    PacketIdentifiers.mutate(full, (batch) => {
      assert.strictEqual(batch.allocate(0), 0)
      assert.strictEqual(batch.allocate(0), 0)
    })
    for (const freed of [1, 31, 32, 1024, 40_000, 65_535]) {
      const [given, again] = allocated(PacketIdentifiers.release(full, freed), 7)
      assert.strictEqual(given, freed)
      assert.strictEqual(PacketIdentifiers.get(again, freed), 7)
      assert.isUndefined(PacketIdentifiers.allocate(again, 0))
      assert.strictEqual(PacketIdentifiers.get(full, freed), freed)
    }
  })

  it("R16 S35 goes on after the last one given, even when there was none to give in between", () => {
    const [given, again] = allocated(PacketIdentifiers.release(full, 100), 0)
    assert.strictEqual(given, 100)
    const pool = PacketIdentifiers.mutate(again, (batch) => {
      assert.strictEqual(batch.allocate(0), 0)
      batch.release(5)
      batch.release(200)
    })
    assert.strictEqual(allocated(pool, 0)[0], 200)
  })

  it("R16 finds the one free identifier among 65,535 wherever the last one was", () => {
    PacketIdentifiers.mutate(full, (batch) => {
      for (let freed = 1; freed <= 65_535; freed += 97) {
        batch.release(freed)
        assert.strictEqual(batch.allocate(0), freed)
      }
    })
  })

  it("R16 R17 is freed once: to free it again, or one never given, changes nothing", () => {
    const [, one] = allocated(PacketIdentifiers.empty(), 10)
    const none = PacketIdentifiers.release(one, 1)
    assert.strictEqual(none.size, 0)
    assert.strictEqual(PacketIdentifiers.release(none, 1), none)
    assert.strictEqual(PacketIdentifiers.release(one, 2), one)
    PacketIdentifiers.mutate(one, (batch) => {
      assert.isTrue(batch.release(1))
      assert.isFalse(batch.release(1))
      assert.strictEqual(batch.size, 0)
    })
  })

  it("R17 keeps an identifier while its value is replaced", () => {
    const [first, one] = allocated(PacketIdentifiers.empty(), 10)
    const replaced = PacketIdentifiers.set(one, first, 11)
    assert.strictEqual(PacketIdentifiers.get(replaced, first), 11)
    assert.strictEqual(PacketIdentifiers.get(one, first), 10)
    assert.strictEqual(replaced.size, 1)
    assert.strictEqual(allocated(replaced, 12)[0], 2)
  })

  it("what is no Packet Identifier is never in use", () => {
    for (const number of [0, -1, -32, 65_536, 65_568, 131_072, 2 ** 32, 2 ** 32 + 1, Infinity, NaN]) {
      assert.isFalse(PacketIdentifiers.has(full, number))
      assert.isUndefined(PacketIdentifiers.get(full, number))
      assert.strictEqual(PacketIdentifiers.release(full, number), full)
      assert.strictEqual(PacketIdentifiers.set(full, number, 1), full)
      assert.strictEqual(PacketIdentifiers.set(PacketIdentifiers.empty<number>(), number, 1).size, 0)
    }
  })

  it("holds any value, undefined too", () => {
    const pool = PacketIdentifiers.set(PacketIdentifiers.empty<undefined>(), 7, undefined)
    assert.isTrue(PacketIdentifiers.has(pool, 7))
    assert.deepStrictEqual(allOf(pool), [[7, undefined]])
  })

  it("lists identifiers from the lowest to the highest", () => {
    let pool: Pool = PacketIdentifiers.empty()
    for (const each of [65_535, 1024, 33, 1, 32, 1023]) pool = PacketIdentifiers.set(pool, each, each)
    assert.deepStrictEqual(PacketIdentifiers.values(pool), [1, 32, 33, 1023, 1024, 65_535])
    assert.deepStrictEqual(allOf(full).length, 65_535)
  })

  it("a batch that changes nothing makes no new value", () => {
    assert.strictEqual(
      PacketIdentifiers.mutate(full, (batch) => {
        batch.get(1)
        batch.release(0)
        batch.allocate(1)
      }),
      full
    )
  })

  it("a batch used after its time changes no value", () => {
    const kept: Array<PacketIdentifiers.Batch<number>> = []
    const pool = PacketIdentifiers.mutate(PacketIdentifiers.empty<number>(), (batch) => {
      batch.allocate(1)
      kept.push(batch)
    })
    kept[0].set(1, 2)
    kept[0].allocate(3)
    assert.deepStrictEqual(allOf(pool), [[1, 1]])
    assert.strictEqual(pool.size, 1)
  })

  it("a batch that fails leaves the value as it was", () => {
    const [, one] = allocated(PacketIdentifiers.empty(), 10)
    assert.throws(() =>
      PacketIdentifiers.mutate(one, (batch) => {
        batch.set(1, 11)
        batch.set(2, 12)
        throw new Error("on purpose")
      })
    )
    assert.deepStrictEqual(allOf(one), [[1, 10]])
  })

  it("a pool that went all the way round holds no page of the past", () => {
    assert.strictEqual(pagesOf(PacketIdentifiers.mutate(PacketIdentifiers.empty<number>(), goRound)), 0)
    const one = PacketIdentifiers.set(PacketIdentifiers.empty<number>(), 40, 40)
    assert.strictEqual(pagesOf(PacketIdentifiers.mutate(one, goRound)), 2)
  })

  it.prop(
    "R16 R17 behaves as a Map that gives the next free number, and no older value ever changes",
    { batches: Arbitrary.array(Arbitrary.array(operation, { maxLength: 6 }), { maxLength: 8 }) },
    ({ batches }) => {
      const history: Array<readonly [Pool, Model]> = [[PacketIdentifiers.empty<number>(), new Model()]]
      batches.forEach((operations, index) => {
        // Odd ones start from an older value: values branch, and share pages.
        const [before, modelBefore] = history[index % 2 === 0 ? history.length - 1 : history.length >> 1]
        const model = modelBefore.copy()
        const pool = PacketIdentifiers.mutate(before, (batch) => {
          operations.forEach((each, position) => apply(batch, model, each, index * 100 + position))
        })
        history.push([pool, model])
      })
      for (const [pool, model] of history) assertSame(pool, model)
    },
    { arbitrary: { runs: Random.rounds(150) } }
  )

  it.prop(
    "R16 R17 single operations are batches of one",
    { operations: Arbitrary.array(operation, { maxLength: 30 }) },
    ({ operations }) => {
      let pool: Pool = PacketIdentifiers.empty()
      const model = new Model()
      const history: Array<readonly [Pool, Model]> = []
      operations.forEach(({ identifier, kind }, value) => {
        if (kind === "allocate") {
          const [given, next] = allocated(pool, value)
          assert.strictEqual(given, model.allocate(value))
          pool = next
        } else if (kind === "set") {
          pool = PacketIdentifiers.set(pool, identifier, value)
          model.values.set(identifier, value)
        } else {
          const released = kind === "release" ? identifier : model.last
          pool = PacketIdentifiers.release(pool, released)
          model.values.delete(released)
        }
        history.push([pool, model.copy()])
      })
      for (const [before, modelBefore] of history) assertSame(before, modelBefore)
    },
    { arbitrary: { runs: Random.rounds(500) } }
  )
})
