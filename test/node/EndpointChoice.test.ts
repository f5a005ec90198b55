import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import type { MqttTransport } from "../../src/index.ts"
import * as EndpointChoice from "../../src/node/internal/endpointChoice.ts"

const times = (turns: EndpointChoice.EndpointChoice, count: number, endpoints = 3) =>
  Effect.all(Array.from({ length: count }, () => turns.next(endpoints)))

const answering: MqttTransport.NetworkConnection = {
  pull: Effect.succeed([Uint8Array.of(0)]),
  write: () => Effect.void,
  abort: Effect.void
}

/** A connection whose server answers at once, and that then lives for so long. */
const connection = (turns: EndpointChoice.EndpointChoice, seconds: number) =>
  turns.opened(answering).pipe(
    Effect.flatMap(({ pull }) => pull),
    Effect.andThen(TestClock.adjust(`${seconds} seconds`)),
    Effect.scoped
  )

/** A connection whose server says nothing. */
const silence = (turns: EndpointChoice.EndpointChoice, seconds: number) =>
  turns.opened({ ...answering, pull: Effect.never }).pipe(
    Effect.tap(({ pull }) => Effect.forkScoped(pull)),
    Effect.andThen(TestClock.adjust(`${seconds} seconds`)),
    Effect.scoped
  )

describe("which of several endpoints an attempt goes to", () => {
  it.effect("in order: the next after each failure, the first again after a connection that was stable", () =>
    Effect.gen(function*() {
      const turns = EndpointChoice.make("inOrder")
      assert.deepStrictEqual(yield* times(turns, 4), [0, 1, 2, 0])
      yield* connection(turns, 9)
      assert.deepStrictEqual(yield* times(turns, 1), [1])
      yield* connection(turns, 10)
      assert.deepStrictEqual(yield* times(turns, 2), [0, 1])
    }))

  it.effect("in order, with another idea of what is stable", () =>
    Effect.gen(function*() {
      const turns = EndpointChoice.make("inOrder", "2 seconds")
      yield* times(turns, 2)
      yield* connection(turns, 2)
      assert.deepStrictEqual(yield* times(turns, 1), [0])
    }))

  it.effect("in order: a server that accepts connections and says nothing is not stable", () =>
    Effect.gen(function*() {
      const turns = EndpointChoice.make("inOrder", "2 seconds")
      yield* times(turns, 1)
      yield* silence(turns, 3600)
      assert.deepStrictEqual(yield* times(turns, 1), [1])
    }))

  it.effect("in order: the time of a server counts from its first answer", () =>
    Effect.gen(function*() {
      const turns = EndpointChoice.make("inOrder", "2 seconds")
      yield* times(turns, 1)
      yield* Effect.scoped(Effect.gen(function*() {
        const { pull } = yield* turns.opened(answering)
        yield* TestClock.adjust("3 seconds")
        yield* pull
        yield* TestClock.adjust("1 second")
        yield* pull
      }))
      assert.deepStrictEqual(yield* times(turns, 1), [1])
    }))

  it.effect("round robin: the one after the last, whatever became of that", () =>
    Effect.gen(function*() {
      const turns = EndpointChoice.make("roundRobin")
      assert.deepStrictEqual(yield* times(turns, 2), [0, 1])
      yield* connection(turns, 3600)
      assert.deepStrictEqual(yield* times(turns, 2), [2, 0])
    }))

  it.effect("random: all of them before one comes again, by the seed", () =>
    Effect.gen(function*() {
      const draw = (seed: string) =>
        Effect.suspend(() => times(EndpointChoice.make("random"), 8, 4)).pipe(Random.withSeed(seed))
      const drawn = yield* draw("a")
      for (const cycle of [drawn.slice(0, 4), drawn.slice(4)]) assert.sameMembers(cycle, [0, 1, 2, 3])
      assert.deepStrictEqual(yield* draw("a"), drawn)
      const others = yield* Effect.forEach(["b", "c", "d", "e"], draw)
      assert.isTrue(others.some((other) => other.join() !== drawn.join()))
    }))

  it.effect("random: a list that changes is drawn anew", () =>
    Effect.gen(function*() {
      const turns = EndpointChoice.make("random")
      yield* times(turns, 1, 4)
      assert.sameMembers(yield* times(turns, 2, 2), [0, 1])
    }))
})
