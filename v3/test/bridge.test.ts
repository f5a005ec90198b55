/**
 * What runs on the engine is interrupted with the program's fiber, whenever that is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FiberId } from "effect"
import * as Engine from "../../engine/index.ts"
import { Bridge } from "../src/internal/bridge.ts"
import * as Host from "../src/internal/host.ts"

const turn = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 0)))

/** Something of the engine's that ends when it is told, or interrupted. */
const waiting = () => {
  const seen = { end: () => {} }
  const effect = Engine.fromHost<number, never>((done) => {
    seen.end = () => done({ _tag: "Success", value: 1 })
    return () => {
      done({ _tag: "Failure", reasons: [{ _tag: "Interrupt" }] })
    }
  })
  return { effect, seen }
}

describe("an interruption", () => {
  for (const first of ["the end", "the interruption"] as const) {
    it.live(
      `in the turn in which the engine is through does not wait for ever (${first} comes first)`,
      () =>
        Effect.gen(function*() {
          const bridge = yield* Bridge.make
          const { effect, seen } = waiting()
          const fiber = yield* Effect.fork(bridge.effect(effect))
          yield* turn
          if (first === "the end") seen.end()
          fiber.unsafeInterruptAsFork(FiberId.none)
          if (first === "the interruption") seen.end()
          yield* turn
          assert.isNotNull(fiber.unsafePoll())
        }),
      2_000
    )
  }
})

/** The engine gives way once, before this operation. */
const givingWayAt = (operation: number) => {
  let operations = 0
  const scheduler = {
    executionMode: "async",
    shouldYield: () => operations++ === operation,
    makeDispatcher: () => ({ scheduleTask: (task: () => void) => setImmediate(task), flush: () => {} })
  }
  const bridge = Effect.map(
    Host.make,
    (host) => new Bridge(Engine.addService(Engine.servicesOf(host), { key: "effect/Scheduler" } as never, scheduler))
  )
  return { bridge, isReached: () => operations > operation }
}

/** Opens something when it is told, and counts how often that is closed. */
const opening = () => {
  const seen: { open: (() => void) | undefined; closed: number } = { open: undefined, closed: 0 }
  const close: Engine.Start<void, never> = (done) => {
    seen.closed++
    done({ _tag: "Success", value: undefined })
    return () => {}
  }
  const effect = Engine.scopedFromHost<number, never>((done) => {
    seen.open = () => done({ _tag: "Success", value: { value: 1, close: () => close } })
    return () => {}
  })
  return { effect, seen }
}

describe("something that the program opens", () => {
  it.live("is closed if an interruption comes before the engine has noticed it, wherever the engine gives way", () =>
    Effect.gen(function*() {
      let opened = 0
      for (let operation = 0, isReached = true; isReached; operation++) {
        const way = givingWayAt(operation)
        const bridge = yield* way.bridge
        const { effect, seen } = opening()
        const scope = Engine.makeScope()
        const fiber = yield* Effect.fork(bridge.effect(Engine.inScope(effect, scope)))
        while (seen.open === undefined) yield* turn
        seen.open()
        fiber.unsafeInterruptAsFork(FiberId.none)
        yield* Fiber.await(fiber)
        yield* bridge.effect(Engine.closeScope(scope, { _tag: "Success", value: undefined }))
        assert.strictEqual(seen.closed, 1, `it gives way at operation ${operation}`)
        isReached = way.isReached()
        opened++
      }
      assert.isAbove(opened, 10)
    }))
})
