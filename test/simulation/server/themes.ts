/**
 * The theme of a seed's run on the server's side: habits of real brokers, messages of other clients, payloads that
 * their owner overwrites, bounds in bytes.
 *
 * Each theme changes a plan that the seed has already drawn, with randomness of its own. So the plans of seeds without
 * a theme do not depend on themes.
 */
import type { Qos } from "../../../src/protocol/Packet.ts"
import * as Random from "../../protocol/Random.ts"
import type { Action, ClientPlan, Plan, Step } from "../Plan.ts"
import type { DeadlyPacket, Oddity, ServerAction, ServerPlan } from "./ServerPlan.ts"

type Theme = (random: Random.Random, plan: Plan) => Plan

const lastOf = ({ steps }: Plan): number => steps.reduce((last, { at }) => Math.max(last, at), 0)

const withSteps = (plan: Plan, steps: ReadonlyArray<Step>): Plan => ({
  ...plan,
  steps: [...plan.steps, ...steps].sort((one, other) => one.at - other.at)
})

const withServer = (plan: Plan, server: ServerPlan): Plan => ({ ...plan, server: { ...plan.server, ...server } })

const withClient = (plan: Plan, client: Partial<ClientPlan>): Plan => ({
  ...plan,
  client: { ...plan.client, ...client }
})

/** Steps at random moments between these. */
const scatter = (
  random: Random.Random,
  count: number,
  [from, to]: readonly [from: number, to: number],
  make: () => Action
): ReadonlyArray<Step> => Array.from({ length: count }, () => ({ at: random.integer(from, to), action: make() }))

const publish = (random: Random.Random, more: Partial<Extract<Action, { readonly _tag: "Publish" }>> = {}): Action => ({
  _tag: "Publish",
  topic: random.pick(["out/a", "out/b"]),
  qos: random.pick<Qos>([0, 1, 2]),
  size: random.pick([4, 40]),
  count: random.pick([1, 3]),
  via: "publish",
  ...more
})

const emit = (random: Random.Random, more: Partial<Extract<Action, { readonly _tag: "Emit" }>> = {}): Action => ({
  _tag: "Emit",
  topic: random.pick(["in/a", "in/b"]),
  qos: random.pick<Qos>([0, 1, 2]),
  size: random.pick([4, 40]),
  count: random.pick([1, 3]),
  ...more
})

/** A subscriber and a consumer who are always there and always ready. */
const readyAnchors: ReadonlyArray<Step> = [
  { at: 0, action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 1000, policy: "suspend" } },
  {
    at: 0,
    action: { _tag: "Consume", filter: "work/#", qos: 2, concurrency: 1, pace: 0, buffer: 1000, onFailure: "stop" }
  }
]

/** A network that is whole, a program that is ready, a server that says yes: only what a theme adds goes wrong. */
const calm = (plan: Plan, steps: ReadonlyArray<Step> = readyAnchors): Plan =>
  withServer(
    withClient({ ...plan, limits: {}, network: { ...plan.network, highWaterMark: Infinity }, steps: [...steps] }, {
      retriesEverything: true,
      maxInFlight: 1000,
      receiveMaximum: 1000,
      outbox: { messages: 1000, bytes: 100_000, policy: "suspend" }
    }),
    { isCalm: true }
  )

/** Calm in half of the runs. */
const oftenCalm = (random: Random.Random, plan: Plan): Plan => random.chance(0.5) ? calm(plan) : plan

/** A time in which something happens in a plan that may be calm. */
const timeOf = (plan: Plan): readonly [number, number] => [50, Math.max(lastOf(plan), 4000)]

// ---------------------------------------------------------------------------
// Habits of servers
// ---------------------------------------------------------------------------

