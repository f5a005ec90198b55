import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, References } from "effect"
import { Gate } from "../../../src/internal/client/gate.ts"
import { Inbox } from "../../../src/internal/client/incoming/inbox.ts"
import type { ResolvedBounds } from "../../../src/internal/options.ts"
import { Closed, fromReason } from "../../../src/MqttError.ts"
import type { Qos } from "../../../src/protocol/Packet.ts"
import { begin, settle } from "../../support/time.ts"

/** An inbox with its gate; tasks run when the test says that the turn is over. */
const make = (bounds: Partial<ResolvedBounds> = {}) => {
  let opened = 0
  let tasks: Array<() => void> = []
  const gate = new Gate(() => opened++)
  const dropped: Array<string> = []
  const inbox = new Inbox<string>({
    bounds: { messages: 2, bytes: 100, policy: "suspend", ...bounds },
    dispatcher: { scheduleTask: (task) => tasks.push(task) },
    gate,
    onDropped: (item) => dropped.push(item)
  })
  const accepted: Array<string> = []
  return {
    inbox,
    gate,
    dropped,
    accepted,
    opened: () => opened,
    /** What the reader does: offers, and parks what is not taken. */
    arrive: (item: string, qos: Qos = 1, options: { readonly bytes?: number; readonly isOverrun?: boolean } = {}) => {
      const { bytes = 1, isOverrun = false } = options
      if (inbox.offer(item, bytes)) return
      inbox.park({ item, bytes, qos, accepted: () => accepted.push(item) }, isOverrun)
    },
    endTurn: () => {
      const due = tasks
      tasks = []
      for (const task of due) task()
    }
  }
}

