/**
 * Steps of a plan that handle messages one by one: consumers that are told to leave, or that retry a message and turn
 * it into a dead letter, and the calls beside `consume` that acknowledge.
 *
 * They have topics of their own. `Worker` runs them; `invariants/jobs.ts` judges the outcome.
 */
import type { Qos } from "../../../src/protocol/Packet.ts"
import type * as Random from "../../protocol/Random.ts"
import type { Ended } from "../Ended.ts"

export interface JobAction {
  readonly _tag: "Job"
  readonly call: "consume" | "deliveries" | "next"
  readonly qos: Qos
  readonly concurrency: number
  /** One after another for each topic. */
  readonly isKeyed: boolean
  readonly pace: number
  readonly onFailure: "stop" | "reject" | "acknowledge"
  /** How the first attempts at every so many messages end. */
  readonly trouble?: { readonly every: number; readonly how: "fail" | "die" | "reject"; readonly times: number }
  /** Further attempts. */
  readonly attempts: number
  readonly deadLetter?: "dead/jobs" | "dead/rejected"
  /** How it is told to leave, and how long it may take. */
  readonly leaves: "until" | "interrupt"
  readonly drainTimeout: number
  readonly lifetime?: number
  readonly returns: number
  readonly away: number
}

export const filter = "jobs/+"

export const isOfJobs = (topic: string): boolean => topic.startsWith("jobs/")

const anyOf = <A>(random: Random.Random, values: ReadonlyArray<A>): A => random.pick(values)

export const make = (random: Random.Random): JobAction => ({
  _tag: "Job",
  call: anyOf(random, ["consume", "consume", "consume", "consume", "deliveries", "next"] as const),
  qos: anyOf(random, [1, 1, 2] as const),
  concurrency: anyOf(random, [1, 1, 2, 3, Infinity]),
  isKeyed: random.chance(0.5),
  pace: anyOf(random, [0, 5, 30, 60, 300]),
  onFailure: anyOf(random, ["stop", "reject", "acknowledge"] as const),
  ...(random.chance(0.7)
    ? {
      trouble: {
        every: random.integer(1, 4),
        how: anyOf(random, ["fail", "fail", "die", "reject"] as const),
        times: anyOf(random, [1, 2, 100])
      }
    }
    : {}),
  attempts: anyOf(random, [0, 0, 1, 3]),
  ...(random.chance(0.6) ? { deadLetter: anyOf(random, ["dead/jobs", "dead/jobs", "dead/rejected"] as const) } : {}),
  leaves: anyOf(random, ["until", "interrupt"] as const),
  drainTimeout: anyOf(random, [0, 20, 100, 1000]),
  ...(random.chance(0.7) ? { lifetime: random.integer(0, 500) } : {}),
  returns: anyOf(random, [0, 1, 3]),
  away: anyOf(random, [0, 0, 30, 300])
})

interface Point {
  readonly at: number
  readonly order: number
}

/** One who handled messages. */
export interface Job {
  readonly number: number
  readonly action: JobAction
  readonly asked: Point
  /** When it was told to leave, and when it was gone. */
  leaving: Point | undefined
  gone: Point | undefined
  end: Ended | undefined
}

/** One run of a handler. */
export interface Run {
  readonly job: number
  readonly id: number
  readonly topic: string
  readonly qos: Qos
  readonly begun: Point
  done: Point | undefined
  how: "succeeded" | "failed" | "refused" | "interrupted" | undefined
}
