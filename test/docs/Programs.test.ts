/**
 * The programs in the documentation: all of them type-check, and those marked `run` work against the broker in memory.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import { type Block, blocks, excerpts, fileBlocks, pages, read } from "./pages.ts"
import { makeProject, moduleOf, run } from "./project.ts"

interface Program extends Block {
  /** The page, and which of its programs it is. */
  readonly name: string
  readonly file: string
}

const programs: ReadonlyArray<Program> = pages.flatMap((page) => {
  const name = Path.basename(page, ".md")
  return [
    ...blocks("ts", read(page)).map((block, index) => ({
      ...block,
      name: `${page}, program ${index + 1}`,
      file: `${name}-${index + 1}.ts`
    })),
    // Files of a page import each other, so they keep their names and have a folder.
    ...fileBlocks("ts", read(page)).map((block) => ({
      ...block,
      name: `${page}, ${block.file}`,
      file: `${name}/${block.file}`
    }))
  ]
})

/** In the documentation the broker is where brokers are; here it has a free port. */
const usualUrl = "mqtt://localhost:1883"

const runs = programs.filter(({ isRun }) => isRun)
const isTest = ({ text }: Program): boolean => text.includes("from \"@effect/vitest\"")

describe("programs of the documentation", () => {
  let folder = ""
  beforeAll(() => {
    folder = makeProject(programs)
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

  it("that are excerpts stand in the files that they name", () => {
    const all = pages.flatMap((page) => excerpts(read(page)).map((excerpt) => ({ page, ...excerpt })))
    assert.isNotEmpty(all)
    for (const { file, page, text } of all) assert.include(read(file), text, `${page}, ${file}`)
  })

  const tests = runs.filter(isTest)
  it("that are tests pass", { timeout: 120_000 }, async () => {
    const files = tests.map(({ file }) => file.replace(/(\.test)?\.ts$/, ".test.ts"))
    for (const [index, { text }] of tests.entries()) Fs.writeFileSync(Path.join(folder, files[index]), text)
    const printed = await run(folder, moduleOf("vitest/vitest.mjs"), "run", "--root", folder, "--reporter", "verbose")
    for (const file of files) assert.include(printed, file)
  })
})
