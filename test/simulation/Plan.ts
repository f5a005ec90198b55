/**
 * One run of the simulation as data: everything that a seed decides, written down before anything happens.
 *
 * Because it is data, it can be printed, replayed exactly, and shortened by leaving out steps. `World` runs it.
 */
import type { SessionMode } from "../../src/MqttClient.ts"
import type { ProtocolVersion, Qos } from "../../src/protocol/Packet.ts"
import type { FakeNetwork } from "../../src/testing/index.ts"
import * as Random from "../protocol/Random.ts"
import { type CallAction, type Hook, makeHook, makeSteps, type Theme, themes } from "./calls/Call.ts"
import type { Oddity, ServerAction, ServerPlan } from "./server/ServerPlan.ts"

export type Policy = "suspend" | "dropOldest" | "dropNewest" | "fail"

/** When to connect again: the delay before attempt n (from 0) is `first * 2 ** n`, at most `cap`, perhaps jittered. */
export interface Backoff {
  readonly first: number
  readonly cap: number
  readonly isJittered: boolean
}

/** The limits a broker announces in 5.0 and holds to; another one may come with each restart. */
export interface Limits {
  readonly receiveMaximum?: number
  readonly maximumPacketSize?: number
  readonly maximumQos?: 0 | 1
  readonly retainAvailable?: false
  readonly topicAliasMaximum?: number
  readonly serverKeepAlive?: number
}

/** Durations are milliseconds, but for `keepAlive`, which is seconds. */
export interface ClientPlan {
  readonly version: ProtocolVersion
  readonly session: SessionMode
  readonly keepAlive: number
  readonly connectTimeout: number
  readonly responseTimeout: number
  readonly drainTimeout: number
  readonly stableAfter: number
  readonly backoff: Backoff
  readonly maxInFlight: number
  readonly receiveMaximum: number
  readonly outbox: { readonly messages: number; readonly bytes: number; readonly policy: Policy }
  readonly retriesEverything: boolean
  readonly quarantines: boolean
  readonly hasWill: boolean
  /** Something of the program that the client runs. Default: nothing. */
  readonly hook?: Hook
  /** Enhanced authentication. Default: none. */
  readonly authenticates?: true
  readonly pingInterval?: number
  readonly maximumPacketSize?: number
}

export type Action =
  | CallAction
  | {
    readonly _tag: "Publish"
    readonly topic: string
    readonly qos: Qos
    readonly size: number
    readonly count: number
    readonly via: "publish" | "publishAsync" | "publishSink"
    readonly retain?: true
    readonly whenOffline?: "fail" | "drop"
    readonly interruptAfter?: number
    /** The payload is the program's own bytes, and it overwrites them as soon as its publish has ended. */
    readonly isReused?: true
    /** Bytes of User Properties. */
    readonly properties?: number
  }
  | {
    readonly _tag: "Subscribe"
    readonly filter: string
    readonly qos: Qos
    readonly pace: number
    readonly buffer: number
    readonly bufferBytes?: number
    readonly policy: Policy
    readonly lifetime?: number
  }
  | {
    readonly _tag: "Consume"
    readonly filter: string
    readonly qos: Qos
    readonly concurrency: number
    readonly pace: number
    readonly buffer: number
    readonly bufferBytes?: number
    readonly policy?: Policy
    /** How the first attempt at every so many messages ends. */
    readonly trouble?: { readonly every: number; readonly how: "fail" | "die" | "reject" }
    readonly onFailure: "stop" | "reject" | "acknowledge"
    readonly lifetime?: number
  }
  | {
    readonly _tag: "Emit"
    readonly topic: string
    readonly qos: Qos
    readonly size: number
    readonly count: number
    readonly oddity?: Oddity
    /** Bytes of User Properties. */
    readonly properties?: number
  }
  | { readonly _tag: "Fault"; readonly fault: FakeNetwork.Fault; readonly target: FakeNetwork.Target }
  | { readonly _tag: "RefuseConnect"; readonly times: number }
  | { readonly _tag: "HostNotFound"; readonly times: number }
  | { readonly _tag: "HangConnect"; readonly times: number }
  | { readonly _tag: "IgnoreConnect"; readonly times: number }
  | { readonly _tag: "RefuseSession"; readonly reasonCode: number; readonly times: number }
  | { readonly _tag: "RefuseSubscribe"; readonly reasonCode: number }
  | { readonly _tag: "ServerDisconnect"; readonly reasonCode: number }
  | { readonly _tag: "Kick" }
  | { readonly _tag: "Restart"; readonly keepSessions: boolean; readonly limits?: Limits }
  | { readonly _tag: "Lie"; readonly sessionPresent: boolean }
  | { readonly _tag: "ExpireSession" }
  | { readonly _tag: "HoldAcknowledgements" }
  | { readonly _tag: "ReleaseAcknowledgements" }
  | { readonly _tag: "DelayAnswers"; readonly delay: number }
  | { readonly _tag: "JumpClock"; readonly by: number }
  | { readonly _tag: "Ask"; readonly what: Question }
  | ServerAction
  | { readonly _tag: "End"; readonly how: "scope" | "disconnect" | "disconnectWithWill" }

