import { assert, describe, it } from "@effect/vitest"
import { placesOf } from "../planted.ts"
import { crashBugs } from "./crashBugs.ts"
import { table } from "./crashInvariants.ts"
import { type Death, type Life, plainLife, plainPlan, type Plan, planOf } from "./CrashPlan.ts"
import { crashRegressions } from "./crashRegressions.ts"
import * as report from "./crashReport.ts"
import * as CrashWorld from "./CrashWorld.ts"

const violationsOf = async (plan: Plan): Promise<ReadonlyArray<string>> =>
  report.violationsOf(await CrashWorld.run(plan))

const count = 150
const perTest = 50

describe("whenever a process dies, the invariants hold", () => {
  it("there are fifteen of them", () => {
    assert.deepStrictEqual(table.map(({ number }) => number), Array.from({ length: 15 }, (_, index) => index + 1))
  })

  for (let first = 1; first < count; first += perTest) {
    it(`seeds ${first} to ${first + perTest - 1}`, async () => {
      for (let seed = first; seed < first + perTest; seed++) {
        const replay = `npm run simulate -- --crashes --seed ${seed} --trace`
        assert.deepStrictEqual(await violationsOf(planOf(seed)), [], replay)
      }
    })
  }
})

/** What a process does that dies at every commit and every write in turn: two messages of each QoS, in both directions. */
const script: Life["steps"] = [
  { at: 60, action: { _tag: "Publish", topic: "out/a", qos: 2, size: 6, count: 2, via: "publishAsync" } },
  { at: 60, action: { _tag: "Publish", topic: "out/a", qos: 1, size: 6, count: 2, via: "publishAsync" } },
  { at: 62, action: { _tag: "Emit", qos: 2, count: 2 } },
  { at: 150, action: { _tag: "Publish", topic: "out/b", qos: 2, size: 6, count: 1, via: "publish" } }
]

const deaths = function*(): Iterable<Death> {
  for (let number = 1; number <= 10; number++) {
    for (const when of ["before", "during", "after"] as const) yield { _tag: "Commit", number, when }
    for (const when of ["before", "after"] as const) yield { _tag: "Write", number, when }
  }
}

describe("a process that dies at every commit and every write of a script", () => {
  for (const version of ["3.1.1", "5.0"] as const) {
    for (const commitTime of [0, 4]) {
      it(`with commits of ${commitTime} ms (${version})`, async () => {
        for (const bytes of ["arrive", "lost"] as const) {
          for (const death of deaths()) {
            const life = { ...plainLife, steps: script, death, bytes, commitTime }
            const plan: Plan = { ...plainPlan, version, lives: [life] }
            assert.deepStrictEqual(await violationsOf(plan), [], JSON.stringify({ death, bytes }))
          }
        }
      })
    }
  }
})

describe("what crashes found once is not there any more", () => {
  for (const { name, plan } of crashRegressions) {
    it(name, async () => {
      assert.deepStrictEqual(await violationsOf(plan), [])
    })
  }
})

describe("the same seed of crashes", () => {
  it("gives the same trace", async () => {
    for (const seed of [1, 2, 3]) {
      assert.strictEqual((await CrashWorld.run(planOf(seed))).hash, (await CrashWorld.run(planOf(seed))).hash)
    }
  })
})

describe("what is planted to see whether the simulation of crashes finds it", () => {
  for (const bug of crashBugs) {
    it(`fits one place of the sources: ${bug.name}`, () => {
      assert.strictEqual(placesOf(bug), 1, `${bug.file}: ${bug.from}`)
    })
  }
})
