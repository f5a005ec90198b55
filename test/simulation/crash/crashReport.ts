/**
 * The report of a run with crashes, for people.
 */
import type { Observations } from "./CrashObservations.ts"
import type { Plan } from "./CrashPlan.ts"
import type { Outcome } from "./CrashWorld.ts"
import { idOf } from "./Process.ts"

const quoted = (value: unknown): string =>
  JSON.stringify(value, (_, inner) => inner instanceof Uint8Array ? `message ${idOf(inner)}` : inner)

export const violationsOf = ({ violations }: Outcome): ReadonlyArray<string> =>
  violations.map(({ description, invariant }) => `invariant ${invariant}: ${description}`)

export const describe = ({ lives, ...rest }: Plan): string =>
  [
    `plan    ${quoted(rest)}`,
    ...lives.flatMap(({ steps, ...life }, index) => [
      `life ${index}  ${quoted(life)}`,
      ...steps.map(({ action, at }) => `${String(at).padStart(9)}  ${quoted(action)}`)
    ])
  ].join("\n")

interface Line {
  readonly at: number
  readonly text: string
}

/** Everything that was seen, in the order of time. */
export const trace = ({ log, packets, published }: Observations): string => {
  const lines: Array<Line> = [
    ...log.map(({ at, event, life }) => ({ at, text: `life ${life}  ${quoted(event)}` })),
    ...packets.map(({ at, connection, direction, packet }) => ({
      at,
      text: `broker  ${connection} ${direction} ${quoted(packet)}`
    }))
  ]
  return [
    ...lines.sort((one, other) => one.at - other.at).map(({ at, text }) => `${at.toFixed(1).padStart(9)}  ${text}`),
    ...published.map((message) => `published ${quoted(message)}`)
  ].join("\n")
}