export interface Step {
  /** Milliseconds since the beginning. */
  readonly at: number
  readonly action: Action
}

/** A cut that waits for its connection: the first is 1. */
export interface Cut extends Omit<FakeNetwork.FaultOf<"CutAfter">, "_tag"> {
  readonly connection: number
}

export interface Plan {
  readonly seed: number
  /** What its server's side is about, if anything. */
  readonly theme?: string
  readonly client: ClientPlan
  readonly limits: Limits
  readonly server?: ServerPlan
  readonly usesTopicAliases: boolean
  /** What several subscriptions match. 3.1.1 has no way to tell copies apart. */
  readonly overlappingSubscriptions: "once" | "each"
  readonly network: { readonly latency: number; readonly connectDelay: number; readonly highWaterMark: number }
  readonly cuts: ReadonlyArray<Cut>
  /** The broker loses its sessions between the first connection and the second. */
  readonly losesSession: boolean
  /** Bytes of the messages that are published once everything has come to rest. */
  readonly probeSize: number
  readonly steps: ReadonlyArray<Step>
  /** Nothing goes wrong in the network or at the server, so more can be expected. */
  readonly isCalm?: true
}

export const fixedClient: ClientPlan = {
  version: "5.0",
  session: "persistent",
  keepAlive: 1,
  connectTimeout: 500,
  responseTimeout: 200,
  drainTimeout: 200,
  stableAfter: 1000,
  backoff: { first: 80, cap: 80, isJittered: false },
  maxInFlight: 1000,
  receiveMaximum: 1000,
  outbox: { messages: 1000, bytes: 100_000, policy: "suspend" },
  retriesEverything: true,
  quarantines: false,
  hasWill: false
}

const anyOf = <A>(random: Random.Random, values: ReadonlyArray<A>): A => random.pick(values)

const makeLimits = (random: Random.Random): Limits => ({
  ...(random.chance(0.4) ? { receiveMaximum: anyOf(random, [1, 2, 3, 10]) } : {}),
  ...(random.chance(0.2) ? { maximumPacketSize: anyOf(random, [60, 200]) } : {}),
  ...(random.chance(0.1) ? { maximumQos: anyOf(random, [0, 1] as const) } : {}),
  ...(random.chance(0.1) ? { retainAvailable: false as const } : {}),
  ...(random.chance(0.2) ? { topicAliasMaximum: 5 } : {}),
  ...(random.chance(0.15) ? { serverKeepAlive: anyOf(random, [1, 3]) } : {})
})

