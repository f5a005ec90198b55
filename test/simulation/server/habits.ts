/**
 * Habits of the server for a plan about something else: only habits that the program does not notice.
 */
import * as Random from "../../protocol/Random.ts"
import type { Plan, Step } from "../Plan.ts"
import type { ServerPlan } from "./ServerPlan.ts"

const habitsOf = (random: Random.Random): ServerPlan => ({
  ...(random.chance(0.4)
    ? { redelivery: { after: random.pick([30, 100, 300, 1000]), dup: random.chance(0.5) } }
    : undefined),
  ...(random.chance(0.3) ? { receiveMaximumExcess: random.integer(1, 3) } : undefined),
  ...(random.chance(0.3) ? { maximumInflightMessages: random.pick([1, 2, 20]) } : undefined),
  ...(random.chance(0.3) ? { minimumConnectInterval: random.pick([100, 300, 1000]) } : undefined),
  ...(random.chance(0.5) ? { reportsIdentifierInUse: true } : undefined)
})

/** The plan, in a third of the seeds with habits of the server. One that is calm has none. */
export const withHabits = (plan: Plan): Plan => {
  const random = Random.make(plan.seed ^ 0x4ab1)
  for (let count = 0; count < 5; count++) random.integer(0, 1)
  if (plan.isCalm === true || random.chance(0.67)) return plan
  const last = plan.steps.reduce((latest, { at }) => Math.max(latest, at), 1)
  const stalls = Array.from({ length: random.integer(0, 3) }, (): Step => ({
    at: random.integer(0, last),
    action: { _tag: "Stall", duration: random.pick([50, 300, 2000]) }
  }))
  const server = habitsOf(random)
  // What is sent again and again takes the room that an answer needs, and its timeout may be hardly longer than its way.
  const highWaterMark = server.redelivery === undefined ? plan.network.highWaterMark : Infinity
  return {
    ...plan,
    server,
    network: { ...plan.network, highWaterMark },
    steps: [...plan.steps, ...stalls].sort((one, other) => one.at - other.at)
  }
}
