/**
 * The messages that the broker lets the client publish: no dead letter to one topic, and no dead letter that goes round
 * for ever.
 */
import type { ReasonCode } from "../../../src/protocol/ReasonCode.ts"

/** Far more than go where they are meant to. */
const most = 60

export const make = () => {
  let dead = 0
  return ({ topic }: { readonly topic: string }): ReasonCode => {
    if (topic === "dead/refused" || topic === "dead/rejected") return 0x87
    return /^call\/(one|other)\/dead$/.test(topic) && ++dead > most ? 0x87 : 0
  }
}
