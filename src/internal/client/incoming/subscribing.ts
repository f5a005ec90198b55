/**
 * The receiver of a client that subscribes.
 */
import type { Resolved } from "../../options.ts"
import { Deliveries } from "./deliveries.ts"
import type { Receiver, Receiving } from "./receiver.ts"
import { Subscriptions } from "./subscriptions.ts"

export interface Subscribing extends Receiver {
  readonly deliveries: Deliveries
  readonly subscriptions: Subscriptions
}

export const make = (session: Receiving, options: Resolved): Subscribing => {
  const deliveries = new Deliveries(session, {
    maximumUnclaimed: options.receiveMaximum,
    maximumUnclaimedBytes: options.buffer.bytes,
    gate: session.gate
  })
  const subscriptions = new Subscriptions(session, deliveries, {
    isPersistent: options.session !== "clean",
    filtersPerPacket: options.filtersPerSubscribe
  })
  return { deliveries, subscriptions }
}
