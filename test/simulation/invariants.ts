/**
 * What must hold in every run, as one table: number, name, and how it is checked at each moment and at the end.
 *
 * Rules that a single client's packets can break are the broker's to notice; here they get their number.
 */
import * as Topic from "../../src/protocol/Topic.ts"
import { type RuleName, rules } from "../../src/testing/broker/Violations.ts"
import type { MemoryBroker } from "../../src/testing/index.ts"
import { type Attempt, idOf, type Moment, type Observations, type Published, type Received } from "./Observations.ts"

export interface Violation {
  readonly invariant: number
  readonly description: string
}

interface Invariant {
  readonly number: number
  readonly name: string
  readonly atEachMoment?: (moment: Moment) => Iterable<string>
  readonly atEnd?: (observations: Observations) => Iterable<string>
}

/** Timers of virtual time fire at the instant, but what they lead to may take a turn or two of it. */
const tolerance = 2

// ---------------------------------------------------------------------------
// Sessions
// ---------------------------------------------------------------------------

/** When the broker lost the session, began one anew, or told the client that it did. */
const epochs = ({ lostAt, packets, plan }: Observations): ReadonlyArray<number> => {
  const isLied = plan.steps.some(({ action }) => action._tag === "Lie")
  const begun = packets
    .filter(({ direction, packet }) =>
      direction === "sent" && packet._tag === "Connack" && packet.reasonCode === 0 &&
      (isLied || !packet.sessionPresent)
    )
    .map(({ at }) => at)
  return [...lostAt, ...begun]
}

const epochsAfter = (all: ReadonlyArray<number>, at: number): number => all.filter((epoch) => epoch >= at).length

const isSettledRun = ({ closedAt, isSettled }: Observations): boolean => isSettled && closedAt !== undefined

// ---------------------------------------------------------------------------
// From the program to the broker
// ---------------------------------------------------------------------------

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

