/**
 * Checks the package for Effect 3: writes what is generated, and type-checks `engine`, the sources and the tests of `v3`,
 * the type test, and the types that users see, these with all that they import.
 *
 * usage: node scripts/effect3/check.ts
 *
 * @since 0.2.0
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { filesUnder, repository } from "../files.ts"
import * as Declarations from "./declarations.ts"
import * as LeftOut from "./leftOut.ts"
import { port } from "./port.ts"

/** All but the types that users see. */
const sources = "v3/test/types"

/** The types that users see, alone. */
const types = "v3/tsconfig.types.json"

/** Runs the compiler on a project; what it prints, unless it is sound. */
const compile = (
  project: string,
  ...more: ReadonlyArray<string>
): Promise<{ readonly isSound: boolean; readonly text: string }> =>
  new Promise((resolve) => {
    const compiler = path.join(repository, "node_modules", "typescript", "bin", "tsc")
    const options = [compiler, "--noEmit", "--project", path.join(repository, project), ...more]
    const child = spawn(process.execPath, options, { stdio: ["ignore", "pipe", "inherit"], cwd: repository })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
    })
    child.on("close", (code) => resolve({ isSound: code === 0, text }))
  })

/** Without a module of that name in Effect 3, the one of Effect 4 is found, which no user has. */
const foreign = (files: string): ReadonlyArray<string> => {
  const effect4 = `${path.join(repository, "node_modules").split(path.sep).join("/")}/`
  return files.split("\n").filter((file) =>
    file.startsWith(`${effect4}effect/`) || file.startsWith(`${effect4}@effect/`)
  )
}

const checkSources = async (): Promise<ReadonlyArray<string>> => {
  const { isSound, text } = await compile(sources)
  return isSound ? [] : [text]
}

const checkTypes = async (): Promise<ReadonlyArray<string>> => {
  const { isSound, text } = await compile(types, "--listFiles")
  const errors = text.split("\n").filter((line) => !path.isAbsolute(line))
  return [...(isSound ? [] : errors), ...foreign(text).map((file) => `v3/types imports ${file}`)]
}

/** Docstrings that name a module which is left out, or one for browsers. */
const checkNames = (): ReadonlyArray<string> => {
  const folder = path.join(repository, "v3", "types")
  const names = ["Browser", ...Object.keys(LeftOut.modules).map((module) => path.posix.basename(module))]
  return filesUnder(folder, ".d.ts").flatMap((file) => {
    const text = fs.readFileSync(path.join(folder, file), "utf8")
    return names.filter((name) => text.includes(`\`${name}`)).map((name) => `v3/types/${file} names ${name}`)
  })
}

const started = performance.now()
port()
Declarations.write()
const problems = (await Promise.all([checkSources(), checkTypes(), checkNames()])).flat()
for (const problem of problems) console.error(problem.trimEnd())
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(`effect3: ${problems.length === 0 ? "sound" : "not sound"}, ${seconds} s`)
process.exitCode = problems.length === 0 ? 0 : 1
