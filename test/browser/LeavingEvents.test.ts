/**
 * The behaviour of a client when its page is left, comes back or stays. The events come without a page.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Haste } from "../../src/browser/internal/haste.ts"
import * as Leaving from "../../src/browser/internal/leaving.ts"
import { MqttError } from "../../src/index.ts"
import { begin } from "../support/time.ts"
import * as FakeWindow from "./FakeWindow.ts"

const lost = MqttError.fromReason(new MqttError.Offline())

/** A page whose client tells what it is asked for. */
const setUp = (options?: FakeWindow.Options) =>
  Effect.gen(function*() {
    const window = yield* FakeWindow.make(options)
    const asked: Array<string> = []
    const asks = (what: string) => Effect.sync(() => void asked.push(what))
    const haste = new Haste()
    const listen = Leaving.listen({ disconnect: asks("end"), replaceConnection: asks("DISCONNECT") }, haste)
    const step = yield* Schedule.toStepWithSleep(haste.cutShort(Schedule.spaced(0)))
    /** Whether an attempt that is due would begin. */
    const connects = Effect.map(begin(step(lost)), (attempt) => attempt.pollUnsafe() !== undefined)
    return { ...window, listen, connects, asked }
  })

const rows: ReadonlyArray<
  readonly [
    what: string,
    options: FakeWindow.Options,
    events: ReadonlyArray<readonly [type: string, properties?: object]>,
    asked: ReadonlyArray<string>,
    connects: boolean
  ]
> = [
  ["is there", {}, [], [], true],
  ["is closed or left", {}, [["pagehide", { persisted: false }]], ["DISCONNECT", "end"], false],
  ["is left and kept", {}, [["pagehide", { persisted: true }]], ["DISCONNECT"], false],
  [
    "is kept and comes back",
    {},
    [["pagehide", { persisted: true }], ["pageshow", { persisted: true }]],
    ["DISCONNECT"],
    true
  ],
  ["is shown for the first time", {}, [["pageshow", { persisted: false }]], [], true],
  ["is hidden", {}, [["visibilitychange"], ["freeze"]], [], true],
  ["may be left", {}, [["beforeunload"]], [], true],
  ["may be left, in Firefox", { isFirefox: true }, [["beforeunload"]], ["DISCONNECT"], false]
]

describe("a page that", () => {
  for (const [what, options, events, expected, isConnecting] of rows) {
    it.effect(`${what}: ${expected.join(", ") || "nothing"} is asked for, and the client ${isConnecting ? "connects" : "waits"}`, () =>
      Effect.gen(function*() {
        const { asked, connects, fire, listen } = yield* setUp(options)
        yield* listen
        for (const [type, properties] of events) yield* fire(type, properties)
        assert.deepStrictEqual(asked, expected)
        assert.strictEqual(yield* connects, isConnecting)
      }).pipe(Effect.scoped))
  }

  it.effect("was to be left in Firefox and stays connects after five seconds from the last time", () =>
    Effect.gen(function*() {
      const { connects, fire, listen } = yield* setUp({ isFirefox: true })
      yield* listen
      yield* fire("beforeunload")
      yield* TestClock.adjust(3000)
      yield* fire("beforeunload")
      yield* TestClock.adjust(4999)
      assert.isFalse(yield* connects)
      yield* TestClock.adjust(1)
      assert.isTrue(yield* connects)
    }).pipe(Effect.scoped))

  it.effect("outlives its client keeps neither a listener of it nor its five seconds", () =>
    Effect.gen(function*() {
      const { connects, fire, listen, listeners } = yield* setUp({ isFirefox: true })
      yield* Effect.scoped(Effect.gen(function*() {
        yield* listen
        assert.strictEqual(listeners(), 3)
        yield* fire("beforeunload")
      }))
      assert.strictEqual(listeners(), 0)
      yield* TestClock.adjust("1 minute")
      assert.isFalse(yield* connects)
    }).pipe(Effect.scoped))
})
