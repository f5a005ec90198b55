/**
 * A client whose fibers give way to all others between any two of their operations: nothing that happens meanwhile is
 * missed.
 */
import { assert, describe } from "@effect/vitest"
import { Array, Effect, References, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Kit, scenario } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

/** Enough turns for all of them. */
const turns = Effect.repeat(Effect.yieldNow, { times: 500 })

const passing = Effect.gen(function*() {
  yield* turns
  yield* TestClock.adjust(roundTrip)
  yield* turns
})

const givingWay = (name: string, tell: (kit: Kit, operations: number) => Effect.Effect<void, unknown, never>) =>
  scenario(name, {}, (kit) =>
    Effect.gen(function*() {
      for (let operations = 3; operations <= 24; operations++) {
        yield* tell(kit, operations).pipe(Effect.provideService(References.MaxOpsBeforeYield, operations))
      }
    }))

describe("fibers that give way", () => {
  givingWay(
    "a reader that pauses for a full subscriber goes on",
    ({ broker, connect }, operations) =>
      Effect.scoped(Effect.gen(function*() {
        const mqtt = yield* complete(connect({ clientId: `client ${operations}` }))
        const received: globalThis.Array<string> = []
        const messages = yield* complete(mqtt.subscribe("t", { qos: 1, buffer: { messages: 2 } }))
        yield* begin(Stream.runForEach(messages, ({ text }) => Effect.sync(() => received.push(text))))
        const texts = Array.range(1, 60).map(String)
        for (const burst of Array.chunksOf(texts, 6)) {
          for (const text of burst) yield* broker.publish("t", text, { qos: 0 })
          yield* passing
        }
        yield* passing
        assert.deepStrictEqual(received, texts, `${operations}`)
      }))
  )
})
