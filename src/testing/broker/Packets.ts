/**
 * How the broker treats each packet of a connected client, as a table by packet type.
 *
 * MQTT 5.0 and 3.1.1, sections 3.3 to 3.12.
 *
 * @since 0.1.0
 */
import type * as Packet from "../../protocol/Packet.ts"
import { none } from "../../protocol/Properties.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"
import * as Topic from "../../protocol/Topic.ts"
import type { Connection, Established } from "./Connection.ts"
import { answer, type Core } from "./Core.ts"
import * as Delivery from "./Delivery.ts"
import * as Faults from "./Faults.ts"
import * as Lifecycle from "./Lifecycle.ts"
import * as Message from "./Message.ts"
import * as Routing from "./Routing.ts"
import * as Session from "./Session.ts"
import type { RuleName } from "./Violations.ts"

type Handler<P> = (core: Core, connection: Connection, established: Established, packet: P) => void

type Handlers = {
  readonly [Type in Packet.ClientPacket["_tag"]]: Handler<Extract<Packet.ClientPacket, { readonly _tag: Type }>>
}

// ---------------------------------------------------------------------------------------------------------------------
// PUBLISH
// ---------------------------------------------------------------------------------------------------------------------

const publish: Handler<Packet.Publish> = (core, connection, established, packet) => {
  const broken = publishRule(core, connection, packet)
  if (broken !== undefined) return Lifecycle.report(core, connection, broken)
  const topic = resolveTopic(connection, packet)
  if (topic === undefined) return Lifecycle.report(core, connection, "topicAliasUnknown")
  if (Faults.takeDeadly(core.faults, topic)) return Lifecycle.end(core, connection, "close")
  const { clientId } = connection
  const { payload, properties, qos, retain } = packet
  const message = Message.make({ topic, payload, qos, retain, properties, clientId, acceptedAt: core.now() })
  const verdict = core.options.authorizePublish?.({ clientId, topic, qos, retain }) ?? 0
  if (qos > 0) return acceptAndAcknowledge(core, connection, established, packet, message, verdict)
  if (verdict < 0x80) Delivery.accept(core, message)
}

/** QoS 1 and 2. A message that is sent again under its identifier is accepted again at QoS 1 and not at QoS 2. */
const acceptAndAcknowledge = (
  core: Core,
  connection: Connection,
  { conduct }: Established,
  packet: Packet.Publish,
  message: Message.Message,
  verdict: ReasonCode
): void => {
  const { packetIdentifier, qos } = packet
  const isNew = conduct.publish(packet, message.topic)
  // A broken rule may just have ended the connection.
  if (connection.phase !== "open") return
  const accept = (): void => {
    if (verdict < 0x80 && (isNew || qos === 1)) Delivery.accept(core, message)
  }
  const acknowledge = (): void => {
    const isInUse = qos === 2 && !isNew && core.options.reportsIdentifierInUse === true
    const reasonCode = isInUse ? inUse(connection) : publishReasonCode(core, connection, message, verdict)
    const _tag = qos === 1 ? "Puback" : "Pubrec"
    answer(core, connection, { _tag, packetIdentifier, reasonCode, properties: none })
  }
  const isBefore = qos === 1 && echoesBefore(core, packetIdentifier)
  for (const step of isBefore ? [accept, acknowledge] : [acknowledge, accept]) step()
}

/** The rule about the limits of CONNACK that the packet breaks. 3.1.1 announces none. */
const publishRule = (
  { options }: Core,
  connection: Connection,
  { properties, qos, retain }: Packet.Publish
): RuleName | undefined => {
  if (connection.version === "3.1.1") return undefined
  if (qos > (options.maximumQos ?? 2)) return "maximumQos"
  if (retain && options.retainAvailable === false) return "retainNotAvailable"
  const { topicAlias = 0 } = properties
  const { topicAliasMaximum = 0 } = options
  if (topicAlias > 0 && topicAliasMaximum === 0) return "topicAliasNotAllowed"
  return topicAlias > topicAliasMaximum ? "topicAliasTooHigh" : undefined
}

const resolveTopic = ({ aliasesFromClient }: Connection, packet: Packet.Publish): string | undefined => {
  const { topicAlias } = packet.properties
  if (topicAlias === undefined) return packet.topic
  if (packet.topic === "") return aliasesFromClient.get(topicAlias)
  aliasesFromClient.set(topicAlias, packet.topic)
  return packet.topic
}

/** The code of PUBACK and PUBREC; 3.1.1 has none. */
const publishReasonCode = (
  core: Core,
  connection: Connection,
  message: Message.Message,
  verdict: ReasonCode
): ReasonCode => {
  if (connection.version === "3.1.1") return 0
  if (verdict !== 0 || core.options.reportsNoSubscribers !== true) return verdict
  return Delivery.hasRecipients(core, message) ? 0 : 0x10
}

const inUse = ({ version }: Connection): ReasonCode => version === "5.0" ? 0x91 : 0

const echoesBefore = (core: Core, packetIdentifier: Packet.PacketIdentifier): boolean => {
  const { echo = "byIdentifier" } = core.options
  return echo === "byIdentifier" ? packetIdentifier % 2 === 1 : echo === "before"
}

const pubrel: Handler<Packet.Pubrel> = (core, connection, { conduct, session }, { packetIdentifier }) => {
  const topic = session.incoming.get(packetIdentifier)?.topic
  if (Faults.takeDeadlyRelease(core.faults, topic)) return Lifecycle.end(core, connection, "close")
  const isKnown = conduct.pubrel(packetIdentifier)
  const reasonCode = !isKnown && connection.version === "5.0" ? 0x92 : 0
  answer(core, connection, { _tag: "Pubcomp", packetIdentifier, reasonCode, properties: none })
}

