/**
 * The server has the subscriptions that the program wants, and the client does not ask again for those it has.
 */
import { isOfCalls } from "../calls/Call.ts"
import type { Observations } from "../Observations.ts"
import { epochs, epochsAfter, isLied, opened } from "./sessions.ts"

/** How long a client whose session is to persist keeps the subscription that its last subscriber left. */
const lingering = 1000

/** Left so shortly before the client was closed that there was to be no UNSUBSCRIBE. A refusal leaves nothing to keep. */
const lingers = ({ closedAt = Infinity, plan: { client }, subscribers }: Observations, topicFilter: string): boolean =>
  client.session !== "clean" &&
  subscribers.some(({ end, filter }) =>
    filter === topicFilter && end !== undefined && end.reason !== "SubscribeRefused" && end.at <= closedAt &&
    end.at + lingering >= closedAt
  )

/** Between what the program wants now, or wanted when it was closed, and these Topic Filters of the broker. */
export const subscriptionProblems = (
  observations: Observations,
  there: ReadonlyArray<string> | undefined
): ReadonlyArray<string> => {
  const { closedAt = Infinity, plan: { server: { poison } = {} }, subscribers } = observations
  const unending = poison?.packet === "Unsubscribe" ? poison.topic : undefined
  if (isLied(observations) || there === undefined) return []
  const wanted = new Set(
    subscribers.filter(({ askedAt, end }) => askedAt < closedAt && (end === undefined || end.at >= closedAt))
      .map(({ filter }) => filter)
  )
  return [
    ...[...wanted].filter((filter) => !there.includes(filter)).map((filter) =>
      `${filter} is wanted and the broker does not have it`
    ),
    // A server that hangs up on the UNSUBSCRIBE keeps the subscription.
    ...there.filter((filter) =>
      !isOfCalls(filter) && !wanted.has(filter) && filter !== unending && !lingers(observations, filter)
    ).map(
      (filter) => `the broker has ${filter} and nobody wants it`
    )
  ]
}

const isSettledRun = ({ closedAt, isSettled }: Observations): boolean => isSettled && closedAt !== undefined

export const subscriptionsAsWanted = (observations: Observations): ReadonlyArray<string> =>
  isSettledRun(observations) ? subscriptionProblems(observations, observations.subscriptionsAtRest) : []

/** On a session that is present nothing is asked for that the server has granted and the client knows of. */
export const notSubscribedAgain = function*(observations: Observations) {
  if (isLied(observations)) return
  const { attempts, packets, subscribers } = observations
  const connections = opened(observations)
  const sessions = epochs(observations)
  for (const { at, connection, direction, packet } of packets) {
    if (direction !== "received" || packet._tag !== "Subscribe") continue
    const attempt = connections[connection - 1]
    const earlier = attempts.slice(0, attempts.indexOf(attempt))
    const before = earlier.findLast(({ acceptedAt }) => acceptedAt !== undefined)
    if (before === undefined || attempt.sessionPresent !== true) continue
    for (const { topicFilter } of packet.subscriptions) {
      const sharing = subscribers.filter(({ askedAt, filter }) => filter === topicFilter && askedAt <= at)
      const [one] = sharing
      if (sharing.length !== 1 || one.grantedAt === undefined || one.grantedAt >= (before.endedAt ?? Infinity)) continue
      const { end, grantedAt } = one
      if ((end !== undefined && end.at <= at) || epochsAfter(sessions, grantedAt) > 0) continue
      // A connection that was opened and not accepted may have made a session that the client does not know.
      const isDoubtful = earlier.some(({ acceptedAt, openedAt, startedAt }) =>
        openedAt !== undefined && acceptedAt === undefined && startedAt >= grantedAt
      )
      if (isDoubtful) continue
      yield `connection ${connection} resumes the session and subscribes to ${topicFilter} again`
    }
  }
}
