/**
 * Virtual time passes as on a `TestClock`: sleepers wake in order, and each is done before the next one wakes.
 */
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { VirtualTime } from "./VirtualTime.ts"

it.effect("sleepers wake in the order of their times, and at equal times in the order in which they fell asleep", () =>
  Effect.gen(function*() {
    const time = new VirtualTime()
    const woken: Array<string> = []
    const sleeper = (milliseconds: number, name: string) =>
      Effect.andThen(
        Effect.sleep(milliseconds),
        Effect.flatMap(Clock.currentTimeMillis, (at) => Effect.sync(() => woken.push(`${name} at ${at}`)))
      )
    const sleepers = [[30, "a"], [10, "b"], [20, "c"], [10, "d"], [40, "e"], [10.5, "f"]] as const
    const all = Effect.forEach(sleepers, ([milliseconds, name]) => sleeper(milliseconds, name), {
      concurrency: "unbounded"
    })
    const fiber = yield* Effect.forkChild(time.provide(all), { startImmediately: true })
    yield* time.pass(9)
    assert.deepStrictEqual(woken, [])
    yield* time.pass(21)
    assert.deepStrictEqual(woken, ["b at 10", "d at 10", "f at 10.5", "c at 20", "a at 30"])
    assert.strictEqual(time.now, 30)
    yield* time.pass(10)
    yield* Fiber.join(fiber)
    assert.strictEqual(woken.at(-1), "e at 40")
  }))

it.effect("what a sleeper begins has happened before the next one wakes", () =>
  Effect.gen(function*() {
    const time = new VirtualTime()
    const done: Array<string> = []
    const first = Effect.sleep(10).pipe(
      Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 50 })),
      Effect.andThen(Effect.promise(() => Promise.resolve())),
      Effect.andThen(Effect.sync(() => done.push("first")))
    )
    const second = Effect.andThen(Effect.sleep(11), Effect.sync(() => done.push("second")))
    const fiber = yield* Effect.forkChild(time.provide(Effect.all([second, first], { concurrency: 2 })), {
      startImmediately: true
    })
    yield* time.pass(20)
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(done, ["first", "second"])
  }))

it.effect("a sleeper that is interrupted does not wake, nor does one that sleeps for ever", () =>
  Effect.gen(function*() {
    const time = new VirtualTime()
    let woken = 0
    const sleep = (duration: "5 millis" | "Infinity") =>
      time.provide(Effect.andThen(Effect.sleep(duration), Effect.sync(() => woken++)))
    const interrupted = yield* Effect.forkChild(sleep("5 millis"), { startImmediately: true })
    const eternal = yield* Effect.forkChild(sleep("Infinity"), { startImmediately: true })
    yield* Effect.forkChild(sleep("5 millis"), { startImmediately: true })
    yield* Fiber.interrupt(interrupted)
    yield* time.pass(1_000_000)
    assert.strictEqual(woken, 1)
    assert.isUndefined(eternal.pollUnsafe())
  }))
