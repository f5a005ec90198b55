/**
 * Messages from acceptance to acknowledgement: retained, routed, queued, sent within the client's window, sent again.
 *
 * MQTT 5.0 sections 3.3, 4.3, 4.4 and 4.9.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Packet from "../../protocol/Packet.ts"
import { none, type Properties } from "../../protocol/Properties.ts"
import type { Connection, Established } from "./Connection.ts"
import { connectionOf, type Core, flush, send } from "./Core.ts"
import * as Message from "./Message.ts"
import * as Routing from "./Routing.ts"
import * as Session from "./Session.ts"

/**
 * Takes a message in and sends it to its subscribers.
 *
 * @since 0.1.0
 * @category messages
 */
export const accept = (core: Core, message: Message.Message): void => {
  core.journal.accept(message)
  if (message.retain) retain(core, message)
  for (const { delivery, session } of recipients(core, message)) deliver(core, session, delivery)
}

const recipients = (core: Core, message: Message.Message): ReadonlyArray<Routing.Addressed> =>
  Routing.route(core.sessions, message, core.turns, core.options.overlappingSubscriptions ?? "once")

/**
 * Whether anyone is subscribed to the message's topic.
 *
 * @since 0.1.0
 * @category messages
 */
export const hasRecipients = (core: Core, message: Message.Message): boolean =>
  Routing.route(core.sessions, message, new Map(), "once").length > 0

/** `[MQTT-3.3.1-5]`, `[MQTT-3.3.1-6]`: the last message is kept, an empty one removes it. */
const retain = (core: Core, message: Message.Message): void => {
  if (message.payload.length === 0) core.retained.delete(message.topic)
  else core.retained.set(message.topic, message)
}

/**
 * Sends a message, or keeps it until the client is connected and its window has room.
 *
 * @since 0.1.0
 * @category messages
 */
export const deliver = (core: Core, session: Session.Session, delivery: Session.Delivery): void => {
  const attached = connectionOf(core, session)
  const connection = attached?.isWelcome === true ? attached : undefined
  if (delivery.qos === 0) {
    if (connection !== undefined) sendMessage(core, connection, delivery, undefined, false)
    return
  }
  session.queue.push(delivery)
  if (connection !== undefined) return pump(core, session, connection)
  const { maximumQueuedMessages = Infinity } = core.options
  if (session.queue.length > maximumQueuedMessages) session.queue.shift()
}

/**
 * Sends the waiting messages, as far as the client's Receive Maximum allows. The session's unfinished messages go
 * first.
 *
 * @since 0.1.0
 * @category messages
 */
export const pump = (core: Core, session: Session.Session, connection: Connection): void => {
  const { maximumInflightMessages = Infinity, receiveMaximumExcess = 0 } = core.options
  const most = Math.min(connection.receiveMaximum + receiveMaximumExcess, maximumInflightMessages)
  while (connection.outstanding < most) {
    const unfinished = connection.toResend.shift()
    if (unfinished !== undefined) {
      resend(core, session, connection, unfinished)
      continue
    }
    const delivery = session.queue.shift()
    if (delivery === undefined) return
    const packetIdentifier = Session.takeIdentifier(session)
    if (!sendMessage(core, connection, delivery, packetIdentifier, false)) continue
    const outgoing: Session.Outgoing = { delivery, packetIdentifier, stage: "published" }
    session.inflight.set(packetIdentifier, outgoing)
    connection.outstanding++
    redeliver(core, session, connection, outgoing)
  }
}

/**
 * The session goes on with a new connection: unfinished messages are sent again in their order. `[MQTT-4.4.0-1]`
 *
 * @since 0.1.0
 * @category messages
 */
export const resume = (core: Core, session: Session.Session, connection: Connection): void => {
  connection.toResend.push(...session.inflight.values())
  pump(core, session, connection)
}

const resend = (
  core: Core,
  session: Session.Session,
  connection: Connection,
  outgoing: Session.Outgoing
): void => {
  const { delivery, packetIdentifier, stage } = outgoing
  const isSent = stage === "released"
    ? release(core, connection, packetIdentifier)
    : sendMessage(core, connection, delivery, packetIdentifier, true)
  if (!isSent) return void session.inflight.delete(packetIdentifier)
  connection.outstanding++
  redeliver(core, session, connection, outgoing)
}

const release = (
  core: Core,
  connection: Connection,
  packetIdentifier: Packet.PacketIdentifier,
  reasonCode: 0 | 0x92 = 0
): boolean => send(core, connection, { _tag: "Pubrel", packetIdentifier, reasonCode, properties: none }) !== undefined

/**
 * If the broker has a redelivery timer, sends the message again and again until it is acknowledged or the connection
 * ends.
 */
