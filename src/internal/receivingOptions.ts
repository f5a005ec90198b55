/**
 * Options of the calls that receive messages one at a time, or several together.
 *
 * The kinds of their values are in `optionTypes.ts`.
 */
import type * as Duration from "effect/Duration"
import type * as Packet from "../protocol/Packet.ts"
import type { ConsumeOptions, SubscribeOptions } from "./clientOptions.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface ConsumeBatchOptions extends SubscribeOptions {
  /** Default: 1. */
  readonly qos?: Packet.Qos | undefined
  /** The most messages of a batch. */
  readonly maximum: number
  /** How long the first message of a batch waits for others. */
  readonly within: Duration.Input
  /** As for `consume`, for all messages of the batch. Default: `"stop"`. */
  readonly onFailure?: ConsumeOptions["onFailure"]
}

/**
 * @since 0.2.0
 * @category models
 */
export interface NextOptions extends SubscribeOptions {
  /** Default: 1. */
  readonly qos?: Packet.Qos | undefined
  /** For all of it, waiting for a connection included. Default: none. */
  readonly timeout?: Duration.Input | undefined
}