const deliveredAsReported = function*(observations: Observations) {
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

const nothingLost = function*(observations: Observations) {
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
const hasRested = ({ plan }: Observations): boolean => !plan.steps.some(({ action }) => action._tag === "End")

const unrest = function*(observations: Observations) {
  const { calls, closedAt = Infinity, inFlightAtRest, published } = observations
  const isLate = (end: Published["end"]) => end === undefined || end.at >= closedAt
  for (const { end, id } of published) if (isLate(end)) yield `message ${id} is not settled`
  for (const { end, name } of calls) if (name !== "scope" && isLate(end)) yield `${name} is not over`
  if (inFlightAtRest > 0) yield `${inFlightAtRest} identifiers in flight`
  yield* undelivered(observations)
  yield* subscriptionProblems(observations, observations.subscriptionsAtRest)
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

const orderKept = function*(observations: Observations) {
  const times = acceptances(observations)
  // What the broker was sent twice it may pass on twice, and a policy may have dropped the first delivery.
  const received = observations.received.filter(({ id, subscriber }) =>
    observations.subscribers[subscriber].policy === "suspend" && (times.get(id)?.length ?? 0) < 2
  )
  const orders = new Map(observations.published.map(({ id, order }) => [id, order]))
  yield* inOrder(
    "at the broker,",
    observations.accepted.filter(({ text }) => orders.has(idOf(text))).map(({ qos, text, topic }) => ({
      key: `${topic} QoS ${qos}`,
      order: orders.get(idOf(text)) ?? 0
    }))
  )
  yield* inOrder(
    "at a subscriber,",
    // A policy may have dropped the first delivery of what came again.
    received.map(({ id, qos, subscriber, topic }) => ({
      key: `${whoIs(observations, subscriber)} ${topic} QoS ${qos}`,
      order: topic.startsWith("out/") || topic === "probe" ? orders.get(id) ?? 0 : id
    }))
  )
}

/** Consumers of one filter follow each other; subscribers are each their own. */
const whoIs = ({ subscribers }: Observations, number: number): string => {
  const { filter, kind } = subscribers[number]
  return kind === "consume" ? `consumers of ${filter}` : `subscriber ${number}`
}

// ---------------------------------------------------------------------------
// From the broker to the program
// ---------------------------------------------------------------------------

const isDealtWith = ({ how }: Received): boolean => how === "succeeded" || how === "refused"

/**
 * Whether a connection before then was opened and not accepted. The session it may have made gives out identifiers anew,
 * and a message sent again under one that the old session left unfinished cannot be told from the old message.
 */
const isUnheardSession = ({ attempts, plan: { client, losesSession, steps } }: Observations, at: number): boolean => {
  const canLose = losesSession || client.session !== "persistent" ||
    steps.some(({ action }) => action._tag === "ExpireSession" || (action._tag === "Restart" && !action.keepSessions))
  return canLose &&
    attempts.some(({ acceptedAt, openedAt = Infinity }) => acceptedAt === undefined && openedAt <= at)
}

/** What the broker owed and the program has not got. Needs the packets so far. */
export const undelivered = (observations: Observations): ReadonlyArray<string> => {
  const { emitted, received, subscribers } = observations
  const missing: Array<string> = []
  const sessions = epochs(observations)
  const isExcused = (at: number): boolean => epochsAfter(sessions, at) > 0
  for (const subscriber of subscribers) {
    const { end, filter, grantedAt = Infinity, kind, number, policy } = subscriber
    if (kind === "consume" || end !== undefined || policy !== "suspend") continue
    const got = new Set(received.filter((one) => one.subscriber === number).map(({ id }) => id))
    for (const { at, id, owedAt = 0, topic } of emitted) {
      if (owedAt === 0 || at < grantedAt || got.has(id) || !Topic.matches(filter, topic) || isExcused(at)) continue
      if (owedAt === 2 && isUnheardSession(observations, at)) continue
      missing.push(`message ${id} to subscriber ${number}`)
    }
  }
  const consumed = received.filter(({ subscriber }) => subscribers[subscriber].kind === "consume")
  const done = new Set(consumed.filter(isDealtWith).map(({ id }) => id))
  const emissions = new Map(emitted.map(({ at, id }) => [id, at]))
  for (const { at, id, qos, topic } of consumed) {
    // What a consumer left goes to whoever subscribes next.
    if (subscribers.some(({ filter, kind }) => kind === "subscribe" && Topic.matches(filter, topic))) continue
    if (qos === 0 || done.has(id) || isExcused(emissions.get(id) ?? at)) continue
    missing.push(`message ${id}, begun by a consumer at ${at} and never dealt with`)
  }
  return missing
}

const deliveredOnce = function*(observations: Observations) {
  const sessions = epochs(observations)
  const emissions = new Map(observations.emitted.map(({ at, id }) => [id, at]))
  // What was refused is a new message when it comes again, [MQTT-4.3.3-9] of 5.0.
  const refused = new Set(observations.received.filter(({ how }) => how === "refused").map(({ id }) => id))
  const counts = new Map<string, { count: number; readonly allowed: number }>()
  for (const received of observations.received) {
    const { id, qos, subscriber } = received
    const at = emissions.get(id)
    if (qos !== 2 || at === undefined || received.how !== "succeeded" || refused.has(id)) continue
    const key = `message ${id} to ${whoIs(observations, subscriber)}`
    const known = counts.get(key) ?? { count: 0, allowed: 1 + epochsAfter(sessions, at) }
    known.count++
    counts.set(key, known)
    if (known.count === known.allowed + 1) yield `${key} was delivered ${known.count} times`
  }
}

/** Of what came for a consumer that was there all the time. */
const acknowledgedAfterHandover = function*(observations: Observations) {
  const { packets, received, subscribers } = observations
  const sent = new Map<string, { readonly id: number; readonly at: number }>()
  const done = new Map<number, number>()
  for (const one of received) {
    if (!isDealtWith(one) || one.doneAt === undefined || subscribers[one.subscriber].kind !== "consume") continue
    done.set(one.id, Math.min(done.get(one.id) ?? Infinity, one.doneAt))
  }
  for (const { at, connection, direction, packet } of packets) {
    if (!("packetIdentifier" in packet)) continue
    const key = `${connection} ${packet.packetIdentifier}`
    if (direction === "sent" && packet._tag === "Publish" && packet.qos > 0) {
      sent.set(key, { id: idOf(new TextDecoder().decode(packet.payload)), at })
    }
    if (direction !== "received" || (packet._tag !== "Puback" && packet._tag !== "Pubrec")) continue
    const message = sent.get(key)
    const emission = observations.emitted.find(({ id }) => id === message?.id)
    if (message === undefined || emission === undefined || !emission.topic.startsWith("work/")) continue
    const isConsumed = subscribers.some(({ askedAt, end, kind }) =>
      kind === "consume" && askedAt < emission.at && (end === undefined || end.at > at)
    )
    // Another one may have taken over what a consumer left.
    const isShared = subscribers.some(({ askedAt, filter, kind }) =>
      kind === "subscribe" && askedAt <= at && Topic.matches(filter, emission.topic)
    )
    if (isConsumed && !isShared && (done.get(message.id) ?? Infinity) > at) {
      yield `message ${message.id} was acknowledged at ${at}, and its consumer is done with it at ${
        done.get(message.id)
      }`
    }
  }
}

// ---------------------------------------------------------------------------
// The connection
// ---------------------------------------------------------------------------

const opened = ({ attempts }: Observations): ReadonlyArray<Attempt> =>
  attempts.filter(({ openedAt }) => openedAt !== undefined)

const deadPeersFound = function*(observations: Observations) {
  const { plan: { client, steps }, silenced } = observations
  const servers = [
    observations.plan.limits,
    ...steps.map(({ action }) => "limits" in action ? action.limits : undefined)
  ]
  const keepAlives = [client.keepAlive, ...servers.map((limits) => limits?.serverKeepAlive ?? client.keepAlive)]
  // Whoever may stop reading cannot tell silence from its own.
  const mayPause = steps.some(({ action }) => "buffer" in action && action.buffer < 1000)
  if (keepAlives.includes(0) || mayPause) return
  const bound = Math.max(Math.max(...keepAlives) * 1000, client.connectTimeout) + client.drainTimeout + 100
  for (const { at, connection } of silenced) {
    const { endedAt = Infinity } = opened(observations)[connection - 1]
    if (endedAt > at + bound) yield `connection ${connection}, silent since ${at}, was kept until ${endedAt}`
  }
}

const everyCallSettles = function*({ attempts, calls, plan: { client }, published, subscribers }: Observations) {
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

const nothingLeft = function*({ fibersLeft, openLeft, pendingLeft, timersLeft }: Observations) {
  if (fibersLeft !== 0) yield `${fibersLeft} fibers are left`
  if (timersLeft !== 0) yield `${timersLeft} timers are left`
  if (openLeft !== 0) yield `${openLeft} network connections are left`
  if (pendingLeft !== 0) yield `${pendingLeft} things are pending in the network`
}

const oneAtATime = function*({ log }: Observations) {
  const open = new Set<number>()
  for (const { at, connection, event } of log) {
    if (event === "opened") open.add(connection)
    if (event === "closed") open.delete(connection)
    if (open.size > 1) yield `at ${at} connections ${[...open].join(" and ")} are open`
  }
}

/** The delay before each attempt, from the plan; it starts anew only when a connection was stable. */
const backoffFollowed = function*({ attempts, closedAt = Infinity, plan: { client } }: Observations) {
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

// ---------------------------------------------------------------------------
// Subscriptions, limits
// ---------------------------------------------------------------------------

const isLied = ({ plan }: Observations): boolean => plan.steps.some(({ action }) => action._tag === "Lie")

/** Between what the program wants now, or wanted when it was closed, and these Topic Filters of the broker. */
export const subscriptionProblems = (
  observations: Observations,
  there: ReadonlyArray<string> | undefined
): ReadonlyArray<string> => {
  const { closedAt = Infinity, subscribers } = observations
  if (isLied(observations) || there === undefined) return []
  const wanted = new Set(
    subscribers.filter(({ askedAt, end }) => askedAt < closedAt && (end === undefined || end.at >= closedAt))
      .map(({ filter }) => filter)
  )
  return [
    ...[...wanted].filter((filter) => !there.includes(filter)).map((filter) =>
      `${filter} is wanted and the broker does not have it`
    ),
    ...there.filter((filter) => !wanted.has(filter)).map((filter) => `the broker has ${filter} and nobody wants it`)
  ]
}

const subscriptionsAsWanted = (observations: Observations): ReadonlyArray<string> =>
  isSettledRun(observations) ? subscriptionProblems(observations, observations.subscriptionsAtRest) : []

/** On a session that is present nothing is asked for that the server has granted and the client knows of. */
const notSubscribedAgain = function*(observations: Observations) {
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

const windowIsTheConnections = function*({ limits, plan: { client }, state, stats: { window }, isAtRest }: Moment) {
  if (window < 0 || window > client.maxInflight) yield `the window is ${window}`
  if (!isAtRest || state._tag !== "Connected") return
  const announced = client.version === "5.0" ? limits.receiveMaximum ?? 65_535 : 65_535
  const expected = Math.min(client.maxInflight, announced)
  // After a reconnect it may be small and grow.
  if (window > expected) yield `the window is ${window} where this connection allows ${expected}`
}

const limitsAreTheConnections = function*({ isAtRest, limits, plan: { client }, state }: Moment) {
  if (!isAtRest || state._tag !== "Connected" || client.version !== "5.0") return
  const { maximumPacketSize, maximumQoS } = state.limits
  if (maximumQoS !== (limits.maximumQoS ?? 2)) yield `Maximum QoS is thought to be ${maximumQoS}`
  if (maximumPacketSize !== (limits.maximumPacketSize ?? 268_435_460)) {
    yield `Maximum Packet Size is thought to be ${maximumPacketSize}`
  }
}

const boundsHeld = function*({ plan: { client: { outbox } }, returning, stats }: Moment) {
  const { outboxBytes, outboxMessages } = stats
  // QoS 0 that was on its way when the connection ended is back where it was, whatever has come in since.
  if (outboxMessages > outbox.messages + returning) {
    yield `${outboxMessages} messages in an outbox for ${outbox.messages}`
  }
  if (outboxMessages > 1 + returning && outboxBytes > outbox.bytes + 400 * returning) {
    yield `${outboxBytes} bytes in an outbox for ${outbox.bytes}`
  }
}

const chunksBounded = function*({ subscribers }: Observations) {
  for (const { buffer, largestChunk, number } of subscribers) {
    if (largestChunk > buffer) yield `subscriber ${number} had ${largestChunk} messages in a buffer for ${buffer}`
  }
}

/** Messages unacknowledged on one connection as the broker counts them: never more than as the client does. */
const windowKept = function*({ packets, plan: { client } }: Observations) {
  const outstanding = new Map<number, Set<number>>()
  for (const { connection, direction, packet } of packets) {
    const mine = outstanding.get(connection) ?? new Set()
    outstanding.set(connection, mine)
    if (direction === "received" && packet._tag === "Publish" && packet.qos > 0) mine.add(packet.packetIdentifier)
    if (direction === "sent" && (packet._tag === "Puback" || packet._tag === "Pubcomp")) {
      mine.delete(packet.packetIdentifier)
    }
    if (direction === "sent" && packet._tag === "Pubrec" && packet.reasonCode >= 0x80) {
      mine.delete(packet.packetIdentifier)
    }
    if (mine.size > client.maxInflight) {
      yield `${mine.size} messages in flight on connection ${connection}`
      return
    }
  }
}

// ---------------------------------------------------------------------------
// The table
// ---------------------------------------------------------------------------

/** Which invariant a rule of the broker belongs to; what is not named is 7, the form of the conversation. */
const ruleInvariants: { readonly [Name in RuleName]?: number } = {
  keepAlive: 8,
  identifierInUse: 4,
  resentOnLiveConnection: 6,
  dupOnFirstSending: 6,
  dupMissing: 6,
  changedOnResend: 6,
  notResent: 3,
  resendOrder: 3,
  publishAfterPubrel: 3,
  pubrelUnexpected: 3,
  pubrelOrder: 3,
  pubackOrder: 3,
  pubrecOrder: 3,
  answerUnexpected: 13,
  receiveMaximum: 5,
  packetTooLarge: 15,
  maximumQoS: 15,
  retainNotAvailable: 15,
  topicAliasTooHigh: 15,
  topicAliasNotAllowed: 15,
  topicAliasUnknown: 15
}

const ruleNames = new Map<string, RuleName>(
  (Object.keys(rules) as ReadonlyArray<RuleName>).map((name) => [rules[name].description, name])
)

export const table: ReadonlyArray<Invariant> = [
  { number: 1, name: "what is reported is what was delivered", atEnd: deliveredAsReported },
  { number: 2, name: "nothing accepted is lost or dropped in silence", atEnd: nothingLost },
  { number: 3, name: "order is kept, unfinished before new", atEnd: orderKept },
  { number: 4, name: "no identifier is used twice at a time, all come back" },
  { number: 5, name: "the window is kept", atEachMoment: windowIsTheConnections, atEnd: windowKept },
  { number: 6, name: "sent again only on another connection, with DUP" },
  { number: 7, name: "every connection is well formed from CONNECT to DISCONNECT" },
  { number: 8, name: "the server is never left in silence, a dead one is found", atEnd: deadPeersFound },
  { number: 9, name: "every call settles, connecting is bounded", atEnd: everyCallSettles },
  { number: 10, name: "nothing is left when it is closed", atEnd: nothingLeft },
  { number: 11, name: "queues keep their bounds", atEachMoment: boundsHeld, atEnd: chunksBounded },
  {
    number: 12,
    name: "reconnecting follows the schedule, one connection at a time",
    atEnd: function*(observations) {
      yield* oneAtATime(observations)
      yield* backoffFollowed(observations)
    }
  },
  {
    number: 13,
    name: "QoS 2 is delivered once, acknowledged after it was dealt with",
    atEnd: function*(observations) {
      yield* deliveredOnce(observations)
      yield* acknowledgedAfterHandover(observations)
    }
  },
  {
    number: 14,
    name: "the server has the subscriptions that are wanted, and is not asked again for those it has",
    atEnd: function*(observations) {
      yield* subscriptionsAsWanted(observations)
      yield* notSubscribedAgain(observations)
    }
  },
  { number: 15, name: "limits and aliases are those of the connection", atEachMoment: limitsAreTheConnections }
]

export const judgeMoment = (moment: Moment): ReadonlyArray<Violation> =>
  table.flatMap(({ atEachMoment, number }) =>
    atEachMoment === undefined
      ? []
      : [...atEachMoment(moment)].map((description) => ({
        invariant: number,
        description: `at ${moment.at}: ${description}`
      }))
  )

/** What the broker takes note of and the client cannot help. */
const isExcused = (observations: Observations, { connection, description }: MemoryBroker.Violation): boolean => {
  const { plan: { client, steps } } = observations
  const name = ruleNames.get(description)
  // A message that was given up, or that the server's new limits forbid, is not sent again.
  if (name === "notResent") {
    return client.quarantines || steps.some(({ action }) => action._tag === "Restart" && action.limits !== undefined)
  }
  // A connection that was never accepted may have made a session of which the next CONNACK says that it is present.
  return name === "pubrelUnexpected" && (isLied(observations) ||
    opened(observations).slice(0, connection - 1).some(({ acceptedAt }) => acceptedAt === undefined))
}

export const judge = (observations: Observations): ReadonlyArray<Violation> => [
  ...observations.brokerViolations.filter((violation) => !isExcused(observations, violation)).map(
    ({ at, connection, description, label }) => {
      const name = ruleNames.get(description)
      const invariant = name === undefined ? 7 : ruleInvariants[name] ?? 7
      return { invariant, description: `at ${at}, connection ${connection}: ${description} [MQTT-${label}]` }
    }
  ),
  ...table.flatMap(({ atEnd, number }) =>
    atEnd === undefined
      ? []
      : [...atEnd(observations)].map((description) => ({ invariant: number, description }))
  )
]
