/**
 * The PINGREQs of a connection that wait for PINGRESP. The server answers each, in their order. MQTT 5.0 section 3.12.
 */
import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import type { Packet, Pingreq } from "../../protocol/Packet.ts"

export const pingreq: Pingreq = { _tag: "Pingreq" }

interface Ping {
  /** Milliseconds. */
  readonly sentAt: number
  /** Completed by the answer, if somebody waits for it. */
  readonly answered: Deferred.Deferred<void> | undefined
}

export class Pings {
  readonly #unanswered: Array<Ping> = []

  sent(now: number, answered?: Deferred.Deferred<void>): void {
    this.#unanswered.push({ sentAt: now, answered })
  }

  /** Milliseconds from the last PINGREQ that these packets answer to its answer; `undefined` if they answer none. */
  received(packets: ReadonlyArray<Pick<Packet, "_tag">>, now: number): number | undefined {
    if (this.#unanswered.length === 0) return undefined
    let roundTrip: number | undefined
    for (const { answered, sentAt } of this.#unanswered.splice(0, packets.filter(isPingresp).length)) {
      roundTrip = now - sentAt
      if (answered !== undefined) Deferred.doneUnsafe(answered, Exit.void)
    }
    return roundTrip
  }
}

const isPingresp = ({ _tag }: Pick<Packet, "_tag">): boolean => _tag === "Pingresp"
