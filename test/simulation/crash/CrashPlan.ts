/**
 * One run with crashes as data: several lives of one client, each with a death of its own, over one store.
 *
 * Because it is data, it can be printed, replayed exactly, and shortened. `CrashWorld` runs it.
 */
import type { ProtocolVersion } from "../../../src/protocol/Packet.ts"
import * as Random from "../../protocol/Random.ts"
import type { Policy } from "../Plan.ts"

/**
 * - `Commit`: before the store has taken the commit of this number, in the middle of it (none of it is there), or after it,
 *   so that the client never hears of it
 * - `Write`: before the client's write of this number reaches the network, or right after it
 * - `Time`: whatever goes on
 */
export type Death =
  | { readonly _tag: "Commit"; readonly number: number; readonly when: "before" | "during" | "after" }
  | { readonly _tag: "Write"; readonly number: number; readonly when: "before" | "after" }
  | { readonly _tag: "Time" }

export type Action =
  | {
    readonly _tag: "Publish"
    /** The server refuses what is published to `no`. */
    readonly topic: "out/a" | "out/b" | "no"
    readonly qos: 0 | 1 | 2
    readonly size: number
    readonly count: number
    readonly via: "publish" | "publishAsync" | "publishSink"
    readonly interruptAfter?: number
  }
  | { readonly _tag: "Emit"; readonly qos: 1 | 2; readonly count: number }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Close" }
  | { readonly _tag: "Silence" }
  | { readonly _tag: "RefuseConnect"; readonly times: number }
  | { readonly _tag: "RestartBroker" }
  | { readonly _tag: "LoseSessions" }
  | { readonly _tag: "HoldAcknowledgements" }
  | { readonly _tag: "ReleaseAcknowledgements" }
  | { readonly _tag: "DelayAnswers"; readonly delay: number }

export interface Step {
  /** Milliseconds since the life began. */
  readonly at: number
  readonly action: Action
}

/** Durations are milliseconds. */
export interface Life {
  readonly steps: ReadonlyArray<Step>
  /** It ends by then, if its death has not come before. */
  readonly duration: number
  readonly death: Death
  /** Whether bytes that were written before the death arrive. */
  readonly bytes: "arrive" | "lost"
  /** The program ends in order instead. */
  readonly isClosed: boolean
  /** How long nobody runs afterwards. */
  readonly downFor: number
  readonly commitTime: number
  readonly readTime: number
  /** Commits that fail because the store is full, by their numbers. */
  readonly failures: ReadonlyArray<{ readonly from: number; readonly count: number }>
  /** How long a handler takes. */
  readonly pace: number
}

export interface Plan {
  readonly seed: number
  readonly version: ProtocolVersion
  readonly session: "persistent" | "clean"
  readonly maxInFlight: number
  readonly outbox: { readonly messages: number; readonly bytes: number; readonly policy: Policy }
  readonly latency: number
  readonly keepAlive: number
  /** Of the server, 5.0: 0x91 to a QoS 2 message that it has already. */
  readonly reportsIdentifierInUse: boolean
  /** The last one ends in order, at rest. */
  readonly lives: ReadonlyArray<Life>
}

const pick = <A>(random: Random.Random, values: ReadonlyArray<A>): A => random.pick(values)

const makePublish = (random: Random.Random, version: ProtocolVersion, isLarge: boolean): Action => ({
  _tag: "Publish",
  // 3.1.1 has no way to refuse a message.
  topic: version === "5.0" && random.chance(0.1) ? "no" : pick(random, ["out/a", "out/b"]),
  qos: pick(random, [0, 1, 1, 1, 2, 2, 2, 2]),
  size: isLarge ? pick(random, [10, 400_000, 900_000]) : pick(random, [6, 20, 100]),
  count: isLarge ? pick(random, [2, 6]) : pick(random, [1, 1, 2, 3, 8]),
  via: pick(random, ["publish", "publishAsync", "publishAsync", "publishAsync", "publishSink"]),
  ...(random.chance(0.15) ? { interruptAfter: pick(random, [0, 1, 10, 60]) } : {})
})

