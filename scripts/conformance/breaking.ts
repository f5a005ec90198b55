/**
 * Breaks the client in one place at a time, in a copy of the project, and asks the tests that a row names whether they
 * notice.
 *
 * What is broken is `breaks.ts`. Which tests a row names is in `docs/conformance.md`: the files, and in them the tests
 * that carry the number of the row.
 *
 * @since 0.2.0
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { repository } from "../files.ts"
import { type Break, breaks } from "./breaks.ts"

/** What a copy does without. */
const leftOut = new Set(["node_modules", ".git", "dist", "coverage", "bench", "api"])

const copyProject = (): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-breaks-"))
  fs.cpSync(repository, folder, { recursive: true, filter: (file) => !leftOut.has(path.basename(file)) })
  fs.symlinkSync(path.join(repository, "node_modules"), path.join(folder, "node_modules"))
  return folder
}

/** Mulberry32: the same seed draws the same rows. */
const randomFrom = (seed: number) => {
  let state = seed | 0
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/**
 * Breaks of so many rows, drawn at random; one of each.
 *
 * @since 0.2.0
 * @category drawing
 */
export const draw = (all: ReadonlyArray<Break>, count: number, seed: number): ReadonlyArray<Break> => {
  const random = randomFrom(seed)
  const left = [...all]
  const drawn = new Map<string, Break>()
  while (left.length > 0 && drawn.size < count) {
    const [one] = left.splice(Math.floor(random() * left.length), 1)
    if (!drawn.has(one.row)) drawn.set(one.row, one)
  }
  return [...drawn.values()]
}

/**
 * The test files that the document names for a row, relative to `test`.
 *
 * @since 0.2.0
 * @category documents
 */
export const filesOf = (document: string, row: string): ReadonlyArray<string> => {
  const id = row.slice(1)
  const isRow = (line: string) => line.startsWith("| ") && line.slice(2, line.indexOf(" |")).split(" / ").includes(id)
  const table = row.startsWith("P") ? "| id |" : "| # |"
  let isWithin = false
  for (const line of document.split("\n")) {
    if (!line.startsWith("|")) isWithin = false
    if (line.startsWith(table)) isWithin = true
    if (isWithin && isRow(line)) return [...line.matchAll(/\(\.\.\/test\/([^)]+)\)/g)].map(([, file = ""]) => file)
  }
  return []
}

/** Of the names of its tests; a range of properties may have any in it. */
const patternOf = (rows: ReadonlyArray<string>): string => {
  const ranges = rows.some((row) => row.startsWith("P")) ? ["P[0-9A-F]{2}-P[0-9A-F]{2}"] : []
  return `(?<![\\w-])(?:${[...rows, ...ranges].join("|")})(?![\\w-])`
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly fullName: string }>
  }>
}

/** How the tests of some rows ended. */
interface Outcome {
  readonly passed: number
  readonly failed: ReadonlyArray<string>
  /** Why a file could not be loaded, or the run had no end. */
  readonly problem: string | undefined
}

/** What hangs has noticed, but not said what. */
const longest = 300_000

const runTests = (
  folder: string,
  files: ReadonlyArray<string>,
  rows: ReadonlyArray<string>,
  bail: boolean
): Outcome => {
  const report = path.join(folder, "report.json")
  fs.rmSync(report, { force: true })
  const paths = files.map((file) => `test/${file}`)
  const options = ["--reporter=json", `--outputFile=${report}`, "-t", patternOf(rows), ...(bail ? ["--bail=1"] : [])]
  const { signal } = spawnSync(
    process.execPath,
    [path.join(repository, "node_modules", "vitest", "vitest.mjs"), "run", ...paths, ...options],
    { cwd: folder, timeout: longest * rows.length, killSignal: "SIGKILL", stdio: "ignore" }
  )
  if (signal !== null || !fs.existsSync(report)) return { passed: 0, failed: [], problem: "the run did not end" }
  const { testResults }: Report = JSON.parse(fs.readFileSync(report, "utf8"))
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  const unloaded = testResults.find(({ assertionResults, status }) =>
    status === "failed" && assertionResults.length === 0
  )
  return {
    passed: tests.filter(({ status }) => status === "passed").length,
    failed: tests.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
    problem: unloaded?.message
  }
}

const withBreak = <A>(folder: string, { broken, file, original }: Break, run: () => A): A => {
  const target = path.join(folder, file)
  const source = fs.readFileSync(target, "utf8")
  fs.writeFileSync(target, source.replace(original, () => broken))
  try {
    return run()
  } finally {
    fs.writeFileSync(target, source)
  }
}

/** What is said of a row, and whether its tests noticed. */
const judge = ({ failed, passed, problem }: Outcome): readonly [noticed: boolean, text: string] => {
  const [first] = failed
  if (first !== undefined) return [true, `noticed by "${first}"`]
  if (problem !== undefined) return [false, `the tests did not run: ${problem.split("\n")[0]}`]
  return [false, passed === 0 ? "none of its tests ran here" : `NOT NOTICED by the ${passed} tests it names`]
}

/**
 * Tries some breaks and tells of each; whether all were noticed.
 *
 * @since 0.2.0
 * @category running
 */
export const tryBreaks = (tried: ReadonlyArray<Break>, tell: (line: string) => void): boolean => {
  const document = fs.readFileSync(path.join(repository, "docs", "conformance.md"), "utf8")
  const folder = copyProject()
  try {
    const rows = tried.map(({ row }) => row)
    const files = [...new Set(rows.flatMap((row) => filesOf(document, row)))]
    const before = runTests(folder, files, rows, false)
    if (before.failed.length > 0 || before.problem !== undefined) {
      tell(`unbroken, these fail already: ${[...before.failed, before.problem].join("; ")}`)
      return false
    }
    tell(`unbroken, ${before.passed} tests of ${rows.length} rows pass`)
    let unnoticed = 0
    for (const one of tried) {
      const outcome = withBreak(folder, one, () => runTests(folder, filesOf(document, one.row), [one.row], true))
      const [noticed, text] = judge(outcome)
      if (!noticed) unnoticed++
      tell(`${one.row.padEnd(4)} ${one.file}: ${text}`)
    }
    tell(`${tried.length - unnoticed} of ${tried.length} breaks were noticed`)
    return unnoticed === 0
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * The breaks that the arguments of the program ask for: `30`, `all`, or rows such as `R33,R80`.
 *
 * @since 0.2.0
 * @category drawing
 */
export const askedFor = (what: string, seed: number): ReadonlyArray<Break> => {
  if (what === "all") return breaks
  return /^\d+$/.test(what)
    ? draw(breaks, Number(what), seed)
    : breaks.filter(({ row }) => what.split(",").includes(row))
}
