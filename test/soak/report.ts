/**
 * The report of a soak, for people: the injected faults, the outcome of the messages, the memory of the process, and
 * whether everything is right.
 */
import * as Os from "node:os"
import { code } from "../../scripts/code.ts"
import * as chart from "./chart.ts"
import { everybody, hasStore } from "./Clients.ts"
import * as Ledger from "./Ledger.ts"
import { type Finding, type LateRecovery, type Outcome, type Progress, recoveryMayTake } from "./Soak.ts"
import * as Vitals from "./vitals.ts"

const mebibyte = 1024 * 1024
const mebibytes = (bytes: number): string => (bytes / mebibyte).toFixed(1)
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`
const number = (value: number): string => value.toLocaleString("en")
/** Minutes and seconds. */
const clock = (milliseconds: number): string =>
  `${Math.floor(milliseconds / 60_000)}:${String(Math.floor(milliseconds / 1000) % 60).padStart(2, "0")}`

/** What the heap may have grown by. */
const heapMayGrow = 10 * mebibyte
/** One of the client, and two of its line. */
const descriptorsOfAClient = 3
/** The file of SQLite, two beside it, and the lock. */
const descriptorsOfAStore = 4

const stores = everybody.filter(hasStore).length

/** The observer is a client more, whose line begins to listen when the others do already. */
const descriptorsOfObserver = descriptorsOfAClient + 1
const descriptorsOfAll = everybody.length * descriptorsOfAClient + stores * descriptorsOfAStore + descriptorsOfObserver

interface Check {
  readonly name: string
  readonly holds: boolean
}

export const checks = (outcome: Outcome): ReadonlyArray<Check> => {
  const { baseline, ended, faults, final, ledger, recoveries, violations } = outcome
  const none = (...kinds: ReadonlyArray<Ledger.Violation["kind"]>) =>
    kinds.every((kind) => (violations.get(kind) ?? 0) === 0)
  const growth = final.heap - baseline.heap
  return [
    {
      name: "messages of every QoS and version were sent, acknowledged and delivered, and faults were met",
      holds: [...faults.values()].some((count) => count > 0) &&
        Ledger.levels.every((qos) =>
          Ledger.versions.every((version) =>
            ledger.publishedOf(qos, version).acknowledged > 0 && ledger.deliveredOf(qos, version, true).delivered > 0
          )
        )
    },
    { name: "nothing acknowledged was lost (QoS 1 and 2, persistent sessions)", holds: none("lost") },
    { name: "QoS 2 came exactly once, QoS 0 at most once", holds: none("repeated") },
    { name: "first deliveries came in the order in which they were published", holds: none("out of order") },
    { name: "what came is what was sent", holds: none("garbled", "never sent") },
    { name: "every publish ended, and none of QoS 1 or 2 failed", holds: none("unsettled", "failed") },
    {
      name: `every client was connected at the end, and all that was owed had arrived`,
      holds: outcome.disconnected === 0 && outcome.outstanding === 0 && ended.length === 0
    },
    {
      name: "every call of RPC ended, none with the answer of another, and every caller had an answer at the end",
      holds: outcome.calls.answered > 0 && outcome.calls.wrong === 0 && outcome.open === 0 && outcome.unanswered === 0
    },
    {
      name: "every client was online for the others until it ended, and offline afterwards",
      holds: outcome.online === everybody.length && outcome.offline === everybody.length
    },
    {
      name: `every client came back within ${recoveryMayTake / 1000} s of a whole network`,
      holds: recoveries.largest <= recoveryMayTake
    },
    {
      name: `heap at the end within 10 MiB of that after the warm-up (${growth < 0 ? "" : "+"}${mebibytes(growth)})`,
      holds: growth <= heapMayGrow
    },
    {
      name: "no descriptor was left over",
      holds: final.descriptors <= outcome.descriptorsBefore + descriptorsOfAll &&
        outcome.descriptorsAfter <= outcome.descriptorsBefore
    }
  ]
}

const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column].length)))
  return all.map((row) => "  " + row.map((cell, column) => cell.padStart(widths[column])).join("   "))
}

const kinds: ReadonlyArray<readonly [Ledger.Party["session"], boolean]> = [["persistent", true], ["clean", false]]

const messages = ({ ledger }: Outcome): ReadonlyArray<string> => {
  const published = Ledger.levels.flatMap((qos) =>
    Ledger.versions.map((version) => {
      const { acknowledged, failed, sent, unsettled } = ledger.publishedOf(qos, version)
      return [`QoS ${qos}`, version, ...[sent, acknowledged, failed, unsettled].map(number)]
    })
  )
  const delivered = Ledger.levels.flatMap((qos) =>
    Ledger.versions.flatMap((version) =>
      kinds.map(([session, isKept]) => {
        const { byBroker, delivered, duplicated, inDoubt, lost, missed } = ledger.deliveredOf(qos, version, isKept)
        return [`QoS ${qos}`, version, session, ...[delivered, duplicated, lost, missed, inDoubt, byBroker].map(number)]
      })
    )
  )
  return [
    "published, by the publisher's version",
    ...table(["", "version", "sent", "acknowledged", "failed", "not ended"], published),
    "",
    "delivered, by the subscriber's version; clean: one of the two sessions is",
    ...table(
      ["", "version", "sessions", "delivered", "duplicated", "lost", "missed", "in doubt", "by broker"],
      delivered
    ),
    "  duplicated: further deliveries of a message, which QoS 1 allows, and QoS 2 with a clean publisher",
    "  missed: allowed, at QoS 0, or by a session that nobody keeps",
    "  in doubt: lost or repeated by a broker that was killed within a second of it",
    "  by broker: QoS 2 messages that mosquitto was seen to publish again after it had sent their PUBREL"
  ]
}

const injected = ({ faults }: Outcome): ReadonlyArray<string> => {
  const all = [...faults].sort(([, one], [, other]) => other - one)
  const most = Math.max(...faults.values())
  const total = all.reduce((sum, [, count]) => sum + count, 0)
  return [
    `faults injected: ${number(total)}`,
    ...all.map(([name, count]) => `  ${name.padStart(22)} ${String(count).padStart(5)} ${chart.bar(count / most, 40)}`)
  ]
}

const called = ({ calls: { answered, failed, made, wrong } }: Outcome): string => {
  const reasons = [...failed].sort(([, one], [, other]) => other - one).map(([reason, count]) => `${count} ${reason}`)
  return `calls of RPC  ${number(made)}: ${number(answered)} answered, ${wrong} with the answer of another, ` +
    `failed: ${reasons.join(", ") || "none"}`
}

const held = (outcome: Outcome): ReadonlyArray<string> => {
  const { baseline, final, samples } = outcome
  const rates = (of: (sample: Vitals.Vitals) => number) => chart.rates(samples, of)
  const last = samples.slice(Math.floor(samples.length / 2))
  const line = (name: string, values: ReadonlyArray<number>, digits = 0) =>
    `  ${name.padStart(24)} ${chart.line(values, 60)} ${Math.min(...values).toFixed(digits)} to ${
      Math.max(...values).toFixed(digits)
    }`
  return [
    "over time, each sample after a forced collection",
    line("published a second", rates(({ sent }) => sent)),
    line("delivered a second", rates(({ delivered }) => delivered)),
    line("heap, MiB", samples.map(({ heap }) => heap / mebibyte), 1),
    line("resident, MiB", samples.map(({ resident }) => resident / mebibyte)),
    line("descriptors", samples.map(({ descriptors }) => descriptors)),
    "",
    `heap          ${mebibytes(baseline.heap)} MiB after the warm-up (${clock(baseline.at)}), ${
      mebibytes(final.heap)
    } MiB at the end; ${mebibytes(Vitals.slope(last))} MiB an hour over the last half`,
    `resident      ${mebibytes(baseline.resident)} MiB after the warm-up, ${mebibytes(final.resident)} MiB at the end`,
    `descriptors   ${outcome.descriptorsBefore} before there was a client, ${baseline.descriptors} after the warm-up, ` +
    `${final.descriptors} at the end, ${outcome.descriptorsAfter} with the clients closed`
  ]
}

/** The first with what happened around it; all of them are in the JSON. */
const explained = ({ timeline, violation }: Finding, index: number): ReadonlyArray<string> => [
  `${violation.kind}, noticed at ${violation.at}: ${violation.description}`,
  ...index < 3 ? timeline.map((line) => `    ${line}`) : []
]

const explainedRecovery = ({ at, name, timeline, took }: LateRecovery, index: number): ReadonlyArray<string> => [
  `late, noticed at ${at}: ${name} took ${seconds(took)} to come back`,
  ...index < 3 ? timeline.map((line) => `    ${line}`) : []
]

export const text = (outcome: Outcome): string => {
  const { ended, findings, ledger, options, recoveries, violations } = outcome
  const judged = checks(outcome)
  const failed = judged.filter(({ holds }) => !holds).length
  const traffic = ledger.sentCount / outcome.elapsed * 1000
  return [
    `effect-mqtt soak: ${options.minutes} minutes, seed ${options.seed}, 20 publishers and 20 subscribers, mosquitto`,
    `${number(ledger.sentCount)} messages published (${traffic.toFixed(0)} a second), ${
      number(ledger.deliveredCount)
    } delivered; Node ${process.versions.node}, ${Os.availableParallelism()} processors, ${code()}`,
    "",
    ...injected(outcome),
    "",
    ...messages(outcome),
    "",
    `connections   ${number(outcome.connections)} by 40 clients; ${number(outcome.republications)} messages sent again`,
    `recovery      ${number(recoveries.count)} times: median ${seconds(recoveries.percentile(50))}, 95 % ${
      seconds(recoveries.percentile(95))
    }, longest ${seconds(recoveries.largest)}`,
    "              from the loss of the connection, or of the last hindrance if that was later, to CONNACK",
    called(outcome),
    `presence      ${outcome.online} of ${everybody.length} clients online before the end, ${outcome.offline} offline after it`,
    `stores        ${stores} of ${everybody.length} clients have one on the disk`,
    "",
    ...held(outcome),
    "",
    ...findings.flatMap(explained),
    ...outcome.lateRecoveries.flatMap(explainedRecovery),
    ...ended.map((name) => `ended by itself: ${name}`),
    ...[...violations].map(([kind, count]) => `${kind}: ${number(count)}`),
    ...judged.map(({ holds, name }) => `${holds ? "✓" : "✗"} ${name}`),
    "",
    `soak: ${failed === 0 ? "ok" : `FAILED, ${failed} of ${judged.length}`}`
  ].join("\n")
}

/** Everything as numbers. */
export const json = (outcome: Outcome): string => {
  const { options: { minutes, rate, seed }, faults, ledger, recoveries, violations, ...rest } = outcome
  const totals = Ledger.levels.flatMap((qos) =>
    Ledger.versions.map((version) => ({
      qos,
      version,
      published: ledger.publishedOf(qos, version),
      delivered: { persistent: ledger.deliveredOf(qos, version, true), clean: ledger.deliveredOf(qos, version, false) }
    }))
  )
  const recovery = {
    count: recoveries.count,
    median: recoveries.percentile(50),
    percentile95: recoveries.percentile(95),
    largest: recoveries.largest
  }
  return JSON.stringify(
    {
      isGood: checks(outcome).every(({ holds }) => holds),
      checks: checks(outcome),
      minutes,
      rate,
      seed,
      faults: Object.fromEntries(faults),
      violations: Object.fromEntries(violations),
      totals,
      recovery,
      kills: ledger.kills,
      ...rest
    },
    undefined,
    2
  )
}

/** One line of how it is getting on. */
export const progress = ({ elapsed, faults, ledger, phase, violations, vitals }: Progress): string =>
  [
    `soak ${clock(elapsed)} ${phase}`,
    `${number(ledger.sentCount)} published`,
    `${number(ledger.deliveredCount)} delivered`,
    `${faults} faults`,
    ...vitals === undefined ? [] : [`heap ${mebibytes(vitals.heap)} MiB`, `${vitals.descriptors} descriptors`],
    `${violations} violations`
  ].join(", ")

/** The charts as an SVG. */
export const svg = (outcome: Outcome): string => {
  const { ledger, options, samples } = outcome
  const minutes = samples.map(({ at }) => at / 60_000)
  const between = minutes.slice(1)
  return chart.svg({
    title: `${options.minutes} minutes of faults, seed ${options.seed}; a grey line: broker killed`,
    marks: ledger.kills.map(({ at }) => at / 60_000),
    panels: [
      { name: "published a second", at: between, values: chart.rates(samples, ({ sent }) => sent) },
      { name: "delivered a second", at: between, values: chart.rates(samples, ({ delivered }) => delivered) },
      { name: "heap after a collection, MiB", at: minutes, values: samples.map(({ heap }) => heap / mebibyte) },
      { name: "descriptors", at: minutes, values: samples.map(({ descriptors }) => descriptors) }
    ]
  })
}
