/**
 * The service of the guide, `examples/gateway`, copied out of the repository: in a folder of its own, on the tarball.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { repository } from "../../scripts/files.ts"
import { makeProject, tsc, vitest } from "./packed.ts"

const example = Path.join(repository, "examples", "gateway")

describe("the gateway, on the packed tarball", () => {
  let project = ""

  beforeAll(() => {
    project = makeProject()
    Fs.cpSync(example, project, { recursive: true, filter: (file) => !file.includes("node_modules") })
  }, 120_000)

  afterAll(() => {
    if (project !== "") Fs.rmSync(project, { recursive: true })
  })

  it("imports nothing but what it depends on", () => {
    const { dependencies, devDependencies }: Record<string, Record<string, string>> = JSON.parse(
      Fs.readFileSync(Path.join(example, "package.json"), "utf8")
    )
    const packages = Object.keys({ ...dependencies, ...devDependencies })
    for (const file of Fs.readdirSync(example).filter((file) => file.endsWith(".ts"))) {
      const specifiers = Fs.readFileSync(Path.join(example, file), "utf8").matchAll(/ from "([^"]*)"/g)
      for (const [, specifier] of specifiers) {
        const isKnown = /^(\.\/|node:)/.test(specifier) ||
          packages.some((name) => specifier === name || specifier.startsWith(`${name}/`))
        assert.isTrue(isKnown, `${file}: ${specifier}`)
      }
    }
  })

  it("type-checks", { timeout: 120_000 }, () => {
    assert.strictEqual(tsc(project), "")
  })

  it("passes its tests", { timeout: 120_000 }, () => {
    vitest(project)
  })
})
