import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { repository } from "../../scripts/files.ts"
import { type Reason, summary } from "../../scripts/SkippedReporter.ts"

const reason = (name: string): Reason => ({ reason: `need ${name}`, remedy: `apt-get install ${name}` })
const times = (count: number, ...names: ReadonlyArray<string>) => Array.from({ length: count }, () => names.map(reason))

describe("summary of the skipped tests", () => {
  it("has one line for each reason, with the number of tests and the remedy, the most frequent first", () => {
    const lines = summary([...times(1, "one"), ...times(210, "two"), ...times(12, "two", "three")])
    assert.deepStrictEqual(lines.slice(0, -1), [
      "Skipped  223",
      "    222  need two: apt-get install two",
      "     12  need three: apt-get install three",
      "      1  need one: apt-get install one"
    ])
    assert.include(lines.at(-1), "MQTT_REQUIRE_BROKERS=1")
  })

  it("has ten lines at most, whatever was skipped, and says that reasons are left out", () => {
    const names = Array.from({ length: 30 }, (_, index) => `program${index}`)
    const lines = summary(names.flatMap((name, index) => times(1 + index, name)))
    assert.isAtMost(lines.length, 10)
    assert.include(lines[0], "465")
    assert.include(lines[1], "30  need program29: apt-get install program29")
    assert.include(lines.join("\n"), "and 24 more reasons")
  })

  it("is one line when nothing was skipped", () => {
    assert.deepStrictEqual(summary([]), ["Skipped  0"])
  })
})

describe("a run with suites whose programs are missing", () => {
  const run = (required: string, ...options: ReadonlyArray<string>) => {
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [
        path.join(repository, "node_modules", "vitest", "vitest.mjs"),
        "run",
        "--config",
        path.join(repository, "test", "scripts", "skipping", "vitest.config.ts"),
        ...options
      ],
      { cwd: repository, encoding: "utf8", env: { ...process.env, MQTT_REQUIRE_BROKERS: required } }
    )
    return { status, stderr, lines: stdout.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "") }
  }

  it("passes, and ends in a summary that says which programs", () => {
    const { lines, status } = run("0")
    assert.strictEqual(status, 0)
    assert.deepStrictEqual(lines.slice(0, -1), [
      "     Skipped  42",
      "          41  need one: apt-get install one one-dev",
      "           1  need two: apt-get install two",
      "           1  have no colour terminal: the test itself decided so"
    ])
  })

  it("runs those suites with MQTT_REQUIRE_BROKERS=1, and fails for a test that is skipped all the same, by name", () => {
    const { lines, status, stderr } = run("1")
    assert.strictEqual(status, 1)
    assert.include(lines, "     Skipped  1")
    assert.include(lines, "     suites.ts: decides by itself")
    assert.include(stderr, "no test may be skipped")
  })

  it("only counts when it is narrowed by -t", () => {
    const { lines, status } = run("1", "-t", "needs both")
    assert.strictEqual(status, 0)
    assert.deepStrictEqual(lines, ["     Skipped  42 (narrowed by -t)"])
  })
})
