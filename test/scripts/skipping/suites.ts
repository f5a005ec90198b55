/**
 * Suites that lack programs, run by `SkippedReporter.test.ts` with a configuration of their own.
 */
import { it } from "vitest"
import { type Requirement, suiteWith } from "../../support/requirements.ts"

const present: Requirement = { name: "present", packages: "present", isInstalled: () => true }
const one: Requirement = { name: "one", packages: "one one-dev", isInstalled: () => false }
const two: Requirement = { name: "two", packages: "two", isInstalled: () => false }

suiteWith([present], "needs a program that is installed", () => {
  it("runs", () => {})
})

suiteWith([one, present], "needs one", () => {
  for (let count = 0; count < 40; count++) it(`is skipped, ${count}`, () => {})
})

suiteWith([one, two], "needs both", () => {
  it("is skipped", () => {})
})

it("decides by itself", ({ skip }) => {
  skip("have no colour terminal")
})
