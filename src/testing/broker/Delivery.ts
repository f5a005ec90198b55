/**
 * Messages from acceptance to acknowledgement: retained, routed, queued, sent within the client's window, sent again.
 *
 * MQTT 5.0 sections 3.3, 4.3, 4.4 and 4.9.
 *
 * @since 0.1.0
 */
import type * as Packet from "../../protocol/Packet.ts"
import { none, type Properties } from "../../protocol/Properties.ts"
import type { Connection, Established } from "./Connection.ts"
import { connectionOf, type Core, send } from "./Core.ts"
import * as Message from "./Message.ts"
import * as Routing from "./Routing.ts"
import * as Session from "./Session.ts"

/**
 * Takes a message in and sends it to whom it is for.
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
 * Whether anyone is subscribed to what the message is about.
 *
 * @since 0.1.0
 * @category messages
 */
export const hasRecipients = (core: Core, message: Message.Message): boolean =>
  Routing.route(core.sessions, message, new Map(), "once").length > 0

/** `[MQTT-3.3.1-5]`, `[MQTT-3.3.1-6]`: the last one is kept, an empty one removes it. */
const retain = (core: Core, message: Message.Message): void => {
  if (message.payload.length === 0) core.retained.delete(message.topic)
  else core.retained.set(message.topic, message)
}

/**
 * Sends it, or keeps it until the client's window or the client itself is there.
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
 * Sends what waits, as far as the client's Receive Maximum allows: the unfinished ones of the session first.
 *
 * @since 0.1.0
 * @category messages
 */
export const pump = (core: Core, session: Session.Session, connection: Connection): void => {
  while (connection.outstanding < connection.receiveMaximum) {
    const unfinished = connection.toResend.shift()
    if (unfinished !== undefined) {
      resend(core, session, connection, unfinished)
      continue
    }
    const delivery = session.queue.shift()
    if (delivery === undefined) return
    const packetIdentifier = Session.takeIdentifier(session)
    if (!sendMessage(core, connection, delivery, packetIdentifier, false)) continue
    session.inflight.set(packetIdentifier, { delivery, packetIdentifier, stage: "published" })
    connection.outstanding++
  }
}

/**
 * The session goes on with a new connection: what is unfinished is sent again in its order. `[MQTT-4.4.0-1]`
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
  { delivery, packetIdentifier, stage }: Session.Outgoing
): void => {
  const isSent = stage === "released"
    ? send(core, connection, { _tag: "Pubrel", packetIdentifier, reasonCode: 0, properties: none }) !== undefined
    : sendMessage(core, connection, delivery, packetIdentifier, true)
  if (isSent) connection.outstanding++
  else session.inflight.delete(packetIdentifier)
}

/** Whether it was sent. One that is too large for the client counts as delivered, `[MQTT-3.1.2-25]`. */
const sendMessage = (
  core: Core,
  connection: Connection,
  delivery: Session.Delivery,
  packetIdentifier: Packet.PacketIdentifier | undefined,
  dup: boolean
): boolean => {
  const { message, qos, retain, subscriptionIdentifiers } = delivery
  // One that is sent again does not expire any more, [MQTT-4.3.3-7].
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
  if (packetIdentifier !== undefined) connection.established?.conduct.sent(packetIdentifier, qos === 2 ? 2 : 1)
  return true
}

/** How a topic is written to this client: with an alias from the second time on, if the broker uses them. */
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
    return reportUnexpected()
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
  send(core, connection, {
    _tag: "Pubrel",
    packetIdentifier: packet.packetIdentifier,
    reasonCode: isOwed || connection.version === "3.1.1" ? 0 : 0x92,
    properties: none
  })
}
