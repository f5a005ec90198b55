/**
 * The lock of the store of browsers, against a browser that answers when the test says so.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Failures from "../../src/browser/internal/store/failures.ts"
import * as WebLock from "../../src/browser/internal/store/webLock.ts"

/** A request that the browser has not answered yet. */
interface Asked {
  readonly options: LockOptions
  readonly answer: (lock: object | null) => Promise<void>
}

/** The locks of a browser for as long as the scope: what was asked for, in order. */
const browser = Effect.acquireRelease(
  Effect.sync(() => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "navigator")
    const asked: Array<Asked> = []
    const request = (_: string, options: LockOptions, hold: (lock: object | null) => Promise<void>) =>
      new Promise<void>((resolve, reject) => {
        options.signal?.addEventListener("abort", () => reject(new DOMException("withdrawn", "AbortError")))
        const answer = (lock: object | null) => {
          const held = hold(lock)
          resolve(held)
          return held
        }
        asked.push({ options, answer })
      })
    Object.defineProperty(globalThis, "navigator", { configurable: true, value: { locks: { request } } })
    return { asked, before }
  }),
  ({ before }) => Effect.sync(() => Object.defineProperty(globalThis, "navigator", before ?? { value: undefined }))
)

const failures = Failures.make("IndexedDB form")

const lock = {}

/** Has asked the browser when it is here. */
const taking = Effect.forkChild(WebLock.take("form", failures), { startImmediately: true })

describe("the lock of the store of browsers", () => {
  it.effect("a busy browser grants a free lock late: it is granted, and held until the scope closes", () =>
    Effect.gen(function*() {
      const { asked } = yield* browser
      let isFree = false
      yield* Effect.scoped(Effect.gen(function*() {
        const fiber = yield* taking
        yield* TestClock.adjust("1 minute")
        assert.isUndefined(fiber.pollUnsafe())
        void asked[1].answer(lock).then(() => {
          isFree = true
        })
        yield* Fiber.join(fiber)
        assert.isFalse(isFree)
      }))
      yield* Effect.promise(() => Promise.resolve())
      assert.isTrue(isFree)
      assert.lengthOf(asked, 2)
    }))

  it.effect("a page that was loaded again waits until the browser has freed the lock of its former life", () =>
    Effect.gen(function*() {
      const { asked } = yield* browser
      const fiber = yield* taking
      yield* TestClock.adjust("499 millis")
      assert.lengthOf(asked, 1)
      void asked[0].answer(lock)
      yield* Fiber.join(fiber)
    }))

  it.effect("another page has it: after half a second the browser is asked again, and says who has it", () =>
    Effect.gen(function*() {
      const { asked } = yield* browser
      const fiber = yield* taking
      yield* TestClock.adjust("500 millis")
      assert.lengthOf(asked, 2)
      assert.isTrue(asked[0].options.signal?.aborted)
      assert.isTrue(asked[1].options.ifAvailable)
      yield* Effect.promise(() => asked[1].answer(null))
      assert.include((yield* Effect.flip(Fiber.join(fiber))).message, "another client uses it")
    }))

  it.effect("freed in the last moment: it is granted", () =>
    Effect.gen(function*() {
      const { asked } = yield* browser
      const fiber = yield* taking
      yield* TestClock.adjust("500 millis")
      void asked[1].answer(lock)
      yield* Fiber.join(fiber)
    }))

  it.effect("granted after its scope has closed: it is free again at once, also if nothing interrupted the request", () =>
    Effect.gen(function*() {
      const { asked } = yield* browser
      const scope = yield* Scope.make()
      const taking = Effect.uninterruptible(Scope.provide(WebLock.take("form", failures), scope))
      yield* Effect.forkChild(taking, { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      yield* Effect.promise(() => asked[0].answer(lock))
    }))
})
