/**
 * Connections and sessions from CONNECT to their end: which clients are let in, which sessions are resumed, when a Will
 * is published, when a session expires, and the exchange of AUTH.
 *
 * MQTT 5.0 sections 3.1, 3.2, 3.14, 4.1 and 4.12.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Packet from "../../protocol/Packet.ts"
import { none, type Properties } from "../../protocol/Properties.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"
import * as Conduct from "./Conduct.ts"
import type { Connection } from "./Connection.ts"
import { answer, attachSession, connack, connectionOf, type Core, detachSession, flush, note, send } from "./Core.ts"
import * as Delivery from "./Delivery.ts"
import * as Message from "./Message.ts"
import { announced, type AuthenticationAnswer, defaultReceiveMaximum } from "./Options.ts"
import * as Session from "./Session.ts"
import type { RuleName } from "./Violations.ts"

/** A Session Expiry Interval without end. Section 3.1.2.11.2. */
const forever = 0xffffffff

/**
 * Notes a broken rule, and ends the connection if the rule demands it.
 *
 * @since 0.1.0
 * @category ending
 */
export const report = (core: Core, connection: Connection, rule: RuleName): void => {
  const reasonCode = note(core, connection, rule)
  if (reasonCode !== undefined) disconnect(core, connection, reasonCode)
}

/**
 * The broker ends the connection and, in 5.0, says why.
 *
 * @since 0.1.0
 * @category ending
 */
export const disconnect = (
  core: Core,
  connection: Connection,
  reasonCode: ReasonCode,
  properties: Properties = none
): void => {
  const isOpen = connection.phase === "open" || connection.phase === "authenticating"
  if (isOpen && connection.version === "5.0") {
    if (connection.phase === "authenticating") send(core, connection, connack(reasonCode, properties))
    else if (connection.isWelcome) send(core, connection, { _tag: "Disconnect", reasonCode, properties })
  }
  end(core, connection, "close")
}

/**
 * The broker ends the connection without a word.
 *
 * @since 0.1.0
 * @category ending
 */
export const end = (core: Core, connection: Connection, how: "close" | "reset"): void => {
  detach(core, connection)
  connection.wire.end(how)
}

/**
 * The connection has ended for the session, by either side. Its Will goes out unless a DISCONNECT removed it.
 *
 * @since 0.1.0
 * @category ending
 */
export const detach = (core: Core, connection: Connection): void => {
  const session = connection.established?.session
  connection.phase = "ended"
  if (connection.keepAliveAppointment !== undefined) core.timeline.cancel(connection.keepAliveAppointment)
  if (session === undefined || !detachSession(core, session, connection)) return
  scheduleWill(core, session)
  if (session.expiryInterval === 0) return endSession(core, session)
  if (session.expiryInterval === forever) return
  session.expiryAppointment = core.timeline.after(session.expiryInterval * 1000, () => {
    endSession(core, session)
    flush(core)
  })
}

/** The Will is published when its delay has passed or the session ends, at the earlier of both. `[MQTT-3.1.2-8]` */
const scheduleWill = (core: Core, session: Session.Session): void => {
  const delay = session.will?.properties.willDelayInterval ?? 0
  if (session.will === undefined) return
  if (delay === 0) return publishWill(core, session)
  session.willAppointment = core.timeline.after(delay * 1000, () => {
    publishWill(core, session)
    flush(core)
  })
}

const publishWill = (core: Core, session: Session.Session): void => {
  const { clientId, will } = session
  session.will = undefined
  cancelAppointments(core, session, "willAppointment")
  if (will === undefined) return
  const { payload, properties, qos, retain, topic } = will
  if ((core.options.authorizePublish?.({ clientId, topic, qos, retain }) ?? 0) >= 0x80) return
  Delivery.accept(core, Message.make({ topic, payload, qos, retain, properties, clientId, acceptedAt: core.now() }))
}

