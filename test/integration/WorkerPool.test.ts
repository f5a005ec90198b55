/**
 * Processes that share work through a real broker: a killed one loses nothing that its successor does not get.
 */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Broker } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Program from "../examples/program.ts"

describe("a pool of worker processes", () => {
  Mosquitto.suite("mosquitto", {}, (it) => {
    it.effect("R81 R86 every job is done, although two workers are killed", () =>
      Effect.gen(function*() {
        const { host, port } = yield* Broker
        const { exitCode, output } = yield* Program.run("worker-pool.ts", `mqtt://${host}:${port}`)
        assert.strictEqual(exitCode, 0, output)
        assert.match(output, /^done +300 /m)
        assert.match(output, /^never done +0$/m)
        // What the killed ones had not acknowledged has come to those that took their place.
        assert.match(output, /^sent again +[1-9]\d*$/m)
      }), 120_000)
  })
})
