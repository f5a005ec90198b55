/**
 * The messages we publish, each from its first PUBLISH to its last acknowledgement.
 *
 * One part of the rules of a session, working on a draft of it. The others are `Incoming` and `Subscribing`, and
 * `Session` gives access to all three. MQTT 5.0 and 3.1.1, sections 4.3, 4.4 and 4.6; 5.0 section 4.9.
 *
 * @since 0.1.0
 */
import * as Announcing from "./Announcing.ts"
import * as Clearing from "./Clearing.ts"
import type { PacketIdentifier, Puback, Pubcomp, Pubrec } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import * as Properties from "./Properties.ts"
import * as ReasonCode from "./ReasonCode.ts"
import * as Change from "./SessionChange.ts"
import type { Message, Outcome, Outgoing, Session } from "./SessionState.ts"
import {
  acknowledgement,
  type Draft,
  owe,
  type PublishRequest,
  send,
  sendPublish,
  settle,
  type Step,
  step,
  toPublish
} from "./SessionStep.ts"

const noReasonCodes: ReadonlyArray<ReasonCode.ReasonCode> = []

/** The outcome in almost every acknowledgement; shared, because there are millions of them. */
const success: Outcome = { reasonCode: 0x00, reasonCodes: noReasonCodes, properties: Properties.none }

const outcomeOf = (packet: Puback | Pubrec): Outcome =>
  packet.reasonCode === 0x00 && packet.properties === Properties.none
    ? success
    : { reasonCode: packet.reasonCode, reasonCodes: noReasonCodes, properties: packet.properties }

// ---------------------------------------------------------------------------
// Requests of the user
// ---------------------------------------------------------------------------

/**
 * How many QoS 1 and 2 messages may be published now. None while messages of an earlier connection wait to be sent
 * again: they take the window first.
 *
 * @since 0.1.0
 * @category getters
 */
export const room = <R>(self: Session<R>): number =>
  Math.max(0, Math.min(self.window - self.outstanding, PacketIdentifiers.maximum - self.outgoing.size))

/**
 * Publishes messages, but no more of QoS 1 and 2 than there is `room` for. QoS 0 needs no room.
 *
 * @since 0.1.0
 * @category transitions
 */
export const publish = <R>(
  self: Session<R>,
  requests: ReadonlyArray<PublishRequest<R>>,
  now: number
): Step<R> =>
  step(self, now, (draft) => {
    for (const { message, request } of requests) {
      if (message.qos === 0) {
        send(draft, toPublish(message, 0, false))
        continue
      }
      const inFlight = new InFlight(draft, message, request)
      const packetIdentifier = draft.outgoing.allocate(inFlight)
      if (Clearing.isNeeded(draft, message, packetIdentifier)) Clearing.begin(draft, packetIdentifier, inFlight)
      else sendNew(draft, packetIdentifier, inFlight)
    }
  })

/** A class, not a literal, for the garbage collector: V8 may allocate literals as old objects if many are in flight. */
class InFlight<R> {
  readonly _tag = "Publish"
  readonly message: Message
  readonly request: R
  readonly order: number
  readonly sentOn: number
  readonly sentAt: number
  readonly isSentAgain = false
  readonly sequence: number

  constructor(draft: Draft<R>, message: Message, request: R) {
    this.message = message
    this.request = request
    this.order = draft.nextOrder++
    this.sentOn = draft.connection
    this.sentAt = draft.now
    this.sequence = draft.nextSequence++
  }
}

/** Sends a message for the first time under this identifier. */
const sendNew = <R>(
  draft: Draft<R>,
  packetIdentifier: PacketIdentifier,
  { message, order, request }: { readonly message: Message; readonly order: number; readonly request: R }
): void => {
  Change.sent(draft, packetIdentifier, request, order)
  sendPublish(draft, packetIdentifier, message, false)
}

/**
 * A packet of this session could not be written after all: its identifier is free again and nothing waits for it.
 *
 * @since 0.1.0
 * @category transitions
 */
