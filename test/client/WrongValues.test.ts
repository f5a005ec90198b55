/**
 * Values that the types forbid, in every field of every public call: it fails with a typed error that names the field,
 * and nothing has changed.
 */
import { assert, describe, it } from "vitest"
import { runAll } from "./support/wrongValues/batch.ts"
import { cases, describeCase } from "./support/wrongValues/cases.ts"

/** There are many, and each may hang. */
const patience = 600_000

describe("a value that the types forbid", () => {
  it("fails with an error that names its field, and changes nothing", async () => {
    const findings = await runAll()
    const texts = findings.map(({ index, problems }) => `${describeCase(cases[index])}: ${problems.join("; ")}`)
    assert.deepStrictEqual(texts, [])
    assert.isAbove(cases.length, 20_000)
  }, patience)
})
