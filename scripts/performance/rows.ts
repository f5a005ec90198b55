/**
 * Rows of a result as bars of a chart and as cells of a table. Knows no file, and not which rows a page has.
 *
 * @since 0.2.0
 */
import type { SideName } from "../../bench/Benchmark.ts"
import { percent, quantity, type Result } from "../../bench/results.ts"
import type { Bar, Chart } from "./chart.ts"

/**
 * One row of the benchmark's JSON.
 *
 * @since 0.2.0
 * @category models
 */
export type ResultRow = Result["rows"][number]

/**
 * The name of each side on the page.
 *
 * @since 0.2.0
 * @category sides
 */
export const names: Readonly<Record<SideName, string>> = {
  ours: "effect-mqtt",
  v3: "effect-mqtt-v3",
  peer: "MQTT.js",
  limit: "bare net",
  libmosquitto: "libmosquitto",
  paho: "paho.mqtt.c"
}

/**
 * The colour of each side in every chart.
 *
 * @since 0.2.0
 * @category sides
 */
export const sideColors: Readonly<Record<SideName, string>> = {
  ours: "#2f81f7",
  v3: "#1f6feb",
  peer: "#bf8700",
  limit: "#8c959f",
  libmosquitto: "#2da44e",
  paho: "#8250df"
}

/**
 * The legend of a chart of these sides.
 *
 * @since 0.2.0
 * @category charts
 */
export const seriesOf = (sides: ReadonlyArray<SideName>): Chart["series"] =>
  sides.map((side) => ({ name: names[side], color: sideColors[side] }))

/**
 * A bar for each of these sides that was measured.
 *
 * @since 0.2.0
 * @category charts
 */
export const barsOf = (row: ResultRow, sides: ReadonlyArray<SideName>): ReadonlyArray<Bar> =>
  sides.flatMap((side) => {
    const value = row[side] ?? null
    const detail = row.detail[side]
    if (value === null || detail === undefined) return []
    return [{
      series: names[side],
      value,
      text: quantity(value, row.unit),
      spread: [detail.lowest, detail.highest] as const
    }]
  })

/**
 * The median of a side and how far its rounds are off; empty where it was not measured.
 *
 * @since 0.2.0
 * @category tables
 */
export const cell = (row: ResultRow, side: SideName): string => {
  const value = row[side] ?? null
  const detail = row.detail[side]
  if (value === null || detail === undefined) return ""
  if (row.rounds === 1) return quantity(value, row.unit)
  return `${quantity(value, row.unit)} <sub>-${percent(1 - detail.lowest / value)} +${
    percent(detail.highest / value - 1)
  }</sub>`
}
