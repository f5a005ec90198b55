/**
 * The counts of the first run, and how it shows them. Pure: times are arguments.
 */
import { HashMap, Option } from "effect"
import * as Latency from "./latency.ts"
import type { Reading } from "./reading.ts"

export interface Progress {
  readonly sent: number
  readonly acknowledged: number
  readonly received: number
  readonly duplicated: number
  readonly latencies: Latency.Latencies
  /** Round trip of the latest reading that came back, milliseconds. */
  readonly latest: number
  /** Times of sending, for readings that have not come back. */
  readonly underway: HashMap.HashMap<number, number>
}

export const nothing: Progress = {
  sent: 0,
  acknowledged: 0,
  received: 0,
  duplicated: 0,
  latencies: new Map(),
  latest: 0,
  underway: HashMap.empty()
}

export const sent = (number: number, now: number) => (progress: Progress): Progress => ({
  ...progress,
  sent: progress.sent + 1,
  underway: HashMap.set(progress.underway, number, now)
})

export const acknowledged = (progress: Progress): Progress => ({ ...progress, acknowledged: progress.acknowledged + 1 })

export const received = (number: number, now: number) => (progress: Progress): Progress =>
  Option.match(HashMap.get(progress.underway, number), {
    onNone: () => ({ ...progress, duplicated: progress.duplicated + 1 }),
    onSome: (sentAt) => ({
      ...progress,
      received: progress.received + 1,
      latencies: Latency.add(progress.latencies, now - sentAt),
      latest: now - sentAt,
      underway: HashMap.remove(progress.underway, number)
    })
  })

export const lost = ({ underway }: Progress): number => HashMap.size(underway)

export const isComplete = ({ acknowledged, sent, underway }: Progress): boolean =>
  acknowledged === sent && HashMap.isEmpty(underway)

const gibibytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1)

const duration = (seconds: number): string =>
  seconds < 86_400
    ? `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`
    : `${Math.floor(seconds / 86_400)} d ${Math.floor(seconds / 3600) % 24} h`

const widths = [5, 10, 7, 14, 13, 14]
const row = (cells: ReadonlyArray<string>): string => cells.map((cell, index) => cell.padStart(widths[index])).join("")

export const header = row(["", "latency", "load", "memory, GiB", "event loop", "up"])

export const line = (reading: Reading, latency: number): string =>
  row([
    `${reading.number}`,
    Latency.format(latency),
    reading.load.toFixed(2),
    `${gibibytes(reading.memoryUsed)} / ${gibibytes(reading.memoryTotal)}`,
    Latency.format(reading.eventLoopDelay),
    duration(reading.uptime)
  ])

export const summary = (progress: Progress): string =>
  [
    "",
    `sent          ${progress.sent}`,
    `acknowledged  ${progress.acknowledged}`,
    `received      ${progress.received}`,
    `lost          ${lost(progress)}`,
    `duplicated    ${progress.duplicated}`,
    ...Latency.report(progress.latencies)
  ].join("\n")
