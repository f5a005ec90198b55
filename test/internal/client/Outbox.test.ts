import { assert, describe, it } from "@effect/vitest"
import { setImmediate } from "node:timers/promises"
import { type Entry, Outbox } from "../../../src/internal/client/outgoing/outbox.ts"
import type { ResolvedBounds } from "../../../src/internal/options.ts"
import type { OverflowPolicy } from "../../../src/MqttClient.ts"
import { Closed, fromReason, type MqttError } from "../../../src/MqttError.ts"
import type { Qos } from "../../../src/protocol/Packet.ts"
import { collectGarbage } from "../../support/memory.ts"

class Publish implements Entry {
  readonly message: Entry["message"]
  readonly size: number
  readonly expiresAt: number
  order = 0
  place: Entry["place"] = "outside"
  error: MqttError | undefined
  leftAt: number | undefined

  constructor(qos: Qos, options: { readonly bytes?: number; readonly expiresAt?: number } = {}) {
    const payload = new Uint8Array(options.bytes ?? 1)
    this.message = { topic: "t", payload, qos, retain: false, properties: {} }
    this.size = payload.length
    this.expiresAt = options.expiresAt ?? Infinity
  }

  countDown(now: number): void {
    this.leftAt = now
  }
  failed(error: MqttError): void {
    this.error = error
  }
}

const make = (bounds: Partial<ResolvedBounds> = {}) =>
  new Outbox<Publish>({ messages: 100, bytes: 1000, policy: "suspend", ...bounds })

const offer = (outbox: Outbox<Publish>, ...entries: ReadonlyArray<Publish>) => {
  for (const entry of entries) outbox.offer(entry)
}

const take = (outbox: Outbox<Publish>, options: { room?: number; bytes?: number; now?: number } = {}) =>
  outbox.take({ room: 100, bytes: 1000, now: 0, ...options })

const several = (count: number, qos: Qos = 1) => Array.from({ length: count }, () => new Publish(qos))