const cancelAppointments = (
  core: Core,
  session: Session.Session,
  ...names: ReadonlyArray<"willAppointment" | "expiryAppointment">
): void => {
  for (const name of names) {
    const appointment = session[name]
    if (appointment !== undefined) core.timeline.cancel(appointment)
    session[name] = undefined
  }
}

/**
 * The Session State is gone, and with it the messages that waited for the client.
 *
 * @since 0.1.0
 * @category ending
 */
export const endSession = (core: Core, session: Session.Session): void => {
  publishWill(core, session)
  cancelAppointments(core, session, "willAppointment", "expiryAppointment")
  if (core.sessions.get(session.clientId) === session) core.sessions.delete(session.clientId)
}

/**
 * DISCONNECT of the client.
 *
 * @since 0.1.0
 * @category ending
 */
export const disconnected = (core: Core, connection: Connection, packet: Packet.Disconnect): void => {
  const session = connection.established?.session
  const interval = packet.properties.sessionExpiryInterval
  if (session !== undefined && interval !== undefined) {
    const asked = connection.connect?.properties.sessionExpiryInterval ?? 0
    if (asked === 0 && interval !== 0) return report(core, connection, "sessionExpiryOnDisconnect")
    session.expiryInterval = interval
  }
  if (session !== undefined && packet.reasonCode !== 0x04) session.will = undefined
  detach(core, connection)
  connection.phase = "disconnected"
  // After DISCONNECT the client closes the connection; if it does not, the server does, section 3.14.4.
  connection.keepAliveAppointment = core.timeline.after(patience, () => {
    end(core, connection, "close")
    flush(core)
  })
}

/** Milliseconds a client that has sent DISCONNECT is given to close the connection. */
const patience = 1000

const refuse = (core: Core, connection: Connection, reasonCode: ReasonCode, properties: Properties = none): void => {
  answer(core, connection, connack(reasonCode, connection.version === "5.0" ? properties : none))
  end(core, connection, "close")
}

/**
 * CONNECT of a client.
 *
 * @since 0.1.0
 * @category connecting
 */
export const connect = (core: Core, connection: Connection, packet: Packet.Connect): void => {
  const { faults, options } = core
  if (options.versions !== undefined && !options.versions.includes(packet.protocolVersion)) {
    // A server that does not know the version answers in the form of 3.1.1.
    connection.wire.setVersion("3.1.1")
    return refuse(core, connection, 0x84)
  }
  if (comesTooSoon(core, packet.clientId)) return end(core, connection, "close")
  if (faults.connectsToIgnore > 0) {
    faults.connectsToIgnore--
    connection.phase = "silent"
    return
  }
  const refusal = faults.connectRefusals.shift()
  if (refusal !== undefined) return refuse(core, connection, refusal.reasonCode, refusal.properties)
  const reasonCode = reasonToRefuse(core, packet)
  if (reasonCode >= 0x80) return refuse(core, connection, reasonCode)
  const { authenticationMethod } = packet.properties
  if (authenticationMethod === undefined) return welcome(core, connection, packet, none)
  connection.phase = "authenticating"
  exchange(core, connection, packet.properties.authenticationData)
}

const comesTooSoon = ({ lastConnects, now, options }: Core, clientId: string): boolean => {
  const { minimumConnectInterval } = options
  const last = lastConnects.get(clientId)
  return minimumConnectInterval !== undefined && last !== undefined &&
    now() - last < Duration.toMillis(Duration.fromInputUnsafe(minimumConnectInterval))
}

const reasonToRefuse = ({ options }: Core, packet: Packet.Connect): ReasonCode => {
  const { clientId, password, properties, username, will } = packet
  if (will !== undefined && will.qos > (options.maximumQos ?? 2)) return 0x9b
  if (will?.retain === true && options.retainAvailable === false) return 0x9a
  if (properties.authenticationMethod !== undefined && options.exchangeAuthentication === undefined) return 0x8c
  return options.authenticate?.({ clientId, username, password }) ?? 0
}

