/**
 * The programs in the documentation: all of them type-check, and those marked `run` do what they are for, against the
 * broker in memory.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { repository } from "../../scripts/files.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import { type Block, blocks, pages, read } from "./pages.ts"

interface Program extends Block {
  /** The page, and which of its programs it is. */
  readonly name: string
  readonly file: string
}

const programs: ReadonlyArray<Program> = pages.flatMap((page) =>
  blocks("ts", read(page)).map((block, index) => ({
    ...block,
    name: `${page}, program ${index + 1}`,
    file: `${Path.basename(page, ".md")}-${index + 1}.ts`
  }))
)

const source = Path.join(repository, "src")

/**
 * A project in which `effect-mqtt` is the sources as they are. It lies in the repository for the packages that are
 * installed there, and not in its `node_modules`, where Node runs no TypeScript.
 */
const makeProject = (): string => {
  Fs.mkdirSync(Path.join(repository, ".vitest"), { recursive: true })
  const folder = Fs.mkdtempSync(Path.join(repository, ".vitest", "docs-"))
  const write = (file: string, content: unknown) =>
    Fs.writeFileSync(Path.join(folder, file), typeof content === "string" ? content : JSON.stringify(content))
  const ours = Path.join("node_modules", "effect-mqtt")
  Fs.mkdirSync(Path.join(folder, ours), { recursive: true })
  Fs.symlinkSync(source, Path.join(folder, ours, "src"), "junction")
  write(Path.join(ours, "package.json"), {
    name: "effect-mqtt",
    type: "module",
    exports: { ".": "./src/index.ts", "./testing/node": "./src/testing/node/index.ts", "./*": "./src/*/index.ts" }
  })
  write("package.json", { type: "module" })
  write("tsconfig.json", {
    extends: Path.join(repository, "tsconfig.json"),
    compilerOptions: {
      // A program may name what it does not use.
      noUnusedLocals: false,
      paths: {
        "effect-mqtt": [Path.join(source, "index.ts")],
        "effect-mqtt/*": [Path.join(source, "*", "index.ts")]
      }
    },
    include: [],
    files: programs.map(({ file }) => file)
  })
  for (const { file, text } of programs) write(file, text)
  return folder
}

const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$|TEST$|MODE$|npm_|MQTT_)/.test(name))
)

/** Runs a program of Node to its end, and fails with what it printed unless it ends well. */
const run = (cwd: string, ...options: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, options, { cwd, env: environment })
    let printed = ""
    child.stdout.on("data", (chunk) => printed += chunk)
    child.stderr.on("data", (chunk) => printed += chunk)
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (code === 0) resolve(printed)
      else reject(new Error(`${options.join(" ")}: ${signal ?? `exit ${code}`}\n${printed}`))
    })
  })

const moduleOf = (file: string): string => Path.join(repository, "node_modules", file)

/** In the documentation the broker is where brokers are; here it has a free port. */
const usualUrl = "mqtt://localhost:1883"

const runs = programs.filter(({ isRun }) => isRun)
const isTest = ({ text }: Program): boolean => text.includes("from \"@effect/vitest\"")

describe("programs of the documentation", () => {
  let folder = ""
  beforeAll(() => {
    folder = makeProject()
  })
  afterAll(() => Fs.rmSync(folder, { recursive: true, force: true }))

  it("type-check", { timeout: 120_000 }, () => run(folder, moduleOf("typescript/bin/tsc"), "--project", folder))

  it("are marked to be run in the README and elsewhere", () => {
    assert.isAtLeast(runs.filter(({ name }) => name.startsWith("README.md")).length, 2)
    assert.isAbove(runs.length, 3)
  })

  it.live.each(runs.filter((program) => !isTest(program)))(
    "$name runs to its end",
    ({ file, text }) =>
      Effect.gen(function*() {
        const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
        assert.include(text, usualUrl)
        Fs.writeFileSync(Path.join(folder, file), text.replaceAll(usualUrl, url))
        yield* Effect.promise(() => run(folder, file))
      }).pipe(Effect.provide(Layer.fresh(NodeMemoryBroker.layer()))),
    { timeout: 60_000 }
  )

  const tests = runs.filter(isTest)
  it("that are tests pass", { timeout: 120_000 }, async () => {
    const files = tests.map(({ file }) => Path.basename(file, ".ts"))
    for (const { file, text } of tests) {
      Fs.writeFileSync(Path.join(folder, file.replace(/ts$/, "test.ts")), text)
    }
    const printed = await run(folder, moduleOf("vitest/vitest.mjs"), "run", "--root", folder, "--reporter", "verbose")
    for (const file of files) assert.include(printed, `${file}.test.ts`)
  })
})
