/**
 * Tables for the rules of a session: inputs and expected outputs, as one line of text each.
 *
 * `PUBLISH1 #7 a DUP` is a PUBLISH of QoS 1 with identifier 7 and topic `a`. A message, its request and its topic
 * share one name.
 */
import { assert } from "@effect/vitest"
import type { Arrival } from "../../../src/protocol/Arrivals.ts"
import type { SessionPacket } from "../../../src/protocol/Connection.ts"
import type * as Packet from "../../../src/protocol/Packet.ts"
import * as Properties from "../../../src/protocol/Properties.ts"
import * as Session from "../../../src/protocol/Session.ts"
import type { Change } from "../../../src/protocol/SessionChange.ts"
import * as Snapshot from "../../../src/protocol/Snapshot.ts"

// -- Packets of the server --------------------------------------------------------------------------------------------

const acknowledgement = <Type extends "Puback" | "Pubrec" | "Pubrel" | "Pubcomp">(_tag: Type) =>
(
  packetIdentifier: number,
  reasonCode = 0x00,
  properties = Properties.none
) => ({ _tag, packetIdentifier, reasonCode, properties })

export const puback = acknowledgement("Puback")
export const pubrec = acknowledgement("Pubrec")
export const pubrel = acknowledgement("Pubrel")
export const pubcomp = acknowledgement("Pubcomp")
export const pingresp: Packet.Pingresp = { _tag: "Pingresp" }

export const suback = (
  packetIdentifier: number,
  reasonCodes: ReadonlyArray<number>,
  properties = Properties.none
): Packet.Suback => ({ _tag: "Suback", packetIdentifier, reasonCodes, properties })

export const unsuback = (packetIdentifier: number, reasonCodes: ReadonlyArray<number> = []): Packet.Unsuback => ({
  _tag: "Unsuback",
  packetIdentifier,
  reasonCodes,
  properties: Properties.none
})

/** A PUBLISH of the server. */
export const incoming = (
  qos: Packet.Qos,
  packetIdentifier: number,
  topic: string,
  more?: Partial<Packet.Publish>
): Packet.Publish => ({
  _tag: "Publish",
  topic,
  payload: new Uint8Array([1]),
  qos,
  retain: false,
  dup: false,
  packetIdentifier,
  properties: Properties.none,
  ...more
})

// -- Messages of ours -------------------------------------------------------------------------------------------------

export const message = (qos: Packet.Qos, topic: string, more?: Partial<Session.Message>): Session.Message => ({
  topic,
  payload: new Uint8Array([2]),
  qos,
  retain: false,
  properties: Properties.none,
  ...more
})

export const outgoing = (
  qos: Packet.Qos,
  topic: string,
  more?: Partial<Session.Message>
): Session.PublishRequest<string> => ({ message: message(qos, topic, more), request: topic })

export const subscription = (topicFilter: string): Packet.Subscription => ({
  topicFilter,
  qos: 2,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0
})

// -- Inputs -----------------------------------------------------------------------------------------------------------

export interface Table {
  session: Session.Session<string>
  now: number
  /** How each delivered message is acknowledged, by its topic; the newest delivery. */
  readonly arrivals: Map<string, Arrival>
  /** What a store would have now. */
  kept?: Kept
}

export type Input = (table: Table) => Session.Step<string>

export const connected = (
  options?: {
    readonly sessionPresent?: boolean
    readonly isInDoubt?: boolean
    readonly isWary?: boolean
    readonly receiveMaximum?: number
    readonly birth?: Session.PublishRequest<string>
  }
): Input =>
({ now, session }) =>
  Session.connected(session, {
    protocolVersion: session.protocolVersion,
    sessionPresent: options?.sessionPresent ?? true,
    isInDoubt: options?.isInDoubt,
    isWary: options?.isWary,
    receiveMaximum: options?.receiveMaximum ?? 65_535,
    birth: options?.birth
  }, now)

/** A message that belongs to the connection. */
export const announce = (request: Session.PublishRequest<string>): Input => ({ now, session }) =>
  Session.announce(session, request, now)

export const disconnected: Input = ({ now, session }) => Session.disconnected(session, now)

