/**
 * Messages of other clients, and servers with habits of their own, end no connection and hold up nobody.
 */
import * as Topic from "../../../src/protocol/Topic.ts"
import type { Observations } from "../Observations.ts"
import { isLied } from "./sessions.ts"

export const noConnectionEnded = function*(observations: Observations) {
  if (isLied(observations)) return
  for (const [index, { endedAt, endedBy }] of observations.attempts.entries()) {
    if (endedBy === "ProtocolViolation") yield `attempt ${index + 1} was ended by the client at ${endedAt}: ${endedBy}`
  }
}

/** Milliseconds that a run has at least to get a connection, when nobody ends the client before. */
const time = 60_000

export const letIn = function*({ attempts, closedAt = Infinity, isSettled, plan: { server } }: Observations) {
  if (server?.minimumConnectInterval === undefined || isSettled || closedAt < time) return
  if (attempts.every(({ acceptedAt }) => acceptedAt === undefined)) {
    yield `${attempts.length} attempts, and none was let in by a server that allows one CONNECT every ${server.minimumConnectInterval} ms`
  }
}

/**
 * Milliseconds from the broker to a subscriber who waits for it, when nothing is in the way but what the broker was told to
 * send before, perhaps one at a time. What waits for nobody in particular is kept for longer.
 */
const prompt = 20_000

/**
 * In a calm run a subscriber who is ready gets its messages at once. QoS 1 and 2 that the client keeps for somebody who may
 * come hold up a server that has few in flight; then the client says that something is wrong.
 */
export const nobodyWaits = function*(observations: Observations) {
  const { emitted, plan: { server, steps }, received, subscribers, unwellAt } = observations
  const isReady = server?.isCalm === true && server.isBoundedInBytes !== true && server.redelivery === undefined
  if (!isReady || steps.some(({ action }) => action._tag === "Stall" || action._tag === "HangUpOn")) return
  // QoS 0 that nobody takes holds up nobody, whatever the client says.
  const isHeldUp = steps.some(({ action }) =>
    "topic" in action && "qos" in action && action.topic === "left/a" && action.qos > 0
  )
  const arrivals = new Map<string, number>()
  for (const { at, id, subscriber } of received) {
    const key = `${subscriber} ${id}`
    if (!arrivals.has(key)) arrivals.set(key, at)
  }
  for (const { filter, grantedAt = Infinity, kind, number } of subscribers) {
    if (kind !== "subscribe" || filter !== "in/#") continue
    for (const { at, id, owedAt, topic } of emitted) {
      const arrivedAt = arrivals.get(`${number} ${id}`)
      if (owedAt === undefined || at < grantedAt || arrivedAt === undefined || !Topic.matches(filter, topic)) continue
      if (arrivedAt <= at + prompt) continue
      const isTold = isHeldUp && unwellAt.some((unwell) => unwell >= at && unwell <= arrivedAt)
      if (!isTold) yield `message ${id} (QoS ${owedAt}) of ${at} reached subscriber ${number} at ${arrivedAt}`
    }
  }
}
