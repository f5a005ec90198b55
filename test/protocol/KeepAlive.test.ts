import { assert, describe, it } from "@effect/vitest"
import * as KeepAlive from "../../src/protocol/KeepAlive.ts"

/** Sixty seconds, so PINGREQ after fifteen and the verdict 45 seconds after it. */
const made = KeepAlive.make({ interval: 60_000, now: 0 })

const events = { sent: KeepAlive.sent, heard: KeepAlive.heard, pinged: KeepAlive.pinged }

type Event = readonly [what: keyof typeof events, now: number]

const after = (self: KeepAlive.KeepAlive, ...happened: ReadonlyArray<Event>): KeepAlive.KeepAlive =>
  happened.reduce((keepAlive, [what, now]) => events[what](keepAlive, now), self)

/** What every PINGREQ so far led to, when nobody answers and the timer is exact. */
const untilDead = (self: KeepAlive.KeepAlive): ReadonlyArray<readonly [verdict: KeepAlive.Verdict, now: number]> => {
  const verdicts: Array<readonly [KeepAlive.Verdict, number]> = []
  let keepAlive = self
  while (verdicts.at(-1)?.[0] !== "Dead") {
    const now = KeepAlive.deadline(keepAlive)
    assert.strictEqual(KeepAlive.verdict(keepAlive, now - 1), "Wait")
    verdicts.push([KeepAlive.verdict(keepAlive, now), now])
    keepAlive = KeepAlive.pinged(keepAlive, now)
  }
  return verdicts
}

