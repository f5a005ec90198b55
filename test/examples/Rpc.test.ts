import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import * as Program from "./program.ts"

layer(NodeMemoryBroker.layer(), { excludeTestServices: true })("examples/rpc.ts", (it) => {
  it.effect(
    "every call is answered, although one of two servers is killed, and nothing is kept for them at the end",
    () =>
      Effect.gen(function*() {
        const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
        const broker = yield* MemoryBroker.MemoryBroker
        const { exitCode, output } = yield* Program.run("rpc.ts", url)
        assert.strictEqual(exitCode, 0, output)
        assert.match(output, /Ada was killed/)
        assert.match(output, /was lost: ServerLost$/m)
        assert.match(output, /ended at 0$/m)
        const [, ada, grace] = /^answered by Ada +(\d+)\nanswered by Grace +(\d+)$/m.exec(output) ?? []
        assert.strictEqual(Number(ada) + Number(grace), 300)
        assert.deepStrictEqual(yield* broker.sessions, [])
      }),
    120_000
  )
})