/** Lets the client in. */
const welcome = (core: Core, connection: Connection, packet: Packet.Connect, authentication: Properties): void => {
  const isAssigned = packet.clientId === ""
  core.lastConnects.set(packet.clientId, core.now())
  if (isAssigned) connection.clientId = assignClientId(core)
  const before = core.sessions.get(connection.clientId)
  const connected = before === undefined ? undefined : connectionOf(core, before)
  if (connected !== undefined) disconnect(core, connected, 0x8e)
  if (before !== undefined && packet.cleanStart) endSession(core, before)
  const kept = core.sessions.get(connection.clientId)
  const session = kept ?? Session.make(connection.clientId)
  core.sessions.set(connection.clientId, session)
  const asked = askedExpiry(packet)
  session.expiryInterval = Math.min(asked, core.options.maximumSessionExpiryInterval ?? forever)
  attachSession(core, session, connection)
  session.will = packet.will
  cancelAppointments(core, session, "willAppointment", "expiryAppointment")
  // The client can only go by the Session Present it receives, be it a lie.
  const sessionPresent = core.faults.sessionPresentLies.shift() ?? kept !== undefined
  if (sessionPresent) Conduct.resume(session)
  else Conduct.forget(session)
  establish(core, connection, packet, session, sessionPresent)
  const properties = packet.protocolVersion === "3.1.1" ? none : {
    ...announced(core.options),
    ...(isAssigned ? { assignedClientIdentifier: connection.clientId } : undefined),
    ...(session.expiryInterval === asked ? undefined : { sessionExpiryInterval: session.expiryInterval }),
    ...(packet.properties.requestResponseInformation === 1
      ? { responseInformation: core.options.responseInformation }
      : undefined),
    ...authentication
  }
  connection.phase = "open"
  connection.whenWelcome = () => Delivery.resume(core, session, connection)
  answer(core, connection, connack(0, properties, sessionPresent))
}

/** Seconds. Clean Session 0 of 3.1.1 keeps the session for ever, section 3.1.2.11.2 of 5.0. */
const askedExpiry = (packet: Packet.Connect): number => {
  if (packet.protocolVersion === "5.0") return packet.properties.sessionExpiryInterval ?? 0
  return packet.cleanStart ? 0 : forever
}

const assignClientId = (core: Core): string => {
  const count = ++core.assignedClientIds
  return core.options.assignClientId?.(count) ?? `assigned${count}`
}

/** The state that holds while this connection lives. */
const establish = (
  core: Core,
  connection: Connection,
  packet: Packet.Connect,
  session: Session.Session,
  sessionPresent: boolean
): void => {
  const { options } = core
  const is50 = packet.protocolVersion === "5.0"
  connection.receiveMaximum = packet.properties.receiveMaximum ?? defaultReceiveMaximum
  connection.aliasMaximum = packet.properties.topicAliasMaximum ?? 0
  const { maximumPacketSize } = packet.properties
  if (maximumPacketSize !== undefined) connection.wire.setMaximumPacketSize(maximumPacketSize)
  connection.established = {
    session,
    conduct: Conduct.make({
      connection: connection.ordinal,
      session,
      sessionPresent,
      cleanStart: packet.cleanStart,
      hasWill: packet.will !== undefined,
      receiveMaximum: is50 ? options.receiveMaximum ?? defaultReceiveMaximum : defaultReceiveMaximum,
      bytesRead: connection.wire.peer.insight?.bytesRead,
      report: (rule) => report(core, connection, rule)
    })
  }
  connection.keepAlive = is50 ? options.serverKeepAlive ?? packet.keepAlive : packet.keepAlive
  if (connection.keepAlive > 0) watch(core, connection)
}

/** Milliseconds that floating point may be off. */
const roundingError = 0.001

/** While the broker stands still it hears nothing; packets that come meanwhile are heard when it goes on. */
const heardUntil = ({ stalledUntil }: Core, { lastReceived }: Connection): number =>
  Math.max(lastReceived, stalledUntil)

