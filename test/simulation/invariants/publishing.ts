/**
 * From the program to the broker: messages reported, messages due, and their order.
 */
import { type Attempt, idOf, type Observations, type Published } from "../Observations.ts"
import { unrestOfCalls } from "./calls.ts"
import { undelivered, whoIs } from "./receiving.ts"
import { epochs } from "./sessions.ts"
import { subscriptionProblems } from "./subscriptions.ts"

/** When the broker accepted each message. */
const acceptances = ({ accepted }: Observations): ReadonlyMap<number, ReadonlyArray<number>> => {
  const times = new Map<number, Array<number>>()
  for (const { acceptedAt, text } of accepted) {
    const id = idOf(text)
    const known = times.get(id)
    if (known === undefined) times.set(id, [acceptedAt])
    else known.push(acceptedAt)
  }
  return times
}

const none: ReadonlyArray<number> = []

/** Reasons that mean that nothing was ever sent. At QoS 0 nobody can be sure. */
const unsent: ReadonlySet<string | undefined> = new Set(["Offline", "Overflow", "MessageExpired", "InvalidRequest"])

const isConnectedBetween = (attempts: ReadonlyArray<Attempt>, from: number, to: number): boolean =>
  attempts.some(({ endedAt, openedAt }) => openedAt !== undefined && openedAt <= to && (endedAt ?? Infinity) >= from)

export const deliveredAsReported = function*(observations: Observations) {
  const times = acceptances(observations)
  const sessions = epochs(observations)
  for (const message of observations.published) {
    const { end, id, qos } = message
    const accepted = times.get(id) ?? none
    const told = `message ${id} (QoS ${qos}, ${end?.how ?? "unsettled"} ${end?.reason ?? ""})`
    if (end?.how === "succeeded" && qos > 0 && accepted.length === 0) yield `${told} never reached the broker`
    if (qos === 0 && accepted.length > 1) yield `${told} was accepted ${accepted.length} times`
    if (qos === 2) {
      for (let index = 1; index < accepted.length; index++) {
        const [before, again] = [accepted[index - 1], accepted[index]]
        if (!sessions.some((epoch) => epoch >= before && epoch <= again)) {
          yield `${told} was accepted at ${before} and again at ${again} in one session`
        }
      }
    }
    if (end?.how === "failed" && message.isAlone && qos > 0 && unsent.has(end.reason) && accepted.length > 0) {
      yield `${told} was accepted although it was never to be sent`
    }
    const isWithdrawn = end?.how === "interrupted" &&
      !isConnectedBetween(observations.attempts, message.askedAt, end.at)
    if (isWithdrawn && accepted.length > 0) yield `${told} was interrupted before its first byte and went out`
  }
}

/** What a publish may end with while the client lives on. */
const mayFail = ({ plan }: Observations): ReadonlySet<string | undefined> =>
  new Set([
    ...(plan.client.outbox.policy === "suspend" ? [] : ["Overflow"]),
    ...(plan.client.quarantines ? ["Quarantined"] : []),
    ...(plan.client.version === "5.0" ? ["ServerLimit"] : []),
    "Offline"
  ])

export const nothingLost = function*(observations: Observations) {
  if (observations.closedBy !== undefined || !hasRested(observations)) return
  if (!observations.isSettled) yield `it did not come to rest: ${[...unrest(observations)].join("; ")}`
  const reasons = mayFail(observations)
  for (const { end, id, qos } of observations.published) {
    // At most once: what may have gone out in part is not sent again.
    if (qos === 0 && end?.reason === "ConnectionLost") continue
    if (end?.how === "failed" && !reasons.has(end.reason) && end.at < (observations.closedAt ?? Infinity)) {
      yield `message ${id} (QoS ${qos}) failed with ${end.reason}`
    }
  }
}

/** Whether the run had the time to come to rest. */
const hasRested = ({ plan, seen }: Observations): boolean =>
  !seen.isEnded && !plan.steps.some(({ action }) => action._tag === "End")

const unrest = function*(observations: Observations) {
  const { calls, closedAt = Infinity, inFlightAtRest, published } = observations
  const isLate = (end: Published["end"]) => end === undefined || end.at >= closedAt
  for (const { end, id } of published) if (isLate(end)) yield `message ${id} is not settled`
  for (const { end, name } of calls) if (name !== "scope" && isLate(end)) yield `${name} is not over`
  if (inFlightAtRest > 0) yield `${inFlightAtRest} identifiers in flight`
  yield* undelivered(observations)
  yield* subscriptionProblems(observations, observations.subscriptionsAtRest)
  yield* unrestOfCalls(observations)
}

const inOrder = function*(what: string, items: Iterable<{ readonly key: string; readonly order: number }>) {
  const seen = new Set<string>()
  const last = new Map<string, number>()
  for (const { key, order } of items) {
    const once = `${key} ${order}`
    if (seen.has(once)) continue
    seen.add(once)
    const before = last.get(key) ?? 0
    if (order < before) yield `${what} ${key}: number ${order} came after ${before}`
    last.set(key, Math.max(before, order))
  }
}

/** The messages that the server sent again on a living connection, and so in an order of its own. */
const sentAgain = ({ packets, plan }: Observations): ReadonlySet<number> => {
  const repeated = new Set<number>()
  if (plan.server?.redelivery === undefined) return repeated
  const sent = new Set<string>()
  for (const { connection, direction, packet } of packets) {
    if (direction !== "sent" || packet._tag !== "Publish") continue
    const id = idOf(new TextDecoder().decode(packet.payload))
    const key = `${connection} ${id}`
    if (sent.has(key)) repeated.add(id)
    sent.add(key)
  }
  return repeated
}

export const orderKept = function*(observations: Observations) {
  const times = acceptances(observations)
  // What the broker was sent twice it may pass on twice, and a policy may have dropped the first delivery.
  const repeated = sentAgain(observations)
  const received = observations.received.filter(({ id, subscriber }) =>
    observations.subscribers[subscriber].policy === "suspend" && (times.get(id)?.length ?? 0) < 2 && !repeated.has(id)
  )
  const published = new Map(observations.published.map((message) => [message.id, message]))
  yield* inOrder(
    "at the broker,",
    observations.accepted.filter(({ text }) => published.has(idOf(text))).map(({ qos, text, topic }) => ({
      key: `${topic} QoS ${qos}`,
      order: published.get(idOf(text))?.order ?? 0
    }))
  )
  yield* inOrder(
    "at a subscriber,",
    received.map(({ id, qos, subscriber, topic }) => {
      const own = published.get(id)
      // QoS 0 waits for no window, so it may overtake what was published at another QoS and granted at 0.
      const asked = own === undefined || own.qos === qos ? "" : ` of QoS ${own.qos}`
      return {
        key: `${whoIs(observations, subscriber)} ${topic} QoS ${qos}${asked}`,
        order: own?.order ?? id
      }
    })
  )
}