export const withdraw = <R>(self: Session<R>, packetIdentifier: PacketIdentifier, now: number): Step<R> =>
  step(self, now, (draft) => {
    const outgoing = draft.outgoing.get(packetIdentifier)
    if (outgoing === undefined || outgoing._tag === "Release" || outgoing._tag === "Reserved") return
    draft.outgoing.release(packetIdentifier)
    // SUBSCRIBE and UNSUBSCRIBE are not kept.
    if ("message" in outgoing) Change.settled(draft, packetIdentifier, outgoing.request)
    expectNothing(draft, outgoing)
  })

/**
 * A message, or its PUBREL, is not sent again although the server may have it. Its identifier stays in use until the
 * server answers it or has lost the session: another message under it could be taken for the one given up
 * (`[MQTT-4.4.0-1]`).
 *
 * `nobody` hears the outcome: the callers that waited have been told already.
 *
 * @since 0.1.0
 * @category transitions
 */
export const giveUp = <R>(
  self: Session<R>,
  packetIdentifier: PacketIdentifier,
  nobody: R,
  now: number
): Step<R> =>
  step(self, now, (draft) => {
    const outgoing = draft.outgoing.get(packetIdentifier)
    if (outgoing?._tag !== "Publish" && outgoing?._tag !== "Clear" && outgoing?._tag !== "Release") return
    draft.outgoing.set(packetIdentifier, { _tag: "Reserved", request: nobody })
    Change.reserved(draft, packetIdentifier, outgoing.request)
    expectNothing(draft, outgoing)
  })

const expectNothing = <R>(
  draft: Draft<R>,
  outgoing: Exclude<Outgoing<R>, { readonly _tag: "Reserved" }>
): void => {
  // A message that waits to be sent again is owed no answer and takes no room.
  if ("sentOn" in outgoing && outgoing.sentOn !== draft.connection) return
  if (draft.owed > 0) draft.owed--
  if (outgoing._tag !== "Subscribe" && outgoing._tag !== "Unsubscribe") returnQuota(draft)
}

// ---------------------------------------------------------------------------
// Another connection
// ---------------------------------------------------------------------------

const end = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier, request: R): void => {
  draft.outgoing.release(packetIdentifier)
  Change.settled(draft, packetIdentifier, request)
}

/**
 * The server lost the session. Unfinished messages are new to it; a released message counts as delivered, and nothing
 * stays reserved.
 *
 * @since 0.1.0
 * @category operations
 */
export const forget = <R>(self: Session<R>, draft: Draft<R>): void =>
  PacketIdentifiers.forEach(self.outgoing, (outgoing, packetIdentifier) => {
    if (outgoing._tag === "Release") {
      end(draft, packetIdentifier, outgoing.request)
      draft.actions.push({ _tag: "Complete", request: outgoing.request, outcome: outgoing.outcome })
    } else if (outgoing._tag === "Reserved") {
      end(draft, packetIdentifier, outgoing.request)
    } else if (outgoing._tag === "Publish") {
      draft.outgoing.set(packetIdentifier, { ...outgoing, sentOn: 0 })
    }
  })

/**
 * Sends unfinished messages: PUBREL, then the birth, then PUBLISH as far as the window goes (`[MQTT-4.4.0-1]`,
 * `[MQTT-4.6.0-1]`).
 *
 * @since 0.1.0
 * @category operations
 */
export const resume = <R>(self: Session<R>, draft: Draft<R>, birth: PublishRequest<R> | undefined): void => {
  const { publishes, releases } = unfinishedInOrder(self, draft)
  // A released message has had no PUBCOMP, so it takes its place in the window of this connection too. [MQTT-3.3.4-7]
  draft.outstanding = releases.length
  for (const packetIdentifier of releases) {
    const outgoing = draft.outgoing.get(packetIdentifier)
    if (outgoing?._tag !== "Release") continue
    sendPubrel(draft, packetIdentifier, { ...outgoing, sequence: draft.nextSequence++ })
  }
  Announcing.clear(self, draft)
  draft.replay = birth === undefined ? publishes : [...Announcing.take(draft, birth), ...publishes]
  draft.replayed = 0
  replay(draft)
}

