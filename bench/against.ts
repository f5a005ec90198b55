/**
 * `npm run bench:against -- DIR`: this checkout and another one in turn, on the same machine, and how they compare.
 *
 * Each round runs both benchmarks once, in a changing order, so a machine that slows down slows both. Only the side `ours`
 * counts. The other checkout needs its own `node_modules`.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"

/** Publishing, receiving and consuming: the rows that no change may slow down. */
const coreRows = "^(publish qos[012] window 1000|publish qos1 forEach|publishSink|publish qos1 sequential|" +
  "receive qos[012]$|receive qos[01] by chunks|consume|request/response|codec)"

interface Row {
  readonly name: string
  readonly unit: string
  readonly better: "higher" | "lower"
  readonly ours: number
}

const folder = mkdtempSync(join(tmpdir(), "effect-mqtt-bench-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))

/** One round of one checkout. */
const measure = (checkout: string, rows: string): ReadonlyArray<Row> => {
  const json = join(folder, "result.json")
  const { status } = spawnSync("npm", [
    "run",
    "--silent",
    "bench",
    "--",
    "--rounds",
    "1",
    "--rows",
    rows,
    "--json",
    json
  ], {
    cwd: checkout,
    stdio: ["ignore", "ignore", "inherit"]
  })
  if (status !== 0) throw new Error(`the benchmark of ${checkout} failed`)
  const { rows: measured }: { readonly rows: ReadonlyArray<Row> } = JSON.parse(readFileSync(json, "utf8"))
  return measured
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** What the rounds of both checkouts say of a row: above 1 this checkout is better. */
const compare = (row: Row, here: ReadonlyArray<number>, there: ReadonlyArray<number>): string => {
  const [now, before] = [median(here), median(there)]
  const ratio = row.better === "higher" ? now / before : before / now
  const figures = [now, before].map((value) => value.toPrecision(4).padStart(12))
  return [row.name.padEnd(34), ...figures, row.unit.padEnd(12), ratio.toFixed(3)].join(" ")
}

const main = (): void => {
  const { positionals: [other], values } = parseArgs({
    allowPositionals: true,
    options: { rows: { type: "string", default: coreRows }, rounds: { type: "string", default: "5" } }
  })
  if (other === undefined) throw new Error("usage: npm run bench:against -- DIR [--rows PATTERN] [--rounds N]")
  const checkouts = [resolve(import.meta.dirname, ".."), resolve(other)]
  const samples = checkouts.map(() => new Map<string, Array<number>>())
  const rows = new Map<string, Row>()
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
      for (const row of measure(checkouts[index], values.rows)) {
        rows.set(row.name, row)
        samples[index].set(row.name, [...samples[index].get(row.name) ?? [], row.ours])
      }
    }
  }
  console.log(
    ["row".padEnd(34), "here".padStart(12), "there".padStart(12), "unit".padEnd(12), "here / there"].join(" ")
  )
  for (const [name, row] of rows) {
    const [here, there] = samples.map((of) => of.get(name) ?? [])
    if (here.length > 0 && there.length > 0) console.log(compare(row, here, there))
  }
}

main()
