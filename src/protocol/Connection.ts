/**
 * The rules of one network connection: which packets may come when, how it begins and ends, Topic Aliases, Keep Alive.
 *
 * Pure: input in, next state and results out. `Session` has the state that outlives a connection; bytes and fibers
 * belong to `MqttConnection`. MQTT 5.0 and 3.1.1, sections 3.1, 3.2 and 4.13; 5.0 sections 3.3.2.3.4 and 4.12.
 *
 * @since 0.1.0
 */
import * as KeepAlive from "./KeepAlive.ts"
import type {
  Auth,
  Connack,
  Connect,
  Disconnect,
  Pingresp,
  Puback,
  Pubcomp,
  Publish,
  Pubrec,
  Pubrel,
  ServerPacket,
  Suback,
  Unsuback
} from "./Packet.ts"
import * as ProtocolError from "./ProtocolError.ts"
import * as ReasonCode from "./ReasonCode.ts"
import * as ServerLimits from "./ServerLimits.ts"

export {
  /** @since 0.2.0 */
  type Authenticating,
  /** @since 0.1.0 */
  checkAuth,
  /** @since 0.1.0 */
  checkDisconnect
} from "./SendChecks.ts"

/**
 * `Connecting` until CONNACK, `Connected` after it, `Ended` when nothing more is read from the peer.
 *
 * @since 0.1.0
 * @category models
 */
export type Phase = "Connecting" | "Connected" | "Ended"

/**
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  readonly phase: Phase
  readonly connect: Connect
  readonly limits: ServerLimits.ServerLimits
  readonly keepAlive: KeepAlive.KeepAlive
  readonly pingInterval: number | undefined
  readonly responseTimeout: number | undefined
  /** The server's Topic Aliases. A new connection starts with none (`[MQTT-3.3.2-7]`). */
  readonly topicAliases: ReadonlyMap<number, string>
  /** From our AUTH 0x19 until the server's AUTH 0x00. */
  readonly isReauthenticating: boolean
  /** How many AUTH 0x18 packets of the server this side has not answered yet. */
  readonly challenges: number
}

/**
 * The packets that the rules of a connection pass on to the session.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionPacket = Publish | Puback | Pubrec | Pubrel | Pubcomp | Suback | Unsuback | Pingresp

/**
 * Events of the connection itself. After the last three, further packets are ignored.
 *
 * @since 0.1.0
 * @category models
 */
export type Event =
  | { readonly _tag: "Accepted"; readonly connack: Connack }
  | { readonly _tag: "Authenticating"; readonly auth: Auth }
  | { readonly _tag: "Refused"; readonly connack: Connack }
  | { readonly _tag: "Disconnected"; readonly disconnect: Disconnect }
  | { readonly _tag: "Violated"; readonly violation: ProtocolError.ProtocolViolation }

/**
 * @since 0.1.0
 * @category models
 */
export interface Received {
  readonly connection: Connection
  /** For the session, in the order they arrived. */
  readonly packets: ReadonlyArray<SessionPacket>
  readonly events: ReadonlyArray<Event>
}

const noAliases: ReadonlyMap<number, string> = new Map()

/**
 * A connection on which CONNECT has just been sent. `pingInterval`, `responseTimeout` and `now` are milliseconds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly connect: Connect
  readonly pingInterval?: number | undefined
  readonly responseTimeout?: number | undefined
  readonly now: number
}): Connection => ({
  phase: "Connecting",
  connect: options.connect,
  limits: ServerLimits.none,
  keepAlive: KeepAlive.make({
    interval: options.connect.keepAlive * 1000,
    pingInterval: options.pingInterval,
    responseTimeout: options.responseTimeout,
    now: options.now
  }),
  pingInterval: options.pingInterval,
  responseTimeout: options.responseTimeout,
  topicAliases: noAliases,
  isReauthenticating: false,
  challenges: 0
})

/** Collects the results of a batch of packets. Each batch has its own draft, so its fields may be written to. */
interface Draft {
  connection: Connection
  readonly packets: Array<SessionPacket>
  readonly events: Array<Event>
  /** A copy for the batch, made when an alias is bound. */
  topicAliases: Map<number, string> | undefined
}

/**
 * Packets arrived. Looks at them in order and stops at the first that ends the connection (`[MQTT-4.8.0-1]` of 3.1.1,
 * `[MQTT-4.13.1-1]` of 5.0).
 *
 * @since 0.1.0
 * @category transitions
 */