const redelivery: Theme = (random, plan) => {
  const after = random.pick([30, 100, 300, 1000])
  const begun = random.chance(0.5)
    ? calm(plan, [
      readyAnchors[0],
      {
        at: 0,
        action: {
          _tag: "Consume",
          filter: "work/#",
          qos: random.pick<Qos>([1, 2]),
          concurrency: random.pick([1, 3]),
          pace: random.pick([60, 200]),
          buffer: random.pick([1, 1000]),
          onFailure: "stop"
        }
      }
    ])
    : plan
  // What is sent again and again takes the room that an answer needs, and its timeout may be hardly longer than its way.
  const wide = { ...begun, network: { ...begun.network, highWaterMark: Infinity } }
  const slow = withServer(wide, { redelivery: { after, dup: random.chance(0.5) } })
  const steps = scatter(random, 6, timeOf(slow), () => emit(random, { topic: random.pick(["work/a", "work/b"]) }))
  return withSteps(withClient(slow, { receiveMaximum: random.pick([2, 5, 1000]) }), steps)
}

const stalls: Theme = (random, plan) => {
  const begun = withClient(calm(plan), { quarantines: true, keepAlive: random.pick([0, 1, 5, 60]) })
  const steps: Array<Step> = []
  let at = 300
  for (let count = random.integer(1, 9); count > 0; count--) {
    steps.push({ at, action: publish(random, { qos: random.pick<Qos>([1, 2]) }) })
    const duration = random.pick([300, 1000, 3000])
    steps.push({ at, action: { _tag: "Stall", duration } })
    at += duration + random.pick([0, 1, 50])
  }
  if (random.chance(0.5)) return withSteps(begun, steps)
  // The server lets the client in each time, and answers no message for a while.
  return withSteps(begun, [
    { at: 300, action: { _tag: "HoldAcknowledgements" } },
    ...scatter(random, 2, [300, 400], () => publish(random, { qos: random.pick<Qos>([1, 2]) })),
    { at: random.integer(3000, 15_000), action: { _tag: "ReleaseAcknowledgements" } }
  ])
}

const excess: Theme = (random, plan) => {
  const begun = withServer(oftenCalm(random, plan), { receiveMaximumExcess: random.integer(1, 3) })
  const client = withClient(begun, { receiveMaximum: random.pick([5, 20]), version: "5.0" })
  const flood = () => emit(random, { topic: random.pick(["in/a", "work/a"]), qos: random.pick<Qos>([1, 2]), count: 20 })
  return withSteps(client, scatter(random, 4, timeOf(client), flood))
}

const poisons: { readonly [Packet in DeadlyPacket]: (random: Random.Random) => ReadonlyArray<Step> } = {
  Publish: (random) => [
    { at: random.integer(100, 2000), action: publish(random, { topic: "poison", qos: 1, count: 1 }) }
  ],
  Pubrel: (random) => [
    { at: random.integer(100, 2000), action: publish(random, { topic: "poison", qos: 2, count: 1 }) }
  ],
  Subscribe: (random) => [{
    at: random.integer(0, 2000),
    action: { _tag: "Subscribe", filter: "poison", qos: 1, pace: 0, buffer: 1000, policy: "suspend" }
  }],
  Unsubscribe: (random) => [{
    at: random.integer(0, 1000),
    action: {
      _tag: "Subscribe",
      filter: "poison",
      qos: 1,
      pace: 0,
      buffer: 1000,
      policy: "suspend",
      lifetime: random.integer(100, 600)
    }
  }]
}

const poison: Theme = (random, plan) => {
  const packet = random.pick(["Publish", "Pubrel", "Pubrel", "Subscribe", "Unsubscribe", "Unsubscribe"] as const)
  const begun = withServer(withClient(calm(plan), { quarantines: true, maxInFlight: random.pick([2, 1000]) }), {
    poison: { packet, topic: "poison" }
  })
  return withSteps(begun, [
    { at: 0, action: { _tag: "HangUpOn", packet, topic: "poison" } },
    ...poisons[packet](random),
    ...scatter(random, 5, [100, 3000], () => publish(random)),
    ...scatter(random, 3, [100, 3000], () => emit(random))
  ])
}

const connectRate: Theme = (random, plan) => {
  const begun = withServer(oftenCalm(random, plan), { minimumConnectInterval: random.pick([300, 1000, 2000]) })
  const client = withClient(begun, {
    version: random.pick(["3.1.1", "3.1.1", "5.0"]),
    session: random.pick(["clean", "persistent", "cleanStartThenPersistent", "cleanStartThenPersistent"]),
    backoff: { first: random.pick([80, 1500]), cap: 1500, isJittered: random.chance(0.5) }
  })
  return withSteps(
    client.client.version === "3.1.1" ? { ...client, limits: {}, overlappingSubscriptions: "once" } : client,
    scatter(random, 2, timeOf(client), () => ({ _tag: "Kick" }))
  )
}