const makeClient = (random: Random.Random): ClientPlan => {
  const keepAlive = anyOf(random, [0, 1, 1, 2, 5, 60])
  const first = anyOf(random, [20, 80, 200])
  return {
    version: anyOf(random, ["3.1.1", "5.0", "5.0"]),
    session: anyOf(random, ["clean", "persistent", "persistent", "persistent", "cleanStartThenPersistent"]),
    keepAlive,
    // A broker whose CONNACK is lost counts the Keep Alive from then on.
    connectTimeout: anyOf(random, [400, 900]),
    responseTimeout: anyOf(random, [150, 400, 900]),
    drainTimeout: anyOf(random, [100, 500]),
    stableAfter: anyOf(random, [0, 300, 1500]),
    backoff: { first, cap: first * anyOf(random, [1, 4, 16]), isJittered: random.chance(0.5) },
    maxInFlight: anyOf(random, [1, 2, 5, 1000]),
    receiveMaximum: anyOf(random, [1, 2, 5, 1000]),
    outbox: {
      messages: anyOf(random, [1, 3, 1000]),
      bytes: anyOf(random, [100, 100_000]),
      policy: anyOf(random, ["suspend", "suspend", "suspend", "dropOldest", "dropNewest", "fail"])
    },
    retriesEverything: random.chance(0.8),
    quarantines: random.chance(0.3),
    hasWill: random.chance(0.2)
  }
}

const qos = (random: Random.Random): Qos => anyOf(random, [0, 1, 1, 2, 2])
const size = (random: Random.Random): number => anyOf(random, [4, 10, 40, 150, 400])
const maybe = <A extends object>(random: Random.Random, probability: number, value: () => A): A | undefined =>
  random.chance(probability) ? value() : undefined

const hows = ["close", "reset", "silence"] as const

const makeFault = (random: Random.Random): Action => {
  const direction = anyOf(random, ["fromClient", "toClient"] as const)
  const [fault, target] = anyOf<readonly [FakeNetwork.Fault, FakeNetwork.Target]>(random, [
    [{ _tag: "Close" }, "open"],
    [{ _tag: "Reset" }, "open"],
    [{ _tag: "FailWrites" }, "open"],
    [{ _tag: "Drop" }, "open"],
    [{ _tag: "StallWrites" }, "open"],
    [{ _tag: "ResumeWrites" }, "open"],
    [{ _tag: "CutAfter", bytes: random.integer(1, 400), direction, how: anyOf(random, hows) }, "next"],
    [{ _tag: "CutAfter", bytes: random.integer(1, 800), direction, how: anyOf(random, hows) }, "open"],
    [{ _tag: "Delay", latency: anyOf(random, [1, 15, 70]) }, "every"],
    [{ _tag: "Split", size: random.integer(1, 9) }, "every"],
    [{ _tag: "Merge" }, "every"],
    [{ _tag: "Keep" }, "every"]
  ])
  return { _tag: "Fault", fault, target }
}

/** Calls without arguments. */
const questions = ["brokerUp", "flush", "checkConnection", "replaceConnection"] as const

export type Question = (typeof questions)[number]

