/**
 * Interrupts a piece of work at every point where it can be: before each operation of its fiber, and at every moment
 * in which it waits.
 *
 * Each point is a run of its own, with a broker and a network of its own, so that the same point is the same each time.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule, Scheduler, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../../src/MqttClient.ts"
import type { MqttError } from "../../../src/MqttError.ts"
import { MqttTransport } from "../../../src/MqttTransport.ts"
import type { ProtocolVersion } from "../../../src/protocol/Packet.ts"
import { FakeNetwork, MemoryBroker } from "../../../src/testing/index.ts"
import { assertBrokerAtRest, assertNetworkAtRest, assertNoneLeft, counting } from "../../support/leftovers.ts"
import { type Client, clientId } from "../../support/scenario.ts"
import { begin, complete, reconnectDelay, responseTimeout, roundTrip } from "../../support/time.ts"
import { versions } from "../../support/versions.ts"

/** Where to interrupt: before so many operations of the fiber, or after so many milliseconds. */
export type Point = { readonly _tag: "Operation"; readonly count: number } | {
  readonly _tag: "After"
  readonly milliseconds: number
}

/** What a run works with. */
export interface Run {
  readonly version: ProtocolVersion
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  readonly network: FakeNetwork.FakeNetwork["Service"]
  /** Makes a client, in whatever scope it is run. */
  readonly make: (options?: MqttClient.Options) => Effect.Effect<Client, MqttError, Scope.Scope>
}

export interface Subject<A> {
  /** What is there before; time may pass. */
  readonly prepare: (run: Run) => Effect.Effect<A, unknown, Scope.Scope>
  /** What is interrupted. */
  readonly work: (prepared: A, run: Run) => Effect.Effect<unknown, unknown, Scope.Scope>
  /** What has to hold afterwards, whatever the point; `exit` is how the work ended. */
  readonly after: (
    prepared: A,
    run: Run,
    exit: Exit.Exit<unknown, unknown>
  ) => Effect.Effect<unknown, unknown, Scope.Scope>
  /** The milliseconds the work may take, and so the last moment to try. */
  readonly waits: number
}

/** The events of the fake network lie apart by twice this, or more. */
const step = 10

/** Interrupts the fiber that runs with it before its operation number `count`. */
class Interrupting extends Scheduler.MixedScheduler {
  readonly #interruptAt: number
  target: number | undefined
  operations = 0

  constructor(interruptAt: number) {
    super()
    this.#interruptAt = interruptAt
  }

  override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    this.target ??= fiber.id
    if (fiber.id !== this.target) return super.shouldYield(fiber)
    if (this.operations++ !== this.#interruptAt) return false
    // It gives way at this operation, and is interrupted before its turn comes again.
    fiber.currentDispatcher.scheduleTask(() => fiber.interruptUnsafe(), 0)
    return true
  }
}

/** Runs the work in a fiber, interrupts it at the point, and tells how it ended and whether the point was reached. */
const interrupted = Effect.fnUntraced(function*<A>(
  work: Effect.Effect<A, unknown, Scope.Scope>,
  point: Point,
  limit: number
) {
  const scheduler = new Interrupting(point._tag === "Operation" ? point.count : Infinity)
  const scope = yield* Scope.make()
  const fiber = yield* work.pipe(
    Scope.provide(scope),
    Effect.provideService(Scheduler.Scheduler, scheduler),
    begin
  )
  const waits = point._tag === "After" ? point.milliseconds : limit
  for (let passed = 0; passed < waits && fiber.pollUnsafe() === undefined; passed += step) yield* TestClock.adjust(step)
  yield* TestClock.adjust(0)
  const isOver = fiber.pollUnsafe() !== undefined
  const wasReached = point._tag === "After" ? !isOver : scheduler.operations > point.count
  // Work without an end has come to where it only waits.
  fiber.interruptUnsafe()
  const exit = yield* complete(Fiber.await(fiber))
  // Whoever did not get what it asked for has nothing to give back later.
  if (Exit.isFailure(exit)) yield* complete(Scope.close(scope, exit))
  return { exit, scope, wasReached }
})

const runOnce = <A>(subject: Subject<A>, version: ProtocolVersion, point: Point) =>
  counting((counts) =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const broker = yield* MemoryBroker.MemoryBroker
      const transport = yield* MqttTransport
      const fibersBefore = counts.fibers()
      const make = (options?: MqttClient.Options) =>
        MqttClient.make({
          clientId,
          protocolVersion: version,
          responseTimeout,
          reconnect: Schedule.spaced(reconnectDelay),
          ...options
        }).pipe(Effect.provideService(MqttTransport, transport))
      const run: Run = { version, broker, network, make }
      const scope = yield* Scope.make()
      const wasReached = yield* Effect.gen(function*() {
        const prepared = yield* complete(subject.prepare(run))
        const { exit, scope, wasReached } = yield* interrupted(subject.work(prepared, run), point, subject.waits)
        yield* complete(subject.after(prepared, run, exit))
        yield* complete(Scope.close(scope, Exit.void))
        return wasReached
      }).pipe(Scope.provide(scope), Effect.onError(() => complete(Scope.close(scope, Exit.void))))
      yield* complete(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(2 * roundTrip)
      yield* assertNetworkAtRest(network)
      yield* assertBrokerAtRest(broker)
      assertNoneLeft(counts, fibersBefore)
      return wasReached
    }).pipe(Effect.provide(MemoryBroker.layer()), counts.ofFibers)
  )

/** A test for each version that interrupts the work at every point there is. */
export const everywhere = <A>(name: string, subject: Subject<A>): void => {
  for (const version of versions) {
    it.effect(`${name} (${version})`, () =>
      Effect.gen(function*() {
        const at = (point: Point) =>
          Effect.catchDefect(
            runOnce(subject, version, point),
            (cause) => Effect.die(new Error(`interrupted at ${JSON.stringify(point)}: ${cause}`, { cause }))
          )
        let operations = 0
        while (yield* at({ _tag: "Operation", count: operations })) {
          operations++
        }
        for (let milliseconds = 0; milliseconds <= subject.waits; milliseconds += step) {
          yield* at({ _tag: "After", milliseconds })
        }
        // There is nothing to be proud of if nothing was tried.
        assert.isAbove(operations, 3)
      }))
  }
}
