/**
 * A small fleet: the default of `reconnect` spreads it, and the run notices a schedule that does not.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fleet from "./Fleet.ts"
import * as report from "./report.ts"
import type { FaultName, PolicyName } from "./scenes.ts"

const clients = 500
/** Some seconds of a processor. */
const timeout = 120_000

const run = (fault: FaultName, policy: PolicyName, seed = 1) => Fleet.run({ clients, fault, policy, seed })

const curve = ({ samples }: Fleet.Outcome) => samples.map(({ attempts }) => attempts)

describe("with the default, no second after the first minute has attempts of more than a tenth of the fleet", () => {
  for (const fault of ["restart", "machine", "network", "rate"] as const) {
    it.effect(`${fault}: all clients come back, and no message is lost`, () =>
      Effect.gen(function*() {
        const outcome = yield* run(fault, "default")
        assert.isAbove(outcome.attempts, clients)
        assert.isAbove(outcome.peakAfterMinute, 0)
        assert.isAtMost(outcome.peakAfterMinute, clients / 10)
        assert.isDefined(outcome.allBack)
        assert.isAbove(outcome.mostWaiting, clients / 10)
        assert.strictEqual(outcome.unacknowledged, 0)
        assert.strictEqual(outcome.refused > 0, fault === "rate")
        for (
          const { holds, name } of report.checks({ clients, seed: 1, took: 0, processorTime: 0, outcomes: [outcome] })
        ) {
          assert.isTrue(holds, name)
        }
      }), timeout)
  }
})

describe("the fleet of a schedule whose delays are all about the same", () => {
  it.effect("comes back in waves, and later if the server refuses most of a wave", () =>
    Effect.gen(function*() {
      const machine = yield* run("machine", "twentyPercent")
      assert.isAbove(machine.peakAfterMinute, clients / 10)
      const [slow, fast] = [yield* run("rate", "twentyPercent"), yield* run("rate", "default")]
      assert.isAbove(slow.refused, fast.refused)
      assert.isAbove(slow.allBack ?? Infinity, fast.allBack ?? Infinity)
    }), timeout)

  it.effect("is one wave without chance", () =>
    Effect.gen(function*() {
      const options = { clients: 50, fault: "restart", policy: "withoutChance", seed: 1 } as const
      assert.strictEqual((yield* Fleet.run(options)).peakAfterMinute, 50)
    }), timeout)
})

describe("a run", () => {
  it.effect("does the same with the same seed, and something else with another", () =>
    Effect.gen(function*() {
      const small = (seed: number) =>
        Effect.map(Fleet.run({ clients: 50, fault: "rate", policy: "default", seed }), curve)
      assert.deepStrictEqual(yield* small(1), yield* small(1))
      assert.notDeepEqual(yield* small(1), yield* small(2))
    }), timeout)

  it("finds the second with the most attempts, wherever it begins", () => {
    const times = [0, 900, 1000, 1100, 1899, 1900, 5000]
    assert.strictEqual(Fleet.mostInASecond(times, 0, Infinity), 4)
    assert.strictEqual(Fleet.mostInASecond(times, 1000, Infinity), 4)
    assert.strictEqual(Fleet.mostInASecond(times, 1100, Infinity), 3)
    assert.strictEqual(Fleet.mostInASecond(times, 0, 1000), 2)
    assert.strictEqual(Fleet.mostInASecond([], 0, Infinity), 0)
  })
})

describe("the report", () => {
  const good: Fleet.Outcome = {
    clients,
    fault: "restart",
    policy: "default",
    seed: 1,
    samples: [{ at: 1, attempts: 40, accepted: 0, connected: 0, waiting: 7 }],
    halfBack: 190,
    allBack: 200,
    attempts: 1000,
    refused: 0,
    peak: 100,
    peakAfterMinute: 50,
    mostWaiting: 7,
    published: 10,
    unacknowledged: 0,
    took: 1
  }
  const resultOf = (change: Partial<Fleet.Outcome>): report.Result => ({
    clients,
    seed: 1,
    took: 1,
    processorTime: 2,
    outcomes: [{ ...good, ...change }]
  })
  const failedOf = (change: Partial<Fleet.Outcome>) =>
    report.checks(resultOf(change)).filter(({ holds }) => !holds).map(({ name }) => name.slice(0, 16))

  it("says which rule does not hold", () => {
    assert.deepStrictEqual(failedOf({}), [])
    assert.deepStrictEqual(failedOf({ allBack: undefined }), ["every client cam"])
    assert.deepStrictEqual(failedOf({ unacknowledged: 1 }), ["every message wa"])
    assert.deepStrictEqual(failedOf({ mostWaiting: 0 }), ["every message wa"])
    assert.deepStrictEqual(failedOf({ peakAfterMinute: 51 }), ["with the default"])
    assert.include(report.text(resultOf({ peakAfterMinute: 51 })), "FAILED, 1 of 3")
    assert.include(report.text(resultOf({})), "fleet: ok")
  })

  it("has a chart for each fault, in the colours of both themes", () => {
    const [[name, svg], ...others] = report.charts(resultOf({}))
    assert.deepStrictEqual([name, others], ["fleet-restart", []])
    assert.include(svg, "prefers-color-scheme:dark")
    assert.strictEqual(svg.split("<polyline").length, 4)
  })
})
