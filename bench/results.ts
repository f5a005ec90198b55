/**
 * Samples, what is made of them, and how it is printed and written.
 */
import { createRequire } from "node:module"
import { availableParallelism, cpus, release, totalmem, type as systemName } from "node:os"
import { code } from "../scripts/code.ts"
import { type Experiment, nativeNames, type Row, type SideName, sideNames, type Values } from "./Benchmark.ts"
import type { Native } from "./native.ts"

export interface Sample {
  readonly values: Values
  /** Processor time of the side while this was measured, as a share of one core. */
  readonly ownShare: number
  /** The same of the broker; `undefined` where there is none, or nobody knows. */
  readonly brokerShare: number | undefined
}

export type Samples = ReadonlyMap<Experiment, Readonly<Record<SideName, ReadonlyArray<Sample>>>>

/** Above this share of one core the sink may hold a side back. */
export const busyBroker = 0.6

/** What the rounds of one side say of a row. */
export interface SideResult {
  readonly median: number
  readonly lowest: number
  readonly highest: number
  readonly ownShare: number
  readonly brokerShare: number | undefined
}

export interface RowResult {
  readonly row: Row
  readonly rounds: number
  readonly sides: Readonly<Partial<Record<SideName, SideResult>>>
  /** What share of ours in memory ours with a store is, where both were measured. */
  readonly ofMemory: number | undefined
  /** What share of ours the package for Effect 3 is, in a row of it. */
  readonly ofOurs: number | undefined
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const sideResult = (metric: string, samples: ReadonlyArray<Sample>): SideResult => {
  const values = samples.map((sample) => sample.values[metric])
  const shares = samples.flatMap(({ brokerShare }) => brokerShare ?? [])
  return {
    median: median(values),
    lowest: Math.min(...values),
    highest: Math.max(...values),
    ownShare: median(samples.map(({ ownShare }) => ownShare)),
    brokerShare: shares.length === 0 ? undefined : median(shares)
  }
}

/** The rows that are wanted, in order; those that a side does not measure are without it. */
export const resultsOf = (samples: Samples, isWanted: (row: Row) => boolean): ReadonlyArray<RowResult> => {
  const results = resultsAlone(samples, isWanted)
  return results.map((result) => {
    const { row, sides } = result
    const inMemory = results.find(({ row: { name } }) => name === row.inMemory?.row)
    return {
      ...result,
      ofMemory: advantage(row, sides.ours, inMemory?.sides.ours),
      ofOurs: advantage(row, sides.v3, sides.ours)
    }
  })
}

const resultsAlone = (
  samples: Samples,
  isWanted: (row: Row) => boolean
): ReadonlyArray<Pick<RowResult, "row" | "rounds" | "sides">> =>
  Array.from(samples).flatMap(([{ rows }, ofSides]) =>
    rows.filter(isWanted).map((row) => ({
      row,
      rounds: ofSides.ours.length,
      sides: Object.fromEntries(
        sideNames
          .filter((side) => ofSides[side].some(({ values }) => row.metric in values))
          .map((side) => [side, sideResult(row.metric, ofSides[side])])
      )
    }))
  )

/** How many times better: above 1 the first one wins, whichever direction is better. */
const advantage = ({ better }: Row, first: SideResult | undefined, second: SideResult | undefined) => {
  if (first === undefined || second === undefined) return undefined
  return better === "higher" ? first.median / second.median : second.median / first.median
}

/** Whose row it is against the peer. */
export const ratioOf = ({ row, sides }: RowResult): number | undefined =>
  advantage(row, row.ofOurs === undefined ? sides.ours : sides.v3, sides.peer)

/** Whether the row has what is wanted of it; `undefined` when nothing is. */
export const isReached = (result: RowResult): boolean | undefined => {
  const { inMemory, maximum, minimum, ofOurs } = result.row
  if (ofOurs !== undefined) return (result.ofOurs ?? 0) >= ofOurs && (ratioOf(result) ?? 0) > 1
  if (maximum !== undefined) return (result.sides.ours?.median ?? Infinity) <= maximum
  if (minimum === undefined) return undefined
  // Without the row in memory there is nothing to compare with.
  const isShare = inMemory?.minimum === undefined || result.ofMemory === undefined ||
    result.ofMemory >= inMemory.minimum
  return isShare && (ratioOf(result) ?? 0) >= minimum
}

/** A number and its unit, short. */
export const quantity = (value: number, unit: Row["unit"]): string => {
  if (unit === "messages/s" || unit === "packets/s") {
    return value >= 1e6
      ? `${(value / 1e6).toFixed(2)} M`
      : `${(value / 1e3).toFixed(value < 1e4 ? 2 : value < 1e5 ? 1 : 0)} k`
  }
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit === "times" ? "x" : unit}`
}

export const percent = (share: number): string => `${Math.round(share * 100)}%`

const spreadOf = ({ highest, lowest, median }: SideResult): string =>
  `-${percent(1 - lowest / median)} +${percent(highest / median - 1)}`

/** The first column to the left, the others to the right. */
const aligned = (lines: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  return lines
    .map((line) => line.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  "))
    .join("\n")
}

const times = (ratio: number | undefined): string => ratio === undefined ? "" : ratio.toFixed(2)

const wanted = (result: RowResult): string => {
  const { inMemory, maximum, minimum } = result.row
  const bound = maximum === undefined ? minimum : maximum
  if (bound === undefined) return ""
  const share = inMemory?.minimum === undefined ? "" : `, ${percent(inMemory.minimum)}`
  return `${maximum === undefined ? ">=" : "<="} ${bound}${share}${isReached(result) === true ? "" : " !"}`
}

const cells = (result: RowResult, names: ReadonlyArray<SideName>): ReadonlyArray<string> =>
  names.flatMap((name) => {
    const side = result.sides[name]
    return side === undefined ? ["", ""] : [quantity(side.median, result.row.unit), spreadOf(side)]
  })

const withSpread = (names: ReadonlyArray<SideName>): ReadonlyArray<string> => names.flatMap((side) => [side, "spread"])

const isEffect3 = ({ row }: RowResult): boolean => row.ofOurs !== undefined

const sidesOfEffect3 = ["v3", "ours", "peer"] as const

const effect3Table = (results: ReadonlyArray<RowResult>): string =>
  aligned([
    ["median, Effect 3", ...withSpread(sidesOfEffect3), "ratio", "of ours", "wanted"],
    ...results.map((result) => [
      result.row.name,
      ...cells(result, sidesOfEffect3),
      times(ratioOf(result)),
      result.ofOurs === undefined ? "" : percent(result.ofOurs),
      `> 1, ${percent(result.row.ofOurs ?? 0)}${isReached(result) === true ? "" : " !"}`
    ])
  ])

const sidesOfMain = ["ours", "peer", "limit"] as const

const resultTable = (results: ReadonlyArray<RowResult>): string =>
  aligned([
    ["median", ...withSpread(sidesOfMain), "ratio", "wanted", "ours/limit", "of memory"],
    ...results.map((result) => [
      result.row.name,
      ...cells(result, sidesOfMain),
      times(ratioOf(result)),
      wanted(result),
      times(advantage(result.row, result.sides.ours, result.sides.limit)),
      result.ofMemory === undefined ? "" : percent(result.ofMemory)
    ])
  ])

const sidesOfNative = ["ours", ...nativeNames] as const

const hasNative = ({ sides }: RowResult): boolean => nativeNames.some((name) => sides[name] !== undefined)

/** How many times better ours is than each of the libraries in C. */
const nativeTable = (results: ReadonlyArray<RowResult>): string =>
  aligned([
    ["median, C libraries", ...withSpread(sidesOfNative), ...nativeNames.map((name) => `ours/${name}`)],
    ...results.map((result) => [
      result.row.name,
      ...cells(result, sidesOfNative),
      ...nativeNames.map((name) => times(advantage(result.row, result.sides.ours, result.sides[name])))
    ])
  ])

/** The version of each library, or the reason for its empty cells. */
const nativeLegend = (natives: ReadonlyArray<Native>): string =>
  natives.map((native) =>
    native._tag === "Built"
      ? `${native.name}: the library in C, version ${native.version}, with threads of its own.\n`
      : `${native.name}: left out, ${native.reason}.\n`
  ).join("")

const brokerShare = (share: number | undefined): string =>
  share === undefined ? "" : percent(share) + (share > busyBroker ? "*" : "")

const processorTable = (results: ReadonlyArray<RowResult>): string => {
  const names = sideNames.filter((name) => results.some(({ sides }) => sides[name] !== undefined))
  return aligned([
    ["CPU, share of one core", ...names.flatMap((side) => [side, "sink"])],
    ...results.map(({ row, sides }) => [
      row.name,
      ...names.flatMap((name) => {
        const side = sides[name]
        return side === undefined ? ["", ""] : [percent(side.ownShare), brokerShare(side.brokerShare)]
      })
    ])
  ])
}

export interface Machine {
  readonly cores: number
  readonly processor: string
  readonly memory: string
  readonly system: string
  readonly node: string
  readonly peer: string
}

export const machine = (): Machine => ({
  cores: availableParallelism(),
  processor: cpus()[0]?.model.trim() ?? "unknown",
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  system: `${systemName()} ${release()}`,
  node: process.version,
  peer: `MQTT.js ${createRequire(import.meta.url)("mqtt/package.json").version}`
})

export const report = (results: ReadonlyArray<RowResult>, natives: ReadonlyArray<Native>): string => {
  const { cores, node, peer, processor } = machine()
  const [ofEffect3, others] = [results.filter(isEffect3), results.filter((result) => !isEffect3(result))]
  const compared = results.filter(hasNative)
  const tables = [
    ...others.length === 0 ? [] : [resultTable(others)],
    ...compared.length === 0 ? [] : [nativeTable(compared)],
    ...ofEffect3.length === 0 ? [] : [effect3Table(ofEffect3)],
    processorTable(results)
  ]
  return `
${tables.join("\n\n")}

ours: this library. peer: MQTT.js. limit: bare node:net. Medians; spread: how far the lowest and highest round are off.
ratio: ours, or v3, against peer, above 1 is better for us in every row. !: less than is wanted.
v3: the package for Effect 3. of ours: its share of what the main package does.
of memory: ours with a store, as a share of ours without one.
${nativeLegend(natives)}* The broker is busy for more than ${
    percent(busyBroker)
  } of the time, see "Is the sink fast enough" in bench/README.md.
${peer}, Node ${node}, ${cores} x ${processor}`
}

const rounded = (value: number): number => Number(value.toPrecision(5))

const sideJson = ({ brokerShare, highest, lowest, ownShare }: SideResult) => ({
  lowest: rounded(lowest),
  highest: rounded(highest),
  cpu: rounded(ownShare),
  ...(brokerShare === undefined ? {} : { sinkCpu: rounded(brokerShare) })
})

const rowJson = (result: RowResult) => {
  const { ofMemory, ofOurs, rounds, row, sides } = result
  const value = (side: SideName) => sides[side] === undefined ? null : rounded(sides[side].median)
  const ratio = ratioOf(result)
  const isMet = isReached(result)
  return {
    name: row.name,
    unit: row.unit,
    better: row.better,
    ours: value("ours"),
    ...(row.ofOurs === undefined ? {} : { v3: value("v3"), minimumOfOurs: rounded(row.ofOurs) }),
    ...(ofOurs === undefined ? {} : { ofOurs: Number(ofOurs.toFixed(3)) }),
    peer: value("peer"),
    limit: value("limit"),
    ...(hasNative(result) ? { libmosquitto: value("libmosquitto"), paho: value("paho") } : {}),
    ratio: ratio === undefined ? null : Number(ratio.toFixed(3)),
    ...(row.minimum === undefined ? {} : { minimum: row.minimum }),
    ...(row.maximum === undefined ? {} : { maximum: row.maximum }),
    ...(row.inMemory === undefined ? {} : { inMemory: row.inMemory }),
    ...(ofMemory === undefined ? {} : { ofMemory: Number(ofMemory.toFixed(3)) }),
    ...(isMet === undefined ? {} : { reached: isMet }),
    rounds,
    detail: Object.fromEntries(
      sideNames.flatMap((name) => sides[name] === undefined ? [] : [[name, sideJson(sides[name])]])
    )
  }
}

/** What `--json` writes. */
export type Result = ReturnType<typeof toJson>

export const toJson = (
  results: ReadonlyArray<RowResult>,
  run: {
    readonly command: string
    readonly isQuick: boolean
    readonly seconds: number
    readonly natives: ReadonlyArray<Native>
  }
) => ({
  command: run.command,
  code: code(),
  quick: run.isQuick,
  seconds: Math.round(run.seconds),
  machine: machine(),
  natives: run.natives,
  rows: results.map(rowJson)
})
