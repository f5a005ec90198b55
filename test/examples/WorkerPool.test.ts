import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import * as Program from "./program.ts"

layer(NodeMemoryBroker.layer(), { excludeTestServices: true })("examples/worker-pool.ts", (it) => {
  it.effect(
    "every job is done, although two workers are killed, and nothing is kept for them at the end",
    () =>
      Effect.gen(function*() {
        const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
        const broker = yield* MemoryBroker.MemoryBroker
        const { exitCode, output } = yield* Program.run("worker-pool.ts", url)
        assert.strictEqual(exitCode, 0, output)
        assert.match(output, /^Ada was killed/m)
        assert.match(output, /^Hedy was killed/m)
        assert.match(output, /^done +300 /m)
        assert.match(output, /^never done +0$/m)
        assert.deepStrictEqual(yield* broker.sessions, [])
      }),
    120_000
  )
})
