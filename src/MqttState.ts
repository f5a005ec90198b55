/**
 * What a client says about itself: the connection as it is, what happened, and numbers.
 *
 * Data only; the client keeps it.
 *
 * @since 0.1.0
 */
import type { MqttError } from "./MqttError.ts"
import type * as Packet from "./protocol/Packet.ts"
import type { ServerLimits } from "./protocol/ServerLimits.ts"

/**
 * The connection as it is now.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionState =
  | { readonly _tag: "Connecting"; readonly attempt: number }
  | {
    readonly _tag: "Connected"
    readonly protocolVersion: Packet.ProtocolVersion
    readonly clientId: string
    readonly sessionPresent: boolean
    /** In force, seconds. */
    readonly keepAlive: number
    readonly limits: ServerLimits
  }
  /** Waiting for the next attempt; `attempt` failed attempts so far. */
  | { readonly _tag: "Disconnected"; readonly error: MqttError; readonly attempt: number }
  /** For good: by `disconnect`, by the end of the scope, or because of `error`. */
  | { readonly _tag: "Closed"; readonly error: MqttError | undefined }

/**
 * What happened.
 *
 * @since 0.1.0
 * @category models
 */
export type MqttEvent =
  | {
    readonly _tag: "ConnectionAccepted"
    readonly sessionPresent: boolean
    readonly protocolVersion: Packet.ProtocolVersion
    readonly clientId: string
  }
  | { readonly _tag: "ConnectionEnded"; readonly error: MqttError | undefined }
  /**
   * The server has forgotten the session: what was unfinished was sent again as new, all filters subscribed again. With a
   * clean session that is so on every connection but the first.
   */
  | { readonly _tag: "SessionLost" }

/**
 * Numbers since the client was made, and of now.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats {
  /** Packet Identifiers in use. */
  readonly inFlight: number
  /** QoS 1 and 2 messages that may be in flight on this connection. */
  readonly window: number
  readonly outboxMessages: number
  readonly outboxBytes: number
  readonly outboxDropped: number
  readonly expired: number
  /** Messages sent again to a server that kept the session; what is sent as new to one that did not is not counted. */
  readonly republications: number
  /** Connections the server accepted. */
  readonly connections: number
  /** Dropped by the policies of the subscriptions there are now. */
  readonly subscriptionsDropped: number
}
