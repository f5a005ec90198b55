/**
 * How a test makes the broker misbehave, on the level of packets. `FakeNetwork` has the faults of the network.
 *
 * @since 0.1.0
 */
import type * as Packet from "../../protocol/Packet.ts"
import type { Properties } from "../../protocol/Properties.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"
import * as Topic from "../../protocol/Topic.ts"
import type { Answer } from "./Connection.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface ConnectRefusal {
  readonly reasonCode: ReasonCode
  readonly properties: Properties
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Faults {
  readonly connectRefusals: Array<ConnectRefusal>
  /** CONNECTs that are not answered. */
  connectsToIgnore: number
  /** The next CONNACKs say this of the session, true or not. */
  readonly sessionPresentLies: Array<boolean>
  /** Codes for the next Topic Filters that are subscribed to. */
  readonly subscribeRefusals: Array<ReasonCode>
  /** No subscription is granted a higher QoS. */
  grantedQos: Packet.Qos
  /** Milliseconds. */
  answerDelay: number
  readonly heldTypes: Set<Answer["_tag"]>
  /** Messages whose sender loses its connection, and how often yet. */
  readonly deadlyTopics: Array<Deadly>
  /** Topic Filters, as they are written, whose subscriber loses its connection, and how often yet. */
  readonly deadlyFilters: Array<Deadly>
  /** The same for clients that unsubscribe from them. */
  readonly deadlyLeavings: Array<Deadly>
  /** Messages whose PUBREL ends the connection, and how often yet. */
  readonly deadlyReleases: Array<Deadly>
}

interface Deadly {
  readonly topicFilter: string
  left: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Faults => ({
  connectRefusals: [],
  connectsToIgnore: 0,
  sessionPresentLies: [],
  subscribeRefusals: [],
  grantedQos: 2,
  answerDelay: 0,
  heldTypes: new Set(),
  deadlyTopics: [],
  deadlyFilters: [],
  deadlyLeavings: [],
  deadlyReleases: []
})

/**
 * Whether the connection a message to this topic came on is to be closed; each such time is counted.
 *
 * @since 0.1.0
 * @category transitions
 */
export const takeDeadly = ({ deadlyTopics }: Faults, topic: string): boolean =>
  take(deadlyTopics, (topicFilter) => Topic.matches(topicFilter, topic))

/**
 * Whether the connection on which a client subscribes to these is to be closed; each such time is counted.
 *
 * @since 0.1.0
 * @category transitions
 */
export const takeDeadlyFilter = (
  { deadlyFilters }: Faults,
  subscriptions: ReadonlyArray<Packet.Subscription>
): boolean => take(deadlyFilters, (deadly) => subscriptions.some(({ topicFilter }) => topicFilter === deadly))

/**
 * Whether the connection on which a client unsubscribes from these is to be closed; each such time is counted.
 *
 * @since 0.2.0
 * @category transitions
 */
export const takeDeadlyLeaving = ({ deadlyLeavings }: Faults, topicFilters: ReadonlyArray<string>): boolean =>
  take(deadlyLeavings, (deadly) => topicFilters.includes(deadly))

/**
 * Whether the connection on which the PUBREL of a message to this topic came is to be closed; each such time is counted.
 *
 * @since 0.2.0
 * @category transitions
 */
export const takeDeadlyRelease = ({ deadlyReleases }: Faults, topic: string | undefined): boolean =>
  topic !== undefined && take(deadlyReleases, (topicFilter) => Topic.matches(topicFilter, topic))

const take = (all: Array<Deadly>, isMet: (topicFilter: string) => boolean): boolean => {
  const deadly = all.find(({ left, topicFilter }) => left > 0 && isMet(topicFilter))
  if (deadly !== undefined) deadly.left--
  return deadly !== undefined
}
