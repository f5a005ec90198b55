/**
 * `npm run interop`: starts every installed broker, one after the other, runs the suite over it, and compares the
 * results with the expected ones and with docs/brokers.md.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import type * as Packet from "../../src/protocol/Packet.ts"
import type { Subject } from "../brokers/Subject.ts"
import { type Check, yes } from "./Check.ts"
import * as document from "./document.ts"
import { expectedOf } from "./expectations.ts"
import { subjects } from "./subjects.ts"
import * as Suite from "./Suite.ts"

const help = `npm run interop -- [options]

  --brokers a,b   only these (default: all that are installed)
  --require a,b   these have to be installed; "all" for all that are asked for
  --checks a,b    only these, by name; docs/brokers.md is left alone then
  --write         writes what was seen into docs/brokers.md, unless something failed
  --help          this text

Brokers: ${subjects.map(({ name }) => name).join(", ")}
`

const { values } = parseArgs({
  options: {
    brokers: { type: "string" },
    require: { type: "string", default: "" },
    checks: { type: "string" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})

const listed = (option: "brokers" | "require" | "checks", known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names = (values[option] ?? "").split(",").filter((name) => name !== "")
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length === 0) return names
  console.error(`--${option}: there is no ${unknown.join(", ")}; there are ${known.join(", ")}`)
  process.exit(2)
}

const names = subjects.map(({ name }) => name)
const brokers = listed("brokers", names)
const asked = subjects.filter(({ name }) => brokers.length === 0 || brokers.includes(name))
const required = listed("require", [...names, "all"])
const checks = listed("checks", Suite.checks.map(({ name }) => name))
const isWanted = ({ name }: Check): boolean => checks.length === 0 || checks.includes(name)
const isRequired = ({ name }: Subject): boolean => required.includes(name) || required.includes("all")

let failures = 0
const counts = { yes: 0, known: 0 }

const judge = (subject: Subject) => (check: Check, version: Packet.ProtocolVersion, seen: string): void => {
  const expected = expectedOf(subject.name, check.name, version)
  const what = `${check.name}, ${version}`.padEnd(28)
  if (seen === (expected?.seen ?? yes)) {
    counts[seen === yes ? "yes" : "known"]++
    console.log(`  ${seen === yes ? "yes  " : "known"} ${what}${seen === yes ? "" : seen}`)
  } else {
    failures++
    console.log(`  FAIL  ${what}${seen}\n${" ".repeat(36)}expected: ${expected?.seen ?? yes}`)
  }
}

const runOne = Effect.fnUntraced(function*(subject: Subject) {
  const version = yield* subject.version
  if (version === undefined) {
    if (isRequired(subject)) failures++
    console.log(`${subject.title}: ${isRequired(subject) ? "FAIL " : ""}not installed (${subject.install})`)
    return []
  }
  console.log(`${subject.title} ${version}`)
  const outcomes = yield* Effect.scoped(Suite.run(subject, isWanted, judge(subject)))
  return [{ subject, version, outcomes }]
})

const file = Path.join(import.meta.dirname, "../../docs/brokers.md")

const compare = (rows: ReadonlyArray<document.Row>): void => {
  if (checks.length > 0) return
  const before = Fs.readFileSync(file, "utf8")
  const after = document.update(before, subjects, rows, Suite.checks)
  if (values.write && failures === 0) Fs.writeFileSync(file, after)
  else if (!document.isSame(before, after)) {
    failures++
    console.log("FAIL docs/brokers.md says something else; when nothing else fails: npm run interop -- --write")
  }
}

const program = Effect.gen(function*() {
  const rows = (yield* Effect.forEach(asked, runOne)).flat()
  compare(rows)
  console.log(
    `interop: ${rows.length} of ${asked.length} brokers, ${counts.yes} as they should be, ${counts.known} known ` +
      `differences, ${failures} failures`
  )
  process.exitCode = failures === 0 ? 0 : 1
})

if (values.help) console.log(help)
else NodeRuntime.runMain(program)
