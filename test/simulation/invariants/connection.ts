/**
 * Connections and their ends: the client finds dead peers, calls settle, nothing is left, and the next attempt comes
 * when the schedule says.
 */
import type { Observations } from "../Observations.ts"
import { opened } from "./sessions.ts"

/** Timers of virtual time fire at the instant, but what they lead to may take a turn or two of it. */
const tolerance = 2

export const deadPeersFound = function*(observations: Observations) {
  const { plan: { client, steps }, silenced } = observations
  const servers = [
    observations.plan.limits,
    ...steps.map(({ action }) => "limits" in action ? action.limits : undefined)
  ]
  const keepAlives = [client.keepAlive, ...servers.map((limits) => limits?.serverKeepAlive ?? client.keepAlive)]
  const { pingInterval = Infinity } = client
  // Whoever may stop reading cannot tell silence from its own.
  const mayPause = steps.some(({ action }) => "buffer" in action && action.buffer < 1000)
  if (keepAlives.includes(0) || mayPause) return
  // An answer to a ping is owed like any other.
  const answered = Math.min(Math.max(...keepAlives) * 1000, pingInterval + client.responseTimeout + 1000)
  const bound = Math.max(answered, client.connectTimeout) + client.drainTimeout + 100
  for (const { at, connection } of silenced) {
    const { endedAt = Infinity } = opened(observations)[connection - 1]
    if (endedAt > at + bound) yield `connection ${connection}, silent since ${at}, was kept until ${endedAt}`
  }
}

export const everyCallSettles = function*({ attempts, calls, plan: { client }, published, subscribers }: Observations) {
  for (const { askedAt, end, id, order } of published) {
    if (end === undefined && order > 0) yield `publish of message ${id}, begun at ${askedAt}, never ended`
    if (end?.how === "died") yield `publish of message ${id} died: ${end.reason}`
  }
  for (const { end, filter, number } of subscribers) {
    if (end === undefined) yield `subscriber ${number} of ${filter} never ended`
    if (end?.how === "died" && !end.reason?.includes("the handler died")) {
      yield `subscriber ${number} died: ${end.reason}`
    }
  }
  for (const { end, name } of calls) {
    if (end === undefined) yield `${name} never ended`
    if (end?.how === "died") yield `${name} died: ${end.reason}`
  }
  for (const { acceptedAt, endedAt = Infinity, startedAt } of attempts) {
    const took = (acceptedAt ?? endedAt) - startedAt
    const bound = client.connectTimeout + (acceptedAt === undefined ? client.drainTimeout : 0) + tolerance
    if (took > bound) yield `connecting at ${startedAt} took ${took} ms`
  }
}

export const nothingLeft = function*({ fibersLeft, openLeft, pendingLeft, timersLeft }: Observations) {
  if (fibersLeft !== 0) yield `${fibersLeft} fibers are left`
  if (timersLeft !== 0) yield `${timersLeft} timers are left`
  if (openLeft !== 0) yield `${openLeft} network connections are left`
  if (pendingLeft !== 0) yield `${pendingLeft} things are pending in the network`
}

export const oneAtATime = function*({ log }: Observations) {
  const open = new Set<number>()
  for (const { at, connection, event } of log) {
    if (event === "opened") open.add(connection)
    if (event === "closed") open.delete(connection)
    if (open.size > 1) yield `at ${at} connections ${[...open].join(" and ")} are open`
  }
}

/** The delay before each attempt, from the plan; it starts anew only when a connection was stable. */
export const backoffFollowed = function*({ attempts, closedAt = Infinity, plan: { client } }: Observations) {
  const { backoff: { cap, first, isJittered }, drainTimeout, session, stableAfter, version } = client
  const [low, high] = isJittered ? [0.8, 1.2] : [1, 1]
  /** How many delays there may have been since it started anew: a connection may end just when it becomes stable. */
  let counts: ReadonlyArray<number> = [0]
  for (let index = 0; index + 1 < attempts.length; index++) {
    const { acceptedAt, endedAt = Infinity } = attempts[index]
    const { startedAt } = attempts[index + 1]
    if (startedAt > closedAt) return
    // One connection to throw the old session away, and the next at once.
    const isPrelude = session === "cleanStartThenPersistent" && version === "3.1.1" && acceptedAt === undefined
    if (isPrelude && startedAt - endedAt < tolerance) continue
    if (acceptedAt !== undefined) {
      const lived = endedAt - acceptedAt
      const isSurelyStable = lived - drainTimeout > stableAfter + tolerance
      counts = isSurelyStable ? [0] : lived + tolerance < stableAfter ? counts : [0, ...counts]
    }
    const delay = startedAt - endedAt
    counts = counts.filter((count) => {
      const expected = Math.min(first * 2 ** count, cap)
      return delay >= expected * low - tolerance && delay <= expected * high + tolerance
    })
    if (counts.length === 0) {
      yield `attempt ${index + 2} came ${delay} ms after the end of the one before, which the schedule does not say`
      return
    }
    counts = counts.map((count) => count + 1)
  }
}