/** What can happen, with how often it does. */
const actions: ReadonlyArray<readonly [weight: number, make: (random: Random.Random) => Action]> = [
  [26, (random) => ({
    _tag: "Publish",
    topic: anyOf(random, ["out/a", "out/b"]),
    qos: qos(random),
    size: size(random),
    count: anyOf(random, [1, 2, 3, 8]),
    via: anyOf(random, ["publish", "publish", "publishAsync", "publishSink"]),
    ...maybe(random, 0.1, () => ({ topic: "kept/a", retain: true as const })),
    ...maybe(random, 0.1, () => ({ whenOffline: anyOf(random, ["fail", "drop"] as const) })),
    ...maybe(random, 0.3, () => ({ interruptAfter: anyOf(random, [0, 1, 10, 50, 200]) }))
  })],
  [16, (random) => ({
    _tag: "Emit",
    topic: anyOf(random, ["in/a", "in/b", "work/a", "work/b"]),
    qos: qos(random),
    size: size(random),
    count: anyOf(random, [1, 3, 8])
  })],
  [4, (random) => ({
    _tag: "Subscribe",
    filter: anyOf(random, ["in/a", "in/+", "out/#", "work/a", "other"]),
    qos: qos(random),
    pace: anyOf(random, [0, 0, 20, 300]),
    buffer: anyOf(random, [1, 3, 1000]),
    policy: anyOf(random, ["suspend", "suspend", "dropOldest", "dropNewest", "fail"]),
    ...maybe(random, 0.7, () => ({ lifetime: random.integer(0, 800) }))
  })],
  [26, makeFault],
  [2, (random) => ({ _tag: "RefuseConnect", times: random.integer(1, 3) })],
  [1, (random) => ({ _tag: "HostNotFound", times: random.integer(1, 3) })],
  [2, (random) => ({ _tag: "HangConnect", times: random.integer(1, 2) })],
  [2, () => ({ _tag: "IgnoreConnect", times: 1 })],
  [2, (random) => ({
    _tag: "RefuseSession",
    reasonCode: anyOf(random, [0x88, 0x89, 0x97, 0x87]),
    times: random.integer(1, 2)
  })],
  [1, (random) => ({ _tag: "RefuseSubscribe", reasonCode: anyOf(random, [0x80, 0x87, 0x97]) })],
  [3, (random) => ({
    _tag: "ServerDisconnect",
    reasonCode: anyOf(random, [0x00, 0x80, 0x89, 0x8b, 0x8d, 0x93, 0x97, 0x98, 0x8e, 0x81])
  })],
  [3, () => ({ _tag: "Kick" })],
  [5, (random) => ({
    _tag: "Restart",
    keepSessions: random.chance(0.6),
    ...maybe(random, 0.5, () => ({ limits: makeLimits(random) }))
  })],
  [1, (random) => ({ _tag: "Lie", sessionPresent: random.chance(0.5) })],
  [2, () => ({ _tag: "ExpireSession" })],
  [3, () => ({ _tag: "HoldAcknowledgements" })],
  [3, () => ({ _tag: "ReleaseAcknowledgements" })],
  [3, (random) => ({ _tag: "DelayAnswers", delay: anyOf(random, [0, 30, 120]) })],
  [4, (random) => ({ _tag: "JumpClock", by: anyOf(random, [-3_600_000, 3_600_000]) })],
  [4, (random) => ({ _tag: "Ask", what: anyOf(random, questions) })]
]

const totalWeight = actions.reduce((sum, [weight]) => sum + weight, 0)

const makeAction = (random: Random.Random): Action => {
  let left = random.integer(1, totalWeight)
  for (const [weight, make] of actions) {
    left -= weight
    if (left <= 0) return make(random)
  }
  return makeFault(random)
}

/** The subscriber and the consumer that most messages to the client are for. */
const makeAnchors = (random: Random.Random): ReadonlyArray<Step> => [
  {
    at: 0,
    action: {
      _tag: "Subscribe",
      filter: "in/#",
      qos: anyOf(random, [1, 2, 2]),
      pace: anyOf(random, [0, 0, 20, 100]),
      buffer: anyOf(random, [1, 3, 1000]),
      policy: "suspend"
    }
  },
  {
    at: 0,
    action: {
      _tag: "Consume",
      filter: "work/#",
      qos: anyOf(random, [1, 2, 2]),
      concurrency: anyOf(random, [1, 1, 3]),
      pace: anyOf(random, [0, 10, 60]),
      buffer: anyOf(random, [1, 3, 1000]),
      onFailure: anyOf(random, ["stop", "stop", "reject", "acknowledge"]),
      ...maybe(random, 0.6, () => ({
        trouble: { every: random.integer(1, 5), how: anyOf(random, ["fail", "die", "reject"] as const) }
      })),
      ...maybe(random, 0.3, () => ({ lifetime: random.integer(50, 900) }))
    }
  }
]

/** What a plan may have in which nothing goes wrong. */
const calm: ReadonlySet<Action["_tag"]> = new Set(["Publish", "Emit", "JumpClock", "Ask", "RefuseSubscribe"])

const isCalming = (action: Action): boolean =>
  calm.has(action._tag) && !(action._tag === "Ask" && action.what === "replaceConnection")

