/**
 * The part of the page about the libraries in C: a table, a chart, and the limits of the comparison.
 *
 * A result without them gives no figure; the part then says why, and keeps the rest.
 *
 * @since 0.2.0
 */
import { nativeNames } from "../../bench/Benchmark.ts"
import { quantity, type Result } from "../../bench/results.ts"
import type { Chart } from "./chart.ts"
import { barsOf, cell, names, type ResultRow, seriesOf } from "./rows.ts"

/**
 * A result as it is stored. An older benchmark has not written which libraries took part.
 *
 * @since 0.2.0
 * @category models
 */
export type StoredResult = Omit<Result, "natives"> & Partial<Pick<Result, "natives">>

const sides = ["ours", ...nativeNames] as const

const isMeasured = ({ detail }: ResultRow): boolean => nativeNames.some((name) => detail[name] !== undefined)

/** How many times faster ours is. */
const ratio = (row: ResultRow, side: typeof nativeNames[number]): string => {
  const value = row[side] ?? null
  return value === null || row.ours === null ? "" : (row.ours / value).toFixed(2)
}

const table = (rows: ReadonlyArray<ResultRow>): string =>
  [
    `| row | ${sides.map((side) => names[side]).join(" | ")} | ${
      nativeNames.map((side) => `against ${names[side]}`).join(" | ")
    } |`,
    `|---|${"---|".repeat(sides.length + nativeNames.length)}`,
    ...rows.map((row) =>
      `| ${
        [
          row.name,
          ...sides.map((side) => cell(row, side)),
          ...nativeNames.map((side) => ratio(row, side))
        ].join(" | ")
      } |`
    )
  ].join("\n")

/**
 * Messages a second of ours and of each library in C; without groups if none was measured.
 *
 * @since 0.2.0
 * @category charts
 */
export const nativeChart = ({ rows }: StoredResult): Chart => ({
  title: "Against libraries in C, messages a second",
  series: seriesOf(sides),
  groups: rows.filter(isMeasured).map((row) => ({ label: row.name, bars: barsOf(row, sides) })),
  tick: (value) => quantity(value, "messages/s").replace(/\.0+(?=\D)/, "")
})

/** Which libraries took part, and why the others did not. */
const takingPart = ({ natives }: StoredResult): string => {
  if (natives === undefined) return "This run is older than the comparison with libraries in C."
  if (natives.length === 0) return "This run has no row with libraries in C."
  return natives.map((native) =>
    native._tag === "Built"
      ? `${names[native.name]} says that it is version ${native.version}.`
      : `${names[native.name]} was left out: ${native.reason}.`
  ).join(" ")
}

const notComparable = `Some of this comparison is not between equals:

- **Threads.** Each library in C has threads of its own for the network and the callbacks, and may use several cores.
  effect-mqtt has one event loop and one thread for the program and the network.
- **The program around it.** A program in C counts messages in a callback. With effect-mqtt every message goes through
  fibers and streams of Effect, which a program has for its own work too: interruption, bounded buffers, typed errors.
- **What counts as published.** At QoS 1 and 2 every side counts the server's last acknowledgement. At QoS 0 each
  library reports a message when it has handed it to the operating system, or to a buffer before that.
- **The size of a write.** The libraries in C write each packet by itself. effect-mqtt joins the packets of one turn of
  the event loop. With a single message under way nothing can be joined, and these rows do not show that case.
- **Nagle's algorithm** is off for effect-mqtt and libmosquitto. paho.mqtt.c of Debian 12 has no option for it.`

/**
 * The section of the page, in Markdown; `image` is where the page finds the chart.
 *
 * @since 0.2.0
 * @category pages
 */
export const nativeSection = (result: StoredResult, image: string): string => {
  const measured = result.rows.filter(isMeasured)
  return [
    `Most native programs use one of two libraries in C, libmosquitto or paho.mqtt.c. Where they are installed, the
benchmark runs both against the same server as effect-mqtt, in the same rounds. ${takingPart(result)}`,
    ...measured.length === 0 ? [] : [
      "A number in the last two columns is above 1 if effect-mqtt is faster.",
      table(measured),
      `![${nativeChart(result).title}](${image})`
    ],
    notComparable
  ].join("\n\n")
}
