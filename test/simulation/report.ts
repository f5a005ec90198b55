/**
 * The report of a run, for people: its violations, and the trace of actions and observations.
 */
import type { Observations } from "./Observations.ts"
import type { Plan } from "./Plan.ts"
import type { Outcome } from "./World.ts"

const quoted = (value: unknown): string =>
  JSON.stringify(
    value,
    (_, inner) => inner instanceof Uint8Array ? new TextDecoder().decode(inner).slice(0, 12).trimEnd() : inner
  )

export const violationsOf = ({ violations }: Outcome): ReadonlyArray<string> =>
  violations.map(({ description, invariant }) => `invariant ${invariant}: ${description}`)

export const describe = (
  { client, cuts, limits, losesSession, network, overlappingSubscriptions, server, steps, theme, usesTopicAliases }:
    Plan
): string =>
  [
    `client  ${quoted(client)}`,
    `server  ${quoted(limits)}${usesTopicAliases ? " with aliases" : ""}${losesSession ? ", loses sessions" : ""}` +
    (overlappingSubscriptions === "each" ? ", a copy for each subscription" : ""),
    `network ${quoted(network)}`,
    ...(server === undefined ? [] : [`habits  ${quoted(server)} (${theme ?? "no theme"})`]),
    ...cuts.map((cut) => `cut     ${quoted(cut)}`),
    ...steps.map(({ action, at }) => `${String(at).padStart(7)}  ${quoted(action)}`)
  ].join("\n")

interface Line {
  readonly at: number
  readonly text: string
}

/** Everything that was done and seen, in the order of time. */
export const trace = (plan: Plan, observations: Observations): string => {
  const lines: Array<Line> = [
    ...plan.steps.map(({ action, at }) => ({ at, text: `step    ${quoted(action)}` })),
    ...observations.log.map(({ at, bytes, connection, event }) => ({
      at,
      text: `network ${connection} ${event}${bytes === undefined ? "" : ` ${bytes}`}`
    })),
    ...observations.packets.map(({ at, connection, direction, packet }) => ({
      at,
      text: `broker  ${connection} ${direction} ${quoted(packet)}`
    })),
    ...observations.attempts.map((attempt) => ({ at: attempt.startedAt, text: `client  attempt ${quoted(attempt)}` })),
    ...observations.subscribers.map((subscriber) => ({
      at: subscriber.askedAt,
      text: `program subscriber ${quoted(subscriber)}`
    })),
    ...observations.received.map((received) => ({ at: received.at, text: `program received ${quoted(received)}` })),
    ...observations.published.map((published) => ({
      at: published.end?.at ?? published.askedAt,
      text: `program published ${quoted(published)}`
    })),
    ...observations.calls.map((call) => ({ at: call.askedAt, text: `program called ${quoted(call)}` })),
    ...observations.seen.jobs.map((job) => ({ at: job.asked.at, text: `program job ${quoted(job)}` })),
    ...observations.seen.runs.map((run) => ({ at: run.begun.at, text: `program handled ${quoted(run)}` })),
    ...observations.seen.guests.map((guest) => ({ at: guest.asked.at, text: `program guest ${quoted(guest)}` }))
  ]
  return lines.sort((one, other) => one.at - other.at)
    .map(({ at, text }) => `${at.toFixed(1).padStart(9)}  ${text}`)
    .join("\n")
}
