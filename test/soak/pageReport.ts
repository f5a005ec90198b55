/**
 * The report of the soak of a hidden page, for people: whether it was hidden and slowed down at all, the outcome of the
 * messages, the page's memory, and whether everything is right.
 */
import * as Os from "node:os"
import * as chart from "./chart.ts"
import type { Outcome, Progress, Sample } from "./PageSoak.ts"
import * as Subjects from "./pageSubjects.ts"
import * as Vitals from "./vitals.ts"

const mebibyte = 1024 * 1024
const mebibytes = (bytes: number): string => (bytes / mebibyte).toFixed(2)
const number = (value: number): string => value.toLocaleString("en")
/** Minutes and seconds. */
const clock = (milliseconds: number): string =>
  `${Math.floor(milliseconds / 60_000)}:${String(Math.floor(milliseconds / 1000) % 60).padStart(2, "0")}`

/** What the heap may have grown by. */
const heapMayGrow = mebibyte

/** How often a timer of 100 ms came between two samples; in a page in front that is 600 times a minute. */
const ticksBetween = (from: Sample, to: Sample) => {
  const count = to.ticks - from.ticks
  const minutes = (to.at - from.at) / 60_000
  return {
    perMinute: minutes === 0 ? undefined : count / minutes,
    /** Some come between the two alignments, and when the browser changes over. */
    isWithin: (perMinute: number): boolean => minutes > 0 && count <= minutes * perMinute * 1.05 + 3
  }
}

/** Before and after the grace period. */
export const ticks = ({ final, options, samples }: Outcome) => {
  const isLate = ({ at }: Sample): boolean => at >= options.grace * 1000 + 1000
  return {
    before: ticksBetween(samples[0], samples.findLast((sample) => !isLate(sample)) ?? final),
    after: ticksBetween(samples.find(isLate) ?? final, final)
  }
}

interface Check {
  readonly name: string
  readonly holds: boolean
}

const heapCheck = ({ baseline, final }: Outcome): ReadonlyArray<Check> => {
  if (final.heap === undefined || baseline.heap === undefined) return []
  const growth = final.heap - baseline.heap
  return [{
    name: `heap at the end within 1 MiB of that after the warm-up (${growth < 0 ? "" : "+"}${mebibytes(growth)})`,
    holds: growth <= heapMayGrow
  }]
}

export const checks = (outcome: Outcome): ReadonlyArray<Check> => {
  const { answers, connects, final, options, repeatedAnswers, samples, sent } = outcome
  const { after, before } = ticks(outcome)
  const isChromium = options.kind === "Chromium"
  return [
    {
      name: "the page was hidden all the time",
      holds: final.shown === 0 && [...samples, final].every(({ visibility }) => visibility === "hidden")
    },
    { name: "its timers came at most once a second", holds: before.isWithin(60) },
    ...isChromium ? [{ name: `and after ${options.grace} seconds once a minute`, holds: after.isWithin(1) }] : [],
    {
      name: "every message came once, and in the order in which they were published",
      holds: sent > 0 && final.received === sent && final.skipped === 0 && final.repeated === 0
    },
    {
      name: "everything that the page published came once",
      holds: answers === Math.ceil(sent / Subjects.answered) && repeatedAnswers === 0
    },
    {
      name: "neither client connected again",
      holds: final.connections === 1 && final.quietConnections === 1 && connects.get(Subjects.busy) === 1 &&
        connects.get(Subjects.quiet) === 1
    },
    ...heapCheck(outcome)
  ]
}

const heaps = (samples: ReadonlyArray<Sample>): ReadonlyArray<number> =>
  samples.flatMap(({ heap }) => heap === undefined ? [] : [heap / mebibyte])

const heap = ({ baseline, final, samples }: Outcome): ReadonlyArray<string> => {
  if (baseline.heap === undefined || final.heap === undefined) return ["heap          Firefox does not tell"]
  const last = samples.slice(Math.floor(samples.length / 2))
  return [
    `heap          ${mebibytes(baseline.heap)} MiB after the warm-up (${clock(baseline.at)}), ${
      mebibytes(final.heap)
    } MiB at the end; ${
      mebibytes(Vitals.slope(last.map(({ at, heap = 0 }) => ({ at, heap }))))
    } MiB an hour over the last half`
  ]
}

const held = ({ samples }: Outcome): ReadonlyArray<string> => {
  const line = (name: string, values: ReadonlyArray<number>, digits = 0) =>
    `  ${name.padStart(24)} ${chart.line(values, 60)} ${Math.min(...values).toFixed(digits)} to ${
      Math.max(...values).toFixed(digits)
    }`
  const inPage = heaps(samples)
  return [
    "over time, each sample after a forced collection in the page",
    line("published a second", chart.rates(samples, ({ sent }) => sent)),
    line("received a second", chart.rates(samples, ({ received }) => received)),
    line("answered a second", chart.rates(samples, ({ answers }) => answers), 1),
    line("timers a minute", chart.rates(samples, ({ ticks }) => ticks).map((rate) => rate * 60)),
    ...inPage.length === 0 ? [] : [line("heap, MiB", inPage, 2)]
  ]
}

