/**
 * Keeps `docs/conformance.md` true: which test shows which requirement of the specifications. Also checks the tests that
 * `docs/evidence.md` names.
 *
 * Test names carry the row as `R12`, a row of the property table as `P0B` or `P01-P2A`, a scenario as `S12`. The names
 * are those vitest collects, so also those a table of cases makes, and of tests that this machine would skip.
 * usage: node scripts/conformance.ts             fails when the document is not what --write would make it
 *        node scripts/conformance.ts --write     fills in the columns `test` and `state` and the figures, keeps
 *                                                decisions. A row that has lost its test is not given up in silence:
 *                                                set it by hand
 *        node scripts/conformance.ts --scenarios also prints which scenarios have tests
 *        node scripts/conformance.ts --break 30 [--seed N]
 *                                                breaks the client in 30 rows drawn at random, in a copy, and fails when
 *                                                the tests that a row names do not notice; also `--break all`, and rows
 *                                                such as `--break R33,R80`
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { askedFor, tryBreaks } from "./conformance/breaking.ts"
import { problemsIn, type TestNames } from "./evidence.ts"
import { repository } from "./files.ts"

/**
 * Test files by the tag their test names carry.
 *
 * @since 0.1.0
 * @category models
 */
export type Tags = ReadonlyMap<string, ReadonlySet<string>>

/** Words of their own: not the middle of another one. */
const tagPattern = /(?<![\w-])(?:[RS]\d{1,3}|P[0-9A-F]{2}(?:-P[0-9A-F]{2})?)(?![\w-])/g

/**
 * @since 0.1.0
 * @category tags
 */
export const tagsIn = (testName: string): ReadonlyArray<string> => testName.match(tagPattern) ?? []

/** Loads the test files without running a test. */
const collectTests = async (): Promise<TestNames> => {
  const { createVitest } = await import("vitest/node")
  // No test runs, so the files need not be kept apart: their modules are loaded once.
  const vitest = await createVitest("test", { root: repository, watch: false, isolate: false, reporters: [] })
  const { testModules, unhandledErrors } = await vitest.collect([], { staticParse: false })
  const errors = [...unhandledErrors, ...testModules.flatMap((module) => module.errors())]
  const tests = testModules.flatMap((module) => [...module.children.allTests()])
  await vitest.close()
  if (errors.length > 0) throw new AggregateError(errors, "not every test file could be loaded")

  const names = new Map<string, Array<string>>()
  for (const { fullName, module } of tests.filter(({ options }) => options.mode !== "todo")) {
    const file = module.relativeModuleId
    names.set(file, [...names.get(file) ?? [], fullName])
  }
  return names
}

const tagsOf = (tests: TestNames): Tags => {
  const tags = new Map<string, Set<string>>()
  for (const [file, names] of tests) {
    for (const tag of names.flatMap(tagsIn)) {
      tags.set(tag, (tags.get(tag) ?? new Set()).add(path.posix.relative("test", file)))
    }
  }
  return tags
}

/** Whether a tag of a test names this row: `R12` itself, `P01-P2A` every property in between. */
const names = (tag: string, rowTag: string): boolean => {
  const [first, last] = tag.split("-")
  return last === undefined ? tag === rowTag : first <= rowTag && rowTag <= last
}

/** A row of the document, whose last two cells are `test` and `state`. */
interface Row {
  /** What tests of the row carry; `28 / 29 / 2A` has three, and each must have a test. */
  readonly tags: ReadonlyArray<string>
  /** Everything before the last two cells. */
  readonly requirement: string
  readonly test: string
  readonly state: string
}

const readRow = (line: string, kind: "R" | "P"): Row | undefined => {
  const match = /^(\| ([0-9A-F /]+) \|.*\|)([^|]*)\|([^|]*)\|$/.exec(line)
  if (match === null) return undefined
  const [, requirement = "", ids = "", test = "", state = ""] = match
  return { tags: ids.split(" / ").map((id) => kind + id), requirement, test: test.trim(), state: state.trim() }
}

const link = (file: string): string => `[${file.replace(/\.test\.ts$/, "")}](../test/${file})`

/** The row as the tests say it is. What is neither `pass` nor `later` is a decision and stays. */
const updated = (row: Row, tags: Tags): Row => {
  const filesOf = (rowTag: string) => [...tags].flatMap(([tag, files]) => names(tag, rowTag) ? [...files] : [])
  const isShown = row.tags.every((rowTag) => filesOf(rowTag).length > 0)
  const files = [...new Set(row.tags.flatMap(filesOf))].toSorted()
  const isDecision = row.state !== "pass" && row.state !== "later"
  return {
    ...row,
    test: isShown ? files.map(link).join("<br>") : "",
    state: isDecision ? row.state : isShown ? "pass" : "later"
  }
}

/**
 * A document brought up to date, and what is wrong with it or with the tests.
 *
 * @since 0.1.0
 * @category documents
 */
