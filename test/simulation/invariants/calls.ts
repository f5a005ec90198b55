/**
 * Several subscribers of one filter, consumers, latest values, requests: each gets everything due to it, whatever the
 * others do.
 */
import type { Subscription } from "../../../src/protocol/Packet.ts"
import * as Topic from "../../../src/protocol/Topic.ts"
import { isOfCalls } from "../calls/Call.ts"
import type { Guest, Seen, Taken } from "../calls/Seen.ts"
import { type Attempt, idOf, type Observations } from "../Observations.ts"
import { givesWayOften } from "../Plan.ts"
import { packetsOf } from "../server/Tape.ts"
import { isLied, isUnheardSession, opened } from "./sessions.ts"

/** How long guests may hold up each other if no handler takes time and nothing goes wrong. */
const longestWait = 3000

const isThere = ({ asked, left }: Guest, order: number): boolean =>
  asked.order <= order && (left === undefined || left.order > order)

const matches = (filters: ReadonlyArray<string>, topic: string): boolean =>
  filters.some((filter) => Topic.matches(filter.replace(/^\$share\/\w+\//, ""), topic))

/** The filters of guests, which are looked at one by one. */
const isOfGuests = (filter: string): boolean => isOfCalls(filter) && !/^(response|call\/inside|jobs)\//.test(filter)

const nameOf = ({ filters, kind, number }: Guest): string => `${kind} ${number} of ${filters[0]}`

/** The connection at that time, as far as the client knew. */
const connectionAt = ({ attempts }: Observations, at: number): Attempt | undefined =>
  attempts.find(({ acceptedAt, endedAt }) =>
    acceptedAt !== undefined && acceptedAt <= at && (endedAt ?? Infinity) >= at
  )

/** A SUBSCRIBE of these steps for one filter, and its answer. */
interface Exchange {
  readonly connection: number
  readonly asked: Subscription
  readonly receivedAt: number
  answeredAt: number
  reasonCode: number | undefined
}

const exchangesOf = ({ packets }: Observations): ReadonlyMap<string, ReadonlyArray<Exchange>> => {
  const all = new Map<string, Array<Exchange>>()
  const open = new Map<string, Array<Exchange>>()
  for (const { at, connection, direction, packet } of packets) {
    if (direction === "received" && packet._tag === "Subscribe") {
      const exchanges = packet.subscriptions.map((asked): Exchange => ({
        connection,
        asked,
        receivedAt: at,
        answeredAt: Infinity,
        reasonCode: undefined
      }))
      open.set(`${connection} ${packet.packetIdentifier}`, exchanges)
      for (const exchange of exchanges) {
        const known = all.get(exchange.asked.topicFilter)
        if (known === undefined) all.set(exchange.asked.topicFilter, [exchange])
        else known.push(exchange)
      }
    }
    if (direction === "sent" && packet._tag === "Suback") {
      open.get(`${connection} ${packet.packetIdentifier}`)?.forEach((exchange, index) => {
        exchange.answeredAt = at
        exchange.reasonCode = packet.reasonCodes[index]
      })
    }
  }
  return all
}

const none: ReadonlyArray<Exchange> = []

// ---------------------------------------------------------------------------------------------------------------------
// 16: granted by a SUBACK to a request of its own
// ---------------------------------------------------------------------------------------------------------------------

export const grantedByItsOwn = function*(observations: Observations) {
  const { plan, seen: { guests } } = observations
  const exchanges = exchangesOf(observations)
  const shortestWay = plan.isCalm === true ? plan.network.latency : 1
  // A consumer that gives way often is still there for a while after its note that it leaves.
  const staysOn = ({ asked, gone, kind }: Guest, order: number): boolean =>
    givesWayOften(plan) && kind === "Work" && asked.order <= order && (gone === undefined || gone.order > order)
  for (const guest of guests) {
    const { asked, filters, granted, wish } = guest
    if (granted === undefined) continue
    if (connectionAt(observations, granted.at) === undefined) {
      yield `${nameOf(guest)} was granted at ${granted.at}, without a connection`
      continue
    }
    for (const filter of filters) {
      const answered = (exchanges.get(filter) ?? none).filter(({ answeredAt }) => answeredAt <= granted.at)
      const isOwn = answered.some(({ asked: { qos }, receivedAt }) =>
        receivedAt >= asked.at + shortestWay && qos >= wish.qos
      )
      // A present guest has the QoS it asks for, if only because a guest that has left asked for it.
      const isShared = answered.some(({ asked: { qos } }) => qos >= wish.qos) &&
        guests.some((other) =>
          other !== guest && other.filters.includes(filter) &&
          (isThere(other, asked.order) || staysOn(other, asked.order))
        )
      if (!isOwn && !isShared) {
        yield `${nameOf(guest)} asked at ${asked.at} and was granted ${filter} at ${granted.at}, with no SUBACK to it`
      }
    }
  }
}

/** A guest that was granted is not asked again on the same connection, so the refusal belongs to another guest. */
export const refusedAlone = function*(observations: Observations) {
  for (const guest of observations.seen.guests) {
    const { end, granted } = guest
    if (granted === undefined || end?.reason !== "SubscribeRefused") continue
    const connection = connectionAt(observations, granted.at)
    if (connection !== undefined && (connection.endedAt ?? Infinity) > end.at) {
      yield `${
        nameOf(guest)
      } was granted at ${granted.at} and ended at ${end.at} with the refusal of another one's request`
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 17: the options of a subscription are those of its present subscribers
// ---------------------------------------------------------------------------------------------------------------------

/** The guests that were there at rest, or are there. */
const isThereAtRest = ({ rest }: Seen) => (guest: Guest): boolean => isThere(guest, rest?.order ?? Infinity)

/** The guests that are there at rest, and all guests that were there together with one of them, and so on. */
const company = (seen: Seen, filter: string): ReadonlyArray<Guest> => {
  const all = seen.guests.filter(({ filters }) => filters.includes(filter))
  let first = Math.min(...all.filter(isThereAtRest(seen)).map(({ asked }) => asked.order))
  for (const { asked, left } of [...all].reverse()) {
    if (left === undefined || left.order > first) first = Math.min(first, asked.order)
  }
  return all.filter(({ left }) => left === undefined || left.order > first)
}

const isDefault = (value: boolean | undefined): boolean => value !== true

const isAlike = (one: Partial<Subscription>, other: Partial<Subscription>): boolean =>
  isDefault(one.noLocal) === isDefault(other.noLocal) &&
  isDefault(one.retainAsPublished) === isDefault(other.retainAsPublished)

const limitsQos = ({ plan: { limits, steps } }: Observations): boolean =>
  limits.maximumQos !== undefined ||
  steps.some(({ action }) => action._tag === "Restart" && action.limits?.maximumQos !== undefined)

export const subscriptionsOfCalls = (
  observations: Observations,
  held: ReadonlyArray<Subscription> | undefined
): ReadonlyArray<string> => {
  const { seen } = observations
  if (held === undefined || isLied(observations)) return []
  // A follower of a topic does not hear that the server refuses it now.
  const mayBeRefused = observations.plan.steps.some(({ action }) => action._tag === "RefuseSubscribe")
  const present = seen.guests.filter(isThereAtRest(seen))
  const wanted = new Set(present.flatMap(({ filters }) => filters))
  const problems: Array<string> = []
  for (const { topicFilter } of held) {
    if (isOfGuests(topicFilter) && !wanted.has(topicFilter)) {
      problems.push(`the broker has ${topicFilter} and nobody wants it`)
    }
  }
  for (const filter of wanted) {
    const there = held.find(({ topicFilter }) => topicFilter === filter)
    const isOfFollowers = present.every(({ filters, kind }) => kind === "Follow" || !filters.includes(filter))
    if (mayBeRefused && isOfFollowers) continue
    if (there === undefined) {
      problems.push(`${filter} is wanted and the broker does not have it`)
      continue
    }
    const wishes = present.filter(({ filters }) => filters.includes(filter)).map(({ wish }) => wish)
    const least = Math.max(...wishes.map(({ qos }) => qos))
    const most = Math.max(...company(seen, filter).map(({ wish: { qos } }) => qos))
    const isRight = limitsQos(observations) || (there.qos >= least && there.qos <= most)
    if (!isRight) problems.push(`the broker has ${filter} with QoS ${there.qos}, wanted are ${least} to ${most}`)
    if (!wishes.every((wish) => isAlike(wish, there))) problems.push(`the broker has ${filter} with other options`)
  }
  return problems
}

export const optionsOfThePresent = function*(observations: Observations) {
  const { isSettled, plan, seen: { guests, held } } = observations
  if (isSettled) yield* subscriptionsOfCalls(observations, held)
  for (const guest of guests) {
    const { asked, end, filters, wish } = guest
    if (end?.reason !== "InvalidRequest" || plan.client.version === "3.1.1") continue
    // A consumer that gives way often asks the client later than the note says.
    const isConflict = guests.some((other) =>
      other !== guest && other.asked.order < (guest.gone?.order ?? Infinity) &&
      (other.left?.order ?? Infinity) > asked.order && !isAlike(other.wish, wish) &&
      other.filters.some((filter) => filters.includes(filter))
    )
    if (!isConflict) yield `${nameOf(guest)} was refused at ${asked.at} as if somebody with other options were there`
  }
  if (plan.isCalm !== true) return
  // A consumer that gives way often asks long after its note, and may have been told to leave by then.
  if (givesWayOften(plan)) return
  const { latency } = plan.network
  for (const [filter, exchanges] of exchangesOf(observations)) {
    if (!isOfGuests(filter)) continue
    for (const { asked, receivedAt } of exchanges) {
      const sentAt = receivedAt - latency
      // A guest that leaves in the step in which it is asked for has asked.
      const isOfOne = guests.some(({ asked: { at }, filters, left, wish }) =>
        filters.includes(filter) && at <= sentAt + 1 && (left?.at ?? Infinity) >= sentAt - 1 && isAlike(wish, asked) &&
        (wish.retainHandling ?? 0) === asked.retainHandling
      )
      if (!isOfOne) yield `SUBSCRIBE of ${filter} at ${receivedAt} has options of nobody who is there`
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 18: nobody waits for another guest, and nobody for ever
// ---------------------------------------------------------------------------------------------------------------------

export const nobodyWaitsForEver = function*({ seen: { guests, requested } }: Observations) {
  for (const guest of guests) {
    if (guest.end === undefined) yield `${nameOf(guest)} never ended`
    if (guest.end?.how === "died" && !guest.end.reason?.includes("the handler died")) {
      yield `${nameOf(guest)} died: ${guest.end.reason}`
    }
  }
  for (const { end, id, topic } of requested) {
    if (end === undefined) yield `request ${id} to ${topic} never ended`
  }
}

export const nobodyWaitsForOthers = function*({ emitted, plan, received, seen, subscribers }: Observations) {
  const { guests, hurriedAt = Infinity, taken } = seen
  if (plan.isCalm !== true || plan.limits.maximumPacketSize !== undefined) return
  const emissions = new Map([...emitted, ...seen.emitted].map(({ at, id }) => [id, at]))
  const waited = (at: number, id: number): number => at - Math.max(emissions.get(id) ?? Infinity, hurriedAt)
  for (const { at, guest, id } of taken) {
    const one = guests[guest]
    // A consumer may get a message that another consumer left long ago.
    if (one.kind !== "Join" || one.pace > 0 || waited(at, id) <= longestWait) continue
    if ((one.granted?.at ?? Infinity) <= (emissions.get(id) ?? 0)) yield `message ${id} reached ${nameOf(one)} at ${at}`
  }
  for (const { at, id, subscriber } of received) {
    const { filter, grantedAt = Infinity, kind } = subscribers[subscriber]
    if (kind !== "subscribe" || waited(at, id) <= longestWait || grantedAt > (emissions.get(id) ?? 0)) continue
    yield `message ${id} of ${emissions.get(id)} reached subscriber ${subscriber} of ${filter} at ${at}`
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 19: one run of a handler for each delivery, acknowledged when it succeeded; a consumer ends as it was told to
// ---------------------------------------------------------------------------------------------------------------------

/** The times at which the broker sent each message to the client. */
const sendings = ({ packets }: Observations): ReadonlyMap<number, ReadonlyArray<number>> => {
  const times = new Map<number, Array<number>>()
  for (const { at, direction, packet } of packets) {
    if (direction !== "sent" || packet._tag !== "Publish" || packet.qos === 0) continue
    const id = idOf(new TextDecoder().decode(packet.payload))
    const known = times.get(id)
    if (known === undefined) times.set(id, [at])
    else known.push(at)
  }
  return times
}

/** How long a message may be under way. */
const sharedFor = 200

export const handledOnce = function*(observations: Observations) {
  const { seen: { guests, taken } } = observations
  const sent = sendings(observations)
  const succeeded = new Map<number, Array<Taken>>()
  for (const one of taken) {
    const guest = guests[one.guest]
    if (guest.kind !== "Work" || one.qos === 0) continue
    const sentAt = sent.get(one.id) ?? []
    // Of two guests that were there when the message came, each has it, and may leave it.
    const had = guests.filter((other) =>
      matches(other.filters, one.topic) && other.asked.at <= sentAt[0] + sharedFor &&
      (other.left?.at ?? Infinity) >= sentAt[0]
    )
    const before = had.length > 1 ?
      undefined :
      succeeded.get(one.id)?.find(({ done, guest: earlier }) =>
        done !== undefined && done.order < one.order &&
        (guests[earlier] === guest || (guests[earlier].left?.order ?? Infinity) < guest.asked.order)
      )
    if (before !== undefined && sentAt.filter((at) => at <= one.at).length === 1) {
      yield `message ${one.id} was sent once; its handler succeeded at ${before.done?.at} and ran again at ${one.at}`
    }
    if (one.how !== "succeeded") continue
    const known = succeeded.get(one.id)
    if (known === undefined) succeeded.set(one.id, [one])
    else known.push(one)
  }
}

/** Messages that a consumer leaves wait at least so long for the next consumer. */
const leftFor = 29_000

export const acknowledgedWhenHandled = function*(observations: Observations) {
  const { packets, seen: { emitted, guests, taken } } = observations
  const topics = new Map(emitted.map(({ id, topic }) => [id, topic]))
  const sent = new Map<string, { readonly id: number; readonly at: number }>()
  for (const { at, connection, direction, packet } of packets) {
    if (!("packetIdentifier" in packet)) continue
    const key = `${connection} ${packet.packetIdentifier}`
    if (direction === "sent" && packet._tag === "Publish" && packet.qos > 0) {
      const id = idOf(new TextDecoder().decode(packet.payload))
      // A message that is sent again has waited since it was sent first.
      if (sent.get(key)?.id !== id) sent.set(key, { id, at })
    }
    if (direction !== "received" || (packet._tag !== "Puback" && packet._tag !== "Pubrec")) continue
    const message = sent.get(key)
    const topic = message === undefined ? undefined : topics.get(message.id)
    if (message === undefined || topic === undefined || at - message.at > leftFor) continue
    const interested = guests.filter((guest) =>
      matches(guest.filters, topic) && guest.asked.at <= at && (guest.left?.at ?? Infinity) >= message.at
    )
    // For one consumer that was there all the time, and for no other guest.
    const [consumer, another] = interested
    if (consumer === undefined || another !== undefined || consumer.kind !== "Work") continue
    // A copy for another filter does not go to this guest.
    const others = guests.filter((guest) => matches(guest.filters, topic) && guest.filters[0] !== consumer.filters[0])
    if (others.length > 0) continue
    if (consumer.asked.at >= message.at || (consumer.left?.at ?? Infinity) <= at) continue
    // An earlier consumer may have handled the message: then only the acknowledgement was lost.
    const isDealtWith = taken.some(({ done, how, id }) =>
      id === message.id && (done?.at ?? Infinity) <= at && how !== "interrupted"
    )
    if (!isDealtWith) yield `message ${message.id} was acknowledged at ${at}, and its handler was not done with it`
  }
}

export const consumersEndAsTold = function*(observations: Observations) {
  const { closedAt = Infinity, closedBy, seen: { guests } } = observations
  for (const guest of guests) {
    const { end, isSentAway, kind, onFailure } = guest
    if (
      end === undefined || isSentAway || end.at >= closedAt || (closedBy !== undefined && end.reason === closedBy) ||
      (kind !== "Work" && kind !== "Typed")
    ) continue
    const how = `${nameOf(guest)} (${onFailure}) ended at ${end.at}: ${end.how} ${end.reason?.split("\n")[0] ?? ""}`
    if (end.reason === "SubscribeRefused" || end.reason === "InvalidRequest" && kind === "Work") continue
    if (kind === "Typed" || onFailure !== "stop" || end.how === "succeeded") yield how
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 20: a guest that stays misses nothing
// ---------------------------------------------------------------------------------------------------------------------

/** Messages to guests that were there before the messages were published, on one connection. */
export const missing = (observations: Observations): ReadonlyArray<string> => {
  const { seen, seen: { emitted, guests, taken } } = observations
  const missed: Array<string> = []
  for (const guest of guests) {
    const { buffer, filters, granted, grantedQos = [], kind, number, policy } = guest
    if (kind !== "Join" || !isThereAtRest(seen)(guest) || granted === undefined || policy !== "suspend") continue
    const connection = connectionAt(observations, granted.at)
    if (connection === undefined || (connection.endedAt ?? Infinity) < (seen.rest?.at ?? Infinity)) continue
    const got = new Set(taken.filter((one) => one.guest === number).map(({ id }) => id))
    const least = Math.min(...grantedQos)
    for (const { id, order, qos, topic } of emitted) {
      if (order < granted.order || order > (seen.rest?.order ?? Infinity) || got.has(id) || !matches(filters, topic)) {
        continue
      }
      const isSure = Math.min(qos, least) > 0 || buffer >= 1000
      if (isSure) missed.push(`message ${id} to ${nameOf(guest)}`)
    }
  }
  return missed
}

/**
 * Whether the server refused a filter that it had granted before, when the client asked again on another connection. A
 * follower of a topic does not hear of that, and keeps its value. On a connection that already has the subscription, a
 * refusal belongs to another guest.
 */
const isRefusedSince = (
  observations: Observations,
  exchanges: ReadonlyArray<Exchange>,
  granted: Guest["granted"]
): boolean => {
  const connections = opened(observations)
  const asked = new Set<number>()
  return exchanges.some(({ answeredAt, connection, reasonCode = 0, receivedAt }) => {
    const { endedAt = Infinity, sessionPresent, startedAt = Infinity } = connections[connection - 1] ?? {}
    const isFirst = !asked.has(connection)
    asked.add(connection)
    return isFirst && granted !== undefined && startedAt > granted.at && reasonCode >= 0x80 && answeredAt <= endedAt &&
      (sessionPresent !== true || isUnheardSession(observations, receivedAt))
  })
}

/**
 * Whether the client read the older value at QoS 1, then the newer one at QoS 2, and then the older one again: order is kept
 * for each QoS, `[MQTT-4.6.0-6]` of 5.0, and only the message of QoS 2 is not handed over again.
 */
const isRepeatedBehind = (
  { attempts, plan }: Observations,
  { newer, older }: { readonly older: string | undefined; readonly newer: string }
): boolean => {
  const read = attempts.flatMap(({ tape }) => packetsOf(tape, plan.client.version)).flatMap(({ direction, packet }) =>
    direction === "read" && packet._tag === "Publish"
      ? [{ ...packet, text: new TextDecoder().decode(packet.payload) }]
      : []
  )
  const first = read.findIndex(({ qos, text }) => qos === 2 && text === newer)
  const again = read.findLastIndex(({ qos, text }) => qos === 1 && text === older)
  return first > read.findIndex(({ qos, text }) => qos === 1 && text === older) && again > first &&
    !read.slice(again).some(({ dup, text }) => text === newer && !dup)
}

/** At rest, followers of a topic have the value that the server keeps; at QoS 0 the end of a connection may lose it. */
export const latestValues = (
  observations: Observations,
  retained: ReadonlyMap<string, string> | undefined
): ReadonlyArray<string> => {
  if (isLied(observations) || limitsQos(observations)) return []
  const { seen: { followed, guests } } = observations
  const exchanges = exchangesOf(observations)
  return followed.flatMap(({ atRest, guest, isAtRest, topic }) => {
    const expected = retained?.get(topic)
    if (!isAtRest || expected === undefined || atRest === expected) return []
    if (isRefusedSince(observations, exchanges.get(topic) ?? none, guests[guest]?.granted)) return []
    if (isRepeatedBehind(observations, { older: atRest, newer: expected })) return []
    return [`Follow ${guest} of ${topic} has ${atRest ?? "nothing"} where the server keeps ${expected.trim()}`]
  })
}

export const whoStaysMissesNothing = function*(observations: Observations) {
  const { closedBy, plan, seen } = observations
  if (closedBy !== undefined || seen.held === undefined) return
  if (plan.isCalm === true && plan.limits.maximumPacketSize === undefined) yield* missing(observations)
  yield* latestValues(observations, seen.retained)
}

// ---------------------------------------------------------------------------------------------------------------------
// 21: an answer reaches its requester, and a message its subscribers
// ---------------------------------------------------------------------------------------------------------------------

export const answersReachWhoAsked = function*({ packets, plan, seen: { answered, requested } }: Observations) {
  const times = new Map(answered.map(({ at, id }) => [id, at]))
  for (const { answer, askedAt, end, id, timeout, topic } of requested) {
    if (answer !== undefined && (idOf(answer) !== id || answer.includes("forged"))) {
      yield `request ${id} to ${topic} was answered with "${answer.trim()}"`
    }
    const answeredAt = times.get(id) ?? Infinity
    if (plan.isCalm === true && end?.reason === "RequestTimeout" && answeredAt < askedAt + timeout - 1000) {
      yield `request ${id} to ${topic} timed out at ${end.at} and was answered at ${answeredAt}`
    }
  }
  for (const { at, direction, packet } of packets) {
    if (direction === "received" && packet._tag === "Publish" && packet.topic.startsWith("$")) {
      yield `at ${at} an answer was published to ${packet.topic}`
    }
  }
}

/** A message of one typed topic may be a dead letter on the other one, where it stays. */
export const deadLettersStay = function*({ accepted }: Observations) {
  const topics = new Map<number, string>()
  for (const { text, topic } of accepted) {
    if (topic !== "call/one/dead" && topic !== "call/other/dead") continue
    const id = idOf(text)
    const before = topics.get(id)
    if (before !== undefined && before !== topic && before !== "") {
      yield `message ${id} goes round as a dead letter`
      topics.set(id, "")
    } else if (before === undefined) topics.set(id, topic)
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Rest
// ---------------------------------------------------------------------------------------------------------------------

/** The events still to come, as far as the run has looked. */
export const unrestOfCalls = function*(observations: Observations) {
  const { plan, seen: { guests, held, retained } } = observations
  if (guests.length === 0) return
  yield* subscriptionsOfCalls(observations, held)
  yield* latestValues(observations, retained)
  if (plan.isCalm === true) yield* missing(observations)
}
