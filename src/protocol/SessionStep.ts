/**
 * One step of a session: a batch of inputs worked on in place, handed out as a new value with actions.
 *
 * Only the mechanism; the rules are in `Outgoing`, `Incoming`, `Subscribing` and `Session`.
 *
 * @since 0.1.0
 */
import type * as Arrivals from "./Arrivals.ts"
import type { ClientPacket, PacketIdentifier, Pingreq, Publish } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import * as PlainObject from "./PlainObject.ts"
import * as Properties from "./Properties.ts"
import * as ProtocolError from "./ProtocolError.ts"
import type * as ReasonCode from "./ReasonCode.ts"
import type { Change } from "./SessionChange.ts"
import type { Message, Outcome, Outgoing, Received, Session } from "./SessionState.ts"

/**
 * The actions for the shell around the rules, in this order.
 *
 * @since 0.1.0
 * @category models
 */
export type Action<R> =
  /** A packet to be sent. There are millions of them, so it is its own action, without an object around it. */
  | ClientPacket
  /** Hand a message over. If it has an `arrival`, it must be acknowledged with `acknowledge`, sooner or later. */
  | { readonly _tag: "Deliver"; readonly publish: Publish; readonly arrival: Arrivals.Arrival | undefined }
  | { readonly _tag: "Complete"; readonly request: R; readonly outcome: Outcome }
  /** The connection that carried the request is gone; the request has to be made again. */
  | { readonly _tag: "Abandon"; readonly request: R }
  | { readonly _tag: "Violation"; readonly violation: ProtocolError.ProtocolViolation }

/**
 * Whether the action is a packet to be sent.
 *
 * @since 0.2.0
 * @category guards
 */
