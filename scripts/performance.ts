/**
 * Writes docs/performance.md and its charts from the JSON of a full run of the benchmark.
 *
 * usage: npm run bench -- --json docs/performance/result.json && npx node scripts/performance.ts
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import type { Row } from "../bench/Benchmark.ts"
import { percent, quantity } from "../bench/results.ts"
import { repository } from "./files.ts"
import { type Chart, render } from "./performance/chart.ts"
import { nativeChart, nativeSection, type StoredResult } from "./performance/native.ts"
import { notes } from "./performance/notes.ts"
import { ratiosChart } from "./performance/ratios.ts"
import { barsOf, cell, names, type ResultRow, seriesOf } from "./performance/rows.ts"

const folder = path.join(repository, "docs", "performance")
const result: StoredResult = JSON.parse(fs.readFileSync(path.join(folder, "result.json"), "utf8"))

const isEffect3 = ({ minimumOfOurs }: ResultRow): boolean => minimumOfOurs !== undefined

const sides = ["ours", "peer", "limit"] as const

// ---------------------------------------------------------------------------------------------------------------------
// Charts
// ---------------------------------------------------------------------------------------------------------------------

const chartOf = (title: string, pattern: RegExp, unit: Row["unit"]): Chart => ({
  title,
  series: seriesOf(sides),
  groups: result.rows
    .filter((row) => pattern.test(row.name) && row.unit === unit)
    .map((row) => ({ label: row.name, bars: barsOf(row, sides) })),
  tick: (value) => quantity(value, unit).replace(/\.0+(?=\D)/, "")
})

const charts: Readonly<Record<string, Chart>> = {
  ratios: ratiosChart(result.rows),
  publish: chartOf("Publishing, messages a second", /^(durable )?publish/, "messages/s"),
  receive: chartOf("Receiving, messages a second", /^(receive|consume|dispatch|request|mosquitto)/, "messages/s"),
  codec: chartOf("Codec alone, packets a second", /^codec/, "packets/s"),
  recovery: chartOf("Until 10,000 messages are acknowledged after a cut, or a restart", /^(durable )?recovery/, "ms"),
  native: nativeChart(result)
}

const written = Object.entries(charts).filter(([, { groups }]) => groups.length > 0)

// ---------------------------------------------------------------------------------------------------------------------
// The page
// ---------------------------------------------------------------------------------------------------------------------

const wanted = ({ inMemory, maximum, minimum, minimumOfOurs }: ResultRow): string => {
  if (minimumOfOurs !== undefined) return `above 1, and ${percent(minimumOfOurs)} of ${names.ours}`
  if (maximum !== undefined) return `at most ${maximum} x`
  if (minimum === undefined) return ""
  return inMemory?.minimum === undefined ? `${minimum}` : `${minimum}, and ${percent(inMemory.minimum)} of memory`
}

const isMissed = ({ reached }: ResultRow): boolean => reached === false

const busiest = ({ detail }: ResultRow): string => {
  const shares = sides.flatMap((side) => detail[side]?.sinkCpu ?? [])
  if (shares.length === 0) return ""
  const sides60 = sides.filter((side) => (detail[side]?.sinkCpu ?? 0) > 0.6)
  return percent(Math.max(...shares)) +
    (sides60.length === 0 ? "" : ` (${sides60.map((side) => names[side]).join(", ")})`)
}

const table = [
  `| row | ${sides.map((side) => names[side]).join(" | ")} | ratio | wanted | of memory | sink's CPU at most |`,
  "|---|---|---|---|---|---|---|---|",
  ...result.rows.filter((row) => !isEffect3(row)).map((row) =>
    [
      "",
      row.name,
      ...sides.map((side) => cell(row, side)),
      row.ratio === null ? "" : row.ratio.toFixed(2),
      wanted(row) + (isMissed(row) ? " **missed**" : ""),
      row.ofMemory === undefined ? "" : percent(row.ofMemory),
      busiest(row),
      ""
    ].join(" | ").trim()
  )
].join("\n")

const sidesOfEffect3 = ["v3", "ours", "peer"] as const

const tableOfEffect3 = [
  `| row | ${sidesOfEffect3.map((side) => names[side]).join(" | ")} | ratio | of ${names.ours} | wanted |`,
  "|---|---|---|---|---|---|---|",
  ...result.rows.filter(isEffect3).map((row) =>
    [
      "",
      row.name,
      ...sidesOfEffect3.map((side) => cell(row, side)),
      row.ratio === null ? "" : row.ratio.toFixed(2),
      row.ofOurs === undefined ? "" : percent(row.ofOurs),
      wanted(row) + (isMissed(row) ? " **missed**" : ""),
      ""
    ].join(" | ").trim()
  )
].join("\n")

const noteOf = (row: ResultRow): string => {
  const reached = row.maximum === undefined ? `ratio ${row.ratio ?? "unknown"}` : `${row.ours ?? "unknown"} x`
  const note = notes.find(({ rows }) => rows.test(row.name))
  const head = `### ${row.name}\n\nWanted: ${wanted(row)}. Measured: ${reached}.\n`
  if (note === undefined) return head
  return `${head}\n- Tried: ${note.tried}.\n- The profile shows: ${note.profile}.\n- To reach it: ${note.wouldReach}.\n`
}

const missed = result.rows.filter(isMissed)
const { cores, memory, node, peer, processor, system } = result.machine
const rounds = Math.max(...result.rows.map((row) => row.rounds))

const page = `# Performance

How fast is the client? The table compares each of its jobs with MQTT.js, and with a bare \`net\` program without a client
library. [bench/README.md](../bench/README.md) describes each row with its options, and the limits of the comparison.
\`npx node scripts/performance.ts\` writes this page and its charts from [result.json](performance/result.json).

\`\`\`sh
${result.command}
\`\`\`

| | |
|---|---|
| machine | ${cores} x ${processor}, ${memory}, ${system} |
| code | ${result.code} |
| Node | ${node} |
| against | ${peer} |
| rounds | ${rounds}, the sides taking turns; medians, and how far the lowest and the highest round are off |
| time | ${Math.round(result.seconds / 60)} minutes |

\`ratio\` is how many times better we are than MQTT.js: above 1 is better for us in every row, also where less is better.
Compare ratios: other machines have other absolute numbers, and while other programs run on the same cores every side is
slower. \`of memory\` is the share of our speed that is left with a store on the disk.

![ratios](performance/ratios.svg)

## Results

${table}

${
  written
    .filter(([name]) => name !== "ratios" && name !== "native")
    .map(([name, { title }]) => `![${title}](performance/${name}.svg)`)
    .join("\n\n")
}

## Libraries in C

${nativeSection(result, "performance/native.svg")}

## Effect 3

This table compares the published package for Effect 3 with effect-mqtt and MQTT.js, in the same rounds. Here \`ratio\` is
that of the package for Effect 3.

${result.rows.some(isEffect3) ? tableOfEffect3 : "This run is older than that package."}

## Rows below their target

${missed.length === 0 ? "None." : missed.map(noteOf).join("\n")}
`

for (const [name, chart] of written) fs.writeFileSync(path.join(folder, `${name}.svg`), render(chart))
fs.writeFileSync(path.join(repository, "docs", "performance.md"), page.trimEnd() + "\n")
console.log(`docs/performance.md: ${result.rows.length} rows, ${missed.length} below what is wanted`)
