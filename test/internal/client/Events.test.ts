import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { Events } from "../../../src/internal/client/connecting/events.ts"
import type { MqttEvent } from "../../../src/MqttState.ts"
import { begin } from "../../support/time.ts"

/** Told apart by the client identifier. */
const event = (clientId: string): MqttEvent => ({
  _tag: "ConnectionAccepted",
  sessionPresent: false,
  protocolVersion: "5.0",
  clientId
})

const clientIds = (events: ReadonlyArray<MqttEvent>): ReadonlyArray<string> =>
  events.map((happened) => happened._tag === "ConnectionAccepted" ? happened.clientId : happened._tag)

/** One that has the event "before", and what it gets when it pulls again. */
const listening = Effect.fnUntraced(function*(events: Events) {
  const pull = yield* Stream.toPull(events.stream)
  const first = yield* begin(pull)
  yield* events.publish(event("before"))
  assert.deepStrictEqual(clientIds(yield* Fiber.join(first)), ["before"])
  return Effect.map(pull, clientIds)
})

describe("Events", () => {
  it.effect("one who does not pull misses the oldest of more than 1024, and nobody else does", () =>
    Effect.gen(function*() {
      const events = new Events()
      const slow = yield* listening(events)
      const quick = yield* begin(Stream.runFold(events.stream, () => 0, (count) => count + 1))
      for (let number = 0; number < 1025; number++) {
        yield* events.publish(event(`${number}`))
        if (number % 100 === 0) yield* Effect.yieldNow
      }
      const kept = yield* slow
      assert.deepStrictEqual([kept.length, kept[0], kept.at(-1)], [1024, "1", "1024"])
      yield* events.end
      assert.strictEqual(yield* Fiber.join(quick), 1025)
    }).pipe(Effect.scoped))

  it.effect("whoever comes later hears what happens from then on, and after the end nothing", () =>
    Effect.gen(function*() {
      const events = new Events()
      yield* events.publish(event("missed"))
      const later = yield* begin(Stream.runCollect(events.stream))
      yield* events.publish(event("heard"))
      yield* events.end
      assert.deepStrictEqual(clientIds(yield* Fiber.join(later)), ["heard"])
      assert.deepStrictEqual(yield* Stream.runCollect(events.stream), [])
    }))
})
