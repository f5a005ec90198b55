/**
 * Shortens a failing plan of crashes: leaves out lives and steps, and simplifies the rest.
 */
import { type Life, plainLife, plainPlan, type Plan } from "./CrashPlan.ts"

/** Whether the plan still breaks what is looked for. */
type Fails = (plan: Plan) => Promise<boolean>

const withLife = (plan: Plan, index: number, life: Partial<Life>): Plan => ({
  ...plan,
  lives: plan.lives.map((old, place) => place === index ? { ...old, ...life } : old)
})

const without = <A>(all: ReadonlyArray<A>, index: number): ReadonlyArray<A> => all.filter((_, place) => place !== index)

const settings = ["session", "maxInFlight", "outbox", "latency", "keepAlive", "reportsIdentifierInUse"] as const
const settingsOfLife = ["isClosed", "downFor", "commitTime", "readTime", "failures", "pace", "death", "bytes"] as const

/** Each of them a little shorter than the plan. */
const shorter = function*(plan: Plan): Iterable<Plan> {
  for (const index of plan.lives.keys()) yield { ...plan, lives: without(plan.lives, index) }
  for (const [index, { steps }] of plan.lives.entries()) {
    for (const step of steps.keys()) yield withLife(plan, index, { steps: without(steps, step) })
    for (const [place, { action, at }] of steps.entries()) {
      if (!("count" in action) || action.count === 1) continue
      const one = { at, action: { ...action, count: 1 } }
      yield withLife(plan, index, { steps: steps.map((step, other) => other === place ? one : step) })
    }
  }
  for (const name of settings) {
    if (plan[name] !== plainPlan[name]) yield { ...plan, [name]: plainPlan[name] }
  }
  for (const [index, life] of plan.lives.entries()) {
    for (const name of settingsOfLife) {
      if (life[name] !== plainLife[name]) yield withLife(plan, index, { [name]: plainLife[name] })
    }
  }
}

export const shrink = async (plan: Plan, fails: Fails): Promise<Plan> => {
  let shortest = plan
  for (let hasChanged = true; hasChanged;) {
    hasChanged = false
    for (const candidate of shorter(shortest)) {
      if (!(await fails(candidate))) continue
      shortest = candidate
      hasChanged = true
      break
    }
  }
  return shortest
}
