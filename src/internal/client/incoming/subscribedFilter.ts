/**
 * A Topic Filter that the program subscribes to: its subscribers, and what the server has said about it.
 *
 * When to subscribe and unsubscribe is decided in `subscriptions.ts`.
 */
import type * as MqttError from "../../../MqttError.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import type { Properties } from "../../../protocol/Properties.ts"
import type { Addressee } from "./handover.ts"
import type { Route } from "./routes.ts"
import * as SubscriptionIdentifier from "./subscriptionIdentifier.ts"

/** A subscriber that waits for the server's answer. */
export interface Waiting {
  readonly granted: (qos: Packet.Qos) => void
  readonly failed: (error: MqttError.MqttError) => void
}

/** A filter that somebody subscribes to. */
export interface Joining {
  readonly options: Packet.Subscription
  readonly userProperties?: Properties["userProperties"]
  /** Hears what the server says. */
  readonly waiting: Waiting
}

/** What the server has, as far as it said so; `unknown` when its last answer was lost. */
export type Status = "absent" | "subscribing" | "present" | "unsubscribing" | "unknown"

const nothing: ReadonlyArray<number> = []

export class SubscribedFilter implements Route {
  options: Packet.Subscription
  readonly userProperties: Properties["userProperties"]
  readonly identifier: number
  readonly order: number
  status: Status = "absent"
  isGranted = false
  granted: Packet.Qos = 0
  /** Nobody is there and it is kept, for the case that somebody comes back or the client ends: since which leaving. */
  lingeringSince: number | undefined
  awaited = nothing
  readonly subscribers: Array<Addressee> = []
  readonly waiting = new Set<Waiting>()

  constructor({ options, userProperties }: Joining, order: number) {
    this.options = options
    this.userProperties = userProperties
    this.identifier = SubscriptionIdentifier.make(options.topicFilter)
    this.order = order
  }

  linger(since: number | undefined): void {
    this.lingeringSince = since
    this.awaited = since === undefined ? nothing : [this.identifier]
  }
}
