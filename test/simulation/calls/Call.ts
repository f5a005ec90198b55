/**
 * Steps of a plan that call everything else the client offers: several subscribers of one filter, consumers that call the
 * client from inside, requests and answers, latest values, typed topics.
 *
 * They have topics of their own, so they do not disturb the judgement of other steps. `Caller` runs them.
 */
import type { Qos } from "../../../src/protocol/Packet.ts"
import type * as Random from "../../protocol/Random.ts"
import * as Job from "./Job.ts"

export type CallPolicy = "suspend" | "dropOldest" | "dropNewest" | "fail"

/** What can be different between subscribers of one filter. */
export interface Wish {
  readonly qos: Qos
  readonly noLocal?: true
  readonly retainAsPublished?: true
  readonly retainHandling?: 0 | 1 | 2
}

/** What a handler, or something else that the client runs, calls. */
export type Inside = "publish" | "subscribe" | "flush" | "request" | "disconnect"

export type CallAction =
  | Job.JobAction
  | {
    readonly _tag: "Join"
    /** More than one are asked for together. */
    readonly filters: ReadonlyArray<string>
    /** Those of the first time, the second and so on; then they begin again. */
    readonly wishes: ReadonlyArray<Wish>
    readonly buffer: number
    readonly policy: CallPolicy
    readonly pace: number
    /** How many times the stream is run at once. */
    readonly runs: 1 | 2
    /** How often it comes back after it has left, and after how long; 0 is in the same turn. */
    readonly returns: number
    readonly away: number
    /** How long it stays once it is granted; 0 is in the same turn. */
    readonly lifetime?: number
    /** How long it waits to be granted; 0 is in the same turn. */
    readonly patience?: number
  }
  | {
    readonly _tag: "Work"
    readonly filter: string
    readonly qos: Qos
    readonly concurrency: number
    readonly pace: number
    readonly buffer: number
    readonly onFailure: "stop" | "reject" | "acknowledge"
    /** How the first attempt at every so many messages ends. */
    readonly trouble?: { readonly every: number; readonly how: "fail" | "die" | "reject" | "interrupt" }
    /** A handler goes on when the consumer ends. */
    readonly isUninterruptible: boolean
    /** It is interrupted when so many handlers have succeeded; 0 is never. */
    readonly leavesAfter: number
    /** How many operations its fibers do before they let others do theirs. */
    readonly givesWayAfter: number
    readonly inside?: Inside
    readonly returns: number
    readonly away: number
    readonly lifetime?: number
  }
  | {
    readonly _tag: "Follow"
    readonly topic: string
    readonly qos: Qos
    readonly returns: number
    readonly away: number
    readonly lifetime?: number
  }
  | {
    readonly _tag: "Request"
    readonly topic: string
    readonly qos: Qos
    readonly count: number
    readonly timeout: number
    readonly interruptAfter?: number
  }
  | {
    readonly _tag: "Respond"
    readonly filter: string
    readonly concurrency: number
    readonly pace: number
    readonly lifetime?: number
  }
  | {
    readonly _tag: "Typed"
    readonly template: "one" | "other"
    readonly deadLetter: DeadLetter
    readonly onFailure: "stop" | "reject" | "acknowledge"
    readonly lifetime?: number
  }
  | { readonly _tag: "PublishTyped"; readonly template: "one" | "other"; readonly qos: Qos; readonly count: number }
  | { readonly _tag: "Flush"; readonly count: number; readonly interruptAfter?: number }
  | { readonly _tag: "Reauthenticate"; readonly count: number; readonly interruptAfter?: number }
  | {
    readonly _tag: "EmitTo"
    readonly topic: string
    readonly qos: Qos
    readonly size: number
    readonly count: number
    readonly retain?: true
    readonly responseTopic?: string
  }
  | { readonly _tag: "DisconnectWith"; readonly publishWill: boolean; readonly sessionExpiry?: number }

/** Where a message goes that does not decode. */
export type DeadLetter = "accepted" | "refused" | "wildcard" | "itself" | "the other"

/** Something of the program that the client runs, and what it calls when it is run for that time. */
export interface Hook {
  readonly where: "escalate" | "credentials" | "reconnect"
  readonly time: number
  readonly inside: Inside
}

/** What most of the steps of a seed are about, so that what depends on several of them is met often. */
export type Theme = "sharing" | "working" | "asking" | "following" | "hooks" | "typed" | "everything"

export const themes: ReadonlyArray<Theme> = [
  "sharing",
  "working",
  "asking",
  "following",
  "hooks",
  "typed",
  "everything"
]

export const isOfCalls = (topicFilter: string): boolean =>
  /^(\$share\/\w+\/)?(call|ask|value|response|dead|jobs)\//.test(topicFilter)

