/**
 * `npm run cluster`: three nodes of each installed broker, clients that know all of them, and nodes that are killed, cut
 * off and restarted while messages flow; at the end a report.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as LongRun from "../soak/longRun.ts"
import { type Arguments, help, parse } from "./arguments.ts"
import type { Subject } from "./Cluster.ts"
import * as document from "./document.ts"
import * as report from "./report.ts"
import { subjects } from "./subjects.ts"
import * as Trial from "./Trial.ts"

const names = subjects.map(({ name }) => name)
const file = Path.join(import.meta.dirname, "../../docs/scaling.md")

const runOne = Effect.fnUntraced(function*(subject: Subject, { rate, seconds }: Arguments) {
  if ((yield* subject.version) === undefined) {
    console.log(`${subject.title}: not installed (${subject.install})`)
    return []
  }
  const outcome = yield* Trial.run({ subject, seconds, rate, onProgress: LongRun.showing(report.progress) })
  if (process.stdout.isTTY) process.stdout.write("\r\x1b[2K")
  console.log(`${report.text(outcome)}\n`)
  return [outcome]
})

const program = Effect.fnUntraced(function*(options: Arguments) {
  const asked = subjects.filter(({ name }) => options.brokers.length === 0 || options.brokers.includes(name))
  const outcomes = (yield* Effect.forEach(asked, (subject) => runOne(subject, options))).flat()
  const isRight = outcomes.every((outcome) => report.checks(outcome).every(({ holds }) => holds))
  const isComplete = !options.requiresAll || outcomes.length === asked.length
  if (options.writes && isRight) {
    Fs.writeFileSync(file, document.update(Fs.readFileSync(file, "utf8"), subjects, outcomes))
  }
  process.exitCode = isRight && isComplete ? 0 : 1
})

const options = parse(process.argv.slice(2), names)
if (typeof options === "string") {
  console.error(`cluster: ${options}`)
  process.exitCode = 2
} else if (options.asksForHelp) console.log(help(names))
else NodeRuntime.runMain(program(options))
