import { assert, describe, it } from "@effect/vitest"
import { type Tags, tagsIn, update } from "../../scripts/conformance.ts"

const document = (rows: ReadonlyArray<string>, summary = "Of 0 rows nothing."): string =>
  [summary, "", "| # | requirement | test | state |", "|---|---|---|---|", ...rows, ""].join("\n")
const properties = (rows: ReadonlyArray<string>): string =>
  ["Of 0 rows nothing.", "", "| id | property | test | state |", "|---|---|---|---|", ...rows].join("\n")
const tagged = (...tags: ReadonlyArray<string>): Tags => new Map(tags.map((tag) => [tag, new Set(["a/One.test.ts"])]))

describe("tags of test names", () => {
  it("are rows, properties, ranges of properties and scenarios, as words of their own", () => {
    assert.deepStrictEqual(tagsIn("a describe R1 R22 > S3: P0B and (P01-P2A), R155"), [
      "R1",
      "R22",
      "S3",
      "P0B",
      "P01-P2A",
      "R155"
    ])
    assert.deepStrictEqual(tagsIn("QR1 R1a R1234 MQTT-P01 CR2-3 S-4 R"), [])
  })
})

describe("conformance document", () => {
  it("gets its tests, its states and its summary", () => {
    const result = update(
      document(["| 1 | one |  | later |", "| 2 | two |  | later |", "| 3 | three |  | decided otherwise: why |"]),
      tagged("R1")
    )
    assert.deepStrictEqual(result.problems, [])
    assert.include(result.document, "| 1 | one | [a/One](../test/a/One.test.ts) | pass |")
    assert.include(result.document, "| 2 | two | | later |")
    assert.include(result.document, "| 3 | three | | decided otherwise: why |")
    assert.include(result.document, "Of 3 rows 1 pass, 1 come later and 1 carry a decision;")
    assert.strictEqual(update(result.document, tagged("R1")).document, result.document)
  })

  it("states its figures, whatever stood there before", () => {
    const rows = ["| 1 | one |  | later |", "| 2 | two |  | later |"]
    const summary = "Of 2 rows 1 pass, 1 come later and 0 carry a decision; of 0 rows of the property table 0 pass."
    for (const before of ["Of 155 rows: none looked at yet.", "Of 2 rows 2 pass.", summary]) {
      const result = update(document(rows, before), tagged("R1"))
      assert.strictEqual(result.summary, summary)
      assert.strictEqual(result.document.split("\n")[0], summary)
      assert.deepStrictEqual(result.problems, [])
    }
  })

  it("complains of a document that does not state its figures once", () => {
    const rows = ["| 1 | one |  | later |"]
    const problemsOf = (summary: string) => update(document(rows, summary), new Map()).problems
    assert.deepStrictEqual(problemsOf("No figures."), ["0 lines begin with \"Of N rows\", and one has to"])
    assert.lengthOf(problemsOf("Of 1 rows.\nOf 1 rows."), 1)
  })

  it("shows a row of several properties when each has a test", () => {
    const rows = properties(["| 0B | one | | later |", "| 28 / 29 | two | | later |"])
    assert.include(update(rows, tagged("P28")).document, "| 28 / 29 | two | | later |")
    assert.include(update(rows, tagged("P28", "P29")).document, "| two | [a/One](../test/a/One.test.ts) | pass |")
    assert.notInclude(update(rows, tagged("P01-P2A")).document, "| later |")
  })

  it("complains of a row that claims a test and has none", () => {
    const rows = ["| 1 | one | [x](../test/x.test.ts) | pass |", "| 2 | two | [x](../test/x.test.ts) | n.a. |"]
    const { problems } = update(document(rows), new Map())
    assert.deepStrictEqual(problems, ["R1 claims a test and has none", "R2 claims a test and has none"])
  })

  it("complains of a tag that names no row", () => {
    const { problems } = update(document(["| 1 | one | | later |"]), tagged("R2", "P0B", "S99"))
    assert.deepStrictEqual(problems, [
      "R2 in a/One.test.ts is no row of the document",
      "P0B in a/One.test.ts is no row of the document"
    ])
  })

  it("complains of a row that is gone", () => {
    const { problems } = update(document(["| 1 | one | | later |", "| 3 | three | | later |"]), new Map())
    assert.deepStrictEqual(problems, ["row 2 is missing or out of order: R3 stands there"])
  })
})
