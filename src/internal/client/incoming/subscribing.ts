/**
 * The receiver of a client that subscribes.
 */
import * as Encoder from "../../../protocol/Encoder.ts"
import type { Resolved } from "../../options.ts"
import { Deliveries } from "./deliveries.ts"
import type { Receiver, Receiving } from "./receiver.ts"
import { type Server, Subscriptions } from "./subscriptions.ts"

export interface Subscribing extends Receiver {
  readonly deliveries: Deliveries
  readonly subscriptions: Subscriptions
}

export const make = (session: Receiving, server: Server, options: Resolved): Subscribing => {
  const deliveries = new Deliveries(session, {
    maximumUnclaimed: options.receiveMaximum,
    maximumUnclaimedBytes: options.buffer.bytes,
    gate: session.gate
  })
  const subscriptions = new Subscriptions(server, deliveries, {
    isPersistent: options.session !== "clean",
    filtersPerPacket: options.filtersPerSubscribe
  })
  return { makeEncoder: Encoder.makeForClient, deliveries, subscriptions }
}
