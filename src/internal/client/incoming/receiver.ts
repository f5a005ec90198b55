/**
 * The receiver of a session: it takes the messages that arrive. One subscribes, and one takes nothing.
 *
 * A session gets its receiver from outside, so that a client that only publishes does not load the modules of subscriptions.
 */
import type { Resolved } from "../../options.ts"
import type { Gate } from "../gate.ts"
import type { Deliveries } from "./deliveries.ts"
import type { Acknowledging } from "./handover.ts"
import type { Notices } from "./notices.ts"
import type { OffendingTopics } from "./offendingTopics.ts"
import type { Server, Subscriptions } from "./subscriptions.ts"

export interface Receiver {
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
      readonly notices: Pick<Notices, "isDue" | "malformed" | "refused" | "take" | "tooLarge">
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

/** The session, as far as a receiver asks. */
export interface Receiving extends Server, Acknowledging {
  readonly gate: Gate
}

export interface ReceivingOptions<R> {
  readonly options: Resolved
  readonly receiver: (session: Receiving, options: Resolved) => R
}