export const receive = (self: Connection, packets: ReadonlyArray<ServerPacket>, now: number): Received => {
  const heard = { ...self, keepAlive: KeepAlive.heard(self.keepAlive, now) }
  // The usual case: there is nothing in them for the connection, so they need not be sorted.
  if (self.phase === "Connected" && packets.every(isForSession)) return { connection: heard, packets, events: noEvents }
  const draft: Draft = {
    connection: heard,
    packets: [],
    events: [],
    topicAliases: undefined
  }
  for (const packet of packets) {
    if (draft.connection.phase === "Connecting") receiveBeforeConnack(draft, packet, now)
    else if (draft.connection.phase === "Connected") receiveConnected(draft, packet)
    else break
  }
  const { connection, events, packets: forSession, topicAliases } = draft
  return {
    connection: topicAliases === undefined ? connection : { ...connection, topicAliases },
    packets: forSession,
    events
  }
}

/**
 * The decoder found a violation of the codec's rules. It ends the connection like any other violation.
 *
 * @since 0.1.0
 * @category transitions
 */
export const violate = (self: Connection, violation: ProtocolError.ProtocolViolation): Received => ({
  connection: { ...self, phase: "Ended" },
  packets: [],
  events: [{ _tag: "Violated", violation }]
})

const noEvents: ReadonlyArray<Event> = []

type ForSession =
  | Exclude<SessionPacket, Pingresp | Publish>
  | Publish & { readonly properties: { readonly topicAlias?: undefined } }

const isForSession = (packet: ServerPacket): packet is ForSession => {
  const { _tag } = packet
  if (_tag === "Publish") return packet.properties.topicAlias === undefined
  return _tag !== "Connack" && _tag !== "Pingresp" && _tag !== "Disconnect" && _tag !== "Auth"
}

const end = (draft: Draft, event: Event): void => {
  draft.connection = { ...draft.connection, phase: "Ended" }
  draft.events.push(event)
}

const breach = (
  draft: Draft,
  labels: { "3.1.1"?: string; "5.0": string },
  reasonCode: number,
  message: string
): void => {
  const version = draft.connection.connect.protocolVersion
  const label = labels[version] ?? labels["5.0"]
  end(draft, { _tag: "Violated", violation: ProtocolError.violation(version, label, reasonCode, message) })
}

/** The first packet is CONNACK, or in 5.0 AUTH when CONNECT named a method. `[MQTT-3.2.0-1]`, `[MQTT-4.12.0-6]`. */
const receiveBeforeConnack = (draft: Draft, packet: ServerPacket, now: number): void => {
  switch (packet._tag) {
    case "Connack":
      return receiveConnack(draft, packet, now)
    case "Auth":
      return receiveAuth(draft, packet)
    case "Disconnect":
      return breach(draft, { "5.0": "3.14.0-1" }, 0x82, "DISCONNECT before CONNACK")
    default:
      return breach(draft, { "5.0": "3.2.0-1" }, 0x82, `${nameOf(packet)} before CONNACK`)
  }
}

const receiveConnack = (draft: Draft, connack: Connack, now: number): void => {
  const { connect, pingInterval, responseTimeout } = draft.connection
  if (ReasonCode.isError(connack.reasonCode)) return end(draft, { _tag: "Refused", connack })
  if (connack.sessionPresent && connect.cleanStart) {
    const labels = { "3.1.1": "3.2.2-1", "5.0": "3.2.2-2" }
    return breach(draft, labels, 0x82, "CONNACK with Session Present 1 although a clean start was asked for")
  }
  if (connack.properties.authenticationMethod !== connect.properties.authenticationMethod) {
    const asked = connect.properties.authenticationMethod !== undefined
    const message = "CONNACK with another Authentication Method than CONNECT"
    return breach(draft, { "5.0": asked ? "4.12.0-5" : "4.12.0-6" }, 0x82, message)
  }
  // A Server Keep Alive replaces ours, also when ours was off. [MQTT-3.2.2-21]
  const keepAlive = KeepAlive.make({
    interval: (connack.properties.serverKeepAlive ?? connect.keepAlive) * 1000,
    pingInterval,
    responseTimeout,
    now
  })
  draft.connection = {
    ...draft.connection,
    phase: "Connected",
    limits: ServerLimits.fromConnack(connack),
    keepAlive
  }
  draft.events.push({ _tag: "Accepted", connack: asAskedFor(connack, draft.connection.connect) })
}

/** Response Information comes only to clients that asked for it. `[MQTT-3.1.2-28]` */
const asAskedFor = (connack: Connack, connect: Connect): Connack => {
  const { responseInformation, ...properties } = connack.properties
  const isUnasked = responseInformation !== undefined && connect.properties.requestResponseInformation !== 1
  return isUnasked ? { ...connack, properties } : connack
}

const receiveConnected = (draft: Draft, packet: ServerPacket): void => {
  if (isForSession(packet)) return void draft.packets.push(packet)
  switch (packet._tag) {
    case "Publish":
      return receiveTopicAlias(draft, packet)
    case "Pingresp":
      return receivePingresp(draft, packet)
    case "Connack":
      return receiveSecondConnack(draft, packet)
    case "Disconnect":
      return end(draft, { _tag: "Disconnected", disconnect: packet })
    case "Auth":
      return receiveAuth(draft, packet)
  }
}

