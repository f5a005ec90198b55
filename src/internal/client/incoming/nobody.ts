/**
 * The receiver of a client that only publishes. A server has nothing to send to it, unless an earlier client with its
 * identifier left subscriptions in the session: such messages are acknowledged and dropped.
 */
import * as Effect from "effect/Effect"
import type { Arrival } from "../../../protocol/Arrivals.ts"
import * as Encoder from "../../../protocol/Encoder.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import { OffendingTopics } from "./offendingTopics.ts"
import type { Receiver } from "./receiver.ts"

const empty = { messages: 0, bytes: 0 }

class Nobody implements Receiver {
  readonly makeEncoder = Encoder.makeForPublisher
  readonly deliveries: Receiver["deliveries"] = this
  readonly subscriptions: Receiver["subscriptions"] = this
  readonly notices: Receiver["deliveries"]["notices"] = {
    isDue: false,
    malformed: 0,
    refused: 0,
    tooLarge: 0,
    tell: () => Effect.void
  }
  readonly offendingTopics = new OffendingTopics()
  readonly depth = empty
  readonly unclaimed = undefined
  readonly unclaimedSince = Infinity
  #settled: Array<Arrival> = []
  #dropped = 0

  get dropped(): number {
    return this.#dropped
  }

  deliver(_publish: Packet.Publish, arrival: Arrival | undefined): void {
    this.#dropped++
    if (arrival !== undefined) this.#settled.push(arrival)
  }

  takeSettled(): Array<Arrival> {
    return this.#settled.splice(0)
  }

  abandonUnclaimed(): number {
    return 0
  }

  /** The server sends unacknowledged messages again, if it still has the session. */
  disconnected(): void {
    this.#settled = []
  }

  stopKeeping(): void {}
  connected(): void {}
  askAgain(): void {}
  askForSuspected(): void {}
  giveUp(): void {}
  giveUpLeaving(): void {}
  end(): void {}
}

export const make = (): Receiver => new Nobody()