export const isPacket = <R>(action: Action<R>): action is ClientPacket => {
  const { _tag } = action
  return _tag !== "Deliver" && _tag !== "Complete" && _tag !== "Abandon" && _tag !== "Violation"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Step<R> {
  readonly session: Session<R>
  readonly actions: ReadonlyArray<Action<R>>
  /**
   * To be stored before any packet of the step leaves. Empty for a session that nobody keeps.
   *
   * @since 0.2.0
   */
  readonly changes: ReadonlyArray<Change<R>>
}

const noChanges: ReadonlyArray<never> = []

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/**
 * The session while a step works on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Draft<R> extends Omit<Mutable<Session<R>>, "outgoing" | "received"> {
  readonly outgoing: PacketIdentifiers.Batch<Outgoing<R>>
  readonly received: PacketIdentifiers.Batch<Received>
  /** The arrivals this step has touched. */
  readonly touched: { 1?: Arrivals.Batch; 2?: Arrivals.Batch }
  readonly actions: Array<Action<R>>
  readonly changes: Array<Change<R>> | undefined
  /** Identifiers that this step began to clear. */
  readonly clearing: Array<PacketIdentifier>
  readonly now: number
  isViolated: boolean
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const step = <R>(self: Session<R>, now: number, change: (draft: Draft<R>) => void): Step<R> => {
  const actions: Array<Action<R>> = []
  const changes: Array<Change<R>> | undefined = self.isKept ? [] : undefined
  let session = self
  const outgoing = PacketIdentifiers.mutate(self.outgoing, (outgoingBatch) => {
    const received = PacketIdentifiers.mutate(self.received, (receivedBatch) => {
      const batches = { outgoing: outgoingBatch, received: receivedBatch }
      const draft: Draft<R> = {
        ...self,
        ...batches,
        touched: {},
        actions,
        changes,
        clearing: [],
        now,
        isViolated: false
      }
      change(draft)
      if (draft.clearing.length > 0) fence(draft)
      session = toSession(draft, self)
    })
    session = { ...session, received }
  })
  return { session: { ...session, outgoing }, actions, changes: changes ?? noChanges }
}

/** Behind the PUBREL packets of a step goes one PINGREQ: its answer says that the server has received them. */
const fence = <R>(draft: Draft<R>): void => {
  draft.fences = [...draft.fences, draft.clearing]
  send(draft, pingreq)
}

const pingreq: Pingreq = { _tag: "Pingreq" }

/** Field by field: leaving out the draft's own fields by a rest pattern took longer than the rest of a small step. */
const toSession = <R>(draft: Draft<R>, { outgoing, received }: Session<R>): Session<R> => ({
  protocolVersion: draft.protocolVersion,
  isKept: draft.isKept,
  maximumInFlight: draft.maximumInFlight,
  receiveMaximum: draft.receiveMaximum,
  tolerance: draft.tolerance,
  connection: draft.connection,
  isConnected: draft.isConnected,
  doubtedOn: draft.doubtedOn,
  isUnknown: draft.isUnknown,
  unansweredClears: draft.unansweredClears,
  fences: draft.fences,
  cleared: draft.cleared,
  window: draft.window,
  quota: draft.quota,
  outstanding: draft.outstanding,
  owed: draft.owed,
  owedSince: draft.owedSince,
  nextOrder: draft.nextOrder,
  nextSequence: draft.nextSequence,
  outgoing,
  replay: draft.replay,
  replayed: draft.replayed,
  received,
  nextExchange: draft.nextExchange,
  arrivals: arrivalsOf(draft),
  unacknowledged: draft.unacknowledged,
  excess: draft.excess,
  republications: draft.republications,
  ignored: draft.ignored
})

const arrivalsOf = <R>({ arrivals, touched }: Draft<R>): Session<R>["arrivals"] =>
  touched[1] === undefined && touched[2] === undefined ? arrivals : {
    1: touched[1]?.commit() ?? arrivals[1],
    2: touched[2]?.commit() ?? arrivals[2]
  }

/**
 * @since 0.1.0
 * @category operations
 */
export const send = <R>(draft: Draft<R>, packet: ClientPacket): void => {
  draft.actions.push(packet)
}

/**
 * The peer broke a rule: the step ends with this.
 *
 * @since 0.1.0
 * @category operations
 */
export const violate = <R>(
  draft: Draft<R>,
  label: string,
  reasonCode: ReasonCode.ReasonCode,
  message: string
): void => {
  draft.isViolated = true
  const violation = ProtocolError.violation(draft.protocolVersion, label, reasonCode, message)
  draft.actions.push({ _tag: "Violation", violation })
}

/**
 * A packet was sent that the server has to answer.
 *
 * @since 0.1.0
 * @category operations
 */
export const owe = <R>(draft: Draft<R>): void => {
  if (draft.owed === 0) draft.owedSince = draft.now
  draft.owed++
}

/**
 * The server answered.
 *
 * @since 0.1.0
 * @category operations
 */
export const settle = <R>(draft: Draft<R>): void => {
  if (draft.owed > 0) draft.owed--
  draft.owedSince = draft.now
}

/**
 * A message, with the request that hears its outcome.
 *
 * @since 0.1.0
 * @category models
 */
export interface PublishRequest<R> {
  readonly message: Message
  readonly request: R
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const toPublish = (message: Message, packetIdentifier: PacketIdentifier, dup: boolean): Publish => ({
  _tag: "Publish",
  topic: message.topic,
  payload: message.payload,
  qos: message.qos,
  retain: message.retain,
  dup,
  packetIdentifier,
  properties: message.properties
})

/**
 * A message of QoS 1 or 2 takes its place in the window and is owed an answer.
 *
 * @since 0.2.0
 * @category operations
 */
export const sendPublish = <R>(
  draft: Draft<R>,
  packetIdentifier: PacketIdentifier,
  message: Message,
  dup: boolean
): void => {
  draft.outstanding++
  owe(draft)
  send(draft, toPublish(message, packetIdentifier, dup))
}

type AcknowledgementType = "Puback" | "Pubrec" | "Pubrel" | "Pubcomp"

interface Acknowledgement<Type extends AcknowledgementType> {
  readonly _tag: Type
  readonly packetIdentifier: PacketIdentifier
  readonly reasonCode: ReasonCode.ReasonCode
  readonly properties: Properties.Properties
}

const NewAcknowledgement = PlainObject.constructor<
  Acknowledgement<AcknowledgementType>,
  [AcknowledgementType, PacketIdentifier, ReasonCode.ReasonCode]
>(function(type, packetIdentifier, reasonCode) {
  this._tag = type
  this.packetIdentifier = packetIdentifier
  this.reasonCode = reasonCode
  this.properties = Properties.none
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const acknowledgement = <Type extends AcknowledgementType>(
  type: Type,
  packetIdentifier: PacketIdentifier,
  reasonCode: ReasonCode.ReasonCode
): Acknowledgement<Type> => new NewAcknowledgement(type, packetIdentifier, reasonCode) as Acknowledgement<Type>