// ---------------------------------------------------------------------------------------------------------------------
// Drawing
// ---------------------------------------------------------------------------------------------------------------------

const anyOf = <A>(random: Random.Random, values: ReadonlyArray<A>): A => random.pick(values)
const maybe = <A extends object>(random: Random.Random, probability: number, value: () => A): A | undefined =>
  random.chance(probability) ? value() : undefined

/** `is50`: what 3.1.1 has no word for is not wished for. */
const makeWish = (random: Random.Random, is50: boolean): Wish => ({
  qos: anyOf(random, [0, 1, 1, 2, 2] as const),
  ...(is50 ? maybe(random, 0.1, () => ({ noLocal: true as const })) : {}),
  ...(is50 ? maybe(random, 0.15, () => ({ retainAsPublished: true as const })) : {}),
  ...(is50 ? maybe(random, 0.2, () => ({ retainHandling: anyOf(random, [1, 2] as const) })) : {})
})

type Make = (random: Random.Random, is50: boolean) => CallAction

const returning = (random: Random.Random) => ({
  returns: anyOf(random, [0, 1, 1, 3, 8]),
  away: anyOf(random, [0, 0, 0, 1, 30, 300])
})

const join: Make = (random, is50) => {
  const wish = makeWish(random, is50)
  const isPlain = random.chance(0.6)
  const plain: Wish = { qos: wish.qos }
  return {
    _tag: "Join",
    filters: anyOf(random, [["call/a"], ["call/a"], ["call/a"], ["call/+"], ["call/b"], ["call/a", "call/b"], [
      "value/a"
    ]]),
    wishes: isPlain ? [plain] : [wish, makeWish(random, is50)],
    buffer: anyOf(random, [1, 3, 1000, 1000]),
    policy: anyOf(random, ["suspend", "suspend", "suspend", "dropOldest", "dropNewest", "fail"] as const),
    pace: anyOf(random, [0, 0, 0, 20, 300]),
    runs: anyOf(random, [1, 1, 1, 2] as const),
    ...returning(random),
    ...maybe(random, 0.7, () => ({ lifetime: anyOf(random, [0, 0, 1, 60, 200, 600]) })),
    ...maybe(random, 0.2, () => ({ patience: anyOf(random, [0, 1, 20, 60, 200]) }))
  }
}

/** So many that they do not fit into one packet of a server with a small Maximum Packet Size. */
const joinMany: Make = (random, is50) => ({
  _tag: "Join",
  filters: Array.from({ length: 24 }, (_, index) => `call/many/of/them/${index}`),
  wishes: [makeWish(random, is50)],
  buffer: 1000,
  policy: "suspend",
  pace: 0,
  runs: 1,
  returns: 0,
  away: 0,
  lifetime: anyOf(random, [0, 100, 600])
})

const work: Make = (random, is50) => ({
  _tag: "Work",
  filter: anyOf(random, ["call/work", "call/work", "call/work", "call/a"]),
  qos: anyOf(random, [0, 0, 1, 1, 2, 2] as const),
  concurrency: anyOf(random, [1, 1, 3]),
  pace: anyOf(random, [0, 5, 30, 60]),
  buffer: anyOf(random, [1, 3, 1000]),
  onFailure: anyOf(random, ["stop", "reject", "acknowledge"] as const),
  isUninterruptible: random.chance(0.4),
  leavesAfter: anyOf(random, [0, 0, 1, 3]),
  givesWayAfter: random.chance(0.5) ? random.integer(3, 20) : 2048,
  ...maybe(random, 0.6, () => ({
    trouble: { every: random.integer(1, 5), how: anyOf(random, ["fail", "die", "reject", "interrupt"] as const) }
  })),
  ...maybe(random, 0.5, () => ({
    inside: anyOf(
      random,
      [
        "publish",
        "subscribe",
        "flush",
        is50 ? "request" : "publish",
        is50 ? "request" : "publish",
        is50 ? "request" : "publish",
        random.chance(0.2) ? "disconnect" : "subscribe"
      ] as const
    )
  })),
  ...returning(random),
  ...maybe(random, 0.6, () => ({ lifetime: random.integer(0, 400) }))
})

/** Handlers of a stream without back-pressure that ask others. */
const workAsking: Make = (random) => ({
  _tag: "Work",
  filter: "call/work",
  qos: 0,
  concurrency: 1,
  pace: anyOf(random, [0, 5]),
  buffer: 1,
  onFailure: "acknowledge",
  isUninterruptible: false,
  leavesAfter: 0,
  givesWayAfter: 2048,
  inside: "request",
  returns: 0,
  away: 0
})

