/**
 * Changes that wait to be written to a store: all changes of one turn are taken at once.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Journal } from "../../../src/internal/client/journal.ts"
import * as MqttError from "../../../src/MqttError.ts"
import type { Change } from "../../../src/MqttStore.ts"

const remove = (key: number): Change => ({ _tag: "Remove", table: "message", key })

/** Takes the changes as soon as there is work, as the keeper of a session does. */
const takeNext = (journal: Journal) => Effect.map(journal.work, () => journal.take().changes)

it.effect("a turn that has asked for a round is taken whole", () =>
  Effect.gen(function*() {
    const journal = new Journal()
    const worker = yield* Effect.forkChild(takeNext(journal), { startImmediately: true })
    journal.wake()
    journal.record(remove(1))
    journal.recordUrgently(remove(2))
    journal.record(remove(3))
    assert.deepStrictEqual(yield* Fiber.join(worker), [remove(1), remove(2), remove(3)])
  }))

it.effect("a turn that begins with a change that is not urgent is taken whole", () =>
  Effect.gen(function*() {
    const journal = new Journal()
    const worker = yield* Effect.forkChild(takeNext(journal), { startImmediately: true })
    journal.record(remove(1))
    journal.recordUrgently(remove(2))
    assert.deepStrictEqual(yield* Fiber.join(worker), [remove(1), remove(2)])
  }))

/** One of another kind for each identifier. */
const draft = (key: number) => ({ toChange: () => remove(100 + key) })

it.effect("a draft asks for a round, and is written behind all changes", () =>
  Effect.gen(function*() {
    const journal = new Journal()
    const worker = yield* Effect.forkChild(takeNext(journal), { startImmediately: true })
    journal.draft(1, draft(1))
    assert.isFalse(journal.isEmpty)
    journal.recordUrgently(remove(2))
    assert.deepStrictEqual(yield* Fiber.join(worker), [remove(2), remove(101)])
    assert.isFalse(journal.withdraw(1), "the store has it")
    assert.deepStrictEqual(journal.take().changes, [])
  }))

it("a draft that is withdrawn in time is never written", () => {
  const journal = new Journal()
  journal.draft(1, draft(1))
  journal.draft(2, draft(2))
  assert.isTrue(journal.withdraw(1))
  assert.deepStrictEqual(journal.take().changes, [remove(102)])
})

it("a draft that the store did not take waits for another attempt", () => {
  const journal = new Journal()
  journal.draft(1, draft(1))
  const batch = journal.take()
  journal.failed(batch, MqttError.fromReason(new MqttError.Offline()))
  assert.isFalse(journal.withdraw(1), "it may be in the store")
  assert.deepStrictEqual(journal.take().changes, [remove(101)])
})

it.effect("a barrier that was asked for before the changes were written, and is waited for after that, is over", () =>
  Effect.gen(function*() {
    const journal = new Journal()
    journal.recordUrgently(remove(1))
    const { barrier } = journal
    if (barrier === undefined) return assert.fail("there is no barrier")
    journal.written(journal.take())
    const waiting = yield* Effect.forkChild(barrier, { startImmediately: true })
    assert.isDefined(waiting.pollUnsafe())
  }))