const unfinishedInOrder = <R>(self: Session<R>, draft: Draft<R>) => {
  const releases: Array<readonly [order: number, packetIdentifier: PacketIdentifier]> = []
  const publishes: typeof releases = []
  // The server has never seen these messages: they are new, and come after messages it may have.
  const clears: typeof releases = []
  PacketIdentifiers.forEach(self.outgoing, (_, packetIdentifier) => {
    const outgoing = draft.outgoing.get(packetIdentifier)
    if (outgoing?._tag === "Release") releases.push([outgoing.order, packetIdentifier])
    else if (outgoing?._tag === "Publish") publishes.push([outgoing.order, packetIdentifier])
    else if (outgoing?._tag === "Clear") clears.push([outgoing.order, packetIdentifier])
  })
  const inOrder = (all: typeof publishes) => all.sort((a, b) => a[0] - b[0]).map(([, identifier]) => identifier)
  return { releases: inOrder(releases), publishes: [...inOrder(publishes), ...inOrder(clears)] }
}

/** Sends messages again, as far as the window goes. */
const replay = <R>(draft: Draft<R>): void => {
  while (draft.replayed < draft.replay.length && draft.outstanding < draft.window) {
    const packetIdentifier = draft.replay[draft.replayed]
    const unfinished = draft.outgoing.get(packetIdentifier)
    if (Announcing.isOne(unfinished)) {
      if (!Announcing.begin(draft, packetIdentifier, unfinished)) return
      draft.replayed++
      continue
    }
    draft.replayed++
    if (unfinished?._tag === "Clear" && draft.isUnknown) {
      Clearing.begin(draft, packetIdentifier, unfinished)
      continue
    }
    const outgoing = unfinished?._tag === "Clear" ? Clearing.neverSent(unfinished, draft.nextOrder++) : unfinished
    if (outgoing?._tag !== "Publish") continue
    if (outgoing !== unfinished) Change.sent(draft, packetIdentifier, outgoing.request, outgoing.order)
    draft.republications++
    sendPublish(draft, packetIdentifier, outgoing.message, outgoing.sentOn !== 0)
    const isSentAgain = outgoing.sentOn !== 0
    const { connection: sentOn, now: sentAt } = draft
    const sequence = draft.nextSequence++
    draft.outgoing.set(packetIdentifier, { ...outgoing, sentOn, sentAt, isSentAgain, sequence })
  }
}

// ---------------------------------------------------------------------------
// Answers of the server
// ---------------------------------------------------------------------------

const returnQuota = <R>(draft: Draft<R>): void => {
  if (draft.outstanding > 0) draft.outstanding--
  if (draft.replayed < draft.replay.length) replay(draft)
}

/** The exchange is over: the identifier is free, the caller is told, and messages that wait for the window may go. */
const complete = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier, request: R, outcome: Outcome): void => {
  end(draft, packetIdentifier, request)
  if (draft.window < draft.quota) draft.window++
  settle(draft)
  draft.actions.push({ _tag: "Complete", request, outcome })
  returnQuota(draft)
}

/**
 * A PUBACK for a QoS 2 message ends it too: a server that answers like this has accepted the message at least once.
 *
 * @since 0.1.0
 * @category operations
 */
export const receivePuback = <R>(draft: Draft<R>, packet: Puback): void => {
  const outgoing = draft.outgoing.get(packet.packetIdentifier)
  if (outgoing?._tag === "Publish" && outgoing.sentOn === draft.connection) {
    return complete(draft, packet.packetIdentifier, outgoing.request, outcomeOf(packet))
  }
  if (outgoing?._tag === "Reserved") end(draft, packet.packetIdentifier, outgoing.request)
  else draft.ignored++
}

/**
 * `[MQTT-4.3.3-4]`, 3.1.1 `[MQTT-4.3.3-1]`. A PUBREC with an error ends the exchange (`[MQTT-4.4.0-2]` of 5.0), unless
 * it says that the server has the message already. A PUBREC for an unknown identifier is answered too, so that the
 * server can forget it.
 *
 * @since 0.1.0
 * @category operations
 */
