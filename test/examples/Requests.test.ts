import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import * as Program from "./program.ts"

layer(NodeMemoryBroker.layer({ reportsNoSubscribers: true }), { excludeTestServices: true })(
  "examples/request-response.ts",
  (it) => {
    it.effect("answers five hundred questions, and says why two have no answer", () =>
      Effect.gen(function*() {
        const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
        const broker = yield* MemoryBroker.MemoryBroker
        const { exitCode, output } = yield* Program.run("request-response.ts", url)
        assert.strictEqual(exitCode, 0, output)
        assert.match(output, /500 questions answered in \d+ ms, by Ada 250 and Grace 250/)
        assert.include(output, "the root of 144 is 12")
        assert.include(output, "NoRoot: there is none of -1")
        assert.include(output, "NoResponder: ")
        assert.include(output, "RequestTimeout: ")
        assert.include(output, "its late answer was dropped")
        assert.deepStrictEqual(yield* broker.violations, [])
      }), 60_000)
  }
)