const redeliver = (
  core: Core,
  session: Session.Session,
  connection: Connection,
  outgoing: Session.Outgoing
): void => {
  const { redelivery } = core.options
  if (redelivery === undefined) return
  const { packetIdentifier } = outgoing
  core.timeline.after(Duration.toMillis(Duration.fromInputUnsafe(redelivery.after)), () => {
    const isOpen = connectionOf(core, session) === connection
    if (!isOpen || session.inflight.get(packetIdentifier) !== outgoing) return
    const isSent = outgoing.stage === "released"
      ? release(core, connection, packetIdentifier)
      : sendPublish(core, connection, outgoing.delivery, packetIdentifier, redelivery.dup ?? true)
    if (isSent) connection.established?.conduct.repeated(packetIdentifier)
    redeliver(core, session, connection, outgoing)
    flush(core)
  })
}

/** Whether the message was sent, and the client owes an answer. */
const sendMessage = (
  core: Core,
  connection: Connection,
  delivery: Session.Delivery,
  packetIdentifier: Packet.PacketIdentifier | undefined,
  dup: boolean
): boolean => {
  const isSent = sendPublish(core, connection, delivery, packetIdentifier, dup)
  if (isSent && packetIdentifier !== undefined) {
    connection.established?.conduct.sent(packetIdentifier, delivery.qos === 2 ? 2 : 1)
  }
  return isSent
}

/** Whether the message was sent. If it is too large for the client, it counts as delivered, `[MQTT-3.1.2-25]`. */
const sendPublish = (
  core: Core,
  connection: Connection,
  delivery: Session.Delivery,
  packetIdentifier: Packet.PacketIdentifier | undefined,
  dup: boolean
): boolean => {
  const { message, qos, retain, subscriptionIdentifiers } = delivery
  // A message that is sent again does not expire any more, [MQTT-4.3.3-7].
  const remaining = Message.propertiesAt(message, core.now()) ?? (dup ? message.properties : undefined)
  if (remaining === undefined) return false
  const is50 = connection.version === "5.0"
  const { alias, topic } = is50 ? aliased(core, connection, message.topic) : { alias: undefined, topic: message.topic }
  const properties: Properties = is50
    ? {
      ...remaining,
      ...(subscriptionIdentifiers.length === 0 ? undefined : { subscriptionIdentifiers }),
      ...(alias === undefined ? undefined : { topicAlias: alias })
    }
    : none
  const publish: Packet.Publish = {
    _tag: "Publish",
    topic,
    payload: message.payload,
    qos,
    retain,
    dup,
    packetIdentifier: packetIdentifier ?? 0,
    properties
  }
  if (send(core, connection, publish) === undefined) return false
  if (alias !== undefined) connection.aliasesToClient.set(message.topic, alias)
  return true
}

/** The topic of a message to this client: an alias from the second time on, if the broker uses them. */
const aliased = (
  core: Core,
  connection: Connection,
  topic: string
): { readonly topic: string; readonly alias: number | undefined } => {
  if (core.options.usesTopicAliases !== true) return { topic, alias: undefined }
  const known = connection.aliasesToClient.get(topic)
  if (known !== undefined) return { topic: "", alias: known }
  const isRoom = connection.aliasesToClient.size < connection.aliasMaximum
  return { topic, alias: isRoom ? connection.aliasesToClient.size + 1 : undefined }
}

const settle = (core: Core, connection: Connection, { session }: Established, outgoing: Session.Outgoing): void => {
  session.inflight.delete(outgoing.packetIdentifier)
  connection.outstanding--
  pump(core, session, connection)
}

/**
 * PUBACK, PUBREC or PUBCOMP of the client.
 *
 * @since 0.1.0
 * @category acknowledgements
 */
export const acknowledged = (
  core: Core,
  connection: Connection,
  established: Established,
  packet: Packet.Puback | Packet.Pubrec | Packet.Pubcomp,
  reportUnexpected: () => void
): void => {
  const outgoing = established.session.inflight.get(packet.packetIdentifier)
  if (packet._tag === "Pubcomp") {
    if (outgoing?.stage === "released") return settle(core, connection, established, outgoing)
    if (!established.conduct.takeRepeated(packet.packetIdentifier)) reportUnexpected()
    return
  }
  const isOwed = established.conduct.acknowledged(packet)
  if (packet._tag === "Puback") {
    if (isOwed && outgoing !== undefined) settle(core, connection, established, outgoing)
    return
  }
  if (isOwed && outgoing !== undefined && packet.reasonCode >= 0x80) {
    return settle(core, connection, established, outgoing)
  }
  if (isOwed && outgoing !== undefined) outgoing.stage = "released"
  if (packet.reasonCode >= 0x80) return
  // Each additional PUBREL brings an additional PUBCOMP.
  if (!isOwed) established.conduct.repeated(packet.packetIdentifier)
  const isKnown = isOwed || outgoing?.stage === "released"
  release(core, connection, packet.packetIdentifier, isKnown || connection.version === "3.1.1" ? 0 : 0x92)
}
