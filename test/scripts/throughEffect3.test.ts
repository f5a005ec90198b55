/**
 * The scenarios that run through the package for Effect 3: which files they are, and the exceptions among them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { repository } from "../../scripts/files.ts"
import { exceptionOf, exceptions, most } from "../through-effect3/exceptions.ts"
import { files, long } from "../through-effect3/files.ts"

const textOf = (file: string): string => fs.readFileSync(path.join(repository, file), "utf8")

describe("scenarios through Effect 3", () => {
  it("are all files of `test/client`", () => {
    const all = fs.readdirSync(path.join(repository, "test", "client")).filter((file) => file.endsWith(".test.ts"))
    assert.deepStrictEqual(all.filter((file) => !files.includes(`test/client/${file}`)), [])
  })

  it("leave out in part only files that there are", () => {
    assert.deepStrictEqual(long.filter((file) => !files.includes(file)), [])
  })

  it(`have at most ${most} exceptions, each with a reason`, () => {
    assert.isAtMost(exceptions.length, most)
    for (const { name, reason } of exceptions) assert.isAbove(reason.length, 20, name)
  })

  for (const { file, name } of exceptions) {
    it(`except "${name}", which is a test of ${file}`, () => {
      assert.include(files, `test/${file}`)
      assert.include(textOf(`test/${file}`), name)
      assert.isDefined(exceptionOf(path.join(repository, "test", file), `${name} (5.0)`))
    })
  }
})