const follow: Make = (random) => ({
  _tag: "Follow",
  topic: "value/a",
  qos: anyOf(random, [1, 2] as const),
  ...returning(random),
  ...maybe(random, 0.7, () => ({ lifetime: anyOf(random, [0, 1, 30, 200]) }))
})

const request: Make = (random) => ({
  _tag: "Request",
  topic: anyOf(random, ["ask/answers", "ask/answers", "ask/own", "ask/silent", "ask/forges"]),
  qos: anyOf(random, [0, 1, 2] as const),
  count: anyOf(random, [1, 1, 3, 8]),
  timeout: anyOf(random, [60, 500, 3000]),
  ...maybe(random, 0.3, () => ({ interruptAfter: anyOf(random, [0, 1, 40, 100]) }))
})

const respond: Make = (random) => ({
  _tag: "Respond",
  filter: anyOf(random, ["ask/own", "ask/+", "$share/g/ask/own"]),
  concurrency: anyOf(random, [1, 3]),
  pace: anyOf(random, [0, 30]),
  ...maybe(random, 0.5, () => ({ lifetime: random.integer(0, 600) }))
})

const typed: Make = (random) => ({
  _tag: "Typed",
  template: anyOf(random, ["one", "other"] as const),
  deadLetter: anyOf(random, ["accepted", "refused", "wildcard", "itself", "the other", "the other"] as const),
  onFailure: anyOf(random, ["stop", "stop", "reject", "acknowledge"] as const),
  ...maybe(random, 0.5, () => ({ lifetime: random.integer(100, 2000) }))
})

const publishTyped: Make = (random) => ({
  _tag: "PublishTyped",
  template: anyOf(random, ["one", "other"] as const),
  qos: anyOf(random, [0, 1, 2] as const),
  count: anyOf(random, [1, 3])
})

/** Interrupted as often as it takes for what is kept of each to be noticed. */
const flush: Make = (random) => {
  const isInterrupted = random.chance(0.5)
  return {
    _tag: "Flush",
    count: isInterrupted ? anyOf(random, [1, 3, 12_000]) : anyOf(random, [1, 2, 5]),
    ...(isInterrupted ? { interruptAfter: anyOf(random, [0, 0, 30]) } : {})
  }
}

const reauthenticate: Make = (random) => ({
  _tag: "Reauthenticate",
  count: anyOf(random, [1, 2]),
  ...maybe(random, 0.3, () => ({ interruptAfter: anyOf(random, [0, 1, 40]) }))
})

const emitTo = (topics: ReadonlyArray<string>, isRetained = false): Make => (random) => ({
  _tag: "EmitTo",
  topic: anyOf(random, topics),
  qos: isRetained ? anyOf(random, [1, 2] as const) : anyOf(random, [0, 0, 1, 1, 2, 2] as const),
  size: anyOf(random, [8, 8, 40, 150]),
  count: anyOf(random, [1, 3, 8]),
  ...(isRetained ? { retain: true as const } : {})
})

const emitRequest: Make = (random, is50) => ({
  _tag: "EmitTo",
  topic: "ask/own",
  qos: anyOf(random, [0, 1, 2] as const),
  size: 8,
  count: 1,
  ...(is50 ? { responseTopic: anyOf(random, ["$SYS/broker", "call/a"]) } : {})
})

const disconnectWith: Make = (random, is50) => ({
  _tag: "DisconnectWith",
  publishWill: random.chance(0.5),
  ...(is50 ? maybe(random, 0.3, () => ({ sessionExpiry: 60 })) : {})
})

type Weighed = readonly [weight: number, make: Make]

const draws: { readonly [Name in Theme]: ReadonlyArray<Weighed> } = {
  sharing: [[12, join], [1, joinMany], [8, emitTo(["call/a", "call/a", "call/b"])], [3, emitTo(["value/a"], true)]],
  working: [
    [8, work],
    [12, emitTo(["call/work", "call/work", "call/a"])],
    [2, join],
    [8, Job.make],
    [12, emitTo(["jobs/a", "jobs/a", "jobs/b", "jobs/c"])]
  ],
  asking: [[4, work], [2, workAsking], [8, request], [4, respond], [2, emitRequest], [8, emitTo(["call/work"])], [
    1,
    join
  ]],
  following: [[8, follow], [3, join], [3, emitTo(["value/a"], true)]],
  hooks: [[4, flush], [4, publishTyped], [4, reauthenticate], [2, join], [1, request], [1, disconnectWith]],
  typed: [[6, typed], [3, publishTyped], [8, emitTo(["call/one/a", "call/other/a"])]],
  everything: [
    [3, join],
    [3, work],
    [2, follow],
    [2, request],
    [1, respond],
    [1, typed],
    [1, publishTyped],
    [1, flush],
    [1, reauthenticate],
    [8, emitTo(["call/a", "call/b", "call/work", "call/one/a"])],
    [1, emitTo(["value/a"], true)]
  ]
}

