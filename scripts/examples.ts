/**
 * Runs every program of `examples` and of `v3/examples` to its end, one after the other, and fails when one of them does.
 *
 * usage: npm run examples [-- name, or part of one] [--forever] [--list]
 *
 * With `--forever` they go on until Ctrl-C, so it wants a name. `--list` says which there are.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { filesUnder, repository } from "./files.ts"

const words = process.argv.slice(2)
const flags = words.filter((word) => word.startsWith("--"))
const [name = ""] = words.filter((word) => !word.startsWith("--"))
const longest = flags.includes("--forever") ? undefined : 120_000
/** Programs are the files of the folder itself; what they share is in folders of its own. */
const programsIn = (folder: string): ReadonlyArray<string> =>
  filesUnder(path.join(repository, folder), ".ts").filter((file) => !file.includes("/") && !file.endsWith(".test.ts"))

/** Those for Effect 3 have the name of their folder in front. */
const all = [...programsIn("examples"), ...programsIn("v3/examples").map((file) => `v3/${file}`)]

const commandOf = (program: string): ReadonlyArray<string> =>
  program.startsWith("v3/")
    ? ["--import", path.join(import.meta.dirname, "effect3", "sources.ts"), `v3/examples/${program.slice(3)}`]
    : [`examples/${program}`]

const named = all.filter((file) => file === `${name}.ts`)
const programs = named.length > 0 ? named : all.filter((file) => file.includes(name))

const outcomeOf = (program: string): { readonly isPass: boolean; readonly line: string } => {
  console.log(`\n--- ${program}`)
  const started = performance.now()
  const { error, signal, status } = spawnSync(process.execPath, [...commandOf(program), ...flags], {
    cwd: repository,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: longest,
    killSignal: "SIGKILL"
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const end = status === 0 ? "" : `  ${error?.message ?? (signal === null ? `exit ${status}` : signal)}`
  return { isPass: status === 0, line: `${status === 0 ? "pass" : "FAIL"}  ${program}  ${seconds} s${end}` }
}

const runAll = (): boolean => {
  const outcomes = programs.map(outcomeOf)
  console.log()
  for (const { line } of outcomes) console.log(line)
  return outcomes.every(({ isPass }) => isPass)
}

if (programs.length === 0) {
  console.error("there is no such program in examples")
  process.exitCode = 1
} else if (flags.includes("--list")) console.log(programs.join("\n"))
else process.exitCode = runAll() ? 0 : 1
