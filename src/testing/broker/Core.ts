/**
 * The core that all parts of the broker share: its state, and how packets, answers and violations leave it.
 *
 * Everything here is synchronous. Bytes go out when `flush` is called, at the end of each input.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Packet from "../../protocol/Packet.ts"
import { none } from "../../protocol/Properties.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"
import type { Timeline } from "../network/Timeline.ts"
import type { Answer, Connection } from "./Connection.ts"
import * as Faults from "./Faults.ts"
import * as Journal from "./Journal.ts"
import type { Message } from "./Message.ts"
import type { Options } from "./Options.ts"
import type { Turns } from "./Routing.ts"
import type { Session } from "./Session.ts"
import { type RuleName, ruleOf, type Violation } from "./Violations.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Core {
  readonly options: Options
  readonly timeline: Timeline
  /** Milliseconds since the broker was made. */
  readonly now: () => number
  readonly faults: Faults.Faults
  readonly journal: Journal.Journal
  readonly sessions: Map<string, Session>
  readonly retained: Map<string, Message>
  readonly turns: Turns
  readonly violations: Array<Violation>
  readonly connections: Set<Connection>
  /** When each client was let in last. */
  readonly lastConnects: Map<string, number>
  /** The time until which the broker does nothing. */
  stalledUntil: number
  /** How many connections the broker has had. */
  connectionCount: number
  /** The connections that a session names, by their ordinal. */
  readonly attached: Map<number, Connection>
  assignedClientIds: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options, timeline: Timeline): Core => {
  const started = timeline.now()
  return {
    options,
    timeline,
    now: () => timeline.now() - started,
    faults: Faults.make(),
    journal: Journal.make(),
    sessions: new Map(),
    retained: new Map(),
    turns: new Map(),
    violations: [],
    connections: new Set(),
    lastConnects: new Map(),
    stalledUntil: 0,
    connectionCount: 0,
    attached: new Map(),
    assignedClientIds: 0
  }
}

/**
 * The connection on which the client of a session is connected.
 *
 * @since 0.2.0
 * @category sessions
 */
export const connectionOf = (core: Core, session: Session): Connection | undefined =>
  session.connection === undefined ? undefined : core.attached.get(session.connection)

/**
 * The client of the session is connected on this connection.
 *
 * @since 0.2.0
 * @category sessions
 */
export const attachSession = (core: Core, session: Session, connection: Connection): void => {
  session.connection = connection.ordinal
  core.attached.set(connection.ordinal, connection)
}

/**
 * The connection has ended for the session. Whether it was the session's connection.
 *
 * @since 0.2.0
 * @category sessions
 */
export const detachSession = (core: Core, session: Session, connection: Connection): boolean => {
  if (session.connection !== connection.ordinal) return false
  session.connection = undefined
  core.attached.delete(connection.ordinal)
  return true
}

/**
 * Waits until the broker does something again.
 *
 * @since 0.2.0
 * @category stalling
 */
export const untilGoing = (core: Core): Effect.Effect<void> => {
  const wait: Effect.Effect<void> = Effect.suspend(() =>
    core.stalledUntil <= core.now() ? Effect.void : Effect.andThen(pause, wait)
  )
  const pause = Effect.callback<void>((resume) => {
    const appointment = core.timeline.after(core.stalledUntil - core.now(), () => resume(Effect.void))
    return Effect.sync(() => core.timeline.cancel(appointment))
  })
  return wait
}

/**
 * Writes everything sent since the last time, and wakes everyone who waits for an event that has happened.
 *
 * @since 0.1.0
 * @category sending
 */
export const flush = (core: Core): void => {
  for (const { wire } of core.connections) wire.flush()
  core.journal.wake()
}

/**
 * Runs one input, and writes its packets at the end.
 *
 * @since 0.2.0
 * @category sending
 */
export const input = (core: Core, run: () => void): Effect.Effect<void> =>
  Effect.sync(() => {
    run()
    flush(core)
  })

/**
 * Sends a packet. Returns how many bytes have gone out with it, or `undefined` if this client cannot receive it.
 *
 * @since 0.1.0
 * @category sending
 */
export const send = (core: Core, connection: Connection, packet: Packet.Packet): number | undefined => {
  const offset = connection.wire.send(packet)
  if (offset !== undefined) core.journal.add(connection, "sent", packet, core.now())
  return offset
}

const sendAnswer = (core: Core, connection: Connection, answer: Answer): void => {
  if (connection.phase === "ended") return
  const offset = send(core, connection, answer)
  if (offset === undefined) return
  connection.established?.conduct.answered(answer, offset)
  if (answer._tag === "Connack" && answer.reasonCode === 0) welcomed(connection)
}

/** Nothing but AUTH may be sent before CONNACK, `[MQTT-3.2.0-1]`; now it may. */
const welcomed = (connection: Connection): void => {
  const { whenWelcome } = connection
  connection.whenWelcome = undefined
  connection.isWelcome = true
  whenWelcome?.()
}

/**
 * Sends an answer, unless the test holds or delays it.
 *
 * @since 0.1.0
 * @category sending
 */
export const answer = (core: Core, connection: Connection, packet: Answer): void => {
  const { answerDelay, heldTypes } = core.faults
  const isBehindConnack = connection.held[0]?._tag === "Connack"
  if (heldTypes.has(packet._tag) || isBehindConnack) {
    connection.held.push(packet)
    return
  }
  if (answerDelay === 0 && connection.lastAnswer <= core.now()) return sendAnswer(core, connection, packet)
  connection.lastAnswer = Math.max(connection.lastAnswer, core.now() + answerDelay)
  core.timeline.after(connection.lastAnswer - core.now(), () => {
    sendAnswer(core, connection, packet)
    flush(core)
  })
}

/**
 * Sends the answers of these types that were held, in their order.
 *
 * @since 0.1.0
 * @category sending
 */
export const release = (core: Core, types: ReadonlySet<Answer["_tag"]>): void => {
  for (const type of types) core.faults.heldTypes.delete(type)
  for (const connection of core.connections) {
    for (const packet of connection.held.splice(0)) {
      if (types.has(packet._tag)) sendAnswer(core, connection, packet)
      else connection.held.push(packet)
    }
  }
}

/**
 * Notes a broken rule. Returns the code the connection ends with, if it ends.
 *
 * @since 0.1.0
 * @category violations
 */
export const note = (core: Core, connection: Connection, rule: RuleName): ReasonCode | undefined => {
  const { description, reasonCode, [connection.version]: label } = ruleOf(rule)
  noteViolation(core, connection, label, description)
  return reasonCode
}

/**
 * @since 0.1.0
 * @category violations
 */
export const noteViolation = (core: Core, connection: Connection, label: string, description: string): void => {
  core.violations.push({
    label,
    version: connection.version,
    description,
    clientId: connection.clientId,
    connection: connection.number,
    at: core.now()
  })
}

/**
 * @since 0.1.0
 * @category packets
 */
export const connack = (reasonCode: ReasonCode, properties = none, sessionPresent = false): Packet.Connack => ({
  _tag: "Connack",
  sessionPresent,
  reasonCode,
  properties
})
