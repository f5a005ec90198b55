import { assert, describe, it } from "@effect/vitest"
import { verdictOf } from "../../scripts/audit.ts"

describe("the audit of dependencies", () => {
  it("security 15: names each package with a known vulnerability", () => {
    const vulnerabilities = { bad: { name: "bad", severity: "high", range: "<1.2.3", via: [], isDirect: true } }
    const report = { auditReportVersion: 2, vulnerabilities, metadata: {} }
    assert.deepStrictEqual(verdictOf(JSON.stringify(report)).vulnerable, ["bad <1.2.3: high"])
  })

  it("security 15: finds nothing where the registry knows nothing bad", () => {
    assert.deepStrictEqual(verdictOf(JSON.stringify({ auditReportVersion: 2, vulnerabilities: {} })).vulnerable, [])
  })

  it("security 15: does not take a registry without advisories for a good one", () => {
    const refused = JSON.stringify({ message: "405 Method Not Allowed", statusCode: 405 })
    assert.isUndefined(verdictOf(refused).vulnerable)
    assert.include(verdictOf(refused).message, "405 Method Not Allowed")
    for (const printed of ["", "npm error", "null", "{}"]) assert.isUndefined(verdictOf(printed).vulnerable)
  })
})
