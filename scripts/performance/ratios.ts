/**
 * Every row that has a peer, as a bar from 1: to the right where we are better, to the left where the peer is.
 *
 * @since 0.2.0
 */
import type { Chart } from "./chart.ts"
import { type ResultRow, sideColors } from "./rows.ts"

const better = "effect-mqtt is better"
const worse = "MQTT.js is better"

/**
 * The chart of all ratios, without the rows of the package for Effect 3.
 *
 * @since 0.2.0
 * @category charts
 */
export const ratiosChart = (rows: ReadonlyArray<ResultRow>): Chart => ({
  title: "How many times better than MQTT.js, and the target (red)",
  series: [{ name: better, color: sideColors.ours }, { name: worse, color: sideColors.peer }],
  base: 1,
  groups: rows.flatMap(({ minimum, minimumOfOurs, name, ratio }) =>
    ratio === null || minimumOfOurs !== undefined ? [] : [{
      label: name,
      ...(minimum === undefined ? {} : { mark: minimum }),
      bars: [{ series: ratio < 1 ? worse : better, value: ratio, text: ratio.toFixed(2) }]
    }]
  ),
  tick: (value) => `${value}`
})
