/**
 * Runs every program of `examples` to its end, one after the other, and fails when one of them does.
 *
 * usage: npm run examples [-- part of a name]
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { filesUnder, repository } from "./files.ts"

const longest = 120_000
const folder = path.join(repository, "examples")
/** Programs are the files of the folder itself; what they share is in folders of its own. */
const programs = filesUnder(folder, ".ts").filter((file) => !file.includes("/") && file.includes(process.argv[2] ?? ""))

const outcomeOf = (program: string): { readonly isPass: boolean; readonly line: string } => {
  console.log(`\n--- ${program}`)
  const started = performance.now()
  const { error, signal, status } = spawnSync(process.execPath, [path.join(folder, program)], {
    cwd: repository,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: longest,
    killSignal: "SIGKILL"
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const end = status === 0 ? "" : `  ${error?.message ?? (signal === null ? `exit ${status}` : signal)}`
  return { isPass: status === 0, line: `${status === 0 ? "pass" : "FAIL"}  ${program}  ${seconds} s${end}` }
}

const outcomes = programs.map(outcomeOf)
console.log()
for (const { line } of outcomes) console.log(line)
if (programs.length === 0) console.error("there is no such program in examples")
process.exitCode = programs.length > 0 && outcomes.every(({ isPass }) => isPass) ? 0 : 1
