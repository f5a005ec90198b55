/**
 * Runs with crashes that once failed, as plans that never change.
 */
import { plainLife, plainPlan, type Plan } from "./CrashPlan.ts"

export const crashRegressions: ReadonlyArray<{ readonly name: string; readonly plan: Plan }> = [
  {
    name: "of several PUBREC in one read, a message was removed by one commit and its release stored by the next",
    plan: {
      ...plainPlan,
      lives: [{
        ...plainLife,
        steps: [{
          at: 234,
          action: { _tag: "Publish", topic: "out/a", qos: 2, size: 6, count: 3, via: "publishAsync" }
        }]
      }]
    }
  },
  {
    name: "a page of the backlog went to memory whole, as large as it was",
    plan: {
      ...plainPlan,
      maxInFlight: 1,
      lives: [plainLife, {
        ...plainLife,
        duration: 150,
        steps: [
          { at: 88, action: { _tag: "Publish", topic: "out/a", qos: 1, size: 900_000, count: 6, via: "publishSink" } },
          { at: 96, action: { _tag: "Publish", topic: "out/b", qos: 1, size: 400_000, count: 2, via: "publish" } },
          { at: 146, action: { _tag: "Publish", topic: "out/a", qos: 2, size: 10, count: 6, via: "publishAsync" } }
        ]
      }]
    }
  }
]
