import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { repository } from "../../scripts/files.ts"

const runWith = (version: string) =>
  spawnSync(
    process.execPath,
    [
      "-e",
      `Object.defineProperty(process, "versions", { value: { node: "${version}" } }); require("./scripts/require-node.cjs")`
    ],
    { cwd: repository, encoding: "utf8" }
  )

describe("the Node that runs the scripts", () => {
  for (const version of ["0.10.48", "20.20.2", "22.18.9", "22.9.0"]) {
    it(`${version} is too old, and one sentence says so`, () => {
      const { status, stderr } = runWith(version)
      assert.strictEqual(status, 1)
      assert.match(stderr, /^effect-mqtt needs Node 22\.19\.0 or newer .*\n$/)
      assert.include(stderr, `this is Node ${version} (${process.execPath})`)
    })
  }
  for (const version of ["22.19.0", "22.20.0", "24.0.0", "100.0.0"]) {
    it(`${version} is new enough`, () => {
      assert.strictEqual(runWith(version).status, 0)
    })
  }
})