/** Ends a connection that was silent for one and a half times the Keep Alive. `[MQTT-3.1.2-22]` of 5.0 */
const watch = (core: Core, connection: Connection): void => {
  const due = heardUntil(core, connection) + connection.keepAlive * 1500
  connection.keepAliveAppointment = core.timeline.after(due - core.now(), () => {
    if (core.now() + roundingError < heardUntil(core, connection) + connection.keepAlive * 1500) {
      return watch(core, connection)
    }
    // It is the client's fault only if it wrote nothing: bytes that it wrote may be lost or stuck.
    const idleFor = connection.wire.peer.insight?.idleFor() ?? Infinity
    if (idleFor > connection.keepAlive * 1000) report(core, connection, "keepAlive")
    else disconnect(core, connection, 0x8d)
    flush(core)
  })
}

// ---------------------------------------------------------------------------------------------------------------------
// Authentication
// ---------------------------------------------------------------------------------------------------------------------

/** The broker's answer to the next data of the client, in either phase. */
const exchange = (core: Core, connection: Connection, data: Uint8Array | undefined): void => {
  const packet = connection.connect
  const method = packet?.properties.authenticationMethod
  if (packet === undefined || method === undefined) return
  const phase = connection.phase === "open" ? "reauthenticate" : "connect"
  const round = ++connection.authenticationRound
  const step = { clientId: connection.clientId, method, data: data?.slice(), phase, round } as const
  const outcome = core.options.exchangeAuthentication?.(step) ?? { _tag: "Refuse", reasonCode: 0x8c }
  authenticationAnswers[phase][outcome._tag](core, connection, packet, outcome)
}

type AnswerTo = (
  core: Core,
  connection: Connection,
  packet: Packet.Connect,
  outcome: AuthenticationAnswer
) => void

const authenticationOf = (packet: Packet.Connect, outcome: AuthenticationAnswer): Properties => ({
  authenticationMethod: packet.properties.authenticationMethod,
  ...(outcome._tag !== "Refuse" && outcome.data !== undefined ? { authenticationData: outcome.data } : undefined)
})

const sendAuth = (reasonCode: ReasonCode): AnswerTo => (core, connection, packet, outcome) => {
  if (reasonCode === 0) connection.authenticationRound = 0
  send(core, connection, { _tag: "Auth", reasonCode, properties: authenticationOf(packet, outcome) })
}

const authenticationAnswers: {
  readonly [Phase in "connect" | "reauthenticate"]: { readonly [Tag in AuthenticationAnswer["_tag"]]: AnswerTo }
} = {
  connect: {
    Continue: sendAuth(0x18),
    Success: (core, connection, packet, outcome) => {
      connection.authenticationRound = 0
      welcome(core, connection, packet, authenticationOf(packet, outcome))
    },
    Refuse: (core, connection, _packet, outcome) =>
      refuse(core, connection, outcome._tag === "Refuse" ? outcome.reasonCode : 0x87)
  },
  reauthenticate: {
    Continue: sendAuth(0x18),
    Success: sendAuth(0x00),
    Refuse: (core, connection, _packet, outcome) =>
      disconnect(core, connection, outcome._tag === "Refuse" ? outcome.reasonCode : 0x87)
  }
}

/**
 * AUTH of the client, before CONNACK or after it.
 *
 * @since 0.1.0
 * @category authentication
 */
export const authenticate = (core: Core, connection: Connection, packet: Packet.Auth): void => {
  const method = connection.connect?.properties.authenticationMethod
  if (method === undefined) return report(core, connection, "authenticationNotBegun")
  if (packet.properties.authenticationMethod !== method) {
    return report(core, connection, "authenticationMethodChanged")
  }
  // 0x19 begins a re-authentication, 0x18 continues an exchange.
  const expected = connection.authenticationRound === 0 ? 0x19 : 0x18
  if (packet.reasonCode !== expected) return report(core, connection, "authenticationUnexpected")
  exchange(core, connection, packet.properties.authenticationData)
}