/** Makes the calls of a theme part of a plan. */
const withCalls = (plan: Plan, theme: Theme): Plan => {
  const random = Random.make(plan.seed ^ 0xca11)
  for (let count = 0; count < 5; count++) random.integer(0, 1)
  const isCalm = random.chance(0.5)
  const is50 = plan.client.version === "5.0"
  const until = plan.steps.at(-1)?.at ?? 0
  // The bound of what waits for nobody in particular is the Receive Maximum: one that is reached without acknowledgements.
  const isUnacknowledged = isCalm && theme === "sharing" && random.chance(0.3)
  const receiveMaximum = isUnacknowledged ? 5 : 1000
  // What is published has answers, for which everything is read.
  const steps = isUnacknowledged
    ? []
    : isCalm
    ? plan.steps.filter(({ action }) => isCalming(action))
    : plan.steps
  const callSteps: ReadonlyArray<Step> = makeSteps(random, { theme, is50, isUnacknowledged, until }).map((step) =>
    // Where others are in a hurry, who gives way often comes too late.
    step.action._tag === "Work" && !isCalm ? { ...step, action: { ...step.action, givesWayAfter: 2048 } } : step
  )
  const refusals: ReadonlyArray<Step> = theme === "sharing" && !isUnacknowledged && random.chance(0.4)
    ? [{ at: anyOf(random, callSteps).at, action: { _tag: "RefuseSubscribe", reasonCode: 0x87 } }]
    : []
  const client: ClientPlan = {
    ...plan.client,
    ...(isCalm ? { maxInFlight: 1000, receiveMaximum, responseTimeout: 900, connectTimeout: 900 } : {}),
    ...(isCalm ? { outbox: fixedClient.outbox, keepAlive: 60 } : {}),
    ...(isUnacknowledged ? { session: "persistent" as const } : {}),
    ...(theme === "hooks" && random.chance(0.6) ? { hook: makeHook(random) } : {}),
    ...(is50 && theme === "hooks" && random.chance(0.6) ? { authenticates: true as const } : {})
  }
  return {
    ...plan,
    client,
    steps: [...steps, ...refusals, ...callSteps].sort((one, other) => one.at - other.at),
    ...(isCalm ? { isCalm, limits: random.chance(0.7) ? {} : { maximumPacketSize: 200 } } : {}),
    ...(isCalm ? { network: { ...plan.network, highWaterMark: Infinity } } : {})
  }
}

/** What this seed draws before a theme of the server's side is added; `length` is how many steps it has besides its calls, about 20 if not given. */
export const make = (seed: number, length?: number): Plan => {
  const plan = makePlain(seed, length)
  const theme = seed % (themes.length + 1)
  return theme === 0 ? plan : withCalls(plan, themes[theme - 1])
}

/** Without calls. */
export const makePlain = (seed: number, length?: number): Plan => {
  const random = Random.make(seed)
  // Neighbouring seeds begin alike in a small generator.
  for (let count = 0; count < 5; count++) random.integer(0, 1)
  const client = makeClient(random)
  const steps: Array<Step> = [...makeAnchors(random)]
  const count = length ?? random.integer(8, 32)
  let at = 0
  for (let index = 0; index < count; index++) {
    at += anyOf(random, [0, 0, 1, 7, 40, 40, 150, 150, 400, 1000])
    steps.push({ at, action: makeAction(random) })
  }
  if (random.chance(0.2)) {
    const how = anyOf(random, ["scope", "disconnect", "disconnectWithWill"] as const)
    steps.push({ at: at + anyOf(random, [0, 1, 30, 200]), action: { _tag: "End", how } })
  }
  return {
    seed,
    client,
    limits: client.version === "5.0" ? makeLimits(random) : {},
    usesTopicAliases: random.chance(0.3),
    network: {
      latency: anyOf(random, [1, 5, 20, 20, 60]),
      connectDelay: anyOf(random, [0, 80]),
      highWaterMark: anyOf(random, [Infinity, Infinity, 100])
    },
    cuts: [],
    losesSession: false,
    probeSize: 500,
    steps,
    overlappingSubscriptions: client.version === "5.0" && random.chance(0.5) ? "each" : "once"
  }
}

/** Whether fibers of the program give way so often that they are late for what they have noted. */
export const givesWayOften = ({ steps }: Plan): boolean =>
  steps.some(({ action }) => action._tag === "Work" && action.givesWayAfter < 100)
