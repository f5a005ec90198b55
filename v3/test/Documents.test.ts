/**
 * The programs for Effect 3 in the documentation type-check as a user's would.
 *
 * `npm run runtimes:effect3` runs them with the packed package, and has the packages that those marked `packed` need.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll } from "vitest"

const root = path.dirname(path.dirname(import.meta.dirname))

const pages = ["docs/effect-3.md", "v3/README.md"]

const programs = pages.flatMap((page) =>
  [...fs.readFileSync(path.join(root, page), "utf8").matchAll(/^```ts effect3\n(.*?)^```$/gms)].map((
    [, text],
    index
  ) => ({
    text,
    file: `${path.basename(page, ".md")}-${index + 1}${text.includes("@effect/vitest") ? ".test" : ""}.ts`
  }))
)

const run = (folder: string, program: string, ...options: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [program, ...options], {
    cwd: folder,
    encoding: "utf8"
  })
  return { status, printed: stdout + stderr }
}

describe("programs of the documentation", () => {
  let folder = ""
  beforeAll(() => {
    const parent = path.join(root, "v3", ".vitest")
    fs.mkdirSync(parent, { recursive: true })
    folder = fs.mkdtempSync(path.join(parent, "docs-"))
    const files = programs.map(({ file }) => file)
    fs.writeFileSync(
      path.join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../tsconfig.json", compilerOptions: { noUnusedLocals: false }, include: [], files })
    )
    for (const { file, text } of programs) fs.writeFileSync(path.join(folder, file), text)
  })
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  it("type-check", () => {
    assert.isAtLeast(programs.length, 3)
    const { printed, status } = run(
      folder,
      path.join(root, "node_modules/typescript/bin/tsc"),
      "--noEmit",
      "-p",
      folder
    )
    assert.strictEqual(status, 0, printed)
  })
})