describe("KeepAlive", () => {
  it("R124 R125 S26 S27 an idle client pings after a quarter, and gives up after the whole of the interval", () => {
    assert.deepStrictEqual(untilDead(made), [["Ping", 15_000], ["Dead", 60_000]])
  })

  it("R125 S26 finds a black hole while it sends: what is sent into it says nothing", () => {
    const sending = after(made, ["sent", 5_000], ["sent", 14_000])
    assert.deepStrictEqual(untilDead(sending), [["Ping", 15_000], ["Dead", 60_000]])
    const pinged = after(sending, ["pinged", 15_000], ["sent", 30_000], ["sent", 59_000])
    assert.strictEqual(KeepAlive.verdict(pinged, 59_999), "Wait")
    assert.strictEqual(KeepAlive.verdict(pinged, 60_000), "Dead")
  })

  it("R124 S28 a client that only receives still pings: the interval counts from the last packet sent", () => {
    const receiving = after(made, ["heard", 5_000], ["heard", 10_000], ["heard", 14_999])
    assert.strictEqual(KeepAlive.verdict(receiving, 14_999), "Wait")
    assert.strictEqual(KeepAlive.verdict(receiving, 15_000), "Ping")
  })

  it("R124 waits as long as both directions are busy", () => {
    const busy = after(made, ["sent", 10_000], ["heard", 12_000])
    assert.strictEqual(KeepAlive.deadline(busy), 25_000)
    assert.strictEqual(KeepAlive.deadline(after(busy, ["sent", 20_000])), 27_000)
  })

  it("R125 PINGRESP, or anything else, clears the PINGREQ and the next is due a quarter later", () => {
    const answered = after(made, ["pinged", 15_000], ["heard", 15_040])
    assert.isUndefined(answered.pingSent)
    assert.deepStrictEqual(untilDead(answered), [["Ping", 30_000], ["Dead", 75_000]])
  })

  it("R125 asks with one PINGREQ at a time", () => {
    const pinged = after(made, ["pinged", 15_000])
    for (const now of [15_000, 30_000, 45_000, 59_999]) assert.strictEqual(KeepAlive.verdict(pinged, now), "Wait")
  })

  it("R125 a PINGREQ is one more chance from the moment the verdict is due, and not before", () => {
    const deadlineAfter = (now: number) => KeepAlive.deadline(after(made, ["pinged", 15_000], ["pinged", now]))
    assert.strictEqual(deadlineAfter(59_999), 60_000)
    assert.strictEqual(deadlineAfter(60_000), 60_000 + 45_000)
    assert.strictEqual(deadlineAfter(60_001), 60_001 + 45_000)
  })

  it("R125 a PINGREQ that the user asks for does not put the verdict off", () => {
    const impatient = after(made, ["pinged", 15_000], ["pinged", 25_000], ["pinged", 59_000])
    assert.strictEqual(KeepAlive.verdict(impatient, 59_999), "Wait")
    assert.strictEqual(KeepAlive.verdict(impatient, 60_000), "Dead")
  })

  it("R124 zero switches it off", () => {
    for (const responseTimeout of [undefined, 10_000]) {
      const off = KeepAlive.make({ interval: 0, responseTimeout, now: 0 })
      assert.strictEqual(KeepAlive.deadline(off), Infinity)
      assert.strictEqual(KeepAlive.verdict(off, 1e12), "Wait")
    }
    const patient = KeepAlive.make({ interval: 0, now: 0 })
    assert.strictEqual(KeepAlive.verdict(after(patient, ["pinged", 1]), 1e12), "Wait")
  })

  it("R124 pings at a ping interval that is given, also where Keep Alive is off", () => {
    const own = KeepAlive.make({ interval: 0, pingInterval: 5_000, responseTimeout: 10_000, now: 0 })
    assert.deepStrictEqual(untilDead(own), [["Ping", 5_000], ["Dead", 15_000]])
    assert.deepStrictEqual(untilDead(after(own, ["heard", 3_000], ["sent", 4_000])), [["Ping", 8_000], [
      "Dead",
      18_000
    ]])
  })

  it("R125 an unanswered PINGREQ is a dead link after the response timeout, and within one interval", () => {
    const dead = (interval: number, responseTimeout: number, pingInterval?: number) =>
      untilDead(KeepAlive.make({ interval, pingInterval, responseTimeout, now: 0 }))
    assert.deepStrictEqual(dead(60_000, 10_000), [["Ping", 15_000], ["Dead", 25_000]])
    assert.deepStrictEqual(dead(65_535_000, 10_000, 5_000), [["Ping", 5_000], ["Dead", 15_000]])
    assert.deepStrictEqual(dead(60_000, 50_000), [["Ping", 15_000], ["Dead", 60_000]])
  })

  it("R125 a PINGREQ that the program asks for is owed an answer, also where Keep Alive is off", () => {
    const asked = after(KeepAlive.make({ interval: 0, responseTimeout: 10_000, now: 0 }), ["pinged", 7_000])
    assert.strictEqual(KeepAlive.verdict(asked, 16_999), "Wait")
    assert.strictEqual(KeepAlive.verdict(asked, 17_000), "Dead")
    assert.strictEqual(KeepAlive.deadline(after(asked, ["heard", 16_999])), Infinity)
    // A timer that fires late says nothing about the server.
    assert.strictEqual(KeepAlive.verdict(asked, 20_000), "Ping")
    assert.strictEqual(KeepAlive.verdict(after(asked, ["pinged", 20_000]), 30_000), "Dead")
  })

  it("R124 takes a shorter ping interval, never a longer one, and 0 as none given", () => {
    const due = (pingInterval: number | undefined) =>
      untilDead(KeepAlive.make({ interval: 60_000, pingInterval, now: 0 }))
    assert.deepStrictEqual(due(4_000), [["Ping", 4_000], ["Dead", 60_000]])
    assert.deepStrictEqual(due(40_000), [["Ping", 15_000], ["Dead", 60_000]])
    assert.deepStrictEqual(due(0), [["Ping", 15_000], ["Dead", 60_000]])
    assert.deepStrictEqual(due(undefined), [["Ping", 15_000], ["Dead", 60_000]])
  })

  it("S59 a timer that fires late probes before it gives up", () => {
    const pinged = after(made, ["pinged", 15_000])
    // An hour of sleep: the server's answer may lie unread.
    assert.strictEqual(KeepAlive.verdict(pinged, 3_600_000), "Ping")
    const probing = after(pinged, ["pinged", 3_600_000])
    assert.strictEqual(KeepAlive.verdict(probing, 3_644_999), "Wait")
    assert.strictEqual(KeepAlive.verdict(probing, 3_645_000), "Dead")
    assert.strictEqual(KeepAlive.verdict(after(probing, ["heard", 3_600_020]), 3_645_000), "Ping")
  })

  it("S59 is not fooled by the small delays of a busy machine", () => {
    const pinged = after(made, ["pinged", 15_000])
    assert.strictEqual(KeepAlive.verdict(pinged, 60_000 + 3_750), "Dead")
    assert.strictEqual(KeepAlive.verdict(pinged, 60_000 + 3_751), "Ping")
  })

  it("S59 gives up in the end where every timer is late, as in a hidden tab", () => {
    const probing = after(made, ["pinged", 60_000], ["pinged", 120_000])
    assert.strictEqual(KeepAlive.verdict(probing, 180_000), "Dead")
    // Once something was heard, a late timer has a probe again.
    const heard = after(probing, ["heard", 130_000], ["pinged", 180_000])
    assert.strictEqual(KeepAlive.verdict(heard, 240_000), "Ping")
  })

  it("S59 a first PINGREQ that is late is a PINGREQ", () => {
    assert.strictEqual(KeepAlive.verdict(made, 3_600_000), "Ping")
  })
})
