/**
 * `docs/brokers.md`: the parts that a run writes, and whether they fit the results of the run.
 */
import type { Subject } from "../brokers/Subject.ts"
import { type Check, yes } from "./Check.ts"
import { type Difference, expectations, expectedOf } from "./expectations.ts"
import type { Outcome } from "./Suite.ts"

/** A row of the table: a broker, its version, and a cell for each check. */
export interface Row {
  readonly subject: Subject
  readonly version: string
  readonly outcomes: ReadonlyArray<Outcome>
}

const cellOf = ({ check, seen }: Outcome, { name }: Subject): string => {
  const remarks = [...seen].filter(([, text]) => text !== yes)
  if (remarks.length === 0) return yes
  const areMissing = remarks.every(([version]) => expectedOf(name, check.name, version)?.isMissing === true)
  if (!areMissing) return "differs"
  return remarks.length === seen.size ? "no" : `no in ${remarks.map(([version]) => version).join(", ")}`
}

const line = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

export const header = (checks: ReadonlyArray<Check>): string =>
  [
    line(["broker", "versions", ...checks.map(({ title }) => title)]),
    line(Array.from({ length: checks.length + 2 }, () => "---"))
  ].join("\n")

export const rowOf = ({ outcomes, subject, version }: Row, checks: ReadonlyArray<Check>): string =>
  line([
    `[${subject.title}](#${anchorOf(subject)}) ${version}`,
    subject.versions.toReversed().join(", "),
    ...checks.map((check) => {
      const outcome = outcomes.find((outcome) => outcome.check === check)
      return outcome === undefined || outcome.seen.size === 0 ? "–" : cellOf(outcome, subject)
    })
  ])

const anchorOf = ({ title }: Subject): string => title.toLowerCase().replaceAll(" ", "-")

/** Without what the version of the broker is. */
const withoutVersion = (row: string): string => row.replace(/^(\| \[[^\]]*\]\([^)]*\)) [^|]*\|/, "$1 |")

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const differenceOf = (difference: Difference, { versions }: Subject, checks: ReadonlyArray<Check>): string => {
  const titles = checks.filter(({ name }) => difference.checks.includes(name)).map(({ title }) => title)
  const isOfOne = versions.length > 1 && difference.versions?.length === 1
  const of = isOfOne ? ` (${difference.versions?.join()})` : ""
  return `- **${capitalized(titles.join(", "))}**${of}: ${difference.broker}. The client ${difference.client}.`
}

const peculiaritiesOf = (subject: Subject, checks: ReadonlyArray<Check>): string =>
  [
    `### ${subject.title}`,
    "",
    `To install: \`${subject.install}\`. Name in \`--brokers\`: \`${subject.name}\`.`,
    "",
    ...(expectations[subject.name] ?? []).map((difference) => differenceOf(difference, subject, checks))
  ].join("\n")

const between = (document: string, name: string, content: string): string => {
  const [begin, end] = [`<!-- ${name}: written by npm run interop -->`, `<!-- /${name} -->`]
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/brokers.md has no "${begin}" ... "${end}"`)
  return `${document.slice(0, from)}${begin}\n\n${content}\n\n${document.slice(to)}`
}

/** The document with these rows; those of brokers that did not run stay as they are. */
export const update = (
  document: string,
  subjects: ReadonlyArray<Subject>,
  rows: ReadonlyArray<Row>,
  checks: ReadonlyArray<Check>
): string => {
  const before = document.split("\n")
  const table = subjects.flatMap((subject) => {
    const row = rows.find((row) => row.subject === subject)
    const old = before.find((line) => line.startsWith(`| [${subject.title}](`))
    return row !== undefined ? [rowOf(row, checks)] : old !== undefined ? [old] : []
  })
  const explained = checks.map(({ description, title }) => `- **${capitalized(title)}**: ${description}.`)
  return [
    ["table", [header(checks), ...table].join("\n")],
    ["checks", explained.join("\n")],
    ["peculiarities", subjects.map((subject) => peculiaritiesOf(subject, checks)).join("\n\n")]
  ].reduce((text, [name = "", content = ""]) => between(text, name, content), document)
}

/** Whether they say the same, whichever the versions of the brokers are. */
export const isSame = (one: string, other: string): boolean =>
  one.split("\n").map(withoutVersion).join("\n") === other.split("\n").map(withoutVersion).join("\n")
