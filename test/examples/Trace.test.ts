import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import * as Program from "./program.ts"

layer(NodeMemoryBroker.layer(), { excludeTestServices: true })("examples/trace.ts", (it) => {
  it.effect(
    "a publish and its processing in another process are one trace, exported with the metrics of both",
    () =>
      Effect.gen(function*() {
        const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
        const broker = yield* MemoryBroker.MemoryBroker
        const { exitCode, output } = yield* Program.run("trace.ts", url)
        assert.strictEqual(exitCode, 0, output)
        assert.match(output, /^sensor {3}measure/m)
        assert.match(output, /^sensor {5}publish .*\narchive {6}process effect-mqtt\/temperature/m)
        assert.match(output, /^sensor exports \d+ metrics$/m)
        assert.match(output, /^archive exports \d+ metrics$/m)
        const [{ payload, properties }] = yield* broker.messages
        assert.deepStrictEqual(properties.userProperties?.map(([name]) => name), ["traceparent"])
        assert.strictEqual(new TextDecoder().decode(payload), "21.5")
      }),
    120_000
  )
})
