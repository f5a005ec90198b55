/**
 * The options of a broker: its limits, its habits, and the permissions of clients.
 *
 * `Faults` has the settings that a test changes while the broker runs.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Packet from "../../protocol/Packet.ts"
import type { Properties } from "../../protocol/Properties.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"

/**
 * One step of an authentication exchange as the broker sees it. MQTT 5.0 section 4.12.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthenticationStep {
  readonly clientId: string
  readonly method: string
  readonly data: Uint8Array | undefined
  /** Whether it belongs to CONNECT or to a re-authentication. */
  readonly phase: "connect" | "reauthenticate"
  /** 1 for the first data of the client, 2 for its answer to the first challenge, and so on. */
  readonly round: number
}

/**
 * The broker's answer to a step: a challenge, success, or a refusal.
 *
 * @since 0.1.0
 * @category models
 */
export type AuthenticationAnswer =
  | { readonly _tag: "Continue"; readonly data?: Uint8Array | undefined }
  | { readonly _tag: "Success"; readonly data?: Uint8Array | undefined }
  | { readonly _tag: "Refuse"; readonly reasonCode: ReasonCode }

/**
 * How a broker sends unacknowledged messages again while the connection lives.
 *
 * @since 0.2.0
 * @category models
 */
export interface Redelivery {
  readonly after: Duration.Input
  /** Whether it sets DUP; it does if not given. */
  readonly dup?: boolean | undefined
}

/**
 * The options of a broker, on any network.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** The versions it speaks; both if not given. */
  readonly versions?: ReadonlyArray<Packet.ProtocolVersion> | undefined

  /** Receive Maximum of the broker. 5.0, announced when given. */
  readonly receiveMaximum?: number | undefined
  /** Announced in 5.0, held to in both versions. */
  readonly maximumPacketSize?: number | undefined
  readonly maximumQos?: 0 | 1 | undefined
  readonly retainAvailable?: boolean | undefined
  /** Topic Aliases a client may use; none if not given. */
  readonly topicAliasMaximum?: number | undefined
  /** Seconds; replaces the Keep Alive that the client asks for. */
  readonly serverKeepAlive?: number | undefined
  readonly wildcardSubscriptionAvailable?: boolean | undefined
  readonly subscriptionIdentifierAvailable?: boolean | undefined
  readonly sharedSubscriptionAvailable?: boolean | undefined
  /** Seconds; a longer Session Expiry Interval is shortened to it. */
  readonly maximumSessionExpiryInterval?: number | undefined
  /** Given to clients that request it. */
  readonly responseInformation?: string | undefined
  /** More properties of CONNACK, in 5.0. */
  readonly connackProperties?: Properties | undefined
  /** The identifier for a client that has none; `assigned1`, `assigned2` and so on if not given. */
  readonly assignClientId?: ((count: number) => string) | undefined

  /** Whether the broker itself uses Topic Aliases where the client allows them; it does not if not given. */
  readonly usesTopicAliases?: boolean | undefined
  /** Whether a message that several subscriptions of one client match comes once or for each; once if not given. */
  readonly overlappingSubscriptions?: "once" | "each" | undefined
  /** Whether PUBACK and PUBREC say that nobody subscribed (0x10, 5.0); they do not if not given. */
  readonly reportsNoSubscribers?: boolean | undefined
  /**
   * If a client publishes at QoS 1 to its own subscription: whether its copy goes out before or after the PUBACK. The
   * default is before it for an odd Packet Identifier and after it for an even one.
   */
  readonly echo?: "before" | "after" | "byIdentifier" | undefined
  /**
   * Sends unacknowledged messages again on the living connection, each time after this long, with DUP if not said
   * otherwise. Brokers with a redelivery timer do this. Without this option the broker does not.
   */
  readonly redelivery?: Redelivery | undefined
  /**
   * How many unacknowledged messages it sends to a client at most, even if the Receive Maximum is higher. No bound if
   * not given.
   */
  readonly maximumInflightMessages?: number | undefined
  /** How many unacknowledged messages it sends above a client's Receive Maximum; none if not given. */
  readonly receiveMaximumExcess?: number | undefined
  /** Closes the connection of a client that connects sooner than this after it was last let in, before any CONNACK. */
  readonly minimumConnectInterval?: Duration.Input | undefined
  /** Answers a QoS 2 PUBLISH that it has already with 0x91, Packet Identifier in use (5.0); with 0x00 if not given. */
  readonly reportsIdentifierInUse?: boolean | undefined
  /** Messages kept for a session that is not connected; the oldest goes when it is full. No bound if not given. */
  readonly maximumQueuedMessages?: number | undefined

  /** Decides whether a client may connect: 0x00, or the code of the refusal. Everyone may if not given. */
  readonly authenticate?:
    | ((credentials: {
      readonly clientId: string
      readonly username: string | undefined
      readonly password: Uint8Array | undefined
    }) => ReasonCode)
    | undefined
  /** The exchange of AUTH packets. Without it a client that names a method is refused with 0x8C. */
  readonly exchangeAuthentication?: ((step: AuthenticationStep) => AuthenticationAnswer) | undefined
  /**
   * Decides whether a client may publish: 0x00, or the code of the refusal. 3.1.1 has no such code: the message is
   * dropped.
   */
  readonly authorizePublish?:
    | ((publish: {
      readonly clientId: string
      readonly topic: string
      readonly qos: Packet.Qos
      readonly retain: boolean
    }) => ReasonCode)
    | undefined
  /** Decides whether a client may subscribe: the QoS granted, or the code of the refusal. */
  readonly authorizeSubscribe?:
    | ((subscription: {
      readonly clientId: string
      readonly topicFilter: string
      readonly qos: Packet.Qos
    }) => ReasonCode)
    | undefined
}

/**
 * The Receive Maximum of a client that does not name one. Section 3.1.2.11.3.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultReceiveMaximum = 65_535

const flag = (available: boolean | undefined): 0 | 1 | undefined =>
  available === undefined ? undefined : available ? 1 : 0

/**
 * The properties with which CONNACK announces the options in 5.0.
 *
 * @since 0.1.0
 * @category conversions
 */
export const announced = (options: Options): Properties => ({
  receiveMaximum: options.receiveMaximum,
  maximumPacketSize: options.maximumPacketSize,
  maximumQos: options.maximumQos,
  retainAvailable: flag(options.retainAvailable),
  topicAliasMaximum: options.topicAliasMaximum,
  serverKeepAlive: options.serverKeepAlive,
  wildcardSubscriptionAvailable: flag(options.wildcardSubscriptionAvailable),
  subscriptionIdentifierAvailable: flag(options.subscriptionIdentifierAvailable),
  sharedSubscriptionAvailable: flag(options.sharedSubscriptionAvailable),
  ...options.connackProperties
})
