/**
 * The limits and missing features that the server announced in CONNACK, and the packets they forbid.
 *
 * Only the announcements and the checks against them; `Session` counts the messages in flight. MQTT 5.0 section
 * 3.2.2.3. A 3.1.1 server announces nothing.
 *
 * @since 0.1.0
 */
import type { Connack, Publish, Qos, Subscribe } from "./Packet.ts"
import * as Topic from "./Topic.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface ServerLimits {
  /** QoS 1 and 2 messages in flight at once. */
  readonly receiveMaximum: number
  readonly maximumQos: Qos
  readonly retainAvailable: boolean
  /** Bytes, fixed header included. */
  readonly maximumPacketSize: number
  readonly topicAliasMaximum: number
  readonly wildcardSubscriptionAvailable: boolean
  readonly subscriptionIdentifierAvailable: boolean
  readonly sharedSubscriptionAvailable: boolean
}

/**
 * The limits of a server that announces none: the limits of the protocol itself.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: ServerLimits = {
  receiveMaximum: 65_535,
  maximumQos: 2,
  retainAvailable: true,
  maximumPacketSize: 268_435_460,
  topicAliasMaximum: 0,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifierAvailable: true,
  sharedSubscriptionAvailable: true
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const fromConnack = ({ properties }: Connack): ServerLimits => ({
  receiveMaximum: properties.receiveMaximum ?? none.receiveMaximum,
  maximumQos: properties.maximumQos ?? none.maximumQos,
  retainAvailable: properties.retainAvailable !== 0,
  maximumPacketSize: properties.maximumPacketSize ?? none.maximumPacketSize,
  topicAliasMaximum: properties.topicAliasMaximum ?? none.topicAliasMaximum,
  wildcardSubscriptionAvailable: properties.wildcardSubscriptionAvailable !== 0,
  subscriptionIdentifierAvailable: properties.subscriptionIdentifierAvailable !== 0,
  sharedSubscriptionAvailable: properties.sharedSubscriptionAvailable !== 0
})

/**
 * A request that the server's limits do not allow.
 *
 * @since 0.1.0
 * @category errors
 */
export interface LimitExceeded {
  readonly _tag: "LimitExceeded"
  readonly limit:
    | "Maximum Packet Size"
    | "Maximum QoS"
    | "Retain Available"
    | "Topic Alias Maximum"
    | "Wildcard Subscription Available"
    | "Subscription Identifier Available"
    | "Shared Subscription Available"
  readonly allowed: number
  readonly requested: number
}

const exceeded = (limit: LimitExceeded["limit"], allowed: number, requested: number): LimitExceeded => ({
  _tag: "LimitExceeded",
  limit,
  allowed,
  requested
})

/**
 * Whether a PUBLISH may be sent. The encoder checks its size, because it measures the packet anyway. `[MQTT-3.2.2-11]`,
 * `[MQTT-3.2.2-14]`, `[MQTT-3.2.2-17]`.
 *
 * @since 0.1.0
 * @category guards
 */
export const checkPublish = (
  limits: ServerLimits,
  publish: Pick<Publish, "qos" | "retain" | "properties">
): LimitExceeded | undefined => {
  if (publish.qos > limits.maximumQos) return exceeded("Maximum QoS", limits.maximumQos, publish.qos)
  if (publish.retain && !limits.retainAvailable) return exceeded("Retain Available", 0, 1)
  const alias = publish.properties.topicAlias
  if (alias !== undefined && alias > limits.topicAliasMaximum) {
    return exceeded("Topic Alias Maximum", limits.topicAliasMaximum, alias)
  }
  return undefined
}

/**
 * Whether a SUBSCRIBE may be sent. It may ask for a QoS above the server's Maximum QoS (`[MQTT-3.2.2-10]`): the server
 * grants less. Sections 3.2.2.3.11 to 3.2.2.3.13.
 *
 * @since 0.1.0
 * @category guards
 */
export const checkSubscribe = (
  limits: ServerLimits,
  subscribe: Pick<Subscribe, "subscriptions" | "properties">
): LimitExceeded | undefined => {
  if (!limits.subscriptionIdentifierAvailable && subscribe.properties.subscriptionIdentifiers !== undefined) {
    return exceeded("Subscription Identifier Available", 0, 1)
  }
  for (const { topicFilter } of subscribe.subscriptions) {
    if (!limits.sharedSubscriptionAvailable && Topic.isSharedFilter(topicFilter)) {
      return exceeded("Shared Subscription Available", 0, 1)
    }
    if (!limits.wildcardSubscriptionAvailable && Topic.hasWildcard(topicFilter)) {
      return exceeded("Wildcard Subscription Available", 0, 1)
    }
  }
  return undefined
}
