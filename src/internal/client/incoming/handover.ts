/**
 * A received message on its way to those who want it, and when it counts as dealt with.
 *
 * Who they are is the deliveries' business; in which order acknowledgements leave is the session's.
 */
import type { MqttMessage } from "../../../MqttMessage.ts"
import type { Arrival } from "../../../protocol/Arrivals.ts"
import type { ReasonCode } from "../../../protocol/ReasonCode.ts"
import type { Inbox } from "./inbox.ts"

export interface Acknowledging {
  /** Messages were taken over, or refused with a Reason Code. */
  readonly acknowledge: (arrivals: ReadonlyArray<Arrival>, reasonCode: ReasonCode) => void
}

/** One received message; acknowledged when the last of those it was handed to has dealt with it. */
export class Handover {
  readonly #session: Acknowledging
  readonly #arrival: Arrival
  #remaining = 1
  #reasonCode: ReasonCode = 0x00
  /** Its place among all that arrived. */
  readonly order: number

  constructor(session: Acknowledging, arrival: Arrival, order: number) {
    this.#session = session
    this.#arrival = arrival
    this.order = order
  }

  /** Several take over what one was to deal with. */
  share(takers: number): void {
    this.#remaining += takers - 1
  }

  settle(reasonCode: ReasonCode): void {
    this.#reasonCode = Math.max(this.#reasonCode, reasonCode)
    if (--this.#remaining === 0) this.#session.acknowledge([this.#arrival], this.#reasonCode)
  }
}

/** A message that its consumer acknowledges. A class for the sake of the collector, as `Arrived` of the session is. */
export class Delivery {
  readonly message: MqttMessage
  /** `undefined` at QoS 0. */
  readonly handover: Handover | undefined

  constructor(message: MqttMessage, handover: Handover | undefined) {
    this.message = message
    this.handover = handover
  }
}

/** One who subscribed, to one filter or to several. */
export type Addressee =
  /** A message is acknowledged once it is in the inbox. */
  | { readonly acknowledges: "onArrival"; readonly inbox: Inbox<MqttMessage> }
  /** The consumer acknowledges; what comes after its inbox has ended is parked there, and waits for the next one. */
  | { readonly acknowledges: "byConsumer"; readonly inbox: Inbox<Delivery> }