const perMinute = (rate: number | undefined): string => rate === undefined ? "not seen" : rate.toFixed(1)

export const text = (outcome: Outcome): string => {
  const { answers, browser, connects, elapsed, final, options, repeatedAnswers, roundTrips, sent } = outcome
  const judged = checks(outcome)
  const failed = judged.filter(({ holds }) => !holds).length
  const { after, before } = ticks(outcome)
  return [
    `effect-mqtt page soak: ${options.minutes} minutes in a hidden page of ${browser}${
      options.channel ? ", fibers over a channel" : ""
    }, mosquitto`,
    `${number(sent)} messages published to it (${options.rate} a second) in ${clock(elapsed)}; ` +
    `Node ${process.versions.node}, ${Os.availableParallelism()} processors`,
    "",
    `visibility    ${final.visibility}; shown ${final.shown} times`,
    `timers        of 100 ms, a minute: ${perMinute(before.perMinute)} in the first ${options.grace} s, ${
      perMinute(after.perMinute)
    } later`,
    `received      ${number(final.received)}; ${number(sent - final.received + final.repeated)} missing, ` +
    `${number(final.repeated)} repeated, ${number(final.skipped)} overtaken`,
    `sent back     ${number(answers)} came; ${number(Math.ceil(sent / Subjects.answered) - answers)} missing, ` +
    `${number(repeatedAnswers)} repeated`,
    `there and back, ms: median ${roundTrips.percentile(50)}, 95 % ${roundTrips.percentile(95)}, 99 % ${
      roundTrips.percentile(99)
    }, longest ${roundTrips.largest.toFixed(0)}`,
    `connections   ${final.connections} and, of a client that only pings, ${final.quietConnections}, as the page counts; ` +
    `${connects.get(Subjects.busy) ?? 0} and ${connects.get(Subjects.quiet) ?? 0} as the broker does`,
    ...heap(outcome),
    "",
    ...held(outcome),
    "",
    ...judged.map(({ holds, name }) => `${holds ? "✓" : "✗"} ${name}`),
    "",
    `page soak: ${failed === 0 ? "ok" : `FAILED, ${failed} of ${judged.length}`}`
  ].join("\n")
}

/** Everything as numbers. */
export const json = (outcome: Outcome): string => {
  const { connects, options: { channel, grace, kind, minutes, rate }, roundTrips, ...rest } = outcome
  const judged = checks(outcome)
  return JSON.stringify(
    {
      isGood: judged.every(({ holds }) => holds),
      checks: judged,
      kind,
      minutes,
      rate,
      grace,
      channel,
      ticks: { before: ticks(outcome).before.perMinute, after: ticks(outcome).after.perMinute },
      connects: Object.fromEntries(connects),
      roundTrips: {
        count: roundTrips.count,
        median: roundTrips.percentile(50),
        percentile95: roundTrips.percentile(95),
        percentile99: roundTrips.percentile(99),
        largest: roundTrips.largest
      },
      ...rest
    },
    undefined,
    2
  )
}

/** One line of how it is getting on. */
export const progress = ({ answers, elapsed, sample, sent }: Progress): string =>
  [
    `page soak ${clock(elapsed)}`,
    `${number(sent)} published`,
    `${number(answers)} sent back`,
    ...sample === undefined
      ? []
      : [
        `${number(sample.received)} received at ${clock(sample.at)}`,
        sample.visibility,
        `${sample.ticks} ticks`,
        `${sample.connections} and ${sample.quietConnections} connections`,
        ...heaps([sample]).map((heap) => `heap ${heap.toFixed(2)} MiB`)
      ]
  ].join(", ")

/** The charts as an SVG. */
export const svg = ({ browser, options, samples }: Outcome): string => {
  const minutes = samples.map(({ at }) => at / 60_000)
  const between = minutes.slice(1)
  const inPage = heaps(samples)
  return chart.svg({
    title: `${options.minutes} minutes in a hidden page of ${browser}`,
    marks: [],
    panels: [
      { name: "received a second", at: between, values: chart.rates(samples, ({ received }) => received) },
      {
        name: "timers of 100 ms that came, a minute",
        at: between,
        values: chart.rates(samples, ({ ticks }) => ticks).map((rate) => rate * 60)
      },
      ...inPage.length === 0 ? [] : [{ name: "heap after a collection, MiB", at: minutes, values: inPage }]
    ]
  })
}
