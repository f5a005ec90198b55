/**
 * The report of a fleet for people: the attempts of its clients, when they were back, and the messages that waited.
 */
import * as Os from "node:os"
import { code } from "../../scripts/code.ts"
import * as chart from "../soak/chart.ts"
import * as curves from "./chart.ts"
import type { Outcome } from "./Fleet.ts"
import { type FaultName, faults, policies } from "./scenes.ts"

export interface Result {
  readonly clients: number
  readonly seed: number
  readonly outcomes: ReadonlyArray<Outcome>
  /** Seconds of real time, and of all processors together. */
  readonly took: number
  readonly processorTime: number
}

interface Check {
  readonly name: string
  readonly holds: boolean
}

const number = (value: number): string => value.toLocaleString("en")
const share = (value: number, clients: number): string => `${(value / clients * 100).toFixed(1)} %`
const seconds = (value: number | undefined): string => value === undefined ? "never" : `${value} s`

/** The faults in their order, with the runs of each. */
const byFault = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<readonly [FaultName, ReadonlyArray<Outcome>]> =>
  [...new Set(outcomes.map(({ fault }) => fault))].map((
    fault
  ) => [fault, outcomes.filter((one) => one.fault === fault)])

export const checks = ({ clients, outcomes }: Result): ReadonlyArray<Check> => {
  const defaults = outcomes.filter(({ policy }) => policy === "default")
  return [
    { name: "every client came back", holds: outcomes.every(({ allBack }) => allBack !== undefined) },
    {
      name: "every message was acknowledged, and messages had waited",
      holds: outcomes.every(({ mostWaiting, unacknowledged }) => unacknowledged === 0 && mostWaiting > 0)
    },
    {
      name: "with the default, no second after the first minute had attempts of more than a tenth of the fleet",
      holds: defaults.length > 0 && defaults.every(({ peakAfterMinute }) => peakAfterMinute <= clients / 10)
    }
  ]
}

const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column].length)))
  return all.map((row) => "  " + row.map((cell, column) => cell.padStart(widths[column])).join("   "))
}

const header = ["", "attempts", "peak", "later", "half back", "all back", "waiting"]

const rowOf = ({ allBack, attempts, clients, halfBack, mostWaiting, peak, peakAfterMinute, policy }: Outcome) => [
  policies[policy].name,
  number(attempts),
  share(peak, clients),
  share(peakAfterMinute, clients),
  seconds(halfBack),
  seconds(allBack),
  number(mostWaiting)
]

const curveOf = ({ policy, samples }: Outcome): string =>
  `  ${policies[policy].name.padStart(9)} ${chart.line(samples.map(({ attempts }) => Math.log10(attempts + 1)), 60)}`

export const text = (result: Result): string => {
  const { clients, outcomes, processorTime, seed, took } = result
  const judged = checks(result)
  const failed = judged.filter(({ holds }) => !holds).length
  return [
    `effect-mqtt fleet: ${number(clients)} clients, seed ${seed}`,
    `${outcomes.length} runs in ${took.toFixed(0)} s, with ${
      processorTime.toFixed(0)
    } s of processors; Node ${process.versions.node}, ${Os.availableParallelism()} processors, ${code()}`,
    "",
    ...byFault(outcomes).flatMap(([fault, runs]) => [
      `${fault}: ${faults[fault].description}`,
      ...table(header, runs.map(rowOf)),
      "  attempts a second, logarithmic",
      ...runs.map(curveOf),
      ""
    ]),
    "  peak: the most attempts in any second of the first minute; later: in any second after it",
    "  half back, all back: since the fault began; waiting: the most messages that were published and not acknowledged",
    "",
    ...judged.map(({ holds, name }) => `${holds ? "✓" : "✗"} ${name}`),
    "",
    `fleet: ${failed === 0 ? "ok" : `FAILED, ${failed} of ${judged.length}`}`
  ].join("\n")
}

/** Everything as numbers. */
export const json = (result: Result): string =>
  JSON.stringify(
    { isGood: checks(result).every(({ holds }) => holds), checks: checks(result), ...result },
    undefined,
    2
  )

/** A chart for each fault. */
export const charts = ({ clients, outcomes }: Result): ReadonlyArray<readonly [name: string, svg: string]> =>
  byFault(outcomes).map(([fault, runs]) => [
    `fleet-${fault}`,
    curves.svg({
      title: `${number(clients)} clients: ${faults[fault].description}`,
      policies: runs.map(({ policy }) => policies[policy].name),
      end: faults[fault].lasts,
      panels: [
        {
          name: "attempts to connect, a second",
          scale: "logarithmic",
          curves: runs.map(({ samples }) => samples.map(({ attempts }) => attempts)),
          limit: { name: "a tenth of the fleet", value: clients / 10 }
        },
        {
          name: "clients that are connected",
          scale: "linear",
          curves: runs.map(({ samples }) => samples.map(({ connected }) => connected))
        },
        {
          name: "messages that wait",
          scale: "linear",
          curves: runs.map(({ samples }) => samples.map(({ waiting }) => waiting))
        }
      ]
    })
  ])
