/**
 * From the broker to the program: no message that is due is missing, none comes twice, and acknowledged messages were
 * handled.
 */
import * as Topic from "../../../src/protocol/Topic.ts"
import { idOf, type Observations, type Received, type Subscriber } from "../Observations.ts"
import { epochs, epochsAfter, isLied, isUnheardSession } from "./sessions.ts"

/** Consumers of one filter follow each other; subscribers are each their own. */
export const whoIs = ({ subscribers }: Observations, number: number): string => {
  const { filter, kind } = subscribers[number]
  return kind === "consume" ? `consumers of ${filter}` : `subscriber ${number}`
}

const isDealtWith = ({ how }: Received): boolean => how === "succeeded" || how === "refused"

/** What the broker owed and the program has not got. Needs the packets so far. */
export const undelivered = (observations: Observations): ReadonlyArray<string> => {
  const { emitted, plan, received, subscribers } = observations
  const missing: Array<string> = []
  const sessions = epochs(observations)
  const isExcused = (at: number): boolean => epochsAfter(sessions, at) > 0
  for (const subscriber of subscribers) {
    const { end, filter, grantedAt = Infinity, kind, number, policy } = subscriber
    if (kind === "consume" || end !== undefined || policy !== "suspend") continue
    const got = new Set(received.filter((one) => one.subscriber === number).map(({ id }) => id))
    for (const { at, id, owedAt, owedFor, topic } of emitted) {
      const owed = plan.client.version === "5.0" ? owedFor.get(filter) : owedAt
      if (
        owed === undefined || owed === 0 || at < grantedAt || got.has(id) || !Topic.matches(filter, topic) ||
        isExcused(at)
      ) continue
      if (owed === 2 && isUnheardSession(observations, at)) continue
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

export const deliveredOnce = function*(observations: Observations) {
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

/**
 * Whether the server lost its session, said that it was there, and sent this message at QoS 2 under the identifier of one
 * that the client had taken. Nothing tells it from the old one.
 */
const isMistakable = (observations: Observations, { at, id, packetIdentifier }: Sent): boolean =>
  isLied(observations) &&
  observations.packets.some(({ at: sentAt, direction, packet }) =>
    direction === "sent" && packet._tag === "Publish" && packet.qos === 2 &&
    packet.packetIdentifier === packetIdentifier && idOf(new TextDecoder().decode(packet.payload)) !== id &&
    observations.lostAt.some((lostAt) => sentAt < lostAt && lostAt < at) &&
    !isReleased(observations, packetIdentifier, sentAt)
  )

/** Whether the server went on with the exchange of this identifier after that moment, in the same session. */
const isReleased = ({ lostAt, packets }: Observations, packetIdentifier: number, after: number): boolean =>
  packets.some(({ at, direction, packet }) =>
    direction === "sent" && packet._tag === "Pubrel" && packet.packetIdentifier === packetIdentifier && at > after &&
    !lostAt.some((lost) => lost > after && lost < at)
  )

/** A PUBLISH of the server. */
interface Sent {
  readonly id: number
  readonly at: number
  readonly packetIdentifier: number
}

/** When a consumer takes nothing more. One that fails leaves with its first failed handler, while others may go on. */
const leftAt = ({ end, number }: Subscriber, received: ReadonlyArray<Received>): number => {
  if (end === undefined) return Infinity
  if (end.how !== "failed" && end.how !== "died") return end.at
  const failed = received.filter(({ how, subscriber }) => how === "failed" && subscriber === number)
  return Math.min(end.at, ...failed.map(({ doneAt = Infinity }) => doneAt))
}

/** Of what came for a consumer that was there all the time. */
export const acknowledgedAfterHandover = function*(observations: Observations) {
  const { packets, received, subscribers } = observations
  const sent = new Map<string, Sent>()
  const done = new Map<number, number>()
  for (const one of received) {
    if (!isDealtWith(one) || one.doneAt === undefined || subscribers[one.subscriber].kind !== "consume") continue
    done.set(one.id, Math.min(done.get(one.id) ?? Infinity, one.doneAt))
  }
  for (const { at, connection, direction, packet } of packets) {
    if (!("packetIdentifier" in packet)) continue
    const key = `${connection} ${packet.packetIdentifier}`
    if (direction === "sent" && packet._tag === "Publish" && packet.qos > 0) {
      const { packetIdentifier, payload } = packet
      sent.set(key, { id: idOf(new TextDecoder().decode(payload)), at, packetIdentifier })
    }
    if (direction !== "received" || (packet._tag !== "Puback" && packet._tag !== "Pubrec")) continue
    const message = sent.get(key)
    const emission = observations.emitted.find(({ id }) => id === message?.id)
    if (message === undefined || emission === undefined || !emission.topic.startsWith("work/")) continue
    if (emission.mayBeDropped) continue
    const isConsumed = subscribers.some((subscriber) =>
      subscriber.kind === "consume" && subscriber.askedAt < emission.at && leftAt(subscriber, received) > at
    )
    // Another one may have taken over what a consumer left.
    const isShared = subscribers.some(({ askedAt, filter, kind }) =>
      kind === "subscribe" && askedAt <= at && Topic.matches(filter, emission.topic)
    )
    if (isConsumed && !isShared && (done.get(message.id) ?? Infinity) > at && !isMistakable(observations, message)) {
      yield `message ${message.id} was acknowledged at ${at}, and its consumer is done with it at ${
        done.get(message.id)
      }`
    }
  }
}
