/**
 * A message of the client about itself: the birth that each connection begins with, or the goodbye that the last one ends
 * with.
 *
 * It waits in no outbox and no store keeps it. The session decides when to send it.
 */
import * as MqttError from "../../../MqttError.ts"
import * as ReasonCode from "../../../protocol/ReasonCode.ts"
import type { Message, Outcome } from "../../../protocol/Session.ts"
import { toPublish } from "../../../protocol/SessionStep.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import { noOutcome } from "../outgoing/leaving.ts"
import { refusal } from "../outgoing/publication.ts"
import type { Owner } from "../owner.ts"
import { trySend } from "./refusals.ts"

export class Announcement implements Owner {
  /** A birth has a new message on each connection. */
  message: Message
  isSent = false
  readonly #ended: (error: MqttError.MqttError | undefined) => void

  /** `ended` hears the outcome: for a birth, at least once for each connection. */
  constructor(message: Message, ended: (error: MqttError.MqttError | undefined) => void) {
    this.message = message
    this.#ended = ended
  }

  /** The session returns it with the outcome. */
  get request(): this {
    return this
  }

  completed(outcome: Outcome): void {
    this.#ended(ReasonCode.isError(outcome.reasonCode) ? refusal(this.message.topic, outcome) : undefined)
  }

  /** No other connection sends it. */
  abandoned(): void {
    const cause = "it ended, and so did its message"
    this.failed(MqttError.fromReason(new MqttError.ConnectionLost({ cause })))
  }

  failed(error: MqttError.MqttError): void {
    this.#ended(error)
  }

  /** At QoS 0 it is over once it is sent, because nobody answers it. */
  sendOnce(connection: SessionConnection): void {
    this.isSent = true
    const error = trySend(connection, toPublish(this.message, 0, false), false)
    if (error === undefined) this.completed(noOutcome)
    else this.failed(error)
  }
}
