/**
 * The options about a client's own coming and going: the types of `will`, `birth` and `presence`.
 *
 * `presence.ts` checks them and adds the defaults; the kinds of their values are in `optionTypes.ts`.
 */
import type * as Duration from "effect/Duration"
import type { Payload } from "../MqttMessage.ts"
import type * as Packet from "../protocol/Packet.ts"
import type * as Properties from "../protocol/Properties.ts"

/**
 * The properties that a program may give a message, 5.0. Section 3.3.2.3.
 *
 * @since 0.1.0
 * @category models
 */
export type PublishProperties = Pick<
  Properties.Properties,
  | "payloadFormatIndicator"
  | "messageExpiryInterval"
  | "contentType"
  | "responseTopic"
  | "correlationData"
  | "userProperties"
>

/**
 * The message the server publishes when the client is gone without DISCONNECT. Section 3.1.2.5.
 *
 * @since 0.1.0
 * @category models
 */
export interface Will {
  readonly topic: string
  readonly payload: Payload
  /** Default: 0. */
  readonly qos?: Packet.Qos | undefined
  /** Default: `false`. */
  readonly retain?: boolean | undefined
  /** How long the server waits for the client to come back first, 5.0; whole seconds. Default: not at all. */
  readonly delay?: Duration.Input | undefined
  readonly properties?: Omit<Properties.Properties, "willDelayInterval"> | undefined
}

/**
 * The message that every connection begins with. `properties` are for 5.0, and left out in 3.1.1.
 *
 * @since 0.2.0
 * @category models
 */
export interface Birth {
  readonly topic: string
  readonly payload: Payload
  /** Default: 0. */
  readonly qos?: Packet.Qos | undefined
  /** Default: `false`. */
  readonly retain?: boolean | undefined
  readonly properties?: PublishProperties | undefined
}

/**
 * Two words on one topic: the retained word says whether the client is there.
 *
 * `online` is published at the beginning of every connection. `offline` is the Will, and is published before DISCONNECT
 * when the client ends. If the server does not acknowledge that within `drainTimeout`, no DISCONNECT is sent, and the
 * server publishes the Will.
 *
 * @since 0.2.0
 * @category models
 */
export interface Presence {
  readonly topic: string
  /** Default: `"online"`. */
  readonly online?: Payload | undefined
  /** Default: `"offline"`. */
  readonly offline?: Payload | undefined
  /** Default: 1. */
  readonly qos?: Packet.Qos | undefined
  /** Default: `true`. */
  readonly retain?: boolean | undefined
}
