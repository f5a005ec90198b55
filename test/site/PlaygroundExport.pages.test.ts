/**
 * The tests that the playground saves, in an empty project on the packed tarball: they type-check, they pass, and they
 * fail when something else becomes of the messages.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as Address from "../../site/playground/Address.ts"
import { fileOf } from "../../site/playground/exported.ts"
import * as Outcome from "../../site/playground/Outcome.ts"
import { run } from "../../site/playground/run.ts"
import { fields } from "../../site/playground/Setting.ts"
import { makeProject, strictly, tsc, vitest } from "../examples/packed.ts"
import { versions } from "../support/versions.ts"

/** Each scenario as it begins, and settings that make other code. */
const queries = [
  ...fields.scenario.schema.literals.flatMap((scenario) =>
    versions.map((version) => `scenario=${scenario}&version=${version}`)
  ),
  "scenario=outage&qos=0&ending=reset",
  "scenario=outage&session=clean&handling=300",
  "scenario=outage&ending=reset&reconnect=three-times",
  "scenario=restart&qos=2&reconnect=doubling&messages=3",
  "scenario=slow&bufferPolicy=dropOldest",
  "scenario=slow&bufferPolicy=fail&qos=0",
  "scenario=slow&handling=10000&receiveMaximum=2",
  "scenario=poison&poison=deadLetter&handling=700",
  "scenario=poison&poison=reject",
  "scenario=twins&version=3.1.1&session=persistent&handling=2000",
  "scenario=stall&outbox=3&outboxPolicy=dropOldest&window=1",
  "scenario=tab&store=none",
  "scenario=tab&qos=0&session=cleanStartThenPersistent&interval=200"
]

const fileName = (index: number): string => `playground-${index}.test.ts`

const compilerOptions = { ...strictly, noUnusedLocals: true }

interface Report {
  readonly testResults: ReadonlyArray<{ readonly name: string; readonly status: string; readonly message: string }>
}

describe("the tests that the playground saves, on the packed tarball", () => {
  let project = ""
  let texts: ReadonlyArray<string> = []

  beforeAll(async () => {
    texts = await Effect.runPromise(Effect.forEach(queries, (query) => {
      const { problems, setting } = Address.parse(query)
      assert.deepStrictEqual(problems, [])
      return Effect.map(run(setting), (record) => fileOf(record, Outcome.of(record)))
    }))
    project = makeProject()
    texts.forEach((text, index) => Fs.writeFileSync(Path.join(project, fileName(index)), text))
    Fs.writeFileSync(Path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
  }, 180_000)

  afterAll(() => {
    if (project !== "") Fs.rmSync(project, { recursive: true })
  })

  it("import nothing but what users have", () => {
    for (const text of texts) {
      for (const [, specifier] of text.matchAll(/ from "([^"]*)"/g)) {
        assert.match(specifier, /^(effect(\/testing)?|@effect\/vitest|effect-mqtt(\/testing)?)$/)
      }
    }
  })

  it("type-check", { timeout: 120_000 }, () => {
    assert.strictEqual(tsc(project, "--project", "."), "")
  })

  it("pass, each of them", { timeout: 180_000 }, () => {
    const file = Path.join(project, "report.json")
    vitest(project, "--reporter=json", `--outputFile=${file}`, "--pool=threads", "--no-isolate", "--maxWorkers=2")
    const { testResults }: Report = JSON.parse(Fs.readFileSync(file, "utf8"))
    assert.deepStrictEqual(testResults.filter(({ status }) => status !== "passed"), [])
    assert.sameMembers(testResults.map(({ name }) => Path.basename(name)), texts.map((_, index) => fileName(index)))
  })

  it("fail when other messages are lost", { timeout: 120_000 }, () => {
    const [outage] = texts
    const broken = Path.join(project, "broken.test.ts")
    Fs.writeFileSync(broken, outage.replace("session: \"persistent\"", "session: \"clean\""))
    assert.throws(() => vitest(project, "broken.test.ts"), /expected 6 to (deeply )?equal 20/)
    Fs.rmSync(broken)
  })
})