const inUse: Theme = (random, plan) => {
  const begun = withServer(withClient(plan, { version: "5.0", session: "persistent" }), {
    reportsIdentifierInUse: true
  })
  const steps = scatter(random, 4, timeOf(begun), () => publish(random, { qos: 2 }))
  return withSteps(begun, [
    ...steps,
    ...steps.map(({ at }): Step => ({
      at: at + random.integer(0, 60),
      action: { _tag: "Fault", fault: { _tag: "Reset" }, target: "open" }
    }))
  ])
}

/** Server and client that use few bytes for each other's packets: all that is unsubscribed from has to fit. */
const manyFilters: Theme = (random, plan) => {
  const begun = withClient(calm(plan), { version: "5.0", session: random.pick(["persistent", "clean"]) })
  const lifetime = random.integer(200, 900)
  const leaving = Array.from({ length: random.integer(3, 8) }, (_, index): Step => ({
    at: 100,
    action: {
      _tag: "Subscribe",
      filter: `many/filters/number/${index}`,
      qos: 1,
      pace: 0,
      buffer: 1000,
      policy: "suspend",
      lifetime
    }
  }))
  // Offline when they leave, it has to tell the server of all of them at once.
  const outage: ReadonlyArray<Step> = random.chance(0.3) ? [] : [
    { at: 100 + lifetime - random.integer(0, 100), action: { _tag: "RefuseConnect", times: random.integer(1, 20) } },
    { at: 100 + lifetime, action: { _tag: "Kick" } }
  ]
  return withSteps({ ...begun, limits: { maximumPacketSize: 60 } }, [
    ...leaving,
    ...outage,
    ...scatter(random, 3, [2000, 4000], () => publish(random, { size: 4 }))
  ])
}

/** A program died with messages unfinished, and the next one has its session. */
const restarted: Theme = (random, plan) => {
  const begun = withClient(withServer(oftenCalm(random, plan), { unfinishedBefore: random.integer(1, 3) }), {
    session: "persistent"
  })
  return withSteps(begun, scatter(random, 3, timeOf(begun), () => publish(random, { qos: random.pick<Qos>([1, 2]) })))
}

// ---------------------------------------------------------------------------
// Messages nobody asked for, and what other clients say
// ---------------------------------------------------------------------------

const stray = (random: Random.Random): Action & ServerAction => ({
  _tag: "Stray",
  topic: "left/a",
  qos: random.pick<Qos>([0, 0, 1, 2]),
  size: random.pick([4, 400]),
  count: random.pick([1, 3, 8])
})

const strays: Theme = (random, plan) => {
  const client = withClient(oftenCalm(random, plan), {
    session: random.pick(["clean", "persistent"]),
    receiveMaximum: random.pick([1, 2, 10, 1000])
  })
  const isNarrow = random.chance(0.5)
  const begun = withServer(client, isNarrow ? { maximumInflightMessages: random.pick([1, 2, 20]) } : {})
  const subscriber = (): Action => ({
    _tag: "Subscribe",
    filter: "left/#",
    qos: 2,
    pace: 0,
    buffer: random.pick([1, 1000]),
    policy: "suspend",
    lifetime: random.integer(0, 800)
  })
  const time = timeOf(begun)
  return withSteps(begun, [
    ...scatter(random, 2, time, subscriber),
    ...scatter(random, 8, time, () => stray(random)),
    ...scatter(random, 8, time, () => emit(random))
  ])
}

