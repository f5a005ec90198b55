/**
 * The verdict on a hidden page: each miss fails the check that names it, and no other.
 */
import { assert, describe, it } from "@effect/vitest"
import { Histogram } from "./Histogram.ts"
import * as report from "./pageReport.ts"
import type { Outcome, Sample } from "./PageSoak.ts"
import * as Subjects from "./pageSubjects.ts"

const mebibyte = 1024 * 1024

const sampleAt = (at: number, ticks: number): Sample => ({
  at,
  ticks,
  visibility: "hidden",
  shown: 0,
  connections: 1,
  quietConnections: 1,
  received: at / 5,
  skipped: 0,
  repeated: 0,
  isSubscribed: true,
  sent: at / 5,
  answers: at / 50,
  heap: 4 * mebibyte
})

/** Ten minutes: a timer a second for five, then one a minute. */
const samples = Array.from(
  { length: 21 },
  (_, index) => sampleAt(index * 30_000, index <= 10 ? index * 30 : 300 + Math.floor((index - 10) / 2))
)
const final = samples[20]

const outcome: Outcome = {
  options: { kind: "Chromium", minutes: 10, rate: 200, grace: 300, channel: false, onProgress: () => {} },
  browser: "Chrome",
  elapsed: 600_000,
  sent: 120_000,
  answers: 12_000,
  repeatedAnswers: 0,
  roundTrips: new Histogram(),
  connects: new Map([[Subjects.busy, 1], [Subjects.quiet, 1]]),
  samples,
  baseline: samples[4],
  final
}

const misses: ReadonlyArray<readonly [what: string, check: RegExp, missed: Partial<Outcome>]> = [
  ["was shown for a moment", /hidden all the time/, { final: { ...final, shown: 1 } }],
  ["was in front", /hidden all the time/, { final: { ...final, visibility: "visible" } }],
  ["had its timers all the time", /at most once a second/, {
    samples: samples.map((sample) => ({ ...sample, ticks: sample.ticks + Math.min(sample.at, 300_000) / 100 })),
    final: { ...final, ticks: final.ticks + 3000 }
  }],
  ["had a timer a second to the end", /once a minute/, {
    samples: samples.map((sample) => ({ ...sample, ticks: sample.at / 1000 })),
    final: { ...final, ticks: final.at / 1000 }
  }],
  ["missed a message", /every message came once/, { final: { ...final, received: final.received - 1 } }],
  ["got a message too late", /every message came once/, { final: { ...final, skipped: 1, repeated: 1 } }],
  ["lost what it published", /the page published/, { answers: 11_999 }],
  ["published twice", /the page published/, { repeatedAnswers: 1 }],
  ["connected again", /connected again/, { final: { ...final, connections: 2 } }],
  ["connected again with the other client", /connected again/, { final: { ...final, quietConnections: 2 } }],
  ["was seen twice by the broker", /connected again/, {
    connects: new Map([[Subjects.busy, 1], [Subjects.quiet, 2]])
  }],
  ["grew", /^heap/, { final: { ...final, heap: 6 * mebibyte } }]
]

const missed = (outcome: Outcome): ReadonlyArray<string> =>
  report.checks(outcome).filter(({ holds }) => !holds).map(({ name }) => name)

describe("the report of a hidden page", () => {
  it("is good when nothing was missed", () => {
    assert.deepStrictEqual(missed(outcome), [])
    assert.match(report.text(outcome), /page soak: ok$/)
  })

  for (const [what, check, part] of misses) {
    it(`fails for a page that ${what}`, () => {
      const names = missed({ ...outcome, ...part })
      assert.strictEqual(names.length, 1, names.join("; "))
      assert.match(names[0], check)
    })
  }

  it("asks of Firefox neither a heap nor a timer a minute", () => {
    const { heap: _, ...rest } = final
    const heapless = { ...rest, heap: undefined, ticks: final.at / 1000 }
    const firefox: Outcome = {
      ...outcome,
      options: { ...outcome.options, kind: "Firefox" },
      samples: samples.map((sample) => ({ ...sample, heap: undefined, ticks: sample.at / 1000 })),
      baseline: heapless,
      final: heapless
    }
    assert.deepStrictEqual(missed(firefox), [])
    assert.match(report.text(firefox), /Firefox does not tell/)
  })
})
