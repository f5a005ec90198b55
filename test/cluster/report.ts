/**
 * The report of a run against a cluster, for people: the shared parts, the messages, the failovers, and whether
 * everything is right.
 */
import * as Clients from "./Clients.ts"
import type { Kind, Summary } from "./Failover.ts"
import { ranges } from "./Ledger.ts"
import type { Outcome, Progress } from "./Trial.ts"
import type { Trace } from "./Witness.ts"

const number = (value: number): string => value.toLocaleString("en")
export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`

export interface Check {
  readonly name: string
  readonly holds: boolean
}

export const checks = (outcome: Outcome): ReadonlyArray<Check> => {
  const { disconnected, ended, failover, losses, strays, subject, totals } = outcome
  const reason = subject.losesBecause(outcome.version)
  const ofClient = losses.filter(({ trace }) => trace === "acknowledged by the client").length
  return [
    {
      name: "messages were acknowledged and delivered, and nodes were killed, cut off and stopped",
      holds: totals.acknowledged > 0 && totals.delivered > 0 &&
        kinds.every(({ kind }) => failover.faults.some((fault) => fault.kind === kind))
    },
    {
      name: `${number(ofClient)} messages were acknowledged by a consumer's client and not handled`,
      holds: ofClient === 0
    },
    {
      name: `${number(losses.length - ofClient)} deliveries were lost by the broker${
        reason === undefined ? "" : `: ${reason}`
      }`,
      holds: reason !== undefined || losses.length === ofClient
    },
    { name: "every publish ended, and none failed", holds: totals.open === 0 && totals.failed === 0 },
    { name: "nothing arrived that was not sent", holds: strays.length === 0 },
    {
      name: "every client was connected at the end, and went on after every fault",
      holds: disconnected.length === 0 && ended.length === 0 && failover.stuck.length === 0
    }
  ]
}

export const kinds: ReadonlyArray<{ readonly kind: Kind; readonly title: string }> = [
  { kind: "killed", title: "killed with SIGKILL, back after 2 s" },
  { kind: "cut off", title: "cut off from its clients for 15 s" },
  { kind: "stopped", title: "stopped with SIGTERM and started" }
]

export const times = (summary: Summary | undefined): string =>
  summary === undefined ? "–" : `${seconds(summary.median)} (at most ${seconds(summary.longest)})`

const failovers = ({ failover }: Outcome): ReadonlyArray<string> =>
  kinds.map(({ kind, title }) => {
    const struck = failover.faults.filter((fault) => fault.kind === kind).length
    const [own, others] = [true, false].map((isOfNode) => times(failover.summary(kind, isOfNode)))
    return `  ${title.padEnd(36)} ${`${struck}`.padStart(3)}   its clients ${own}, the others ${others}`
  })

const traces: ReadonlyArray<Trace> = [
  "never sent by the broker",
  "sent by the broker, not acknowledged",
  "acknowledged by the client"
]

/** Each consumer with the messages that it did not get, how far they got, and the log of the broker. */
const lost = ({ logs, losses, reused }: Outcome): ReadonlyArray<string> => {
  if (losses.length === 0) return []
  const missing = Clients.consumers.flatMap(({ name }, consumer) =>
    Clients.publishers.flatMap((publisher, index) =>
      traces.flatMap((trace) => {
        const of = losses.filter((loss) =>
          loss.consumer === consumer && loss.publisher === index && loss.trace === trace
        )
        if (of.length === 0) return []
        const sent = of.map(({ sentAt }) => sentAt)
        const from = `sent from ${seconds(Math.min(...sent))} to ${seconds(Math.max(...sent))}`
        const numbers = ranges(of.map(({ sequence }) => sequence))
        return [`  ${name} did not get ${of.length} of ${publisher}, ${from}, ${trace}: ${numbers}`]
      })
    )
  )
  return [
    "",
    ...missing,
    ...reused.length === 0 ? [] : [`  identifiers reused: ${reused.length}, such as ${reused.slice(0, 3).join("; ")}`],
    ...logs.flatMap(({ lines, node }) => lines.slice(-30).map((line) => `  ${node}: ${line}`))
  ]
}

export const text = (outcome: Outcome): string => {
  const { disconnected, ended, failover, sessions, strays, subject, totals, version } = outcome
  const judged = checks(outcome)
  const failed = judged.filter(({ holds }) => !holds).length
  return [
    `${subject.title} ${version}: three nodes; ${subject.storage}`,
    "",
    ...outcome.probes.map(({ answer, question }) => `  ${question}: ${answer}`),
    "",
    `messages    ${number(totals.sent)} sent, ${number(totals.acknowledged)} acknowledged, ${
      number(totals.failed)
    } failed; ` +
    `${number(totals.delivered)} deliveries, ${number(totals.repeated)} repeated, ${
      number(outcome.losses.length)
    } lost`,
    `reconnects  ${sessions.resumed} with the session, ${sessions.lost} without`,
    "failover    from the fault to the first message that was sent after it and acknowledged or delivered: median",
    ...failovers(outcome),
    ...lost(outcome),
    "",
    ...failover.faults.map(({ at, kind, node }) => `  ${seconds(at).padStart(8)}  ${node} ${kind}`),
    "",
    ...ended.map((text) => `ended by itself: ${text}`),
    ...disconnected.map((name) => `not connected: ${name}`),
    ...failover.stuck.map((text) => `has not gone on: ${text}`),
    ...strays.slice(0, 10),
    ...judged.map(({ holds, name }) => `${holds ? "✓" : "✗"} ${name}`),
    "",
    `cluster of ${subject.title}: ${failed === 0 ? "ok" : `FAILED, ${failed} of ${judged.length}`}`
  ].join("\n")
}

export const progress = ({ broker, elapsed, faults, phase, totals }: Progress): string =>
  `${broker} ${seconds(elapsed)} ${phase}: ${number(totals?.acknowledged ?? 0)} acknowledged, ${
    number(totals?.delivered ?? 0)
  } delivered, ${faults} faults`
