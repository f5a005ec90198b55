/**
 * A received message on its way to its subscribers, and when it counts as dealt with.
 *
 * `deliveries.ts` finds the subscribers; the session keeps the order of acknowledgements.
 */
import type { MqttMessage } from "../../../MqttMessage.ts"
import type { Arrival } from "../../../protocol/Arrivals.ts"
import type { ReasonCode } from "../../../protocol/ReasonCode.ts"
import type { Inbox } from "./inbox.ts"

export interface Acknowledging {
  /** Messages were taken over, or refused with a Reason Code. */
  readonly acknowledge: (arrivals: ReadonlyArray<Arrival>, reasonCode: ReasonCode) => void
}

/** One received message. It is acknowledged once every receiver it was handed to has dealt with it. */
export class Handover {
  readonly #session: Acknowledging
  readonly #arrival: Arrival
  #remaining = 1
  #reasonCode: ReasonCode = 0x00
  /** Its place in the order of arrival. */
  readonly order: number

  constructor(session: Acknowledging, arrival: Arrival, order: number) {
    this.#session = session
    this.#arrival = arrival
    this.order = order
  }

  /** Several receivers replace one: each must deal with the message. */
  share(takers: number): void {
    this.#remaining += takers - 1
  }

  settle(reasonCode: ReasonCode): void {
    this.#reasonCode = Math.max(this.#reasonCode, reasonCode)
    if (--this.#remaining === 0) this.#session.acknowledge([this.#arrival], this.#reasonCode)
  }
}

/** A message that its consumer acknowledges. A class for the garbage collector's sake, as `Arrived` is. */
export class Delivery {
  readonly message: MqttMessage
  /** `undefined` at QoS 0. */
  readonly handover: Handover | undefined

  constructor(message: MqttMessage, handover: Handover | undefined) {
    this.message = message
    this.handover = handover
  }
}

/** A subscriber, to one filter or to several. */
export type Addressee =
  /** A message is acknowledged once it is in the inbox. */
  | { readonly acknowledges: "onArrival"; readonly inbox: Inbox<MqttMessage> }
  /** The consumer acknowledges. A message that comes after the inbox has ended is parked there for the next one. */
  | { readonly acknowledges: "byConsumer"; readonly inbox: Inbox<Delivery> }
