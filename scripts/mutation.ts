/**
 * Mutation testing of `src/protocol`: changes the code in one place at a time, and measures whether its tests notice.
 *
 * Stryker makes the mutants and reports (`stryker.config.json`), and `mutation/TestRunner.ts` runs the tests. This program
 * chooses the modules, knows the score that each must reach, and prints the table for `docs/mutation.md`.
 * usage: npm run mutation [-- module ...]        such as `Topic` or `Session`. Default: all modules
 *
 * @since 0.1.0
 */
import { Stryker } from "@stryker-mutator/core"
import * as fs from "node:fs"
import * as path from "node:path"
import { code } from "./code.ts"
import { filesUnder, repository } from "./files.ts"

const folder = "src/protocol"

/** The score that a module must reach, per cent killed: the rules of a session and a connection, and all the rest. */
const demanded = { rules: 80, rest: 90 }
const rules = [
  "Connection",
  "Incoming",
  "KeepAlive",
  "Outgoing",
  "Session",
  "SessionState",
  "SessionStep",
  "Snapshot",
  "Subscribing"
]
const demandedOverall = 85

type Mutant = Awaited<ReturnType<Stryker["runMutationTest"]>>[number]

interface Score {
  readonly name: string
  readonly killed: number
  readonly timeout: number
  readonly survived: number
  readonly noCoverage: number
  /** The share of mutants that tests noticed, per cent. A mutant that never ends counts as noticed. */
  readonly score: number
}

const scoreOf = (name: string, mutants: ReadonlyArray<Mutant>): Score => {
  const count = (status: Mutant["status"]) => mutants.filter((mutant) => mutant.status === status).length
  const [killed, timeout, survived, noCoverage] = [
    count("Killed"),
    count("Timeout"),
    count("Survived"),
    count("NoCoverage")
  ]
  const noticed = killed + timeout
  const all = noticed + survived + noCoverage
  return { name, killed, timeout, survived, noCoverage, score: all === 0 ? 100 : (100 * noticed) / all }
}

const demandedOf = (name: string): number => rules.includes(name) ? demanded.rules : demanded.rest

const rowOf = ({ killed, name, noCoverage, score, survived, timeout }: Score): string =>
  `| ${name} | ${killed} | ${timeout} | ${survived} | ${noCoverage} | ${score.toFixed(1)} |`

const nameOf = (file: string): string => path.basename(file, ".ts")

/** A mutant that no test noticed, with the code that it replaces. */
const describeMutant = (mutant: Mutant): string => {
  const { end, start } = mutant.location
  const lines = fs.readFileSync(path.resolve(repository, mutant.fileName), "utf8").split("\n")
  const first = lines[start.line - 1].slice(start.column - 1)
  const original = start.line === end.line ? first.slice(0, end.column - start.column) : `${first} ...`
  const replacement = mutant.replacement.replaceAll(/\s+/g, " ")
  return `${nameOf(mutant.fileName)}:${start.line}:${start.column}  ${original}  =>  ${replacement}` +
    (mutant.status === "NoCoverage" ? "  (no test reaches it)" : "")
}

// What only exports has nothing to mutate.
const known = filesUnder(path.join(repository, folder), ".ts").map(nameOf).filter((name) => name !== "index")
const asked = process.argv.slice(2).map(nameOf)
const unknown = asked.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`mutation: not in ${folder}: ${unknown.join(", ")}`)
  process.exit(1)
}
const modules = asked.length === 0 ? known : asked

process.chdir(repository)

/** One module at a time: the rest stays as it is, so its tests are as fast as ever. */
const run = (name: string): Promise<ReadonlyArray<Mutant>> => {
  process.env.MQTT_MUTATION = "1"
  process.env.MQTT_MUTATION_MODULE = name
  return new Stryker({
    mutate: [`${folder}/${name}.ts`],
    jsonReporter: { fileName: `coverage/mutation/${name}.json` }
  }).runMutationTest()
}

const started = performance.now()
const secondsSince = (start: number): number => Math.round((performance.now() - start) / 1_000)
const scores: Array<Score> = []
const all: Array<Mutant> = []
for (const [index, name] of modules.entries()) {
  const begun = performance.now()
  console.log(`\nmutation: ${name}, ${index + 1} of ${modules.length}`)
  const mutants = await run(name)
  for (const mutant of mutants.filter(({ status }) => status === "Survived" || status === "NoCoverage")) {
    console.log(describeMutant(mutant))
  }
  const score = scoreOf(name, mutants)
  scores.push(score)
  all.push(...mutants)
  console.log(`mutation: ${name} ${score.score.toFixed(1)} %, ${mutants.length} mutants in ${secondsSince(begun)} s`)
}

const overall = scoreOf("all", all)
console.log("\n| module | killed | timeout | survived | no coverage | score |\n|---|---|---|---|---|---|")
for (const score of [...scores, overall]) console.log(rowOf(score))

const low = scores.filter(({ name, score }) => score < demandedOf(name))
for (const { name, score } of low) {
  console.error(`mutation: ${name} has ${score.toFixed(1)} % and needs ${demandedOf(name)} %`)
}
const failed = low.length > 0 || overall.score < demandedOverall
console.log(`mutation: ${failed ? "FAILED" : "ok"}, ${all.length} mutants in ${secondsSince(started)} s, ${code()}`)
process.exitCode = failed ? 1 : 0