export const receivePubrec = <R>(draft: Draft<R>, packet: Pubrec): void => {
  const { packetIdentifier } = packet
  const outgoing = draft.outgoing.get(packetIdentifier)
  if (outgoing === undefined) {
    draft.ignored++
    if (ReasonCode.isError(packet.reasonCode)) return
    return send(draft, acknowledgement("Pubrel", packetIdentifier, draft.protocolVersion === "5.0" ? 0x92 : 0x00))
  }
  if (outgoing._tag === "Release") return send(draft, acknowledgement("Pubrel", packetIdentifier, 0x00))
  if (outgoing._tag === "Reserved") return receivePubrecOfReserved(draft, packet, outgoing.request)
  if (outgoing._tag !== "Publish" || outgoing.message.qos !== 2 || outgoing.sentOn !== draft.connection) {
    draft.ignored++
    return
  }
  const { request } = outgoing
  if (isKnownToServer(outgoing, packet)) {
    settle(draft)
    return release(draft, packetIdentifier, request, success)
  }
  const outcome = outcomeOf(packet)
  if (ReasonCode.isError(packet.reasonCode)) return complete(draft, packetIdentifier, request, outcome)
  settle(draft)
  release(draft, packetIdentifier, request, outcome)
}

const identifierInUse = 0x91

/** A message that was sent before finds its identifier in use: in use by that very message, so the server has it. */
const isKnownToServer = (outgoing: { readonly isSentAgain: boolean }, { reasonCode }: Pubrec): boolean =>
  reasonCode === identifierInUse && outgoing.isSentAgain

const release = <R>(draft: Draft<R>, packetIdentifier: PacketIdentifier, request: R, outcome: Outcome): void => {
  const order = draft.nextOrder++
  const released = { _tag: "Release", request, outcome, order, sequence: draft.nextSequence++ } as const
  Change.released(draft, packetIdentifier, released)
  sendPubrel(draft, packetIdentifier, released)
}

const sendPubrel = <R>(
  draft: Draft<R>,
  packetIdentifier: PacketIdentifier,
  outgoing: Outgoing<R> & { readonly _tag: "Release" }
): void => {
  draft.outgoing.set(packetIdentifier, outgoing)
  owe(draft)
  send(draft, acknowledgement("Pubrel", packetIdentifier, 0x00))
}

/** The server had the message we gave up: the exchange goes on to its end, and takes its place in the window. */
const receivePubrecOfReserved = <R>(draft: Draft<R>, packet: Pubrec, nobody: R): void => {
  const { packetIdentifier, reasonCode } = packet
  if (reasonCode !== identifierInUse && ReasonCode.isError(reasonCode)) {
    return end(draft, packetIdentifier, nobody)
  }
  draft.outstanding++
  release(draft, packetIdentifier, nobody, success)
}

/**
 * PUBREC has decided the outcome. Packet Identifier not found (0x92 of 5.0) after a reconnect means that the server had
 * finished before.
 *
 * @since 0.1.0
 * @category operations
 */
export const receivePubcomp = <R>(draft: Draft<R>, packet: Pubcomp): void => {
  const outgoing = draft.outgoing.get(packet.packetIdentifier)
  if (outgoing?._tag === "Release") {
    return complete(draft, packet.packetIdentifier, outgoing.request, outgoing.outcome)
  }
  // PINGRESP is a better answer: it always comes, and in order.
  if (outgoing?._tag === "Clear") return
  if (outgoing?._tag === "Reserved") end(draft, packet.packetIdentifier, outgoing.request)
  else draft.ignored++
}

/**
 * The identifiers of waiting messages are now free for them. They already have their places in the window.
 *
 * @since 0.2.0
 * @category operations
 */
export const receivePingresp = <R>(draft: Draft<R>): void => {
  for (const packetIdentifier of Clearing.end(draft)) {
    const outgoing = draft.outgoing.get(packetIdentifier)
    if (outgoing?._tag === "Reserved" && outgoing.isOfConnection) end(draft, packetIdentifier, outgoing.request)
    if (outgoing?._tag !== "Clear" || outgoing.sentOn !== draft.connection) continue
    settle(draft)
    draft.outstanding--
    const { connection: sentOn, now: sentAt } = draft
    const sequence = draft.nextSequence++
    const message = Clearing.neverSent(outgoing, draft.nextOrder++)
    draft.outgoing.set(packetIdentifier, { ...message, sentOn, sentAt, sequence })
    if (message.isOfConnection !== true) sendNew(draft, packetIdentifier, message)
    else {
      Announcing.send(draft, packetIdentifier, message)
      if (draft.replay[draft.replayed] === packetIdentifier) draft.replayed++
    }
  }
  if (draft.replayed < draft.replay.length) replay(draft)
}
