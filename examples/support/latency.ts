/**
 * Measured times in bounded memory, however many there are: counts of values rounded to two digits.
 */

/** Milliseconds, rounded to two significant digits, and how often each occurred. */
export type Latencies = ReadonlyMap<number, number>

const round = (milliseconds: number): number => Number(Math.max(milliseconds, 0.001).toPrecision(2))

export const add = (latencies: Latencies, milliseconds: number): Latencies => {
  const rounded = round(milliseconds)
  return new Map(latencies).set(rounded, (latencies.get(rounded) ?? 0) + 1)
}

/** The value that `percent` of all values do not exceed. */
const percentile = (latencies: Latencies, percent: number): number => {
  const ascending = [...latencies].sort(([left], [right]) => left - right)
  let remaining = Math.max(1, Math.ceil(count(latencies) * percent / 100))
  for (const [milliseconds, times] of ascending) {
    remaining -= times
    if (remaining <= 0) return milliseconds
  }
  return Number.NaN
}

const count = (latencies: Latencies): number => [...latencies.values()].reduce((sum, times) => sum + times, 0)

export const format = (milliseconds: number): string =>
  milliseconds >= 1000 ? `${(milliseconds / 1000).toPrecision(3)} s` : `${milliseconds.toPrecision(2)} ms`

const edges = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

const bar = (share: number): string => "█".repeat(Math.ceil(share * 40))

/** Percentiles in a line, and below it a bar for each range with values. */
export const report = (latencies: Latencies): ReadonlyArray<string> => {
  if (latencies.size === 0) return ["latency       nothing came back"]
  const percentiles = [["min", 0], ["p50", 50], ["p90", 90], ["p99", 99], ["max", 100]] as const
  const summary = percentiles.map(([name, percent]) => `${name} ${format(percentile(latencies, percent))}`)
  const ranges = [...edges, Infinity].map((to, index) => {
    const from = index === 0 ? 0 : edges[index - 1]
    const times = [...latencies].reduce((sum, [value, times]) => value >= from && value < to ? sum + times : sum, 0)
    const label = to === Infinity ? `over ${format(from)}` : `under ${format(to)}`
    return { label, times }
  })
  const most = Math.max(...ranges.map(({ times }) => times))
  const bars = ranges
    .filter(({ times }) => times > 0)
    .map(({ label, times }) => `  ${label.padStart(12)} ${String(times).padStart(6)} ${bar(times / most)}`)
  return [`latency       ${summary.join("   ")}`, ...bars]
}