const acknowledgement: Handler<Packet.Puback | Packet.Pubrec | Packet.Pubcomp> = (
  core,
  connection,
  established,
  packet
) =>
  Delivery.acknowledged(core, connection, established, packet, () => {
    Lifecycle.report(core, connection, "answerUnexpected")
  })

// ---------------------------------------------------------------------------------------------------------------------
// SUBSCRIBE, UNSUBSCRIBE
// ---------------------------------------------------------------------------------------------------------------------

/** The rule about the limits of CONNACK that the packet breaks. 3.1.1 announces none. */
const subscribeRule = (
  { options }: Core,
  connection: Connection,
  { properties, subscriptions }: Packet.Subscribe
): RuleName | undefined => {
  if (connection.version === "3.1.1") return undefined
  const filters = subscriptions.map(({ topicFilter }) => topicFilter)
  if (options.wildcardSubscriptionAvailable === false && filters.some(hasWildcard)) return "wildcardSubscription"
  if (options.sharedSubscriptionAvailable === false && filters.some(Topic.isSharedFilter)) return "sharedSubscription"
  const hasIdentifier = properties.subscriptionIdentifiers !== undefined
  return options.subscriptionIdentifierAvailable === false && hasIdentifier ? "subscriptionIdentifier" : undefined
}

const hasWildcard = (topicFilter: string): boolean =>
  Topic.hasWildcard(Topic.parseSharedFilter(topicFilter)?.topicFilter ?? topicFilter)

/** The QoS granted, or why not. */
const subscriptionReasonCode = (
  core: Core,
  connection: Connection,
  { qos, topicFilter }: Packet.Subscription
): ReasonCode => {
  const { faults, options } = core
  const wanted = faults.subscribeRefusals.shift() ??
    options.authorizeSubscribe?.({ clientId: connection.clientId, topicFilter, qos }) ?? qos
  if (wanted >= 0x80) return connection.version === "3.1.1" ? 0x80 : wanted
  return Math.min(wanted, faults.grantedQos, options.maximumQos ?? 2, qos)
}

const subscribe: Handler<Packet.Subscribe> = (core, connection, { conduct, session }, packet) => {
  const broken = subscribeRule(core, connection, packet)
  if (broken !== undefined) return Lifecycle.report(core, connection, broken)
  if (Faults.takeDeadlyFilter(core.faults, packet.subscriptions)) return Lifecycle.end(core, connection, "close")
  conduct.request(packet.packetIdentifier)
  const reasonCodes = packet.subscriptions.map((subscription) => subscriptionReasonCode(core, connection, subscription))
  const { packetIdentifier } = packet
  answer(core, connection, { _tag: "Suback", packetIdentifier, reasonCodes, properties: none })
  packet.subscriptions.forEach((subscription, index) => {
    const granted = reasonCodes[index]
    if (granted < 0x80) {
      const [identifier] = packet.properties.subscriptionIdentifiers ?? []
      grant(core, session, { ...subscription, qos: granted as Packet.Qos }, identifier)
    }
  })
}

const grant = (
  core: Core,
  session: Session.Session,
  subscription: Packet.Subscription,
  subscriptionIdentifier: number | undefined
): void => {
  const isNew = Session.subscribe(session, subscription, subscriptionIdentifier)
  const { retainHandling, topicFilter } = subscription
  const held = session.subscriptions.get(topicFilter)
  // [MQTT-3.3.1-9] to [MQTT-3.3.1-11]; a Shared Subscription brings none, section 4.8.2.
  if (held === undefined || held.shared !== undefined || retainHandling === 2 || (retainHandling === 1 && !isNew)) {
    return
  }
  for (const message of core.retained.values()) {
    const isExpired = Message.propertiesAt(message, core.now()) === undefined
    if (!isExpired && Topic.matches(topicFilter, message.topic)) {
      Delivery.deliver(core, session, Routing.retained(message, held))
    }
  }
}

const unsubscribe: Handler<Packet.Unsubscribe> = (core, connection, { conduct, session }, packet) => {
  if (Faults.takeDeadlyLeaving(core.faults, packet.topicFilters)) return Lifecycle.end(core, connection, "close")
  conduct.request(packet.packetIdentifier)
  const codes = packet.topicFilters.map((topicFilter) => session.subscriptions.delete(topicFilter) ? 0x00 : 0x11)
  answer(core, connection, {
    _tag: "Unsuback",
    packetIdentifier: packet.packetIdentifier,
    reasonCodes: connection.version === "5.0" ? codes : [],
    properties: none
  })
}

/**
 * @since 0.1.0
 * @category handlers
 */
export const handlers: Handlers = {
  Connect: (core, connection) => Lifecycle.report(core, connection, "secondConnect"),
  Publish: publish,
  Puback: acknowledgement,
  Pubrec: acknowledgement,
  Pubrel: pubrel,
  Pubcomp: acknowledgement,
  Subscribe: subscribe,
  Unsubscribe: unsubscribe,
  Pingreq: (core, connection) => answer(core, connection, { _tag: "Pingresp" }),
  Disconnect: (core, connection, _established, packet) => Lifecycle.disconnected(core, connection, packet),
  Auth: (core, connection, _established, packet) => Lifecycle.authenticate(core, connection, packet)
}
