/**
 * The receiver of a session, which takes the messages that arrive. One kind subscribes, another kind takes nothing.
 *
 * A session gets its receiver from outside, so that a client that only publishes does not load the modules of subscriptions.
 */
import type * as Encoder from "../../../protocol/Encoder.ts"
import type { Gate } from "../gate.ts"
import type { Deliveries } from "./deliveries.ts"
import type { Acknowledging } from "./handover.ts"
import type { Notices } from "./notices.ts"
import type { OffendingTopics } from "./offendingTopics.ts"
import type { Subscriptions } from "./subscriptions.ts"

export interface Receiver {
  /** For the packets of a client with this receiver: if it takes nothing, it sends no SUBSCRIBE. */
  readonly makeEncoder: typeof Encoder.makeForClient
  readonly deliveries:
    & Pick<
      Deliveries,
      | "abandonUnclaimed"
      | "deliver"
      | "dropped"
      | "stopKeeping"
      | "takeSettled"
      | "unclaimed"
      | "unclaimedSince"
    >
    & {
      readonly notices: Pick<Notices, "isDue" | "malformed" | "refused" | "tell" | "tooLarge">
      readonly offendingTopics: Pick<OffendingTopics, "refuses" | "takeOffence">
    }
  readonly subscriptions: Pick<
    Subscriptions,
    | "askAgain"
    | "askForSuspected"
    | "connected"
    | "depth"
    | "disconnected"
    | "dropped"
    | "end"
    | "giveUp"
    | "giveUpLeaving"
  >
}

/** The parts of the session that a receiver uses. */
export interface Receiving extends Acknowledging {
  readonly gate: Gate
}