export const publish = (...requests: ReadonlyArray<Session.PublishRequest<string>>): Input => ({ now, session }) =>
  Session.publish(session, requests, now)

export const receive = (...packets: ReadonlyArray<SessionPacket>): Input => ({ now, session }) =>
  Session.receive(session, packets, now)

export const subscribe = (request: string, ...topicFilters: ReadonlyArray<string>): Input => ({ now, session }) =>
  Session.subscribe(session, {
    subscriptions: topicFilters.map(subscription),
    properties: Properties.none,
    request
  }, now)

export const unsubscribe = (request: string, ...topicFilters: ReadonlyArray<string>): Input => ({ now, session }) =>
  Session.unsubscribe(session, { topicFilters, properties: Properties.none, request }, now)

export const withdraw = (packetIdentifier: number): Input => ({ now, session }) =>
  Session.withdraw(session, packetIdentifier, now)

/** Whatever comes of it is told to `nobody`. */
export const giveUp = (packetIdentifier: number): Input => ({ now, session }) =>
  Session.giveUp(session, packetIdentifier, "nobody", now)

export const acknowledge = (topics: ReadonlyArray<string>, reasonCode = 0x00): Input => ({ arrivals, now, session }) =>
  Session.acknowledge(
    session,
    topics.map((topic) => arrivals.get(topic) ?? assert.fail(`${topic} is not delivered`)),
    reasonCode,
    now
  )

/** The same input at this time. */
export const at = (now: number, input: Input): Input => (table) => {
  table.now = now
  return input(table)
}

// -- Actions ----------------------------------------------------------------------------------------------------------

const hexadecimal = (code: number): string => `0x${code.toString(16).padStart(2, "0")}`

const codeUnlessSuccess = (code: number): string => code === 0x00 ? "" : ` ${hexadecimal(code)}`

const showPacket = (packet: Packet.ClientPacket): string => {
  switch (packet._tag) {
    case "Publish": {
      const identifier = packet.qos === 0 && packet.packetIdentifier === 0 ? "" : ` #${packet.packetIdentifier}`
      return `PUBLISH${packet.qos}${identifier} ${packet.topic}${packet.dup ? " DUP" : ""}`
    }
    case "Puback":
    case "Pubrec":
    case "Pubrel":
    case "Pubcomp":
      return `${packet._tag.toUpperCase()} #${packet.packetIdentifier}${codeUnlessSuccess(packet.reasonCode)}`
    case "Subscribe":
      return `SUBSCRIBE #${packet.packetIdentifier} ${packet.subscriptions.map((one) => one.topicFilter).join(" ")}`
    case "Unsubscribe":
      return `UNSUBSCRIBE #${packet.packetIdentifier} ${packet.topicFilters.join(" ")}`
    default:
      return packet._tag.toUpperCase()
  }
}

export const show = (action: Session.Action<string>): string => {
  switch (action._tag) {
    case "Deliver":
      return `deliver ${action.publish.topic}`
    case "Complete": {
      const { reasonCode, reasonCodes } = action.outcome
      return ["complete", action.request + codeUnlessSuccess(reasonCode), ...reasonCodes.map(hexadecimal)].join(" ")
    }
    case "Abandon":
      return `abandon ${action.request}`
    case "Violation": {
      const { label, reasonCode } = action.violation
      return `violation ${label.label} ${hexadecimal(reasonCode)}`
    }
    default:
      return showPacket(action)
  }
}

// -- Tables -----------------------------------------------------------------------------------------------------------

export type Row = readonly [input: Input, actions: ReadonlyArray<string>]

export const begin = (
  protocolVersion: Packet.ProtocolVersion,
  options?: { readonly maximumInFlight?: number; readonly receiveMaximum?: number; readonly isUnknown?: boolean }
): Table => ({
  session: Session.make({
    protocolVersion,
    maximumInFlight: options?.maximumInFlight ?? 1000,
    receiveMaximum: options?.receiveMaximum ?? 65_535,
    isUnknown: options?.isUnknown ?? false,
    isKept: true
  }),
  now: 0,
  arrivals: new Map()
})

/** What the changes of all steps add up to; of a session that was put into the table, what there is to keep of it. */
type Exchange = readonly [what: string, request: string, order: number]

