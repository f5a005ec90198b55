/**
 * The one suite: every check over one broker, in the versions it speaks.
 */
import { Cause, Effect, Logger, type Scope } from "effect"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Broker from "../brokers/Broker.ts"
import type { Running, Subject } from "../brokers/Subject.ts"
import { type Check, makeContext, nameOf } from "./Check.ts"
import { connections, shutdown } from "./checks/connections.ts"
import { deliveries } from "./checks/deliveries.ts"
import { limits } from "./checks/limits.ts"
import { messages } from "./checks/messages.ts"
import { sessions } from "./checks/sessions.ts"
import { subscriptions } from "./checks/subscriptions.ts"

/** In the order of the table's columns. The last one ends the broker. */
export const checks: ReadonlyArray<Check> = [
  ...connections,
  ...messages,
  ...deliveries,
  ...subscriptions,
  ...sessions,
  ...limits,
  shutdown
]

/** What was seen, by version; nothing of versions that the check or the broker does not have. */
export interface Outcome {
  readonly check: Check
  readonly seen: ReadonlyMap<Packet.ProtocolVersion, string>
}

/** How long one check may take by default: some brokers let clients wait. */
const deadline = "40 seconds"

const one = (
  subject: Subject,
  running: Running,
  version: Packet.ProtocolVersion,
  check: Check
): Effect.Effect<string> =>
  Effect.suspend(() => check.run(makeContext(subject, running, version, check))).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({ duration: check.within ?? deadline, orElse: () => Effect.succeed("does not end") }),
    Effect.catch((error) => Effect.succeed(nameOf(error))),
    Effect.catchCause((cause) => Effect.succeed(`defect: ${Cause.pretty(cause)}`)),
    Effect.provideService(Broker.Broker, running),
    // What ends here ends on purpose.
    Effect.provideService(Logger.CurrentLoggers, new Set())
  )

/** Starts the broker, runs the checks one after the other, and ends it. */
export const run = Effect.fnUntraced(function*(
  subject: Subject,
  isWanted: (check: Check) => boolean,
  onSeen: (check: Check, version: Packet.ProtocolVersion, seen: string) => void
): Effect.fn.Return<ReadonlyArray<Outcome>, never, Scope.Scope> {
  const running = yield* subject.start
  const outcomes: Array<Outcome> = []
  for (const check of checks.filter((check) => isWanted(check) && (check.subjects?.includes(subject.name) ?? true))) {
    const seen = new Map<Packet.ProtocolVersion, string>()
    const offered = subject.versions.filter((version) => check.versions?.includes(version) ?? true)
    for (const version of check === shutdown ? offered.slice(0, 1) : offered) {
      const result = yield* one(subject, running, version, check)
      seen.set(version, result)
      onSeen(check, version, result)
    }
    outcomes.push({ check, seen })
  }
  return outcomes
})
