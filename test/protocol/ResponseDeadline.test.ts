import { assert, describe, it } from "@effect/vitest"
import * as ResponseDeadline from "../../src/protocol/ResponseDeadline.ts"

const timeout = 10_000

/** Timers that fired, each at a time and so many milliseconds late. */
type Fired = readonly [now: number, late: number]

const after = (...fired: ReadonlyArray<Fired>): ResponseDeadline.ResponseDeadline =>
  fired.reduce((self, [now, late]) => ResponseDeadline.checked(self, now, late), ResponseDeadline.make(timeout))

const cases: ReadonlyArray<
  readonly [name: string, fired: ReadonlyArray<Fired>, owed: number, deadline: number]
> = [
  ["nothing is owed", [], Infinity, Infinity],
  ["an acknowledgement is owed", [], 12_000, 12_000],
  ["the timer was on time", [[12_000, 0]], 12_000, 12_000],
  ["S59 a timer a quarter late is on time", [[14_500, 2_500]], 12_000, 12_000],
  ["S59 a later timer grants the whole time once more", [[14_501, 2_501]], 12_000, 24_501],
  ["S59 a second late timer in a row grants nothing", [[14_501, 2_501], [40_000, 15_499]], 12_000, 24_501],
  [
    "S59 after a timer on time a late one is excused again",
    [[14_501, 2_501], [24_501, 0], [40_000, 5_000]],
    12_000,
    50_000
  ],
  ["what is owed later than the excuse counts", [[14_501, 2_501]], 30_000, 30_000]
]

describe("ResponseDeadline", () => {
  it.each(cases)("%s", (_, fired, owed, deadline) => {
    assert.strictEqual(ResponseDeadline.deadline(after(...fired), owed), deadline)
  })

  it.each([
    ["is checked when it is due", 12_000, 5_000, 12_000],
    [
      "is checked after a timeout when nothing is owed: what is owed from now on is not late before that",
      Infinity,
      5_000,
      15_000
    ],
    ["is checked after a timeout when it is due later", 40_000, 5_000, 15_000]
  ])("%s", (_, owed, now, next) => {
    assert.strictEqual(ResponseDeadline.nextCheck(ResponseDeadline.make(timeout), owed, now), next)
  })
})
