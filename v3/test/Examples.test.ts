/**
 * The programs of `examples` run to their end.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as path from "node:path"

const folder = path.dirname(import.meta.dirname)

const run = (program: string): string => {
  const sources = path.join(folder, "../scripts/effect3/sources.ts")
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--import", sources, path.join(folder, "examples", program)],
    { encoding: "utf8" }
  )
  assert.strictEqual(status, 0, stdout + stderr)
  return stdout
}

describe("examples", () => {
  it("quickstart receives three readings", () => {
    assert.strictEqual(run("quickstart.ts"), "effect-mqtt/v3/1/temperature 21.5\n".repeat(3))
  })

  it("outage loses nothing", () => {
    assert.match(run("outage.ts"), /^50 messages arrived once, in their order, through 1 lost connection$/m)
  })

  it("consume refuses what it cannot process", () => {
    const lines = ["stock   3 apples taken, 7 left", "refused nonsense", "stock   5 pears taken, 2 left", "done"]
    assert.strictEqual(run("consume.ts"), `${lines.join("\n")}\n`)
  })
})
