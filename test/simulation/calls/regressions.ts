/**
 * Runs that once failed because of the program's calls, in the words of a plan.
 */
import { fixedClient, type Limits, type Plan, type Step } from "../Plan.ts"
import type { CallAction } from "./Call.ts"

interface Regression {
  readonly name: string
  readonly plan: Plan
}

const calmly = (
  steps: ReadonlyArray<Step>,
  client: Partial<Plan["client"]> = {},
  limits: Limits = {}
): Plan => ({
  seed: 1,
  client: { ...fixedClient, keepAlive: 60, responseTimeout: 900, ...client },
  limits,
  usesTopicAliases: false,
  overlappingSubscriptions: "once",
  network: { latency: 20, connectDelay: 80, highWaterMark: Infinity },
  cuts: [],
  losesSession: false,
  probeSize: 500,
  isCalm: true,
  steps
})

type ActionOf<Tag extends CallAction["_tag"]> = Extract<CallAction, { readonly _tag: Tag }>

const join = (fields: Partial<ActionOf<"Join">> = {}): CallAction => ({
  _tag: "Join",
  filters: ["call/a"],
  wishes: [{ qos: 1 }],
  buffer: 1000,
  policy: "suspend",
  pace: 0,
  runs: 1,
  returns: 0,
  away: 0,
  ...fields
})

const work = (fields: Partial<ActionOf<"Work">> = {}): CallAction => ({
  _tag: "Work",
  filter: "call/work",
  qos: 1,
  concurrency: 1,
  pace: 0,
  buffer: 1000,
  onFailure: "acknowledge",
  isUninterruptible: false,
  leavesAfter: 0,
  givesWayAfter: 2048,
  returns: 0,
  away: 0,
  ...fields
})

const emit = (topic: string, fields: Partial<ActionOf<"EmitTo">> = {}): CallAction => ({
  _tag: "EmitTo",
  topic,
  qos: 1,
  size: 8,
  count: 1,
  ...fields
})

const follow = (fields: Partial<ActionOf<"Follow">> = {}): CallAction => ({
  _tag: "Follow",
  topic: "value/a",
  qos: 1,
  returns: 0,
  away: 0,
  ...fields
})

const typed = (template: "one" | "other", deadLetter: ActionOf<"Typed">["deadLetter"]): CallAction => ({
  _tag: "Typed",
  template,
  deadLetter,
  onFailure: "stop"
})

/** Until then nothing comes to rest. */
const later: Step = { at: 1000, action: emit("call/later") }

const disconnectingIn = (where: "escalate" | "credentials" | "reconnect"): Plan =>
  calmly(
    [
      { at: 0, action: { _tag: "RefuseConnect", times: 9 } },
      // Who connects at once reconnects after this.
      { at: 200, action: { _tag: "Kick" } },
      { at: 3000, action: { _tag: "Flush", count: 1 } }
    ],
    { hook: { where, time: 2, inside: "disconnect" } }
  )

