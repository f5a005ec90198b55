/**
 * Messages from the server, from PUBLISH to the last packet of their QoS.
 *
 * One part of the rules of a session, working on a draft of it. The others are `Outgoing` and `Subscribing`, and
 * `Session` gives access to all three. MQTT 5.0 and 3.1.1, sections 4.3 and 4.6; 5.0 section 4.9.
 *
 * @since 0.1.0
 */
import * as Arrivals from "./Arrivals.ts"
import type { PacketIdentifier, Publish, Pubrel } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import * as ReasonCode from "./ReasonCode.ts"
import * as Change from "./SessionChange.ts"
import type { Received, Session } from "./SessionState.ts"
import { acknowledgement, type Draft, send, type Step, step, violate } from "./SessionStep.ts"

/**
 * The server lost the session: its identifiers stand for new messages from now on.
 *
 * @since 0.1.0
 * @category operations
 */
export const forget = <R>(self: Session<R>, draft: Draft<R>): void =>
  PacketIdentifiers.forEach(self.received, (_, packetIdentifier) => complete(draft, packetIdentifier))

const complete = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier): void => {
  draft.received.release(packetIdentifier)
  Change.completed(draft, packetIdentifier)
}

/**
 * @since 0.1.0
 * @category operations
 */
export const receivePublish = <R>(draft: Draft<R>, publish: Publish): void => {
  if (publish.qos === 2) return receiveExactlyOnce(draft, publish)
  if (publish.qos === 1) return receiveAtLeastOnce(draft, publish)
  draft.actions.push({ _tag: "Deliver", publish, arrival: undefined })
}

/**
 * Until its PUBACK is sent, the same identifier on the same connection means the same message, with DUP or without:
 * servers with a redelivery timer send it again. 3.1.1 section 4.3.2; 5.0 `[MQTT-4.3.2-5]`.
 */
const receiveAtLeastOnce = <R>(draft: Draft<R>, publish: Publish): void => {
  // The pending PUBACK answers this PUBLISH too.
  if (arrivalsOf(draft, 1).has(publish.packetIdentifier) || !takeQuota(draft)) return
  const arrival = arrive(draft, publish.packetIdentifier, 1, 0)
  draft.actions.push({ _tag: "Deliver", publish, arrival })
}

/**
 * The count starts anew on each connection, on the server and here. `[MQTT-3.3.4-9]` of 5.0. A server that exceeds the
 * limit a little does no harm, and there are a great many such servers.
 */
const takeQuota = <R>(draft: Draft<R>): boolean => {
  if (draft.protocolVersion === "5.0" && draft.unacknowledged >= draft.receiveMaximum) {
    if (draft.unacknowledged >= draft.receiveMaximum + draft.tolerance) {
      violate(draft, "3.3.4-9", 0x93, excessive(draft))
      return false
    }
    draft.excess++
  }
  draft.unacknowledged++
  return true
}

const excessive = ({ receiveMaximum, tolerance, unacknowledged }: Draft<unknown>): string =>
  tolerance === 0
    ? `more than ${receiveMaximum} messages unacknowledged, our Receive Maximum`
    : `more than ${unacknowledged} messages unacknowledged, with a Receive Maximum of ${receiveMaximum}`

/** `[MQTT-4.3.3-10]` of 5.0, `[MQTT-4.3.3-2]` of 3.1.1: until PUBREL the same identifier means the same message. */
const receiveExactlyOnce = <R>(draft: Draft<R>, publish: Publish): void => {
  const { packetIdentifier } = publish
  const known = stillKnown(draft, publish)
  // The pending PUBREC answers this PUBLISH too.
  if (known !== undefined && isWaiting(draft, known)) return
  if (known?.connection !== draft.connection && !takeQuota(draft)) return
  // An answer to an earlier message with this identifier no longer counts.
  if (known === undefined && draft.received.has(packetIdentifier)) Change.completed(draft, packetIdentifier)
  const exchange = known?.exchange ?? draft.nextExchange++
  const arrival = arrive(draft, packetIdentifier, 2, exchange)
  const { connection, position } = arrival
  draft.received.set(packetIdentifier, { exchange, answer: known?.answer, connection, position })
  if (known === undefined) {
    draft.actions.push({ _tag: "Deliver", publish, arrival })
  } else if (known.answer !== undefined) {
    arrivalsOf(draft, 2).answer(position, known.answer)
    sendAnswers(draft, 2)
  }
}

