import { assert, describe, it } from "@effect/vitest"
import { Room, type Verdict } from "../../../src/internal/client/room.ts"
import type { OverflowPolicy } from "../../../src/MqttClient.ts"

/** Three messages, a hundred bytes. */
const make = (held: ReadonlyArray<number>, policy: OverflowPolicy = "suspend"): Room => {
  const room = new Room({ messages: 3, bytes: 100, policy })
  for (const bytes of held) room.add(bytes)
  return room
}

const cases: ReadonlyArray<readonly [name: string, held: ReadonlyArray<number>, bytes: number, fits: boolean]> = [
  ["an empty room", [], 50, true],
  ["an empty room takes what is larger than all of it", [], 1000, true],
  ["a message that just fits", [40, 10], 50, true],
  ["one byte too many", [40, 10], 51, false],
  ["one message too many", [1, 1, 1], 1, false],
  ["the last message that fits", [1, 1], 1, true],
  ["empty payloads take a place too", [0, 0, 0], 0, false],
  ["nothing beside one that is larger than the room", [1000], 0, false]
]

const policies: ReadonlyArray<readonly [OverflowPolicy, Verdict]> = [
  ["suspend", "Wait"],
  ["dropOldest", "ReplaceOldest"],
  ["dropNewest", "Drop"],
  ["fail", "Fail"]
]

describe("Room", () => {
  it.each(cases)("%s", (_, held, bytes, fits) => {
    assert.strictEqual(make(held).fits(bytes), fits)
  })

  it.each(policies)("without room, with the policy %s: %s", (policy, verdict) => {
    assert.strictEqual(make([1, 1, 1], policy).whenFull, verdict)
    assert.strictEqual(make([1, 1, 1], policy).policy, policy)
  })

  it("says how many messages it takes", () => {
    assert.strictEqual(make([]).capacity, 3)
  })

  it("counts what is in it", () => {
    const room = make([10, 20])
    assert.deepStrictEqual([room.messages, room.bytes], [2, 30])
    room.remove(10)
    assert.deepStrictEqual([room.messages, room.bytes], [1, 20])
    room.clear()
    assert.deepStrictEqual([room.messages, room.bytes], [0, 0])
    assert.isTrue(room.fits(1000))
  })
})
