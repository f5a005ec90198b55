/**
 * Programs with a store in files that are killed: the messages they had accepted arrive.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Broker } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Process from "../brokers/Process.ts"
import * as Crash from "../crash/Crash.ts"
import * as report from "../crash/report.ts"
import { World } from "../crash/World.ts"
import * as Random from "../protocol/Random.ts"
import { suiteWith } from "../support/requirements.ts"

const versions = ["5.0", "3.1.1"] as const

Mosquitto.suite("five messages that are published offline, and kill -9", {}, (it) => {
  for (const version of versions) {
    for (const sync of ["normal", "full"] as const) {
      it.effect(
        `5 of 5 arrive at QoS 1 and 2 after the next start (${version}, sync ${sync})`,
        () =>
          Effect.gen(function*() {
            const { port } = yield* Broker
            const findings: Array<string> = []
            const world = new World({
              name: `five-${version}-${sync}`,
              version,
              sync,
              directory: yield* Process.folder("store"),
              keepsOrder: true,
              upstream: () => port,
              random: Random.make(1),
              now: () => performance.now(),
              onViolation: ({ description, kind }) => findings.push(`${kind}: ${description}`)
            })
            yield* world.open
            yield* world.witnessReady

            world.line.refuse()
            const killed = yield* world.start({ messages: 5, lanes: ["async"] })
            yield* world.signal.until(() => killed.isOver || killed.said("accepted") === 10, killed.kill)
            yield* killed.over
            assert.strictEqual(killed.killedBy, "SIGKILL", killed.errors)
            assert.strictEqual((yield* world.inspect).messages, 10)
            assert.strictEqual(world.judge.outstanding, 10)

            yield* world.line.listen()
            const next = yield* world.start({ messages: 0 })
            yield* world.signal.until(() => next.isOver || (world.judge.outstanding === 0 && next.said("flushed") > 0))
            next.stop()
            yield* next.over
            yield* world.witnessHasAll
            assert.deepStrictEqual(findings, [])
            assert.deepStrictEqual([1, 2].map((qos) => world.judge.counts[qos as 1 | 2].delivered), [5, 5])
            assert.strictEqual((yield* world.inspect).messages, 0)
          }).pipe(Effect.scoped),
        60_000
      )
    }
  }
})

suiteWith([Mosquitto.requirement], "a program that is killed twenty times, and a mosquitto that is stopped", () => {
  describe("npm run crash", () => {
    it.live("nothing accepted is lost, nothing of QoS 2 comes twice, order is kept", () =>
      Effect.gen(function*() {
        const outcome = yield* Crash.run({ rounds: 20, seed: 1, broker: "mosquitto", versions, syncs: ["normal"] })
        const failed = report.checks(outcome).filter(({ holds }) => !holds)
        assert.deepStrictEqual(failed, [], report.text(outcome))
      }), 300_000)
  })
})
