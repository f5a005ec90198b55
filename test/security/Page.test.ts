/**
 * docs/security.md tells the truth: the tests it names are there.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"

const docs = Path.join(repository, "docs")
const page = Fs.readFileSync(Path.join(docs, "security.md"), "utf8")

const rows = [...page.matchAll(/^\| (\d+) \|(.*)\|$/gm)].map(([, number, cells]) => ({
  number,
  tests: [...cells.matchAll(/\]\((\.\.\/test\/[^)]*)\)/g)].map(([, file]) => file)
}))

describe("docs/security.md", () => {
  it.each(rows)("row $number is shown by tests that carry its number", ({ number, tests }) => {
    assert.isNotEmpty(tests)
    for (const file of tests) {
      assert.match(Fs.readFileSync(Path.join(docs, file), "utf8"), new RegExp(`security ${number}: `), file)
    }
  })
})