/**
 * The received message that this PUBLISH repeats, if any. A first sending in a new session is always a new message,
 * even if its identifier stood for another one in the old session. For identifiers from before `doubtedOn` the client
 * cannot tell whether the session is new, and on later connections it still cannot.
 */
const stillKnown = <R>(draft: Draft<R>, { dup, packetIdentifier }: Publish): Received | undefined => {
  const known = draft.received.get(packetIdentifier)
  return known === undefined || dup || known.connection >= draft.doubtedOn ? known : undefined
}

const arrivalsOf = <R>(draft: Draft<R>, qos: 1 | 2): Arrivals.Batch =>
  draft.touched[qos] ??= Arrivals.batch(draft.arrivals[qos])

const arrive = <R>(
  draft: Draft<R>,
  packetIdentifier: PacketIdentifier,
  qos: 1 | 2,
  exchange: number
): Arrivals.Arrival => arrivalsOf(draft, qos).arrive({ qos, packetIdentifier, connection: draft.connection, exchange })

/** Whether the message came on this connection and its PUBREC has not left yet. */
const isWaiting = <R>(draft: Draft<R>, { connection, position }: Received): boolean =>
  connection === draft.connection && arrivalsOf(draft, 2).isWaiting(position)

/**
 * `[MQTT-4.3.3-11]`. In 5.0 the answer to an unknown identifier says so. A PUBREL that arrives before our PUBREC has
 * left is a mistake: it is answered and changes nothing.
 *
 * @since 0.1.0
 * @category operations
 */
export const receivePubrel = <R>(draft: Draft<R>, { packetIdentifier }: Pubrel): void => {
  const known = draft.received.get(packetIdentifier)
  const reasonCode = known === undefined && draft.protocolVersion === "5.0" ? 0x92 : 0x00
  send(draft, acknowledgement("Pubcomp", packetIdentifier, reasonCode))
  if (known === undefined || known.answer === undefined || isWaiting(draft, known)) return
  complete(draft, packetIdentifier)
  if (known.connection === draft.connection) draft.unacknowledged--
}

/**
 * Messages were taken over, or rejected with a Reason Code of 0x80 and above (5.0). PUBACK and PUBREC leave in the
 * order their messages came (`[MQTT-4.6.0-2]`, `[MQTT-4.6.0-3]`): an early acknowledgement waits for the messages
 * before it.
 *
 * @since 0.1.0
 * @category transitions
 */
export const acknowledge = <R>(
  self: Session<R>,
  arrivals: ReadonlyArray<Arrivals.Arrival>,
  reasonCode: ReasonCode.ReasonCode,
  now: number
): Step<R> =>
  step(self, now, (draft) => {
    for (const arrival of arrivals) {
      if (arrival.qos === 2) decide(draft, arrival, reasonCode)
      else if (arrival.connection === draft.connection) arrivalsOf(draft, 1).answer(arrival.position, reasonCode)
    }
    sendAnswers(draft, 1)
    sendAnswers(draft, 2)
  })

/**
 * Decides the answer in PUBREC, once. If the server sends the message again, PUBREC repeats that answer. A message that
 * was delivered on an earlier connection and came again on this one has a new place in the order.
 */
const decide = <R>(draft: Draft<R>, arrival: Arrivals.Arrival, answer: ReasonCode.ReasonCode): void => {
  const known = draft.received.get(arrival.packetIdentifier)
  if (known === undefined || known.exchange !== arrival.exchange || known.answer !== undefined) return
  draft.received.set(arrival.packetIdentifier, { ...known, answer })
  Change.received(draft, arrival.packetIdentifier, answer)
  if (known.connection === draft.connection) arrivalsOf(draft, 2).answer(known.position, answer)
}

const sendAnswers = <R>(draft: Draft<R>, qos: 1 | 2): void =>
  draft.touched[qos]?.settle(({ packetIdentifier }, reasonCode) => {
    send(draft, acknowledgement(qos === 1 ? "Puback" : "Pubrec", packetIdentifier, reasonCode))
    // The exchange ends here at QoS 1, and at QoS 2 when we refuse. [MQTT-4.3.3-9]
    if (qos === 2 && !ReasonCode.isError(reasonCode)) return
    if (qos === 2) complete(draft, packetIdentifier)
    draft.unacknowledged--
  })
