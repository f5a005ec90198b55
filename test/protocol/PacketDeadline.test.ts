import { assert, describe, it } from "@effect/vitest"
import * as PacketDeadline from "../../src/protocol/PacketDeadline.ts"

const timeout = 60_000

const within = { completed: 0, isWithinPacket: true }
const completedAndWithin = { completed: 1, isWithinPacket: true }
const whole = { completed: 1, isWithinPacket: false }

const events = {
  paused: PacketDeadline.paused,
  resumed: PacketDeadline.resumed,
  renewed: PacketDeadline.renewed
}

type Event = readonly [what: keyof typeof events | typeof within, now: number]

const after = (...happened: ReadonlyArray<Event>): PacketDeadline.PacketDeadline =>
  happened.reduce(
    (self, [what, now]) =>
      typeof what === "string" ? events[what](self, now) : PacketDeadline.received(self, what, now),
    PacketDeadline.make(timeout)
  )

const cases: ReadonlyArray<readonly [name: string, happened: ReadonlyArray<Event>, due: number]> = [
  ["nothing has come", [], Infinity],
  ["a whole packet has come", [[whole, 5]], Infinity],
  ["a packet has begun", [[within, 5], ["resumed", 5]], 5 + timeout],
  ["more of it has come", [[within, 5], ["resumed", 5], [within, 50_000], ["resumed", 50_000]], 5 + timeout],
  ["the rest of it has come", [[within, 5], ["resumed", 5], [whole, 50_000], ["resumed", 50_000]], Infinity],
  [
    "the rest of it has come with the beginning of another",
    [[within, 5], ["resumed", 5], [completedAndWithin, 50_000], ["resumed", 50_000]],
    50_000 + timeout
  ],
  [
    "another has begun since",
    [[within, 5], ["resumed", 5], [whole, 6], ["resumed", 6], [within, 90], ["resumed", 90]],
    90 + timeout
  ],
  [
    "nobody read for a while",
    [[within, 5], ["resumed", 5], ["paused", 10], ["resumed", 1_010], ["paused", 1_020], ["resumed", 1_030]],
    5 + timeout + 1_010
  ],
  ["nobody has read since it began", [[within, 5], ["resumed", 100_005]], 100_005 + timeout],
  ["nobody read, and that was said twice", [[within, 5], ["paused", 100], ["resumed", 1_005]], 1_005 + timeout],
  [
    "more of it has come while nobody read",
    [[within, 5], ["resumed", 5], ["paused", 10], [within, 500], ["resumed", 1_010]],
    1_005 + timeout
  ],
  ["a pause between packets", [["paused", 5], [within, 50], ["resumed", 50]], 50 + timeout],
  ["it got the whole time once more", [[within, 5], ["resumed", 5], ["renewed", 300_000]], 300_000 + timeout],
  [
    "it got the whole time once more while nobody read",
    [[within, 5], ["renewed", 300_000], ["resumed", 400_000]],
    400_000 + timeout
  ]
]

/** What happens between packets, as it does all the time, leaves the value as it is. */
const withoutEffect: ReadonlyArray<readonly [name: string, event: Event]> = [
  ["a whole packet", [whole, 5]],
  ["a pause", ["paused", 5]],
  ["the end of one", ["resumed", 5]]
]

describe("PacketDeadline", () => {
  it.each(cases)("%s", (_, happened, due) => {
    const self = after(...happened)
    const now = happened.at(-1)?.[1] ?? 0
    assert.strictEqual(PacketDeadline.deadline(self, now), due)
    if (due === Infinity) return assert.strictEqual(PacketDeadline.verdict(self, 1e15), "Wait")
    assert.strictEqual(PacketDeadline.verdict(self, due - 1), "Wait")
    assert.strictEqual(PacketDeadline.verdict(self, due), "Dead")
    assert.strictEqual(PacketDeadline.verdict(self, due + timeout / 4), "Dead")
    assert.strictEqual(PacketDeadline.verdict(self, due + timeout / 4 + 1), "Late")
  })

  it.each(withoutEffect)("between packets %s changes nothing", (_, [what, now]) => {
    const self = PacketDeadline.make(timeout)
    const next = typeof what === "string" ? events[what](self, now) : PacketDeadline.received(self, what, now)
    assert.strictEqual(next, self)
    assert.deepStrictEqual(next, { timeout, begun: undefined, paused: undefined })
  })

  it("never comes while nobody reads", () => {
    const self = after([within, 5], ["resumed", 5], ["paused", 50_005])
    for (const now of [50_005, 1e6, 1e9]) {
      assert.strictEqual(PacketDeadline.deadline(self, now), now + 10_000)
      assert.strictEqual(PacketDeadline.verdict(self, now), "Wait")
    }
  })

  it("a timeout without end is none", () => {
    const self = PacketDeadline.received(PacketDeadline.make(Infinity), within, 5)
    assert.strictEqual(PacketDeadline.verdict(PacketDeadline.resumed(self, 5), 1e15), "Wait")
  })
})
