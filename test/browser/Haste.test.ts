/**
 * When a client in a page connects, and which events make it check its connection. The events come without a page.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Haste } from "../../src/browser/internal/haste.ts"
import { MqttError, MqttTransport } from "../../src/index.ts"
import { begin } from "../support/time.ts"
import * as FakeWindow from "./FakeWindow.ts"

const lost = MqttError.fromReason(new MqttError.Offline())

/** A page, a connection that the test declares dead, and a transport that never fails. */
const setUp = (options?: FakeWindow.Options) =>
  Effect.gen(function*() {
    const window = yield* FakeWindow.make(options)
    const haste = new Haste()
    let checks = 0
    let isUp = false
    yield* haste.listen(Effect.sync(() => {
      checks++
      return isUp
    }))
    const connection = { pull: Effect.never, write: () => Effect.void, abort: Effect.void }
    const transport = haste.watch(MqttTransport.MqttTransport.of({
      endpoint: "",
      open: Effect.succeed(connection),
      openAt: () => Effect.succeed(connection)
    }))
    const step = yield* Schedule.toStepWithSleep(
      haste.cutShort(Schedule.exponential("1 second").pipe(Schedule.upTo({ times: 5 })))
    )
    /** How long the next attempt has to wait. */
    const wait = Effect.gen(function*() {
      const clock = yield* TestClock.testClockWith(Effect.succeed)
      const before = clock.currentTimeMillisUnsafe()
      const waiting = yield* begin(step(lost))
      while (waiting.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
      return clock.currentTimeMillisUnsafe() - before
    })
    const up = Effect.sync(() => {
      isUp = true
    })
    return { ...window, haste, transport, step, wait, up, checks: () => checks }
  })

type Kit = Effect.Success<ReturnType<typeof setUp>>

const wakings: ReadonlyArray<readonly [what: string, wake: (kit: Kit) => Effect.Effect<void>]> = [
  ["the network is back", ({ fire }) => fire("online")],
  ["the page is back", ({ fire }) => fire("pageshow", { persisted: true })],
  ["the page is shown", ({ fireOnDocument }) => fireOnDocument("visibilitychange")],
  ["the page is no longer frozen", ({ fireOnDocument }) => fireOnDocument("resume", "hidden")]
]

const others: ReadonlyArray<readonly [what: string, happen: (kit: Kit) => Effect.Effect<void>]> = [
  ["the network is gone", ({ fire }) => fire("offline")],
  ["the page is shown for the first time", ({ fire }) => fire("pageshow", { persisted: false })],
  ["the page is hidden", ({ fireOnDocument }) => fireOnDocument("visibilitychange", "hidden")]
]

describe("haste", () => {
  it.effect("S14 without news of the network the schedule is kept", () =>
    Effect.gen(function*() {
      const { wait } = yield* setUp()
      assert.deepStrictEqual([yield* wait, yield* wait, yield* wait], [1000, 2000, 4000])
    }).pipe(Effect.scoped))

  for (const [what, wake] of wakings) {
    it.effect(`${what} while it waits: the attempt is made at once, and the schedule starts anew`, () =>
      Effect.gen(function*() {
        const kit = yield* setUp()
        const { step, transport, wait } = kit
        yield* wait
        yield* wait
        const waiting = yield* begin(step(lost))
        yield* TestClock.adjust("1 second")
        assert.isUndefined(waiting.pollUnsafe())
        yield* wake(kit)
        yield* TestClock.adjust(0)
        assert.isDefined(waiting.pollUnsafe())
        yield* Effect.scoped(transport.open)
        assert.deepStrictEqual([yield* wait, yield* wait], [1000, 2000])
      }).pipe(Effect.scoped))

    it.effect(`${what} while an attempt is failing: the next one is made at once`, () =>
      Effect.gen(function*() {
        const kit = yield* setUp()
        yield* Effect.scoped(kit.transport.open)
        yield* wake(kit)
        assert.strictEqual(yield* kit.wait, 0)
      }).pipe(Effect.scoped))

    it.effect(`${what}, and the connection is alive: it has been asked, and the next loss waits like any other`, () =>
      Effect.gen(function*() {
        const kit = yield* setUp()
        yield* kit.up
        yield* Effect.scoped(Effect.andThen(kit.transport.open, wake(kit)))
        assert.strictEqual(kit.checks(), 1)
        assert.strictEqual(yield* kit.wait, 1000)
      }).pipe(Effect.scoped))
  }

  for (const [what, happen] of others) {
    it.effect(`${what}: nothing changes`, () =>
      Effect.gen(function*() {
        const kit = yield* setUp()
        yield* happen(kit)
        assert.strictEqual(kit.checks(), 0)
        assert.strictEqual(yield* kit.wait, 1000)
      }).pipe(Effect.scoped))
  }

  it.effect("an attempt that began while the old connection was checked gets no haste", () =>
    Effect.gen(function*() {
      const { fire } = yield* FakeWindow.make()
      const haste = new Haste()
      yield* haste.listen(Effect.as(Effect.sleep("5 seconds"), false))
      const transport = haste.watch(MqttTransport.MqttTransport.of({ endpoint: "", open: Effect.fail(lost) }))
      const step = yield* Schedule.toStepWithSleep(haste.cutShort(Schedule.spaced("1 minute")))
      yield* fire("online")
      yield* Effect.ignore(Effect.scoped(transport.open))
      const waiting = yield* begin(step(lost))
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(waiting.pollUnsafe())
    }).pipe(Effect.scoped))

  it.effect("an attempt at another server ends the haste too", () =>
    Effect.gen(function*() {
      const { fire, transport, wait } = yield* setUp()
      yield* fire("online")
      yield* Effect.scoped(transport.openAt?.("other") ?? Effect.die("no openAt"))
      assert.strictEqual(yield* wait, 1000)
    }).pipe(Effect.scoped))

  it.effect("held, no attempt begins; released, it begins at once, due or not", () =>
    Effect.gen(function*() {
      const { haste, step } = yield* setUp()
      haste.hold()
      const due = yield* begin(step(lost))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(due.pollUnsafe())
      haste.release()
      yield* TestClock.adjust(0)
      assert.isDefined(due.pollUnsafe())
      haste.hold()
      haste.release()
      const early = yield* begin(step(lost))
      yield* TestClock.adjust(0)
      assert.isDefined(early.pollUnsafe())
    }).pipe(Effect.scoped))

  it.effect("a worker without a document hears of its network", () =>
    Effect.gen(function*() {
      const { checks, fire, fireOnDocument } = yield* setUp({ hasDocument: false })
      yield* fireOnDocument("resume")
      assert.strictEqual(checks(), 0)
      yield* fire("online")
      assert.strictEqual(checks(), 1)
    }).pipe(Effect.scoped))

  it.effect("without a window or a worker there is nothing to listen to", () =>
    Effect.scoped(new Haste().listen(Effect.die("asked"))))

  it.effect("with the client its listeners are gone", () =>
    Effect.gen(function*() {
      const { listeners } = yield* FakeWindow.make()
      yield* Effect.scoped(Effect.gen(function*() {
        yield* new Haste().listen(Effect.succeed(true))
        assert.strictEqual(listeners(), 4)
      }))
      assert.strictEqual(listeners(), 0)
    }).pipe(Effect.scoped))
})
