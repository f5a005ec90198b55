/**
 * The program's code that the client runs: options of the client that are effects or functions, and the calls they
 * make.
 */
import { Effect, Schedule } from "effect"
import * as MqttAuthentication from "../../../src/MqttAuthentication.ts"
import type * as MqttClient from "../../../src/MqttClient.ts"
import type { MqttError } from "../../../src/MqttError.ts"
import type { ClientPlan } from "../Plan.ts"
import type { Inside } from "./Call.ts"

/** Runs what a hook calls; there once the client is. */
export interface Line {
  inside: ((inside: Inside) => Effect.Effect<void>) | undefined
}

export const optionsOf = (
  { authenticates, hook }: ClientPlan,
  line: Line,
  reconnect: Schedule.Schedule<unknown, MqttError>
): MqttClient.Options => {
  const authentication = authenticates === true
    ? { authentication: MqttAuthentication.make({ method: "TEST", next: () => Effect.succeed(undefined) }) }
    : {}
  if (hook === undefined) return { ...authentication, reconnect }
  let times = 0
  const call = Effect.suspend(() => {
    if (++times !== hook.time || line.inside === undefined) return Effect.void
    const inside = line.inside(hook.inside)
    // What waits for the connection that waits for the hook is the program's own fault; ending the client is not.
    return hook.inside === "disconnect" ? inside : Effect.asVoid(Effect.forkDetach(inside, { startImmediately: true }))
  })
  const { where } = hook
  return {
    ...authentication,
    reconnect: where === "reconnect" ? Schedule.tap(reconnect, () => call) : reconnect,
    ...(where === "credentials" ? { credentials: Effect.as(call, { username: "somebody" }) } : {}),
    ...(where === "escalate" ? { escalate: { after: 2, run: () => call } } : {})
  }
}
