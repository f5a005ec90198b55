import { assert, describe, it } from "@effect/vitest"
import { missingFrom, type Packages, unverifiedIn } from "../../scripts/lockfile.ts"

const integrity = "sha512-x"

describe("the lockfile", () => {
  it("lacks a package of another platform that its parent asks for, next to it or inside it", () => {
    const parent = { version: "1.0.0", dev: true, optionalDependencies: { "@a/darwin-arm64": "1.0.0", "a-b": "1.0.0" } }
    const entry = { version: "1.0.0", cpu: ["arm64"], dev: true, optional: true, os: ["darwin"] }
    assert.deepStrictEqual(missingFrom({ "node_modules/a": parent }), [["node_modules/@a/darwin-arm64", entry]])
    for (const location of ["node_modules/@a/darwin-arm64", "node_modules/a/node_modules/@a/darwin-arm64"]) {
      assert.isEmpty(missingFrom({ "node_modules/a": parent, [location]: entry }))
    }
  })

  it("security 15: has a checksum for every package, but for those of other platforms that no mirror holds", () => {
    const packages: Packages = {
      "": { version: "1.0.0" },
      v3: { version: "1.0.0" },
      "node_modules/effect-mqtt-v3": { link: true },
      "node_modules/good": { version: "1.0.0", integrity },
      "node_modules/bad": { version: "1.0.0" },
      "node_modules/good/node_modules/bad": { version: "1.0.0" },
      "node_modules/@oxlint/binding-darwin-arm64": { version: "1.0.0", optional: true, os: ["darwin"] },
      "node_modules/@dprint/darwin-arm64": { version: "1.0.0", optional: true, os: ["darwin"] },
      "node_modules/@dprint/typescript": { version: "1.0.0" },
      "node_modules/@effect/tsgo-darwin-arm64": { version: "1.0.0", optional: true, os: ["darwin"] }
    }
    assert.deepStrictEqual(unverifiedIn(packages), [
      "node_modules/bad",
      "node_modules/good/node_modules/bad",
      "node_modules/@oxlint/binding-darwin-arm64",
      "node_modules/@dprint/typescript"
    ])
  })
})
