import { assert, describe, it } from "@effect/vitest"
import * as Deadlines from "../../src/protocol/Deadlines.ts"
import * as KeepAlive from "../../src/protocol/KeepAlive.ts"
import * as PacketDeadline from "../../src/protocol/PacketDeadline.ts"

const never: Deadlines.Deadlines = { Response: Infinity, Unclaimed: Infinity, KeepAlive: Infinity, Packet: Infinity }

const tables: ReadonlyArray<
  readonly [name: string, deadlines: Partial<Deadlines.Deadlines>, next: number, dueAt50: ReadonlyArray<Deadlines.Name>]
> = [
  ["none", {}, Infinity, []],
  ["one that has not come", { KeepAlive: 51 }, 51, []],
  ["one that has just come", { KeepAlive: 50 }, 50, ["KeepAlive"]],
  ["the earliest counts", { Response: 60, Unclaimed: 55, KeepAlive: 51, Packet: 52 }, 51, []],
  ["each can be the earliest: Response", { Response: 1, KeepAlive: 51 }, 1, ["Response"]],
  ["each can be the earliest: Unclaimed", { Unclaimed: 1, KeepAlive: 51 }, 1, ["Unclaimed"]],
  ["each can be the earliest: Packet", { Packet: 1, KeepAlive: 51 }, 1, ["Packet"]],
  [
    "what comes together is checked in one order",
    { Packet: 1, KeepAlive: 2, Unclaimed: 3, Response: 4 },
    1,
    ["Response", "Unclaimed", "KeepAlive", "Packet"]
  ]
]

describe("Deadlines", () => {
  it.each(tables)("%s", (_, deadlines, next, dueAt50) => {
    const self = { ...never, ...deadlines }
    assert.strictEqual(Deadlines.next(self), next)
    assert.deepStrictEqual(Deadlines.due(self, 50), dueAt50)
  })

  it.each([[0, false], [2_500, false], [2_501, true]])("S59 a timer of ten seconds, %d ms late", (late, isLate) => {
    assert.strictEqual(Deadlines.isLate(late, 10_000), isLate)
  })

  it("S59 every deadline takes the lateness of the timer, also of one that was set for another deadline", () => {
    const pinged = KeepAlive.pinged(KeepAlive.make({ interval: 60_000, now: 0 }), 15_000)
    assert.strictEqual(KeepAlive.verdict(pinged, 60_000, 0), "Dead")
    assert.strictEqual(KeepAlive.verdict(pinged, 60_000, 10_000), "Ping")
    const begun = PacketDeadline.resumed(
      PacketDeadline.received(PacketDeadline.make(60_000), { completed: 0, isWithinPacket: true }, 0),
      0
    )
    assert.strictEqual(PacketDeadline.verdict(begun, 60_000, 0), "Dead")
    assert.strictEqual(PacketDeadline.verdict(begun, 60_000, 20_000), "Late")
  })
})
