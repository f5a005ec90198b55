import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { askedFor, draw, filesOf } from "../../scripts/conformance/breaking.ts"
import { breaks } from "../../scripts/conformance/breaks.ts"
import { repository } from "../../scripts/files.ts"

const document = fs.readFileSync(path.join(repository, "docs", "conformance.md"), "utf8")

describe("the breaks of the client", () => {
  it("stand in the sources once", () => {
    const sources = new Map<string, string>()
    for (const { broken, file, original, row } of breaks) {
      const source = sources.get(file) ?? fs.readFileSync(path.join(repository, file), "utf8")
      sources.set(file, source)
      assert.lengthOf(source.split(original), 2, `${row}: ${original}`)
      assert.notStrictEqual(broken, original, row)
    }
  })

  it("are of rows that name tests, from every section", () => {
    for (const { row } of breaks) assert.isNotEmpty(filesOf(document, row), row)
    const sections = document.split("\n## ").filter((section) =>
      section.includes("| requirement |") || section.includes("| property |")
    )
    for (const section of sections) {
      const ids = [...section.matchAll(/^\| ([0-9A-F]+)[ |]/gm)].map(([, id]) => id)
      const kind = section.includes("| property |") ? "P" : "R"
      assert.isTrue(ids.some((id) => breaks.some(({ row }) => row === `${kind}${id}`)), section.split("\n")[0])
    }
  })

  it("are drawn by a seed, one of a row", () => {
    const rows = (seed: number) => draw(breaks, 30, seed).map(({ row }) => row)
    assert.lengthOf(new Set(rows(1)), 30)
    assert.deepStrictEqual(rows(1), rows(1))
    assert.notDeepEqual(rows(1), rows(2))
    assert.deepStrictEqual(new Set(askedFor("R33,R80", 0).map(({ row }) => row)), new Set(["R33", "R80"]))
  })
})

describe("the tests of a row", () => {
  it("are the files that it links to", () => {
    const table = [
      "| # | requirement | test | state |",
      "|---|---|---|---|",
      "| 8 | a row | [a/One](../test/a/One.test.ts)<br>[Two](../test/Two.test.ts) | pass |",
      "",
      "| id | property | test | state |",
      "|---|---|---|---|",
      "| 08 / 8 | a property | [Three](../test/Three.test.ts) | pass |"
    ].join("\n")
    assert.deepStrictEqual(filesOf(table, "R8"), ["a/One.test.ts", "Two.test.ts"])
    assert.deepStrictEqual(filesOf(table, "P08"), ["Three.test.ts"])
    assert.deepStrictEqual(filesOf(table, "R9"), [])
  })
})
