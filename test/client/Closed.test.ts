/**
 * How a program learns that its client is closed for good: `closed`, `health` and the log.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, References, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import { type Kit, scenario } from "../support/scenario.ts"
import { begin, complete, connected, reconnected, roundTrip } from "../support/time.ts"

interface Line {
  readonly level: string
  readonly text: string
  readonly reason: unknown
}

/** What is logged from `Info` on. */
const logging = () => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    const { reason } = fiber.getRef(References.CurrentLogAnnotations)
    lines.push({ level: logLevel, text: String(message), reason })
  })
  return { lines, layer: Logger.layer([logger]) }
}

const refused = ({ broker, network }: Kit) => Effect.andThen(broker.refuseSession(0x87), network.reset)

describe("closed", () => {
  scenario(
    "fails with the error that closed the client, for those who waited and those who come later",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const waiting = yield* begin(Effect.flip(mqtt.closed))
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        assert.isUndefined(waiting.pollUnsafe())
        assert.isFalse((yield* mqtt.health).isClosed)
        yield* refused(kit)
        yield* TestClock.adjust(reconnected)
        const error = yield* Fiber.join(waiting)
        assert.strictEqual(error.reason._tag, "ConnectionRefused")
        assert.strictEqual(yield* Effect.flip(mqtt.closed), error)
        const { isClosed, reasons, status } = yield* mqtt.health
        assert.deepStrictEqual([status, isClosed], ["down", true])
        assert.match(reasons.join(), /^closed for good: /)
      })
  )

  scenario("fails with the last error when the schedule is over", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ reconnect: Schedule.recurs(1) })
      yield* kit.network.refuseConnect(2)
      yield* kit.network.reset
      assert.strictEqual((yield* complete(Effect.flip(mqtt.closed))).reason._tag, "PortRefused")
    }))

  scenario("completes when this side closed the client", {}, (kit) =>
    Effect.gen(function*() {
      const disconnecting = yield* kit.connect({ clientId: "disconnecting" })
      const scope = yield* Scope.make()
      const scoped = yield* Scope.provide(kit.connect({ clientId: "scoped" }), scope)
      const waiting = yield* begin(Effect.all([disconnecting.closed, scoped.closed], { concurrency: 2 }))
      yield* complete(disconnecting.disconnect)
      yield* complete(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(roundTrip)
      assert.isTrue(Exit.isSuccess(waiting.pollUnsafe() ?? assert.fail()))
    }))

  scenario("ends a program that races with it", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const service = yield* begin(Effect.flip(Effect.raceFirst(Effect.never, mqtt.closed)))
      yield* refused(kit)
      yield* TestClock.adjust(reconnected)
      assert.strictEqual((yield* Fiber.join(service)).reason._tag, "ConnectionRefused")
    }))
})

describe("the log", () => {
  scenario("tells of a client that closes before its first connection, with initialConnection retry", {}, (kit) => {
    const { layer, lines } = logging()
    return Effect.gen(function*() {
      yield* kit.broker.refuseSession(0x87)
      const mqtt = yield* Effect.flatMap(kit.start({ initialConnection: "retry" }), Fiber.join)
      yield* TestClock.adjust(connected)
      assert.strictEqual((yield* Effect.flip(mqtt.closed)).reason._tag, "ConnectionRefused")
      assert.deepStrictEqual(lines.map(({ level, reason }) => [level, reason]), [["Error", "ConnectionRefused"]])
      assert.match(lines[0].text, /^The client is closed: /)
    }).pipe(Effect.provide(layer))
  })

  scenario("says nothing of a first connection that making the client fails with", {}, (kit) => {
    const { layer, lines } = logging()
    return Effect.gen(function*() {
      yield* kit.broker.refuseSession(0x87)
      yield* complete(Effect.flatMap(kit.start(), (starting) => Effect.flip(Fiber.join(starting))))
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.provide(layer))
  })

  scenario("tells of failed attempts with their reason, and of the first connection after them", {}, (kit) => {
    const { layer, lines } = logging()
    return Effect.gen(function*() {
      yield* kit.network.refuseConnect(2)
      yield* Effect.flatMap(kit.start({ initialConnection: "retry" }), Fiber.join)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(lines.map(({ level, reason }) => [level, reason]), [
        ["Warn", "PortRefused"],
        ["Warn", "PortRefused"],
        ["Info", undefined]
      ])
      assert.strictEqual(lines[2].text, "Connected")
    }).pipe(Effect.provide(layer))
  })

  scenario("says nothing of a first connection that succeeds at once", {}, (kit) => {
    const { layer, lines } = logging()
    return Effect.gen(function*() {
      yield* kit.connect()
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.provide(layer))
  })
})
