/**
 * The PINGREQs of a connection that have had no PINGRESP, in their order: a server answers each. MQTT 5.0 section 3.12.
 */
import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import type { Pingreq } from "../../protocol/Packet.ts"

export const pingreq: Pingreq = { _tag: "Pingreq" }

interface Ping {
  /** Milliseconds. */
  readonly sentAt: number
  readonly answered: Deferred.Deferred<void>
}

export class Pings {
  readonly #unanswered: Array<Ping> = []

  sent(now: number, answered = Deferred.makeUnsafe<void>()): void {
    this.#unanswered.push({ sentAt: now, answered })
  }

  /** How long the last of those took that these packets answer, milliseconds; `undefined` if they answer none. */
  received(packets: ReadonlyArray<{ readonly _tag: string }>, now: number): number | undefined {
    if (this.#unanswered.length === 0) return undefined
    let roundTrip: number | undefined
    for (const { answered, sentAt } of this.#unanswered.splice(0, packets.filter(isPingresp).length)) {
      roundTrip = now - sentAt
      Deferred.doneUnsafe(answered, Exit.void)
    }
    return roundTrip
  }
}

const isPingresp = ({ _tag }: { readonly _tag: string }): boolean => _tag === "Pingresp"