/** Only the session waits for a PINGRESP. As a sign of life it has already counted, as every packet does. */
const receivePingresp = (draft: Draft, packet: Pingresp): void => {
  const { by, keepAlive } = KeepAlive.answered(draft.connection.keepAlive)
  draft.connection = { ...draft.connection, keepAlive }
  if (by === "session") draft.packets.push(packet)
}

/** mosquitto 2.0 refuses a re-authentication with CONNACK: its reason is worth more than the rule it breaks. */
const receiveSecondConnack = (draft: Draft, connack: Connack): void =>
  draft.connection.isReauthenticating && ReasonCode.isError(connack.reasonCode)
    ? end(draft, { _tag: "Refused", connack })
    : breach(draft, { "3.1.1": "3.2.0-1", "5.0": "3.2.0-2" }, 0x82, "a second CONNACK")

/** MQTT 5.0 section 3.3.2.3.4. The session sees the full topic and no alias: aliases do not outlive a connection. */
const receiveTopicAlias = (draft: Draft, publish: Publish): void => {
  const { topicAlias: alias = 0, ...properties } = publish.properties
  const maximum = draft.connection.connect.properties.topicAliasMaximum ?? 0
  if (alias > maximum) {
    const label = maximum === 0 ? "3.1.2-27" : "3.1.2-26"
    return breach(draft, { "5.0": label }, 0x94, `Topic Alias ${alias}, above the announced maximum of ${maximum}`)
  }
  const topicAliases = draft.topicAliases ?? draft.connection.topicAliases
  const topic = publish.topic === "" ? topicAliases.get(alias) : publish.topic
  if (topic === undefined) {
    const message = `PUBLISH without a topic and with Topic Alias ${alias}, not yet bound`
    return breach(draft, { "5.0": "3.3.2-7" }, 0x82, message)
  }
  if (topicAliases.get(alias) !== topic) {
    draft.topicAliases ??= new Map(topicAliases)
    draft.topicAliases.set(alias, topic)
  }
  draft.packets.push({ ...publish, topic, properties })
}

/** MQTT 5.0 section 4.12: AUTH needs the method that CONNECT named, in an exchange that this side began. */
const receiveAuth = (draft: Draft, auth: Auth): void => {
  const { connect, phase } = draft.connection
  const method = connect.properties.authenticationMethod
  if (method === undefined) {
    return breach(draft, { "5.0": "4.12.0-6" }, 0x82, "AUTH although CONNECT named no Authentication Method")
  }
  if (auth.properties.authenticationMethod !== method) {
    return breach(draft, { "5.0": "4.12.0-5" }, 0x82, "AUTH with another Authentication Method than CONNECT")
  }
  const isContinue = auth.reasonCode === 0x18
  if (!isContinue && (phase === "Connecting" || auth.reasonCode === 0x19)) {
    const label = phase === "Connecting" ? "4.12.0-2" : "3.15.2-1"
    return breach(draft, { "5.0": label }, 0x82, `AUTH with ${ReasonCode.nameOf(auth.reasonCode)} from the server`)
  }
  const { challenges, isReauthenticating } = draft.connection
  if (phase === "Connected" && !isReauthenticating) {
    return breach(draft, { "5.0": "4.12.1-1" }, 0x82, "AUTH although this side did not ask to re-authenticate")
  }
  if (phase === "Connected" && challenges > 0) {
    return breach(draft, { "5.0": "4.12.0-3" }, 0x82, "AUTH before the one before it was answered")
  }
  draft.connection = isContinue
    ? { ...draft.connection, challenges: challenges + 1 }
    : { ...draft.connection, isReauthenticating: false }
  draft.events.push({ _tag: "Authenticating", auth })
}

const nameOf = (packet: ServerPacket): string => packet._tag.toUpperCase()

/**
 * Packets were sent.
 *
 * @since 0.1.0
 * @category transitions
 */
export const sent = (self: Connection, now: number): Connection => ({
  ...self,
  keepAlive: KeepAlive.sent(self.keepAlive, now)
})

/**
 * PINGREQ was sent.
 *
 * @since 0.1.0
 * @category transitions
 */
export const pinged = (self: Connection, now: number, by?: KeepAlive.Pinging): Connection => ({
  ...self,
  keepAlive: KeepAlive.pinged(self.keepAlive, now, by)
})

/**
 * AUTH was sent: it begins a re-authentication, or answers the server.
 *
 * @since 0.1.0
 * @category transitions
 */
export const authSent = (self: Connection, { reasonCode }: Auth): Connection =>
  reasonCode === 0x19 ? { ...self, isReauthenticating: true } : { ...self, challenges: self.challenges - 1 }
