/**
 * Asking for subscriptions and giving them up: SUBSCRIBE and UNSUBSCRIBE, each until its acknowledgement.
 *
 * One part of the rules of a session, working on a draft of it, beside `Incoming` and `Outgoing`. Neither packet is
 * part of the Session State: both end with their connection. MQTT 5.0 and 3.1.1, sections 3.8 to 3.11.
 *
 * @since 0.2.0
 */
import type { PacketIdentifier, Suback, Subscription, Unsuback } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import type * as Properties from "./Properties.ts"
import type { Outgoing, Session } from "./SessionState.ts"
import { type Draft, owe, send, settle, type Step, step, violate } from "./SessionStep.ts"

/**
 * Asks for subscriptions. Returns no action when there is no connection or no identifier: the caller asks again on the
 * next connection, or when an identifier is free.
 *
 * @since 0.1.0
 * @category transitions
 */
export const subscribe = <R>(self: Session<R>, options: {
  readonly subscriptions: ReadonlyArray<Subscription>
  readonly properties: Properties.Properties
  readonly request: R
  /** It leaves before the messages that the connection begins with. Default: `false`. */
  readonly isAhead?: boolean
}, now: number): Step<R> =>
  step(self, now, (draft) => {
    const { isAhead = false, request, subscriptions: { length: topicFilters } } = options
    const sequence = draft.nextSequence++
    const packetIdentifier = ask(draft, { _tag: "Subscribe", request, topicFilters, sequence, isAhead })
    if (packetIdentifier === 0) return
    const { properties, subscriptions } = options
    send(draft, { _tag: "Subscribe", packetIdentifier, subscriptions, properties })
  })

/**
 * Gives subscriptions up. Returns no action when there is no connection or no identifier.
 *
 * @since 0.1.0
 * @category transitions
 */
export const unsubscribe = <R>(self: Session<R>, options: {
  readonly topicFilters: ReadonlyArray<string>
  readonly properties: Properties.Properties
  readonly request: R
  /** It leaves before the messages that the connection begins with. Default: `false`. */
  readonly isAhead?: boolean
}, now: number): Step<R> =>
  step(self, now, (draft) => {
    const { isAhead = false, properties, request, topicFilters } = options
    const asked = { request, topicFilters: topicFilters.length, sequence: draft.nextSequence++, isAhead }
    const packetIdentifier = ask(draft, { _tag: "Unsubscribe", ...asked })
    if (packetIdentifier === 0) return
    send(draft, { _tag: "Unsubscribe", packetIdentifier, topicFilters, properties })
  })

const ask = <R>(draft: Draft<R>, outgoing: Outgoing<R>): PacketIdentifier => {
  if (!draft.isConnected) return 0
  const packetIdentifier = draft.outgoing.allocate(outgoing)
  if (packetIdentifier !== 0) owe(draft)
  return packetIdentifier
}

/**
 * The connection is gone, and SUBSCRIBE and UNSUBSCRIBE with it: they are not part of the Session State.
 *
 * @since 0.1.0
 * @category operations
 */
export const abandon = <R>(self: Session<R>, draft: Draft<R>): void =>
  PacketIdentifiers.forEach(self.outgoing, (outgoing, packetIdentifier) => {
    if (outgoing._tag !== "Subscribe" && outgoing._tag !== "Unsubscribe") return
    draft.outgoing.release(packetIdentifier)
    draft.actions.push({ _tag: "Abandon", request: outgoing.request })
  })

/**
 * Matched by identifier and by kind. There must be as many codes as Topic Filters (`[MQTT-3.8.4-6]`, `[MQTT-3.11.3-1]`
 * of 5.0).
 *
 * @since 0.1.0
 * @category operations
 */
export const receiveAcknowledgement = <R>(draft: Draft<R>, packet: Suback | Unsuback): void => {
  const outgoing = draft.outgoing.get(packet.packetIdentifier)
  const asked = packet._tag === "Suback" ? "Subscribe" : "Unsubscribe"
  if (outgoing === undefined || outgoing._tag !== asked) {
    draft.ignored++
    return
  }
  const carriesCodes = packet._tag === "Suback" || draft.protocolVersion === "5.0"
  if (carriesCodes && packet.reasonCodes.length !== outgoing.topicFilters) {
    const label = packet._tag === "Unsuback" ? "3.11.3-1" : draft.protocolVersion === "5.0" ? "3.8.4-6" : "3.8.4-5"
    const message =
      `${packet._tag.toUpperCase()} with ${packet.reasonCodes.length} codes for ${outgoing.topicFilters} filters`
    return violate(draft, label, 0x82, message)
  }
  draft.outgoing.release(packet.packetIdentifier)
  settle(draft)
  const { properties, reasonCodes } = packet
  draft.actions.push({
    _tag: "Complete",
    request: outgoing.request,
    outcome: { reasonCode: 0x00, reasonCodes, properties }
  })
}