describe("Outbox", () => {
  it("gives back every QoS in the order it came", () => {
    const outbox = make()
    const entries = [0, 1, 2, 0, 1].map((qos) => new Publish(qos as Qos))
    offer(outbox, ...entries)
    assert.deepStrictEqual([outbox.size, outbox.bytes], [5, 5])
    assert.deepStrictEqual(take(outbox), entries)
    assert.deepStrictEqual([outbox.size, outbox.bytes, outbox.isEmpty], [0, 0, true])
  })

  it("R75 QoS 0 passes what waits for the window, and nothing else does", () => {
    const outbox = make()
    const [first, second] = several(2)
    const quick = new Publish(0)
    offer(outbox, first, second, quick)
    assert.deepStrictEqual(take(outbox, { room: 1 }), [first, quick])
    assert.deepStrictEqual(take(outbox, { room: 0 }), [])
    assert.deepStrictEqual(take(outbox, { room: 1 }), [second])
  })

  it("gives about as many bytes as asked for, and at least one message", () => {
    const outbox = make()
    const entries = Array.from({ length: 4 }, () => new Publish(1, { bytes: 100 }))
    offer(outbox, ...entries)
    assert.strictEqual(take(outbox, { bytes: 1 }).length, 1)
    assert.strictEqual(take(outbox, { bytes: 150 }).length, 2)
  })

  it("suspends what does not fit, and lets it in in its order", () => {
    const outbox = make({ messages: 2 })
    const entries = several(5)
    offer(outbox, ...entries)
    assert.strictEqual(outbox.size, 2)
    assert.deepStrictEqual(take(outbox, { room: 1 }), [entries[0]])
    assert.strictEqual(outbox.size, 2)
    assert.deepStrictEqual([take(outbox), take(outbox)].flat(), entries.slice(1))
  })

  it("suspends also what would fit when others wait before it", () => {
    const outbox = make({ bytes: 10 })
    const [first, large, small] = [8, 8, 1].map((bytes) => new Publish(1, { bytes }))
    offer(outbox, first, large, small)
    assert.deepStrictEqual([large.place, small.place], ["suspended", "suspended"])
    assert.deepStrictEqual([...take(outbox), ...take(outbox)], [first, large, small])
  })

  it("takes one larger than all the room there is when it is empty", () => {
    const outbox = make({ bytes: 10 })
    const huge = new Publish(1, { bytes: 100 })
    offer(outbox, huge)
    assert.deepStrictEqual(take(outbox), [huge])
  })

  const outcomes: ReadonlyArray<readonly [OverflowPolicy, failed: ReadonlyArray<number>, dropped: number]> = [
    ["fail", [2, 3], 0],
    ["dropNewest", [2, 3], 2],
    ["dropOldest", [0, 1], 2]
  ]
  for (const [policy, failed, dropped] of outcomes) {
    it(`full, with the policy \`${policy}\``, () => {
      const outbox = make({ messages: 2, policy })
      const entries = several(4)
      offer(outbox, ...entries)
      assert.deepStrictEqual(entries.flatMap(({ error }, index) => error === undefined ? [] : [index]), failed)
      assert.isTrue(failed.every((index) => entries[index].error?.reason._tag === "Overflow"))
      assert.strictEqual(outbox.dropped, dropped)
      assert.deepStrictEqual(take(outbox), entries.filter(({ error }) => error === undefined))
    })
  }

  it("`dropOldest` drops the oldest of any QoS, as many as the new one needs", () => {
    const outbox = make({ bytes: 10, policy: "dropOldest" })
    const entries = ([[0, 4], [1, 4], [0, 2], [1, 7]] as const).map(([qos, bytes]) => new Publish(qos, { bytes }))
    offer(outbox, ...entries)
    assert.deepStrictEqual(take(outbox), entries.slice(2))
  })

  it("S47 a withdrawn message is never given out, and makes room", () => {
    const outbox = make({ messages: 2 })
    const [first, second, suspended, last] = several(4)
    offer(outbox, first, second, suspended, last)
    assert.isTrue(outbox.withdraw(suspended))
    assert.isTrue(outbox.withdraw(first))
    assert.isFalse(outbox.withdraw(first))
    assert.strictEqual(outbox.size, 2)
    assert.deepStrictEqual(take(outbox), [second, last])
    assert.isFalse(outbox.withdraw(second))
  })

  it("withdrawn messages do not pile up behind one that stays", async () => {
    const outbox = make({ messages: 10 })
    const stays = new Publish(1)
    offer(outbox, stays)
    const withdrawn = Array.from({ length: 1000 }, () => {
      const entry = new Publish(1)
      offer(outbox, entry)
      outbox.withdraw(entry)
      return new WeakRef(entry)
    })
    // A reference is held until the end of the turn.
    await setImmediate()
    collectGarbage()
    assert.isBelow(withdrawn.filter((entry) => entry.deref() !== undefined).length, 10)
    assert.deepStrictEqual(take(outbox), [stays])
  })

  it("what expired while it waited fails instead of being given out, and takes no room", () => {
    const outbox = make()
    const [expired, kept] = [1000, 2001].map((expiresAt) => new Publish(1, { expiresAt }))
    offer(outbox, expired, kept)
    assert.deepStrictEqual(take(outbox, { now: 2000, room: 1 }), [kept])
    assert.strictEqual(expired.error?.reason._tag, "MessageExpired")
    assert.strictEqual(kept.leftAt, 2000)
    assert.strictEqual(outbox.expired, 1)
    assert.isTrue(outbox.isEmpty)
  })

  it("what was taken and not sent is back in its place", () => {
    const outbox = make()
    const entries = [0, 1, 0, 1].map((qos) => new Publish(qos as Qos))
    offer(outbox, ...entries)
    const taken = take(outbox, { bytes: 3 })
    assert.deepStrictEqual(taken, entries.slice(0, 2))
    outbox.restore(taken)
    assert.deepStrictEqual([outbox.size, outbox.bytes], [4, 4])
    assert.deepStrictEqual(take(outbox), entries)
  })

  it("the end fails all that wait, suspended or not", () => {
    const outbox = make({ messages: 2 })
    const entries = several(4)
    offer(outbox, ...entries)
    outbox.withdraw(entries[0])
    const closed = fromReason(new Closed())
    outbox.failAll(closed)
    assert.deepStrictEqual(entries.map(({ error }) => error), [undefined, closed, closed, closed])
    assert.deepStrictEqual([outbox.size, outbox.bytes], [0, 0])
    assert.deepStrictEqual(outbox.entries, [])
  })

  it("the end leaves nobody out when one that hears it gives up another", () => {
    const outbox = make({ messages: 1 })
    const [first, second] = several(2)
    const third = new Publish(0)
    offer(outbox, first, second, third)
    first.failed = (error) => {
      first.error = error
      outbox.withdraw(second)
    }
    const closed = fromReason(new Closed())
    outbox.failAll(closed)
    assert.deepStrictEqual([first.error, third.error], [closed, closed])
    assert.deepStrictEqual([outbox.size, outbox.bytes, outbox.entries], [0, 0, []])
  })
})