/** Messages for a filter that its last subscriber left a moment ago, and at once messages for somebody else. */
const leftBusy: Theme = (random, plan) => {
  const begun = withClient(calm(plan), {
    session: random.pick(["clean", "persistent"]),
    receiveMaximum: random.pick([1, 2, 10])
  })
  const lifetime = random.integer(200, 400)
  const left = 300 + lifetime
  const qualities = random.pick<ReadonlyArray<Qos>>([[0], [0, 0, 0, 1], [1]])
  // A server with few in flight sends nothing else before those are acknowledged.
  const isNarrow = random.chance(0.5)
  return withSteps(isNarrow ? withServer(begun, { maximumInflightMessages: random.pick([1, 2]) }) : begun, [
    {
      at: 200,
      action: { _tag: "Subscribe", filter: "left/#", qos: 1, pace: 0, buffer: 1000, policy: "suspend", lifetime }
    },
    ...scatter(
      random,
      4,
      [left - 150, left + 900],
      () => emit(random, { topic: "left/a", qos: random.pick(qualities), count: 8 })
    ),
    ...scatter(random, 8, [left, left + 2000], () => emit(random))
  ])
}

const foreign: Theme = (random, plan) => {
  const begun = withClient(oftenCalm(random, plan), {
    version: "5.0",
    session: random.pick(["clean", "clean", "persistent"])
  })
  const identifier = random.pick([77, 200_000_001, 230_000_003])
  const time = timeOf(begun)
  return withSteps(begun, [
    ...scatter(random, 4, time, () => ({ ...stray(random), topic: random.pick(["in/a", "work/a"]), identifier })),
    ...scatter(random, 3, time, () => emit(random))
  ])
}

const odd: Theme = (random, plan) => {
  const begun = oftenCalm(random, plan)
  const mayBeDropped = plan.client.version === "3.1.1"
  const time = timeOf(begun)
  const one = (): Action =>
    emit(random, {
      topic: random.pick(["in/a", "work/a"]),
      count: 1,
      ...(mayBeDropped
        ? { size: 3000 }
        : { oddity: random.pick<Oddity>(["emptyResponseTopic", "wildcardResponseTopic", "payloadFormat2"]) })
    })
  return withSteps(withClient(begun, mayBeDropped ? { maximumPacketSize: 1000 } : {}), [
    ...scatter(random, 3, time, one),
    ...scatter(random, 4, time, () => emit(random))
  ])
}

// ---------------------------------------------------------------------------
// Payloads and bytes
// ---------------------------------------------------------------------------

const reused: Theme = (random, plan) => {
  const begun = withClient(oftenCalm(random, plan), { outbox: { messages: 1000, bytes: 1_000_000, policy: "suspend" } })
  const time = timeOf(begun)
  const large = () =>
    publish(random, {
      size: random.pick([16_000, 16_384, 20_000, 40_000]),
      count: random.pick([1, 2]),
      via: random.pick(["publish", "publishAsync", "publishSink"]),
      isReused: true
    })
  return withSteps({ ...begun, network: { ...begun.network, highWaterMark: random.pick([Infinity, 100]) } }, [
    ...scatter(random, 6, time, large),
    ...scatter(random, 2, time, () => ({ _tag: "Stall", duration: random.pick([50, 200]) })),
    ...scatter(random, 2, time, () => ({ _tag: "Fault", fault: { _tag: "StallWrites" }, target: "open" })),
    ...scatter(random, 2, time, () => ({ _tag: "Fault", fault: { _tag: "ResumeWrites" }, target: "open" }))
  ])
}

const inboxBytes = (random: Random.Random): ReadonlyArray<Step> => {
  const buffer = random.pick([1, 1000])
  const bufferBytes = random.pick([500, 3000])
  return [
    {
      at: 0,
      action: {
        _tag: "Subscribe",
        filter: "in/#",
        qos: 0,
        pace: random.pick([100, 300]),
        buffer,
        bufferBytes,
        policy: "suspend"
      }
    },
    {
      at: 0,
      action: {
        _tag: "Consume",
        filter: "work/#",
        qos: 0,
        concurrency: 1,
        pace: random.pick([300, 3000]),
        buffer,
        bufferBytes,
        policy: random.pick(["suspend", "fail"]),
        onFailure: "stop"
      }
    }
  ]
}

