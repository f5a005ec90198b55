/**
 * The README's first program as a new user has it: typed into a project of their own, on the tarball, against mosquitto.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import { blocks, read, spans } from "../docs/pages.ts"
import { suiteWith } from "../support/requirements.ts"
import { makeProject, run, tsc } from "./packed.ts"

/** What `tsc --init` writes. */
const compilerOptions = {
  module: "nodenext",
  target: "esnext",
  types: [],
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  strict: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  noUncheckedSideEffectImports: true,
  moduleDetection: "force",
  skipLibCheck: true,
  noEmit: true
}

const readme = read("README.md")
const [program] = blocks("ts", readme)

suiteWith([Mosquitto.requirement], "the README's program, on the packed tarball", () => {
  let project = ""

  beforeAll(() => {
    project = makeProject()
    Fs.writeFileSync(Path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }))
  }, 120_000)

  afterAll(() => {
    if (project !== "") Fs.rmSync(project, { recursive: true })
  })

  it("imports what the README has them install", () => {
    const [command] = blocks("sh", readme).filter(({ text }) => text.startsWith("npm install effect-mqtt"))
    const installed = command.text.split("\n")[0].split(" ").slice(2)
    for (const [, specifier] of program.text.matchAll(/ from "([^"]*)"/g)) {
      assert.isTrue(installed.some((name) => specifier === name || specifier.startsWith(`${name}/`)), specifier)
    }
    assert.include(spans(readme), "node main.ts")
  })

  it("type-checks with what tsc --init writes", { timeout: 120_000 }, () => {
    Fs.writeFileSync(Path.join(project, "main.ts"), program.text)
    tsc(project, "--project", project)
  })

  it.live("prints what it received, and ends", () =>
    Effect.gen(function*() {
      const { host, port } = yield* Mosquitto.start()
      Fs.writeFileSync(
        Path.join(project, "main.ts"),
        program.text.replace("mqtt://localhost:1883", `mqtt://${host}:${port}`)
      )
      const printed = run(project, process.execPath, "main.ts")
      assert.strictEqual(printed.match(/site\/1\/temperature 21\.5/g)?.length, 3)
    }), { timeout: 60_000 })
})