interface Kept {
  readonly of: Session.Session<string>
  readonly exchanges: Map<number, Exchange>
  readonly received: Map<number, number>
}

const keptOf = (session: Session.Session<string>): Kept => {
  const { messages, received, releases, reserved } = Snapshot.take(session)
  return {
    of: session,
    exchanges: new Map<number, Exchange>([
      ...messages.map(({ order, packetIdentifier, request }) => [packetIdentifier, ["Sent", request, order]] as const),
      ...releases.map(({ order, outcome, packetIdentifier, request }) =>
        [packetIdentifier, [`Released ${JSON.stringify(outcome)}`, request, order]] as const
      ),
      ...reserved.map((packetIdentifier) => [packetIdentifier, ["Reserved", "", 0]] as const)
    ]),
    received: new Map(received.map(({ answer, packetIdentifier }) => [packetIdentifier, answer]))
  }
}

const keep = ({ exchanges, received }: Kept, change: Change<string>): unknown => {
  switch (change._tag) {
    case "Sent":
      return exchanges.set(change.packetIdentifier, ["Sent", change.request, change.order])
    case "Released":
      return exchanges.set(change.packetIdentifier, [
        `Released ${JSON.stringify(change.outcome)}`,
        change.request,
        change.order
      ])
    case "Reserved":
      return exchanges.set(change.packetIdentifier, ["Reserved", "", 0])
    case "Settled":
      return exchanges.delete(change.packetIdentifier)
    case "Received":
      return received.set(change.packetIdentifier, change.answer)
    case "Completed":
      return received.delete(change.packetIdentifier)
  }
}

const inOrder = <A>(map: ReadonlyMap<number, A>) => [...map].sort(([one], [other]) => one - other)

/** A store that made the changes of this step has what there is to keep of the session. */
const checkChanges = (before: Kept, { changes, session }: Session.Step<string>): Kept => {
  const kept = { of: session, exchanges: new Map(before.exchanges), received: new Map(before.received) }
  for (const change of changes) keep(kept, change)
  const expected = keptOf(session)
  assert.deepStrictEqual(inOrder(kept.exchanges), inOrder(expected.exchanges), "what a store keeps of our messages")
  assert.deepStrictEqual(inOrder(kept.received), inOrder(expected.received), "what a store keeps of the server's")
  return kept
}

/** Puts one input in. */
export const play = (table: Table, input: Input): ReadonlyArray<Session.Action<string>> => {
  const before = table.kept?.of === table.session ? table.kept : keptOf(table.session)
  const step = input(table)
  table.session = step.session
  table.kept = checkChanges(before, step)
  for (const action of step.actions) {
    if (action._tag === "Deliver" && action.arrival !== undefined) {
      table.arrivals.set(action.publish.topic, action.arrival)
    }
  }
  return step.actions
}

/** Puts the inputs in one after the other and compares what comes out of each. */
export const check = (table: Table, rows: ReadonlyArray<Row>): Table => {
  rows.forEach(([input, expected], index) =>
    assert.deepStrictEqual(play(table, input).map(show), [...expected], `row ${index + 1}`)
  )
  return table
}

/** A session on its first connection. */
export const online = (
  protocolVersion: Packet.ProtocolVersion,
  options?: { readonly maximumInFlight?: number; readonly receiveMaximum?: number; readonly window?: number }
): Table =>
  check(begin(protocolVersion, options), [
    [connected({ sessionPresent: false, receiveMaximum: options?.window ?? 65_535 }), []]
  ])

/** Nothing of the session is unfinished and nothing is owed: no identifier is kept. */
export const assertEmpty = ({ session }: Table) => {
  assert.strictEqual(session.outgoing.size, 0)
  assert.strictEqual(session.received.size, 0)
  assert.strictEqual(session.outstanding, 0)
  assert.strictEqual(session.owed, 0)
  assert.strictEqual(session.unacknowledged, 0)
  assert.strictEqual(Session.responseDeadline(session, 10), Infinity)
}

export const range = (length: number, first = 0): ReadonlyArray<number> =>
  Array.from({ length }, (_, index) => first + index)
