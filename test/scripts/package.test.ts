/**
 * The package as it would be published: it contains its documents, and their links lead to files in it.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { repository } from "../../scripts/files.ts"

interface Packed {
  readonly files: ReadonlyArray<{ readonly path: string }>
}

const [{ files }]: ReadonlyArray<Packed> = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts", "--offline"], {
    cwd: repository,
    encoding: "utf8",
    shell: process.platform === "win32"
  })
)

const packed = new Set(files.map(({ path }) => path))

/** Files and folders that a page links to, as paths of the package. */
const targets = (page: string): ReadonlyArray<string> =>
  [...fs.readFileSync(path.join(repository, page), "utf8").matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^(\w+:|#)/.test(target))
    .map((target) => path.posix.join(path.posix.dirname(page), target.split("#")[0]))

const isPacked = (target: string): boolean =>
  packed.has(target) || [...packed].some((file) => file.startsWith(`${target}/`))

/** They say which test shows what, and how it was measured: that is in the repository alone. */
const aboutTheRepository: ReadonlyMap<string, RegExp> = new Map([
  ["docs/conformance.md", /^test\//],
  ["docs/security.md", /^test\//],
  ["docs/evidence.md", /^test\//],
  ["docs/performance.md", /^bench\//]
])

describe("the package", () => {
  const pages = [...packed].filter((file) => file.endsWith(".md"))

  it("has the documents and the examples, and no reference that happens to lie there", () => {
    assert.includeMembers(pages, [
      "README.md",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "SECURITY.md",
      "docs/README.md",
      "docs/cli.md"
    ])
    assert.include([...packed], "examples/quickstart.ts")
    assert.isFalse(isPacked("docs/api"))
  })

  it("has nothing of the package for Effect 3, and nothing of its engine", () => {
    assert.deepStrictEqual([...packed].filter((file) => /(^|\/)(v3|engine)\//.test(file)), [])
  })

  it("for Effect 3 has a page without links to files, as it is without the documents", () => {
    assert.deepStrictEqual(targets("v3/README.md"), [])
  })

  it.each(pages)("the links of %s lead to files of it", (page) => {
    const broken = targets(page).filter((target) => !isPacked(target) && !aboutTheRepository.get(page)?.test(target))
    assert.deepStrictEqual(broken, [])
  })
})
