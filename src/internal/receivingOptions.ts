/**
 * Options of the calls that receive messages besides `subscribe`, `consume` and `respond`.
 *
 * The kinds of their values are in `optionTypes.ts`.
 */
import type * as Duration from "effect/Duration"
import type * as Packet from "../protocol/Packet.ts"
import type { SubscribeOptions } from "./clientOptions.ts"

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
