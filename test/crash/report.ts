/**
 * The report of a crash test for people: when the program was killed, the outcome of the messages, and whether
 * everything is right.
 */
import * as Os from "node:os"
import { code } from "../../scripts/code.ts"
import * as chart from "../soak/chart.ts"
import type { Finding, Outcome, Progress } from "./Crash.ts"
import type { Counts, ViolationKind } from "./Judge.ts"
import { moments } from "./moments.ts"

const number = (value: number): string => value.toLocaleString("en")
/** Minutes and seconds. */
const clock = (milliseconds: number): string =>
  `${Math.floor(milliseconds / 60_000)}:${String(Math.floor(milliseconds / 1000) % 60).padStart(2, "0")}`

interface Check {
  readonly name: string
  readonly holds: boolean
}

const levels = [1, 2] as const

export const checks = ({ kills, options, violations, worlds }: Outcome): ReadonlyArray<Check> => {
  const none = (...kinds: ReadonlyArray<ViolationKind>) => kinds.every((kind) => (violations.get(kind) ?? 0) === 0)
  const everything = (least: (counts: Counts) => number) =>
    worlds.every(({ judge, rounds }) => rounds < moments.length || levels.every((qos) => least(judge.counts[qos]) > 0))
  return [
    {
      name: "messages of both QoS were accepted, delivered and handled in every world, and the program was killed in " +
        "every moment",
      holds: everything(({ accepted, delivered, handled }) => Math.min(accepted, delivered, handled)) &&
        (options.rounds < moments.length * worlds.length + worlds.length ||
          moments.every((moment) => kills.some((kill) => kill.moment === moment)))
    },
    { name: "nothing accepted was lost", holds: none("lost") },
    { name: "nothing of QoS 2 came twice", holds: none("twice") },
    { name: "first deliveries came in the order in which they were published", holds: none("out of order") },
    { name: "nothing that was sent to the program was lost", holds: none("not handled") },
    { name: "nothing of QoS 2 that the program had answered was handled again", holds: none("handled again") },
    { name: "the program handled messages in their order", holds: none("handled out of order") },
    { name: "what came is what was sent", holds: none("garbled") },
    {
      name: "the store was readable after every kill, its totals those of its records, and empty at the end",
      holds: none("store")
    },
    { name: "the program started each time, and did not end by itself", holds: none("stuck", "failed") }
  ]
}

const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column].length)))
  return all.map((row) => "  " + row.map((cell, column) => cell.padStart(widths[column])).join("   "))
}

const killed = ({ kills, stops }: Outcome): ReadonlyArray<string> => {
  const counted = moments.map((moment) => [moment, kills.filter((kill) => kill.moment === moment)] as const)
  const most = Math.max(...counted.map(([, { length }]) => length), 1)
  const storing = kills.filter(({ isStoring }) => isStoring).length
  const late = kills.filter(({ isLate }) => isLate).length
  return [
    `killed: ${number(kills.length)} times`,
    ...counted.map(([moment, { length }]) =>
      `  ${moment.padStart(12)} ${String(length).padStart(5)} ${chart.bar(length / most, 40)}`
    ),
    `  ${number(storing)} of them inside a commit; ${number(late)} had closed in time; the broker was stopped ${
      number(stops.length)
    } times`
  ]
}

const messages = ({ worlds }: Outcome): ReadonlyArray<string> => {
  const rows = (of: (counts: Counts) => ReadonlyArray<number>) =>
    worlds.flatMap(({ judge, sync, version }) =>
      levels.map((qos) => [`QoS ${qos}`, version, sync, ...of(judge.counts[qos]).map(number)])
    )
  return [
    "from the program",
    ...table(
      ["", "version", "sync", "accepted", "delivered", "repeated", "by broker"],
      rows(({ accepted, delivered, fromByBroker, repeated }) => [accepted, delivered, repeated, fromByBroker])
    ),
    "  delivered: more than accepted, as the program was killed before it could say so; `publish` says so at its end",
    "  repeated: further deliveries of a message, which QoS 1 allows",
    "",
    "to the program",
    ...table(
      ["", "version", "sync", "sent", "handled", "again", "by broker"],
      rows(({ handled, handledAgain, sent, toByBroker }) => [sent, handled, handledAgain, toByBroker])
    ),
    "  again: the program was killed after it had handled the message and before the broker could know",
    "  by broker: QoS 2 messages that the broker was seen to publish again after it had sent their PUBREL, or under the",
    "  identifier of another one; with aedes also messages that came after newer ones"
  ]
}

/** The first with what happened before; all of them are in the JSON. */
const explained = ({ timeline, violation: { description, kind, run }, world }: Finding, index: number) => [
  `${kind}, ${world}, run ${run}: ${description}`,
  ...index < 3 ? timeline.map((line) => `    ${line}`) : []
]

export const text = (outcome: Outcome): string => {
  const { elapsed, findings, kills, options, samples, violations, worlds } = outcome
  const judged = checks(outcome)
  const failed = judged.filter(({ holds }) => !holds).length
  const last = samples.at(-1)
  return [
    `effect-mqtt crash: ${options.rounds} rounds, seed ${options.seed}, ${options.broker}, ${
      worlds.map(({ name }) => name).join(", ")
    }`,
    `${number(last?.accepted ?? 0)} messages accepted, ${number(last?.delivered ?? 0)} delivered, ${
      number(kills.length)
    } kills in ${clock(elapsed)}; Node ${process.versions.node}, ${Os.availableParallelism()} processors, ${code()}`,
    "",
    ...killed(outcome),
    "",
    ...messages(outcome),
    "",
    `in the store   up to ${
      number(Math.max(0, ...samples.map(({ left }) => left)))
    } messages when the program was dead`,
    "",
    ...findings.flatMap(explained),
    ...[...violations].map(([kind, count]) => `${kind}: ${number(count)}`),
    ...judged.map(({ holds, name }) => `${holds ? "✓" : "✗"} ${name}`),
    "",
    `crash: ${failed === 0 ? "ok" : `FAILED, ${failed} of ${judged.length}`}`
  ].join("\n")
}

/** Everything as numbers. */
export const json = (outcome: Outcome): string => {
  const { options: { onProgress: _, ...options }, violations, worlds, ...rest } = outcome
  return JSON.stringify(
    {
      isGood: checks(outcome).every(({ holds }) => holds),
      checks: checks(outcome),
      options,
      violations: Object.fromEntries(violations),
      worlds: worlds.map(({ judge: { counts }, ...world }) => ({ ...world, counts })),
      ...rest
    },
    undefined,
    2
  )
}

/** One line of how it is getting on. */
export const progress = ({ elapsed, moment, round, sample, violations, world }: Progress): string =>
  [
    `crash ${clock(elapsed)} round ${round} ${world}, ${moment}`,
    `${number(sample.accepted)} accepted`,
    `${number(sample.delivered)} delivered`,
    `${number(sample.left)} in the store`,
    `${violations} violations`
  ].join(", ")

/** The charts as an SVG. */
export const svg = ({ options, samples, stops }: Outcome): string => {
  const minutes = samples.map(({ at }) => at / 60_000)
  return chart.svg({
    title: `${options.rounds} rounds, seed ${options.seed}; a grey line: broker stopped`,
    marks: stops.map((at) => at / 60_000),
    panels: [
      { name: "messages in the store when the program was dead", at: minutes, values: samples.map(({ left }) => left) },
      { name: "accepted so far", at: minutes, values: samples.map(({ accepted }) => accepted) },
      { name: "delivered so far", at: minutes, values: samples.map(({ delivered }) => delivered) }
    ]
  })
}
