/**
 * Clients that are made and ended, and interrupted in one of them ten thousand times: nothing is held of them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import { counting } from "../support/leftovers.ts"
import type { Client } from "../support/scenario.ts"
import { begin } from "../support/time.ts"
import { AnsweringServer } from "./support/answeringServer.ts"
import { connection, negligible, patience, smallestGrowth, warmingUp } from "./support/interruptedCalls.ts"

/** Clients that are made and ended, and interrupted in one of them. */
const lives: {
  readonly [name: string]: (
    make: Effect.Effect<Client, unknown, Scope.Scope>
  ) => Effect.Effect<unknown, unknown, Scope.Scope>
} = {
  make: (make) => make,
  disconnect: (make) => Effect.flatMap(make, (mqtt) => mqtt.disconnect),
  disconnectWithWill: (make) => Effect.flatMap(make, (mqtt) => mqtt.disconnectWithWill)
}

const livesLeaveNothing = (live: typeof lives[string]) =>
  counting((counts) =>
    Effect.gen(function*() {
      const server = new AnsweringServer("5.0")
      const make = MqttClient.make(connection).pipe(Effect.provideService(MqttTransport, server.transport))
      const run = Effect.fnUntraced(function*(times: number) {
        for (let index = 0; index < times; index++) {
          const scope = yield* Scope.make()
          const living = yield* begin(Effect.exit(Scope.provide(live(make), scope)))
          for (let turns = index % 8; turns > 0; turns--) yield* Effect.yieldNow
          living.interruptUnsafe()
          yield* begin(Scope.close(scope, Exit.void))
          if (index % 100 === 99) yield* TestClock.adjust("2 seconds")
        }
        yield* TestClock.adjust("1 minute")
      })
      yield* run(warmingUp)
      const growth = yield* smallestGrowth(({ from, to }) => run(to - from))
      assert.isBelow(growth, negligible, "bytes")
      assert.strictEqual(counts.fibers(), 0, "fibers")
      assert.strictEqual(counts.timers(), 0, "timers")
    }).pipe(counts.ofFibers)
  )

describe("nothing is held of clients that were interrupted ten thousand times", () => {
  for (const [name, live] of Object.entries(lives)) it.effect(name, () => livesLeaveNothing(live), patience)
})
