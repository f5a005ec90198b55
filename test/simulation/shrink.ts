/**
 * Makes a failing plan shorter: leaves out every part without which it still fails in the same way.
 */
import type { Plan, Step } from "./Plan.ts"

/** Whether the plan still fails in the same way. */
type Fails = (plan: Plan) => Promise<boolean>

const without = (steps: ReadonlyArray<Step>, from: number, count: number): ReadonlyArray<Step> => [
  ...steps.slice(0, from),
  ...steps.slice(from + count)
]

/** Parts of a plan that may be made plain. */
const simpler: ReadonlyArray<(plan: Plan) => Plan> = [
  (plan) => ({ ...plan, limits: {} }),
  (plan) => ({ ...plan, usesTopicAliases: false }),
  (plan) => ({ ...plan, overlappingSubscriptions: "once" }),
  (plan) => ({ ...plan, network: { ...plan.network, highWaterMark: Infinity } }),
  (plan) => ({ ...plan, network: { ...plan.network, connectDelay: 80 } }),
  (plan) => ({ ...plan, network: { ...plan.network, latency: 20 } }),
  (plan) => ({ ...plan, client: { ...plan.client, hasWill: false } }),
  (plan) => ({ ...plan, client: { ...plan.client, retriesEverything: true } }),
  (plan) => ({ ...plan, client: { ...plan.client, quarantines: false } }),
  (plan) => ({ ...plan, client: { ...plan.client, backoff: { ...plan.client.backoff, isJittered: false } } }),
  (plan) => ({ ...plan, client: { ...plan.client, maxInFlight: 1000 } }),
  (plan) => ({ ...plan, client: { ...plan.client, receiveMaximum: 1000 } }),
  (plan) => ({
    ...plan,
    client: { ...plan.client, outbox: { messages: 1000, bytes: 100_000, policy: "suspend" } }
  }),
  (plan) => ({
    ...plan,
    steps: plan.steps.map(({ action, at }) => ({ at, action: "count" in action ? { ...action, count: 1 } : action }))
  })
]

export const shrink = async (plan: Plan, fails: Fails): Promise<Plan> => {
  let shortest = plan
  const tryOut = async (candidate: Plan): Promise<boolean> => {
    const isStill = await fails(candidate)
    if (isStill) shortest = candidate
    return isStill
  }
  for (let size = Math.ceil(plan.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < shortest.steps.length;) {
      const steps = without(shortest.steps, from, size)
      if (!(await tryOut({ ...shortest, steps }))) from += size
    }
  }
  for (let index = 0; index < shortest.cuts.length;) {
    const cuts = shortest.cuts.filter((_, other) => other !== index)
    if (!(await tryOut({ ...shortest, cuts }))) index++
  }
  for (const make of simpler) await tryOut(make(shortest))
  for (let from = 0; from < shortest.steps.length;) {
    if (!(await tryOut({ ...shortest, steps: without(shortest.steps, from, 1) }))) from++
  }
  return shortest
}