/** What 3.1.1 does not have. */
const needs50: ReadonlySet<CallAction["_tag"]> = new Set(["Request", "Respond", "Reauthenticate"])

const makeAction = (random: Random.Random, theme: Theme, is50: boolean): CallAction => {
  const weighed = draws[theme]
  let left = random.integer(1, weighed.reduce((sum, [weight]) => sum + weight, 0))
  for (const [weight, make] of weighed) {
    left -= weight
    if (left > 0) continue
    const action = make(random, is50)
    return is50 || !needs50.has(action._tag) ? action : makeAction(random, theme, is50)
  }
  return emitTo(["call/a"])(random, is50)
}

export interface CallStep {
  readonly at: number
  readonly action: CallAction
}

const unacknowledged = (action: Extract<CallAction, { readonly _tag: "Join" }>): CallAction => ({
  ...action,
  returns: Math.min(action.returns, 1),
  wishes: action.wishes.map((wish) => ({ ...wish, qos: 0 }))
})

/** A busy filter that is left, and another one whose messages come later. */
const makeBusy = (random: Random.Random): ReadonlyArray<CallStep> => {
  const staying = { wishes: [{ qos: 0 as const }], buffer: 1000, policy: "suspend" as const, pace: 0, runs: 1 as const }
  const forGood = { ...staying, returns: 0, away: 0 }
  const emit = (topic: string): CallAction => ({ _tag: "EmitTo", topic, qos: 0, size: 8, count: 8 })
  const at = () => anyOf(random, [400, 700, 1000, 1300, 1700, 2200, 3000])
  return [
    { at: 0, action: { _tag: "Join", filters: ["call/a"], ...forGood, lifetime: anyOf(random, [60, 200, 600]) } },
    { at: 0, action: { _tag: "Join", filters: ["call/b"], ...forGood } },
    ...Array.from({ length: 3 }, () => ({ at: at(), action: emit("call/a") })),
    ...Array.from({ length: 2 }, () => ({ at: at(), action: emit("call/b") }))
  ]
}

/** A value that is kept from the beginning, somebody who subscribes to its topic, and somebody who follows it after all. */
const makeBeside = (random: Random.Random, after: number): ReadonlyArray<CallStep> => {
  const forGood = { buffer: 1000, policy: "suspend" as const, pace: 0, runs: 1 as const, returns: 0, away: 0 }
  return [
    { at: 0, action: { _tag: "EmitTo", topic: "value/a", qos: 1, size: 8, count: 1, retain: true } },
    { at: anyOf(random, [0, 200]), action: { _tag: "Join", filters: ["value/a"], wishes: [{ qos: 1 }], ...forGood } },
    {
      at: after + anyOf(random, [0, 300, 1100]),
      action: { _tag: "Follow", topic: "value/a", qos: anyOf(random, [1, 2] as const), returns: 0, away: 0 }
    }
  ]
}

/** Steps of this theme, in order, between the beginning and `until`. */
export const makeSteps = (
  random: Random.Random,
  { is50, isUnacknowledged, theme, until }: {
    readonly theme: Theme
    readonly is50: boolean
    /** Nobody asks for more than QoS 0. */
    readonly isUnacknowledged: boolean
    readonly until: number
  }
): ReadonlyArray<CallStep> => {
  const steps: Array<CallStep> = isUnacknowledged ? [...makeBusy(random)] : []
  let at = anyOf(random, [0, 200])
  for (
    let left = random.integer(isUnacknowledged ? 0 : 6, isUnacknowledged ? 6 : 20);
    left > 0 && at <= Math.max(until, isUnacknowledged ? 8000 : 2000);
    left--
  ) {
    const action = makeAction(random, theme, is50)
    steps.push({ at, action: isUnacknowledged && action._tag === "Join" ? unacknowledged(action) : action })
    at += anyOf(random, isUnacknowledged ? [0, 0, 200, 700, 1200] : [0, 0, 0, 1, 20, 41, 80, 200, 700])
  }
  return theme === "following" && random.chance(0.5) ? [...makeBeside(random, at), ...steps] : steps
}

export const makeHook = (random: Random.Random): Hook => ({
  where: anyOf(random, ["escalate", "credentials", "reconnect"] as const),
  time: random.integer(1, 3),
  inside: anyOf(random, ["disconnect", "disconnect", "publish", "subscribe", "flush", "request"] as const)
})
