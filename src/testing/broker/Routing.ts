/**
 * Which clients receive a message, at which QoS, with which RETAIN flag and Subscription Identifiers.
 *
 * Pure except for the turns of Shared Subscriptions. MQTT 5.0 sections 3.3.4, 3.8.3.1 and 4.8.2.
 *
 * @since 0.1.0
 */
import type { Qos } from "../../protocol/Packet.ts"
import * as Topic from "../../protocol/Topic.ts"
import type { Message } from "./Message.ts"
import type { Delivery, Held, Session } from "./Session.ts"

/**
 * A delivery and the session it is for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Addressed {
  readonly session: Session
  readonly delivery: Delivery
}

/** Whose turn it is in each share. */
export type Turns = Map<string, number>

const least = (one: Qos, other: Qos): Qos => one < other ? one : other

const deliver = (message: Message, matched: ReadonlyArray<Held>): Delivery => {
  let qos: Qos = 0
  let retainAsPublished = false
  const subscriptionIdentifiers: Array<number> = []
  for (const { subscription, subscriptionIdentifier } of matched) {
    if (subscription.qos > qos) qos = subscription.qos
    retainAsPublished ||= subscription.retainAsPublished
    if (subscriptionIdentifier !== undefined) subscriptionIdentifiers.push(subscriptionIdentifier)
  }
  return {
    message,
    qos: least(message.qos, qos),
    retain: retainAsPublished && message.retain,
    subscriptionIdentifiers
  }
}

const matchedBy = (session: Session, message: Message): Array<Held> => {
  const matched: Array<Held> = []
  for (const held of session.subscriptions.values()) {
    const { noLocal, topicFilter } = held.subscription
    if (held.shared !== undefined || (noLocal && session.clientId === message.clientId)) continue
    if (Topic.matches(topicFilter, message.topic)) matched.push(held)
  }
  return matched
}

interface Member {
  readonly session: Session
  readonly held: Held
}

/** The members of each share that the message is for. */
const sharesFor = (sessions: ReadonlyMap<string, Session>, message: Message): Map<string, Array<Member>> => {
  const shares = new Map<string, Array<Member>>()
  for (const session of sessions.values()) {
    for (const held of session.subscriptions.values()) {
      if (held.shared === undefined || !Topic.matches(held.shared.topicFilter, message.topic)) continue
      const members = shares.get(held.subscription.topicFilter)
      if (members === undefined) shares.set(held.subscription.topicFilter, [{ session, held }])
      else members.push({ session, held })
    }
  }
  return shares
}

/** Members take turns. A member without a connection is passed over while another member has one. */
const nextMember = (share: string, members: ReadonlyArray<Member>, turns: Turns): Member => {
  const connected = members.filter(({ session }) => session.connection !== undefined)
  const eligible = connected.length > 0 ? connected : members
  const turn = turns.get(share) ?? 0
  turns.set(share, turn + 1)
  return eligible[turn % eligible.length]
}

/**
 * Every delivery of the message, in the order of the sessions.
 *
 * @since 0.1.0
 * @category routing
 */
export const route = (
  sessions: ReadonlyMap<string, Session>,
  message: Message,
  turns: Turns,
  overlapping: "once" | "each"
): ReadonlyArray<Addressed> => {
  const addressed: Array<Addressed> = []
  for (const session of sessions.values()) {
    const matched = matchedBy(session, message)
    if (matched.length === 0) continue
    if (overlapping === "once") addressed.push({ session, delivery: deliver(message, matched) })
    else for (const held of matched) addressed.push({ session, delivery: deliver(message, [held]) })
  }
  for (const [share, members] of sharesFor(sessions, message)) {
    const { held, session } = nextMember(share, members, turns)
    addressed.push({ session, delivery: deliver(message, [held]) })
  }
  return addressed
}

/**
 * A retained message for the subscription that was just made. `[MQTT-3.3.1-9]`
 *
 * @since 0.1.0
 * @category routing
 */
export const retained = (message: Message, held: Held): Delivery => ({
  ...deliver(message, [held]),
  retain: true
})
