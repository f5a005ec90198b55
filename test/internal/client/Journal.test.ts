/**
 * What waits to be written to a store: all that a turn changes is taken at once.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Journal } from "../../../src/internal/client/journal.ts"
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
