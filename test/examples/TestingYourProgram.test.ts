/**
 * The example for users, `examples/testing-your-program`, as a user has it: in a project of its own, on the tarball.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { repository } from "../../scripts/files.ts"
import { makeProject, strictly, tsc, vitest } from "./packed.ts"

const example = Path.join(repository, "examples", "testing-your-program")
const tests = Fs.readFileSync(Path.join(example, "gateway.test.ts"), "utf8")

/** What the example shows of outages, each a test of its own. */
const outages = [
  "does after an outage what it was told meanwhile",
  "does what it is told, and subscribes to nothing else",
  "is reported offline when its network dies without a word",
  "reports again when the connection ends in the middle of a report",
  "goes on when the broker restarts with its sessions",
  "goes on when the broker restarts without its sessions",
  "works over a network that is slow and delivers byte by byte, and waits while it stalls",
  "ends with the reason when it may not subscribe",
  "does what another program tells it",
  "works over TCP as it does in memory"
]

interface Report {
  readonly success: boolean
  readonly testResults: ReadonlyArray<{
    readonly assertionResults: ReadonlyArray<{ readonly title: string; readonly status: string }>
  }>
}

const compilerOptions = { ...strictly, allowImportingTsExtensions: true }

/** The lines of the first test of a text, from `it.effect(` to its last bracket. */
const firstTest = (text: string): ReadonlyArray<string> => {
  const [test] = /^( *)it\.effect\(.*?^\1 {2}\}\)\.pipe\(.*?$/ms.exec(text) ?? []
  return test?.split("\n") ?? []
}

describe("the example of testing a program, on the packed tarball", () => {
  let project = ""

  beforeAll(() => {
    project = makeProject()
    Fs.cpSync(example, project, { recursive: true })
    Fs.writeFileSync(Path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
  }, 120_000)

  afterAll(() => {
    if (project !== "") Fs.rmSync(project, { recursive: true })
  })

  it("imports nothing but what users have", () => {
    for (const file of Fs.readdirSync(example)) {
      const specifiers = [...Fs.readFileSync(Path.join(example, file), "utf8").matchAll(/ from "([^"]*)"/g)]
      for (const [, specifier] of specifiers) {
        assert.match(
          specifier,
          /^(\.\/gateway\.ts|effect(\/testing)?|@effect\/(vitest|platform-node)|effect-mqtt(\/.*)?)$/
        )
      }
    }
  })

  it("type-checks", { timeout: 120_000 }, () => {
    assert.strictEqual(tsc(project, "--project", "."), "")
  })

  it("passes, each outage of it", { timeout: 120_000 }, () => {
    const file = Path.join(project, "report.json")
    vitest(project, "--reporter=json", `--outputFile=${file}`)
    const report: Report = JSON.parse(Fs.readFileSync(file, "utf8"))
    const passed = report.testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === "passed").map(({ title }) => title)
    )
    assert.sameMembers(passed, outages)
    assert.isTrue(report.success)
  })

  it("says its first outage in fifteen lines, and so does the documentation", () => {
    const page = Fs.readFileSync(Path.join(repository, "docs", "testing.md"), "utf8")
    for (const text of [tests, page]) {
      const lines = firstTest(text)
      assert.isAbove(lines.length, 5)
      assert.isAtMost(lines.length, 15)
    }
  })
})
