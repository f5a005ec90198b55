/**
 * `docs/scaling.md`: the tables that `npm run cluster -- --write` writes there, with a column for each broker. The
 * columns of brokers that did not run stay as they are.
 */
import type { Subject } from "./Cluster.ts"
import * as report from "./report.ts"
import type { Outcome } from "./Trial.ts"

/** A column: its title, and a cell for each row. */
interface Column {
  readonly title: string
  readonly cells: ReadonlyMap<string, string>
}

const number = (value: number): string => value.toLocaleString("en")

/** A row for each question about the nodes. */
const shared = ({ probes }: Outcome): ReadonlyArray<readonly [string, string]> =>
  probes.map(({ answer, question }) => [question, answer])

/** The fate of the messages, and how long clients took to go on. */
const traffic = (outcome: Outcome): ReadonlyArray<readonly [string, string]> => {
  const { failover, losses, sessions, subject, totals } = outcome
  const struck = report.kinds.map(({ kind }) => failover.faults.filter((fault) => fault.kind === kind).length)
  return [
    ["sessions and their messages", subject.storage],
    ["MQTT", subject.protocolVersion],
    ["nodes killed, cut off, stopped", struck.join(", ")],
    ["messages acknowledged", number(totals.acknowledged)],
    ["deliveries", number(totals.delivered)],
    ["deliveries repeated", number(totals.repeated)],
    ["**deliveries lost**", `**${number(losses.length)}**`],
    ["consumers reconnected with their session, without", `${sessions.resumed}, ${sessions.lost}`],
    ...report.kinds.flatMap(({ kind, title }) =>
      [["its clients", true], ["the other clients", false]].map(([who, isOfNode]) =>
        [`node ${title}: ${who} go on after`, report.times(failover.summary(kind, isOfNode === true))] as const
      )
    )
  ]
}

const columnOf = (outcome: Outcome, rows: ReadonlyArray<readonly [string, string]>): Column => ({
  title: `${outcome.subject.title} ${outcome.version}`,
  cells: new Map(rows)
})

const line = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

/** The columns of a table as `tableOf` writes it. */
const columnsOf = (table: string): ReadonlyArray<Column> => {
  const [header = [], , ...rows] = table.split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.slice(2, -2).split(" | "))
  return header.slice(1).map((title, index) => ({
    title,
    cells: new Map(rows.map((row) => [row[0], row[index + 1]]))
  }))
}

const tableOf = (columns: ReadonlyArray<Column>): string => {
  const names = new Set(columns.flatMap(({ cells }) => [...cells.keys()]))
  return [
    line(["", ...columns.map(({ title }) => title)]),
    line(["---", ...columns.map(() => "---")]),
    ...[...names].map((name) => line([name, ...columns.map(({ cells }) => cells.get(name) ?? "–")]))
  ].join("\n")
}

const rewrite = (
  document: string,
  name: string,
  subjects: ReadonlyArray<Subject>,
  columnFor: (subject: Subject) => Column | undefined
): string => {
  const [begin, end] = [`<!-- ${name}: written by npm run cluster -->`, `<!-- /${name} -->`]
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/scaling.md has no "${begin}" ... "${end}"`)
  const old = columnsOf(document.slice(from, to))
  const columns = subjects.flatMap((subject) => {
    const column = columnFor(subject) ?? old.find(({ title }) => title.startsWith(`${subject.title} `))
    return column === undefined ? [] : [column]
  })
  return `${document.slice(0, from)}${begin}\n\n${tableOf(columns)}\n\n${document.slice(to)}`
}

export const update = (
  document: string,
  subjects: ReadonlyArray<Subject>,
  outcomes: ReadonlyArray<Outcome>
): string => {
  const columns = (rows: (outcome: Outcome) => ReadonlyArray<readonly [string, string]>) => (subject: Subject) => {
    const outcome = outcomes.find((outcome) => outcome.subject === subject)
    return outcome === undefined ? undefined : columnOf(outcome, rows(outcome))
  }
  return rewrite(rewrite(document, "shared", subjects, columns(shared)), "traffic", subjects, columns(traffic))
}
