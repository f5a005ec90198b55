/**
 * The packet that a connection ended with: the one the server had not answered, if the server or the network ended it.
 *
 * `suspicion.ts` draws the conclusions.
 */
import type { MqttError, MqttErrorReason } from "../../../MqttError.ts"
import * as Session from "../../../protocol/Session.ts"
import { answersUnread } from "../../connection/failures.ts"
import type { Owner } from "../owner.ts"
import * as Suspicion from "../suspicion.ts"

/** The client itself ended the connection, because an answer or any sign of life was missing: no packet is to blame. */
const silence: ReadonlySet<MqttErrorReason["_tag"]> = new Set([
  "AuthenticationFailed",
  "Closed",
  "KeepAliveTimeout",
  "PacketTimeout",
  "ResponseTimeout"
])

/** The server's mistakes with its own messages: 0x93 and 0x94. MQTT 5.0 sections 3.3.4 and 3.3.2.3.4. */
const ofReceivedMessages: ReadonlySet<number> = new Set([0x93, 0x94])

/** Whether the end of a connection says something about a packet. `isOffended`: a received message broke a rule. */
export const isTelling = (end: MqttError | undefined, isOffended: boolean): boolean => {
  if (end === undefined) return true
  const { reason } = end
  if (reason._tag !== "ProtocolViolation") return end !== answersUnread && !silence.has(reason._tag)
  return !isOffended && !ofReceivedMessages.has(reason.reasonCode)
}

export class Suspects {
  /** The Topic Filters of each SUBSCRIBE and UNSUBSCRIBE. */
  readonly #topicFilters = new WeakMap<Owner, ReadonlyArray<string>>()

  /** A SUBSCRIBE or UNSUBSCRIBE is sent. */
  asked(owner: Owner, topicFilters: ReadonlyArray<string>): void {
    this.#topicFilters.set(owner, topicFilters)
  }

  /** A connection ended, and says something about a packet. */
  ended(suspicion: Suspicion.Suspicion<Owner>, session: Session.Session<Owner>): Suspicion.Suspicion<Owner> {
    return Suspicion.ended(suspicion, this.#unanswered(session), session.window >= session.quota)
  }

  /** The unanswered packet that was sent first. */
  #unanswered(session: Session.Session<Owner>): Suspicion.Unanswered<Owner> | undefined {
    const first = Session.unanswered(session)
    if (first === undefined) return undefined
    const { packet, packetIdentifier, request } = first
    return packet === "PUBLISH" || packet === "PUBREL"
      ? { packet, owner: request, packetIdentifier }
      : { packet, topicFilters: this.#topicFilters.get(request) ?? [] }
  }
}