describe("Inbox", () => {
  it.effect("hands out all there is, in order", () =>
    Effect.gen(function*() {
      const { arrive, inbox } = make()
      arrive("1")
      arrive("2")
      assert.deepStrictEqual(yield* inbox.pull, ["1", "2"])
      assert.strictEqual(inbox.size, 0)
    }))

  it.effect("several who pull take turns, and all hear the end", () =>
    Effect.gen(function*() {
      const { arrive, endTurn, inbox } = make()
      const got: Array<string> = []
      const runs = []
      for (const name of ["a", "b", "c"]) {
        const pulled = Effect.map(inbox.pull, (items) => got.push(`${name} ${items.join()}`))
        const run = Effect.forever(pulled, { disableYield: true })
        runs.push(yield* begin(Effect.flip(run)))
      }
      for (const item of ["1", "2", "3", "4"]) {
        arrive(item)
        endTurn()
      }
      assert.deepStrictEqual(got, ["a 1", "b 2", "c 3", "a 4"])
      inbox.end(Cause.Done())
      endTurn()
      for (const run of runs) assert.isTrue(Cause.isDone(yield* Fiber.join(run)))
    }))

  it.effect("one that was interrupted while it waited keeps nothing from those behind it", () =>
    Effect.gen(function*() {
      const { arrive, endTurn, inbox } = make()
      const first = yield* begin(inbox.pull)
      const second = yield* begin(inbox.pull)
      const third = yield* begin(inbox.pull)
      yield* Fiber.interrupt(first)
      yield* Fiber.interrupt(second)
      arrive("1")
      endTurn()
      assert.deepStrictEqual(yield* Fiber.join(third), ["1"])
    }))

  it.effect("wakes who waits at the end of the turn, once", () =>
    Effect.gen(function*() {
      const { arrive, endTurn, inbox } = make()
      const pulling = yield* begin(inbox.pull)
      arrive("1")
      arrive("2")
      assert.isUndefined(pulling.pollUnsafe())
      endTurn()
      assert.deepStrictEqual(yield* Fiber.join(pulling), ["1", "2"])
    }))

  it.effect("one who gave up waiting is not woken, and loses nothing", () =>
    Effect.gen(function*() {
      const { arrive, endTurn, inbox } = make()
      const pulling = yield* begin(inbox.pull)
      arrive("1")
      pulling.interruptUnsafe()
      endTurn()
      assert.deepStrictEqual(yield* inbox.pull, ["1"])
    }))

  it.effect("parked messages of as many bytes as there is room for stop the reading, and no more of QoS 0 is kept", () =>
    Effect.gen(function*() {
      const { arrive, gate, inbox } = make()
      arrive("1", 1, { bytes: 90 })
      arrive("2", 1, { bytes: 60 })
      assert.isTrue(gate.isOpen)
      arrive("3", 2, { bytes: 60 })
      assert.isFalse(gate.isOpen)
      assert.deepStrictEqual(inbox.depth, { messages: 3, bytes: 210 })
      arrive("4", 0, { bytes: 1, isOverrun: true })
      assert.deepStrictEqual([inbox.depth.messages, inbox.dropped], [3, 1])
      yield* inbox.pull
      assert.isTrue(gate.isOpen)
      assert.deepStrictEqual(inbox.depth, { messages: 2, bytes: 120 })
    }))

  it.effect("what is parked after its end stays there, for another subscriber", () =>
    Effect.gen(function*() {
      const { arrive, inbox } = make({ messages: 1, policy: "fail" })
      arrive("1")
      arrive("2")
      assert.isTrue(inbox.hasEnded)
      inbox.park({ item: "3", bytes: 1, qos: 1, accepted: undefined }, false)
      assert.deepStrictEqual(yield* inbox.pull, ["1"])
      assert.strictEqual((yield* Effect.flip(inbox.pull))._tag, "MqttError")
      assert.deepStrictEqual(inbox.takeBack(), ["3"])
      assert.deepStrictEqual(inbox.depth, { messages: 0, bytes: 0 })
    }))

  it.effect("`suspend` parks what does not fit, in its order, and acknowledges it when it is let in", () =>
    Effect.gen(function*() {
      const { accepted, arrive, gate, inbox } = make()
      for (const item of ["1", "2", "3", "4", "5"]) arrive(item)
      assert.strictEqual(inbox.size, 2)
      assert.deepStrictEqual(accepted, [])
      // QoS 1 is held up by its missing acknowledgement, not by reading no further.
      assert.isTrue(gate.isOpen)
      assert.deepStrictEqual(yield* inbox.pull, ["1", "2"])
      assert.deepStrictEqual(accepted, ["3", "4"])
      assert.deepStrictEqual(yield* inbox.pull, ["3", "4"])
      assert.deepStrictEqual(yield* inbox.pull, ["5"])
      assert.deepStrictEqual(accepted, ["3", "4", "5"])
    }))

  it.effect("a parked QoS 0 message closes the gate until it is let in", () =>
    Effect.gen(function*() {
      const { arrive, gate, inbox, opened } = make()
      for (const item of ["1", "2", "3", "4", "5"]) arrive(item, 0)
      assert.isFalse(gate.isOpen)
      yield* inbox.pull
      assert.isFalse(gate.isOpen)
      yield* inbox.pull
      assert.isTrue(gate.isOpen)
      assert.strictEqual(opened(), 1)
    }))

  it("QoS 0 beyond a second buffer full is dropped when the network has to be read", () => {
    const { arrive, inbox } = make()
    for (let count = 0; count < 10; count++) arrive(String(count), 0, { isOverrun: count > 4 })
    // Two are in, two and one more of before are parked.
    assert.strictEqual(inbox.dropped, 5)
  })

  it.effect("`dropNewest` counts and goes on", () =>
    Effect.gen(function*() {
      const { arrive, dropped, inbox } = make({ policy: "dropNewest" })
      for (const item of ["1", "2", "3"]) arrive(item)
      assert.strictEqual(inbox.dropped, 1)
      assert.deepStrictEqual(dropped, [])
      assert.deepStrictEqual(yield* inbox.pull, ["1", "2"])
    }))

  it.effect("`dropOldest` drops as many as the new one needs", () =>
    Effect.gen(function*() {
      const { arrive, dropped, inbox } = make({ policy: "dropOldest", messages: 3, bytes: 10 })
      arrive("1", 1, { bytes: 4 })
      arrive("2", 1, { bytes: 4 })
      arrive("3", 1, { bytes: 2 })
      arrive("4", 1, { bytes: 7 })
      assert.deepStrictEqual(dropped, ["1", "2"])
      assert.strictEqual(inbox.dropped, 2)
      assert.deepStrictEqual(yield* inbox.pull, ["3", "4"])
    }))

  it.effect("`fail` ends with Overflow, after what was in", () =>
    Effect.gen(function*() {
      const { arrive, inbox } = make({ policy: "fail" })
      for (const item of ["1", "2", "3", "4"]) arrive(item)
      assert.deepStrictEqual(yield* inbox.pull, ["1", "2"])
      const error = yield* Effect.flip(inbox.pull)
      assert.strictEqual(Cause.isDone(error) ? "done" : error.reason._tag, "Overflow")
      arrive("5")
      assert.strictEqual(inbox.size, 0)
    }))

  it.effect("takes one larger than all the room there is when it is empty", () =>
    Effect.gen(function*() {
      const { arrive, inbox } = make({ bytes: 10 })
      arrive("huge", 1, { bytes: 100 })
      arrive("next")
      assert.deepStrictEqual(yield* inbox.pull, ["huge"])
      assert.deepStrictEqual(yield* inbox.pull, ["next"])
    }))

  for (const [method, acknowledged] of [["end", ["3"]], ["endUnacknowledged", []]] as const) {
    it.effect(`${method} lets go of what is parked, opens the gate and ends after what was in`, () =>
      Effect.gen(function*() {
        const { accepted, arrive, gate, inbox } = make()
        arrive("1")
        arrive("2")
        arrive("3", 0)
        inbox[method](fromReason(new Closed()))
        assert.isTrue(gate.isOpen)
        assert.deepStrictEqual(accepted, [...acknowledged])
        assert.deepStrictEqual(yield* inbox.pull, ["1", "2"])
        const error = yield* Effect.flip(inbox.pull)
        assert.strictEqual(Cause.isDone(error) ? "done" : error.reason._tag, "Closed")
      }))
  }

  it.effect("the end wakes who waits", () =>
    Effect.gen(function*() {
      const { endTurn, inbox } = make()
      const pulling = yield* begin(inbox.pull)
      inbox.end(Cause.Done())
      endTurn()
      assert.isDefined(pulling.pollUnsafe())
    }))

  for (const what of ["a message", "the end"]) {
    it.effect(`who gives way to others before it waits does not miss ${what}`, () =>
      Effect.gen(function*() {
        for (let operations = 3; operations <= 12; operations++) {
          const { arrive, endTurn, inbox } = make()
          // It gives way between any two of its operations, for each place in one of the rounds.
          const pulling = yield* begin(
            Effect.provideService(Effect.exit(inbox.pull), References.MaxOpsBeforeYield, operations)
          )
          if (what === "a message") arrive("1")
          else inbox.end(Cause.Done())
          endTurn()
          yield* settle
          assert.isDefined(pulling.pollUnsafe(), `${operations}`)
        }
      }))
  }

  it.effect("a lost connection takes parked QoS 1 messages with it: they come again", () =>
    Effect.gen(function*() {
      const { arrive, gate, inbox } = make()
      arrive("1")
      arrive("2")
      arrive("QoS 1", 1)
      arrive("QoS 2", 2)
      arrive("QoS 0", 0)
      assert.isFalse(gate.isOpen)
      inbox.disconnected(true)
      assert.isFalse(gate.isOpen)
      assert.deepStrictEqual([...yield* inbox.pull, ...yield* inbox.pull], ["1", "2", "QoS 2", "QoS 0"])
      assert.isTrue(gate.isOpen)
    }))
})