const makeAction = (random: Random.Random, plan: Pick<Plan, "version">, isLarge: boolean): Action => {
  const roll = random.integer(1, 100)
  if (roll <= 52) return makePublish(random, plan.version, isLarge)
  if (roll <= 72) return { _tag: "Emit", qos: pick(random, [1, 2, 2]), count: pick(random, [1, 2, 5]) }
  if (roll <= 78) return { _tag: "Reset" }
  if (roll <= 81) return { _tag: "Close" }
  if (roll <= 83) return { _tag: "Silence" }
  if (roll <= 87) return { _tag: "RestartBroker" }
  if (roll <= 90) return { _tag: "RefuseConnect", times: pick(random, [1, 3]) }
  if (roll <= 94) return { _tag: "HoldAcknowledgements" }
  if (roll <= 97) return { _tag: "ReleaseAcknowledgements" }
  return { _tag: "DelayAnswers", delay: pick(random, [0, 30, 120]) }
}

const makeDeath = (random: Random.Random): Death => {
  const roll = random.integer(1, 10)
  if (roll <= 6) {
    const number = random.chance(0.7) ? random.integer(1, 8) : random.integer(1, 25)
    return { _tag: "Commit", number, when: pick(random, ["before", "during", "after", "after"]) }
  }
  if (roll <= 8) return { _tag: "Write", number: random.integer(1, 15), when: pick(random, ["before", "after"]) }
  return { _tag: "Time" }
}

const makeFailures = (random: Random.Random): Life["failures"] => {
  if (!random.chance(0.4)) return []
  return Array.from({ length: random.integer(1, 3) }, () => ({
    from: random.integer(1, 12),
    count: pick(random, [1, 1, 2, 4])
  }))
}

const makeLife = (random: Random.Random, plan: Pick<Plan, "version">, isLarge: boolean): Life => {
  const duration = pick(random, [150, 400, 900, 2000])
  const isFast = random.chance(0.3)
  const steps = Array.from({ length: random.integer(1, 7) }, () => ({
    at: random.integer(0, isFast ? Math.min(200, duration) : duration),
    action: makeAction(random, plan, isLarge)
  }))
  return {
    steps: steps.sort((one, other) => one.at - other.at),
    duration,
    death: makeDeath(random),
    bytes: pick(random, ["arrive", "lost"]),
    isClosed: random.chance(0.12),
    downFor: pick(random, [0, 10, 300, 3000]),
    commitTime: pick(random, [0, 0, 0, 2, 15, 90]),
    readTime: pick(random, [0, 0, 5]),
    failures: makeFailures(random),
    pace: pick(random, [0, 0, 5, 40])
  }
}

/** In a few seeds the server loses its sessions once; then QoS 2 may come twice. */
const losing = (random: Random.Random, lives: ReadonlyArray<Life>): ReadonlyArray<Life> => {
  const index = random.integer(0, lives.length - 1)
  const at = random.integer(0, lives[index].duration)
  return lives.map((life, place) =>
    place !== index ? life : {
      ...life,
      steps: [...life.steps, { at, action: { _tag: "LoseSessions" } as const }].sort((one, other) => one.at - other.at)
    }
  )
}

export const planOf = (seed: number): Plan => {
  const random = Random.make(seed ^ 0xc4a5)
  const version = pick(random, ["3.1.1", "5.0"] as const)
  // What is more than memory has of the backlog.
  const isLarge = random.chance(0.08)
  const hasBounds = random.chance(0.25)
  const lives = Array.from({ length: random.integer(2, 5) }, () => makeLife(random, { version }, isLarge))
  return {
    seed,
    version,
    session: random.chance(0.07) ? "clean" : "persistent",
    maxInFlight: pick(random, [1, 2, 5, 1000]),
    outbox: hasBounds
      ? {
        messages: pick(random, [1, 3, 10]),
        bytes: 1_000_000_000,
        policy: pick(random, ["suspend", "suspend", "dropOldest", "dropNewest", "fail"])
      }
      : { messages: 1_000_000, bytes: 1_000_000_000, policy: "suspend" },
    latency: pick(random, [1, 10, 20]),
    keepAlive: pick(random, [0, 1, 5]),
    reportsIdentifierInUse: version === "5.0" && random.chance(0.3),
    lives: random.chance(0.08) ? losing(random, lives) : lives
  }
}

/** For plans that are written by hand. */
export const plainLife: Life = {
  steps: [],
  duration: 400,
  death: { _tag: "Time" },
  bytes: "lost",
  isClosed: false,
  downFor: 10,
  commitTime: 0,
  readTime: 0,
  failures: [],
  pace: 0
}

export const plainPlan: Plan = {
  seed: 1,
  version: "5.0",
  session: "persistent",
  maxInFlight: 1000,
  outbox: { messages: 1_000_000, bytes: 1_000_000_000, policy: "suspend" },
  latency: 10,
  keepAlive: 1,
  reportsIdentifierInUse: false,
  lives: []
}
