import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import * as Program from "./program.ts"

layer(NodeMemoryBroker.layer(), { excludeTestServices: true })("examples/bridge.ts", (it) => {
  it.effect(
    "what is published on one side arrives on the other through an outage of the cloud, and nothing comes back",
    () =>
      Effect.gen(function*() {
        const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
        const broker = yield* MemoryBroker.MemoryBroker
        const { exitCode, output } = yield* Program.run("bridge.ts", url)
        assert.strictEqual(exitCode, 0, output)
        assert.match(output, /edge +keeps [1-9]\d* readings until the cloud has them/)
        assert.match(output, /Connected, session present/)
        for (const name of ["readings", "commands"]) {
          assert.match(output, new RegExp(`^${name} +sent [1-9]\\d*, lost 0, duplicated \\d+, returned 0$`, "m"))
        }
        const readings = (yield* broker.messages).filter(({ topic }) => topic.endsWith("/readings"))
        assert.isTrue(readings.every(({ clientId, qos }) => clientId?.startsWith("bridge") && qos === 1))
        // Each in its order: what came twice came while the first one was not acknowledged.
        const numbers = readings.map(({ text }) => Number(text))
        assert.deepStrictEqual(numbers, numbers.toSorted((one, other) => one - other))
        assert.deepStrictEqual(yield* broker.violations, [])
      }),
    120_000
  )
})