export interface Result {
  readonly document: string
  readonly problems: ReadonlyArray<string>
  readonly summary: string
}

const summaryOf = (rows: ReadonlyArray<Row>): string => {
  const requirements = rows.filter((row) => row.tags[0]?.startsWith("R"))
  const count = (state: string) => requirements.filter((row) => row.state === state).length
  const [pass, later] = [count("pass"), count("later")]
  const properties = rows.filter((row) => row.tags[0]?.startsWith("P"))
  const shown = properties.filter((row) => row.state === "pass").length
  return `Of ${requirements.length} rows ${pass} pass, ${later} come later and ` +
    `${requirements.length - pass - later} carry a decision; ` +
    `of ${properties.length} rows of the property table ${shown} pass.`
}

/** The line of the document that states the figures, whatever it says of them. */
const summaryPattern = /^Of \d+ rows\b/

/**
 * Fills in the columns `test` and `state` of every row, and the line that counts them.
 *
 * @since 0.1.0
 * @category documents
 */
export const update = (document: string, tags: Tags): Result => {
  const problems: Array<string> = []
  const rows: Array<Row> = []
  let kind: "R" | "P" | undefined
  const updateLine = (line: string): string => {
    if (!line.startsWith("|")) kind = undefined
    if (line.startsWith("| # |")) kind = "R"
    if (line.startsWith("| id |")) kind = "P"
    const before = kind === undefined ? undefined : readRow(line, kind)
    if (before === undefined) return line
    const row = updated(before, tags)
    rows.push(row)
    const claimsTest = before.test !== "" || before.state === "pass"
    if (claimsTest && row.test === "") problems.push(`${row.tags.join(" ")} claims a test and has none`)
    return `${row.requirement} ${row.test}${row.test === "" ? "" : " "}| ${row.state} |`
  }
  const lines = document.split("\n").map(updateLine)

  const rowTags = rows.flatMap((row) => row.tags)
  for (const [tag, files] of tags) {
    if (tag.startsWith("S") || rowTags.some((rowTag) => names(tag, rowTag))) continue
    problems.push(`${tag} in ${[...files].join(", ")} is no row of the document`)
  }
  const requirements = rowTags.filter((tag) => tag.startsWith("R"))
  const gap = requirements.findIndex((tag, index) => tag !== `R${index + 1}`)
  if (gap !== -1) problems.push(`row ${gap + 1} is missing or out of order: ${requirements[gap]} stands there`)

  const summary = summaryOf(rows)
  const summaries = lines.flatMap((line, index) => summaryPattern.test(line) ? [index] : [])
  if (summaries.length !== 1) problems.push(`${summaries.length} lines begin with "Of N rows", and one has to`)
  for (const index of summaries) lines[index] = summary
  return { document: lines.join("\n"), problems, summary }
}

const scenarios = (tags: Tags): string =>
  [...tags]
    .filter(([tag]) => tag.startsWith("S"))
    .toSorted(([left], [right]) => Number(left.slice(1)) - Number(right.slice(1)))
    .map(([tag, files]) => `${tag.padEnd(4)} ${[...files].join(", ")}`)
    .join("\n")

/** What stands behind an option of the command line. */
const valueOf = (option: string): string | undefined => {
  const index = process.argv.indexOf(option)
  return index < 0 ? undefined : process.argv[index + 1]
}

const breakRows = (what: string): void => {
  const seed = Number(valueOf("--seed") ?? Math.floor(Math.random() * 1_000_000))
  console.log(`conformance: --break ${what} --seed ${seed}`)
  if (!tryBreaks(askedFor(what, seed), console.log)) process.exitCode = 1
}

const keepDocument = async (): Promise<void> => {
  const file = path.join(repository, "docs", "conformance.md")
  const tests = await collectTests()
  const tags = tagsOf(tests)
  const before = fs.readFileSync(file, "utf8")
  const { document, problems, summary } = update(before, tags)
  const isWriting = process.argv.includes("--write")
  if (isWriting && problems.length === 0) fs.writeFileSync(file, document)
  for (const problem of problems) console.error(`conformance: ${problem}`)
  const unproven = problemsIn(fs.readFileSync(path.join(repository, "docs", "evidence.md"), "utf8"), tests)
  for (const problem of unproven) console.error(`docs/evidence.md: ${problem}`)
  const isStale = !isWriting && document !== before
  if (isStale) {
    console.error("conformance: docs/conformance.md is out of date: run `node scripts/conformance.ts --write`")
  }
  if (process.argv.includes("--scenarios")) console.log(scenarios(tags))
  console.log(`conformance: ${summary}`)
  process.exitCode = problems.length > 0 || unproven.length > 0 || isStale ? 1 : 0
}

if (import.meta.main) {
  const broken = valueOf("--break")
  if (broken === undefined) await keepDocument()
  else breakRows(broken)
}
