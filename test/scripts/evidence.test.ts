import { assert, describe, it } from "@effect/vitest"
import { problemsIn } from "../../scripts/evidence.ts"

const tests = new Map([
  ["test/a/One.test.ts", ["group > R1 it works (5.0)", "group > CVE-2001-1234 mqtt-packet #107 it does not crash"]],
  ["test/a/Two.test.ts", ["group > it lasts"]]
])

const page = (...rows: ReadonlyArray<string>): string =>
  ["# Evidence", "", "| a | b |", "|---|---|", "| no | test |", "", "| demand | test |", "|---|---|", ...rows, ""].join(
    "\n"
  )

const known = "| CVE-2001-1234, mqtt-packet #107 | [a/One](../test/a/One.test.ts): \"it does not crash\" |"

describe("the tests that docs/evidence.md names", () => {
  it("are there, one or several for a row, in one file or in several", () => {
    const row =
      "| it works | [a/One](../test/a/One.test.ts): \"it works\", \"R1\"<br>[a/Two](../test/a/Two.test.ts): \"lasts\" |"
    assert.deepStrictEqual(problemsIn(page(known, row), tests), [])
  })

  it("are missed when they have another name or are in another file", () => {
    const rows = [
      "| it works | [a/One](../test/a/One.test.ts): \"it works\", \"it sleeps\" |",
      "| it lasts | [a/One](../test/a/One.test.ts): \"it lasts\"<br>[a/Three](../test/a/Three.test.ts): \"it lasts\" |"
    ]
    assert.deepStrictEqual(problemsIn(page(known, ...rows), tests), [
      "no test of test/a/One.test.ts is named \"it sleeps\"",
      "no test of test/a/One.test.ts is named \"it lasts\"",
      "no test of test/a/Three.test.ts is named \"it lasts\""
    ])
  })

  it("are missed when a row has none, or a file alone", () => {
    assert.lengthOf(problemsIn(page(known, "| it works | |"), tests), 1)
    assert.lengthOf(problemsIn(page(known, "| it works | [a/One](../test/a/One.test.ts) |"), tests), 1)
  })

  it("have no identifier that the page lacks", () => {
    assert.deepStrictEqual(problemsIn(page(), tests), [
      "tests carry CVE-2001-1234, which is in no row",
      "tests carry mqtt-packet #107, which is in no row"
    ])
  })
})