const bytes: Theme = (random, plan) => {
  const begun = withServer(calm(plan, inboxBytes(random)), { isBoundedInBytes: true })
  const properties = begun.client.version === "5.0" ? random.pick([0, 1000, 3000]) : 0
  const client = withClient(begun, {
    keepAlive: random.pick([0, 60]),
    responseTimeout: 900,
    maxInFlight: random.pick([1, 2, 1000]),
    outbox: { messages: 1000, bytes: random.pick([500, 3000]), policy: "suspend" }
  })
  return withSteps(client, [
    ...scatter(random, 12, [100, 3000], () =>
      emit(random, {
        topic: random.pick(["in/a", "work/a"]),
        qos: 0,
        size: random.pick([10, 400]),
        count: 8,
        properties
      })),
    ...scatter(random, 8, [100, 3000], () => publish(random, { count: 8, properties })),
    ...scatter(random, 4, [100, 3000], () => ({ _tag: "HoldAcknowledgements" })),
    ...scatter(random, 2, [100, 3000], () => ({ _tag: "ReleaseAcknowledgements" }))
  ])
}

/** Messages of QoS 0 in the very turn in which the client ends, or ends its connection. */
const lastWords: Theme = (random, plan) => {
  const begun = random.chance(0.5) ? calm(plan) : plan
  const isEnded = begun.steps.some(({ action }) => action._tag === "End")
  const at = lastOf(begun) + random.integer(1, 600)
  const zero = (): Action => publish(random, { qos: 0, count: random.pick([1, 3]), size: random.pick([4, 400]) })
  if (random.chance(0.5) && !isEnded) {
    const how = random.pick(["scope", "disconnect", "disconnectWithWill"] as const)
    return withSteps(begun, [{ at, action: zero() }, { at, action: { _tag: "End", how } }])
  }
  // The server does not answer, and what ends the connection is a timeout of the client.
  const { responseTimeout: timeout } = begun.client
  const drainTimeout = 500
  return withSteps(withClient(begun, { drainTimeout }), [
    { at, action: { _tag: "HoldAcknowledgements" } },
    { at: at + 1, action: publish(random, { qos: 1, count: 1 }) },
    { at: at + random.integer(1, 60), action: { _tag: "Fault", fault: { _tag: "StallWrites" }, target: "open" } },
    ...scatter(random, 6, [at + 60, at + timeout + 100], zero),
    {
      at: at + timeout + random.integer(1, drainTimeout),
      action: { _tag: "Fault", fault: { _tag: "ResumeWrites" }, target: "open" }
    },
    { at: at + timeout + drainTimeout, action: { _tag: "ReleaseAcknowledgements" } }
  ])
}

const deadLink: Theme = (random, plan) => {
  const client = withClient(calm(plan), {
    keepAlive: random.pick([30, 60]),
    pingInterval: random.pick([200, 500, 1000])
  })
  return withSteps(client, [
    ...scatter(random, 2, [200, 2000], () => publish(random)),
    { at: random.integer(2500, 4000), action: { _tag: "Fault", fault: { _tag: "Drop" }, target: "open" } },
    // Nobody writes anything meanwhile.
    { at: 40_000, action: { _tag: "Ask", what: "flush" } }
  ])
}

const themes: ReadonlyArray<readonly [weight: number, name: string, theme: Theme]> = [
  [2, "redelivery", redelivery],
  [2, "stalls", stalls],
  [1, "excess", excess],
  [2, "poison", poison],
  [1, "connectRate", connectRate],
  [1, "inUse", inUse],
  [1, "manyFilters", manyFilters],
  [1, "restarted", restarted],
  [2, "strays", strays],
  [1, "leftBusy", leftBusy],
  [1, "foreign", foreign],
  [2, "odd", odd],
  [2, "reused", reused],
  [2, "bytes", bytes],
  [1, "lastWords", lastWords],
  [1, "deadLink", deadLink]
]

const weighted = themes.flatMap((one) => Array.from({ length: one[0] }, () => one))

/** What a theme makes of the plan; in half of the seeds there is none. */
export const themed = (plan: Plan): Plan | undefined => {
  const random = Random.make(plan.seed ^ 0x7e3e)
  for (let count = 0; count < 5; count++) random.integer(0, 1)
  if (random.chance(0.5)) return undefined
  const [, theme, make] = random.pick(weighted)
  return { ...make(random, plan), theme }
}