export const regressions: ReadonlyArray<Regression> = [
  {
    name: "who came back at once was granted before the server had answered",
    plan: calmly([{ at: 200, action: join({ lifetime: 0, returns: 3 }) }, later])
  },
  {
    name: "subscribing to a filter that another one holds succeeded without a connection",
    plan: calmly([
      { at: 200, action: join() },
      { at: 400, action: { _tag: "Kick" } },
      { at: 450, action: join() }
    ])
  },
  {
    name: "a refused upgrade of the QoS ended the stream of who had subscribed first",
    plan: calmly([
      { at: 200, action: join() },
      { at: 300, action: { _tag: "RefuseSubscribe", reasonCode: 0x87 } },
      { at: 300, action: join({ wishes: [{ qos: 2 }] }) },
      { at: 500, action: emit("call/a") }
    ])
  },
  {
    name: "who subscribed after the last one had left had the QoS of that one",
    plan: calmly([
      { at: 200, action: join({ wishes: [{ qos: 2 }], lifetime: 100 }) },
      { at: 500, action: join({ wishes: [{ qos: 1 }] }) }
    ])
  },
  {
    name: "who subscribed after the last one had left was refused for the options of that one",
    plan: calmly([
      { at: 200, action: join({ wishes: [{ qos: 1 }, { qos: 1, noLocal: true }], lifetime: 100, returns: 1 }) },
      later
    ])
  },
  {
    name: "of two runs of one stream, the first to wait never ended",
    plan: calmly([{ at: 200, action: join({ runs: 2 }) }, { at: 400, action: emit("call/a", { count: 3 }) }])
  },
  {
    name: "who followed a topic again at once had nothing in a session that persists",
    plan: calmly([
      { at: 200, action: emit("value/a", { retain: true }) },
      { at: 300, action: follow({ lifetime: 200 }) },
      { at: 600, action: follow() }
    ])
  },
  {
    name: "who followed a topic beside a subscriber had nothing",
    plan: calmly([
      { at: 200, action: emit("value/a", { retain: true }) },
      { at: 300, action: join({ filters: ["value/a"] }) },
      { at: 600, action: follow() }
    ])
  },
  {
    name: "who followed a topic beside one that left before it had the retained message had nothing (seed 33596)",
    plan: calmly([
      { at: 200, action: emit("value/a", { retain: true }) },
      { at: 250, action: { _tag: "DelayAnswers", delay: 120 } },
      { at: 300, action: follow({ lifetime: 0 }) },
      { at: 380, action: follow() }
    ])
  },
  {
    name: "QoS 0 for a filter that was left stopped all others for a minute",
    plan: calmly([
      { at: 200, action: join({ wishes: [{ qos: 0 }], lifetime: 100 }) },
      { at: 200, action: join({ filters: ["call/b"], wishes: [{ qos: 0 }] }) },
      { at: 400, action: emit("call/a", { qos: 0, count: 8 }) },
      { at: 2000, action: emit("call/b", { qos: 0, count: 8 }) }
    ], { receiveMaximum: 5 })
  },
  {
    name: "a request in a handler of a full QoS 0 stream timed out",
    plan: calmly([
      { at: 200, action: work({ qos: 0, buffer: 1, inside: "request" }) },
      { at: 400, action: emit("call/work", { qos: 0, count: 8 }) },
      { at: 420, action: emit("call/work", { qos: 0, count: 8 }) }
    ])
  },
  {
    name: "a handler that interrupted itself ended its consumer in silence",
    plan: calmly([
      { at: 200, action: work({ trouble: { every: 1, how: "interrupt" } }) },
      { at: 400, action: emit("call/work") }
    ])
  },
  ...[3, 4, 5, 6, 7, 8, 9, 10].map((givesWayAfter): Regression => ({
    name: `the end of a consumer dropped the acknowledgement of a handler that had succeeded (${givesWayAfter})`,
    plan: calmly([
      { at: 200, action: work({ leavesAfter: 1, givesWayAfter, returns: 1, away: 20 }) },
      { at: 400, action: emit("call/work") },
      later
    ])
  })),
  {
    name: "what interrupted flushes kept overflowed the stack when a publish ended",
    plan: calmly([
      { at: 200, action: { _tag: "PublishTyped", template: "one", qos: 1, count: 1 } },
      { at: 200, action: { _tag: "Flush", count: 12_000, interruptAfter: 0 } }
    ])
  },
  ...(["escalate", "credentials", "reconnect"] as const).map((where): Regression => ({
    name: `disconnect inside ${where} never returned`,
    plan: disconnectingIn(where)
  })),
  {
    name: "UNSUBSCRIBE was too large for the server, and its subscriptions stayed there",
    plan: calmly(
      [{
        at: 200,
        action: join({ filters: Array.from({ length: 24 }, (_, index) => `call/many/of/them/${index}`), lifetime: 100 })
      }],
      { session: "clean" },
      { maximumPacketSize: 200 }
    )
  },
  ...(["refused", "wildcard", "itself"] as const).map((deadLetter): Regression => ({
    name: `a message that could not become a dead letter ended its consumer (${deadLetter})`,
    plan: calmly([{ at: 200, action: typed("one", deadLetter) }, { at: 400, action: emit("call/one/a") }])
  })),
  {
    name: "a message that was too large for a dead letter ended its consumer",
    plan: calmly(
      [{ at: 200, action: typed("one", "accepted") }, { at: 400, action: emit("call/one/a", { size: 150 }) }],
      {},
      { maximumPacketSize: 200 }
    )
  },
  {
    name: "dead letters went round between two typed topics",
    plan: calmly([
      { at: 200, action: typed("one", "the other") },
      { at: 200, action: typed("other", "the other") },
      { at: 400, action: emit("call/one/a") }
    ])
  },
  {
    name: "a service that answered one request forged the answer to the next",
    plan: calmly([{
      at: 200,
      action: { _tag: "Request", topic: "ask/forges", qos: 1, count: 3, timeout: 3000 }
    }])
  },
  {
    name: "an answer was published to a topic of the server's own",
    plan: calmly([
      { at: 200, action: { _tag: "Respond", filter: "ask/own", concurrency: 1, pace: 0 } },
      { at: 400, action: emit("ask/own", { responseTopic: "$SYS/broker" }) }
    ])
  }
]
