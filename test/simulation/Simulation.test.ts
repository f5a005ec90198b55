import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import { onTestFinished } from "vitest"
import * as Batch from "./Batch.ts"
import { regressions as regressionsOfCalls } from "./calls/regressions.ts"
import { table } from "./invariants.ts"
import * as Plan from "./Plan.ts"
import { bugs, copyTo, placesOf } from "./planted.ts"
import { regressions, seeds, themedSeeds } from "./regressions.ts"
import * as report from "./report.ts"
import { planOf } from "./Seeds.ts"
import { serverRegressions } from "./server/regressions.ts"
import * as World from "./World.ts"

const violationsOf = async (plan: Plan.Plan): Promise<ReadonlyArray<string>> =>
  report.violationsOf(await World.run(plan))

const from = 1
const count = 500
const perTest = 50

describe("whatever goes wrong, the invariants hold", () => {
  it("there are thirty-three of them", () => {
    assert.deepStrictEqual(table.map(({ number }) => number), Array.from({ length: 33 }, (_, index) => index + 1))
  })

  for (let first = from; first < from + count; first += perTest) {
    it(`seeds ${first} to ${first + perTest - 1}`, async () => {
      for (let seed = first; seed < first + perTest; seed++) {
        assert.deepStrictEqual(await violationsOf(planOf(seed)), [], `npm run simulate -- --seed ${seed} --trace`)
      }
    })
  }
})

describe("what was found once is not there any more", () => {
  for (const { name, plan } of [...regressions, ...regressionsOfCalls, ...serverRegressions]) {
    it(name, async () => {
      assert.deepStrictEqual(await violationsOf(plan), [])
    })
  }

  for (const seed of seeds) {
    it(`seed ${seed}, without a theme`, async () => {
      assert.deepStrictEqual(await violationsOf(Plan.make(seed)), [])
    })
  }

  for (const [seed, fault] of themedSeeds) {
    it(`seed ${seed}: ${fault}`, async () => {
      assert.deepStrictEqual(await violationsOf(planOf(seed)), [])
    })
  }
})

/** A process whose second run fails, and whose third never ends. */
const endlessAt3 = `
  process.on("message", ({ count, from }) => {
    const failures = []
    for (let index = from; index < from + count; index++) {
      process.send(index)
      if (index === 2) failures.push({ index, violations: ["wrong"] })
      if (index === 3) return
    }
    process.send({ failures, hash: "" })
  })
`

describe("the same seed gives the same trace", () => {
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
  const hashOfAll = async (): Promise<string> => {
    const hash = createHash("sha256")
    for (const seed of numbers) hash.update((await World.run(planOf(seed))).hash)
    return hash.digest("hex")
  }

  it("on a second run, and not that of another seed", async () => {
    assert.strictEqual(await hashOfAll(), await hashOfAll())
    assert.notStrictEqual((await World.run(planOf(1))).hash, (await World.run(planOf(2))).hash)
  })

  it("in another process", async () => {
    const { hash } = await Batch.run({ kind: "seeds", from: 1, count: 10, jobs: 1, onProgress: () => {} })
    assert.strictEqual(hash, createHash("sha256").update(await hashOfAll()).digest("hex").slice(0, 16))
  })
})

describe("a run that does not end", () => {
  it("is a failure, and the runs around it are run all the same", async () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-endless-"))
    const worker = Path.join(folder, "worker.mjs")
    Fs.writeFileSync(worker, endlessAt3)
    const told: Array<string> = []
    const { failures } = await Batch.run({
      kind: "seeds",
      from: 1,
      count: 5,
      jobs: 1,
      patience: 3_000,
      worker: pathToFileURL(worker),
      onProgress: (text) => told.push(text)
    })
    Fs.rmSync(folder, { recursive: true })
    assert.deepStrictEqual(failures.map(({ index, isEndless }) => [index, isEndless]), [[2, undefined], [3, true]])
    assert.include(told.at(-1), "5 of 5 runs, 2 failed")
  })
})

describe("what is planted to see whether the simulation finds it", () => {
  for (const bug of bugs) {
    it(`fits one place of the sources: ${bug.name}`, () => {
      assert.strictEqual(placesOf(bug), 1, `${bug.file}: ${bug.from}`)
    })
  }

  it("stands in a copy that has all that its worker imports", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-planted-"))
    onTestFinished(() => Fs.rmSync(folder, { recursive: true, force: true }))
    copyTo(folder)
    const worker = Path.join(folder, "test", "simulation", "worker.ts")
    const { status, stderr } = spawnSync(process.execPath, [worker], { encoding: "utf8" })
    assert.strictEqual(status, 0, stderr)
  })
})
