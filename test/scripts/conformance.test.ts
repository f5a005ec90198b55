import { assert, describe, it } from "@effect/vitest"
import { type Tags, tagsIn, update } from "../../scripts/conformance.ts"

const document = (rows: ReadonlyArray<string>): string =>
  ["Of 0 rows nothing.", "", "| # | requirement | test | state |", "|---|---|---|---|", ...rows, ""].join("\n")
const properties = (rows: ReadonlyArray<string>): string =>
  ["| id | property | test | state |", "|---|---|---|---|", ...rows].join("\n")
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

  it("shows a row of several properties when each has a test", () => {
    const rows = properties(["| 0B | one | | later |", "| 28 / 29 | two | | later |"])
    assert.include(update(rows, tagged("P28")).document, "| 28 / 29 | two | | later |")
    assert.include(update(rows, tagged("P28", "P29")).document, "| two | [a/One](../test/a/One.test.ts) | pass |")
    assert.notInclude(update(rows, tagged("P01-P2A")).document, "later")
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
