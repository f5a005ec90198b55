/**
 * The Session State a client begins with: empty, or left in the store by an earlier program.
 */
import * as Session from "../../../protocol/Session.ts"
import type { Resolved } from "../../options.ts"
import type { Owner } from "../owner.ts"
import type { KeptSession } from "./keptSession.ts"

/** mosquitto 2.0 sends some forty messages above a Receive Maximum, however small, to a consumer that nearly keeps up. */
const leastTolerance = 100

export const make = (options: Resolved, kept: KeptSession | undefined): Session.Session<Owner> => {
  const session = Session.make<Owner>({
    protocolVersion: options.protocolVersion === "3.1.1" ? "3.1.1" : "5.0",
    maximumInFlight: options.maxInFlight,
    receiveMaximum: options.receiveMaximum,
    isUnknown: options.session === "persistent",
    isKept: kept !== undefined,
    tolerance: options.strictReceiveMaximum ? 0 : Math.max(options.receiveMaximum, leastTolerance)
  })
  return kept?.restore(session) ?? session
}
