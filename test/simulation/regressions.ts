/**
 * Runs that once failed: what was found is written down as a plan, so that it means the same whatever the generator of
 * plans becomes.
 */
import { type ClientPlan, fixedClient, type Limits, type Plan, type Step } from "./Plan.ts"

interface Regression {
  readonly name: string
  readonly plan: Plan
}

const planOf = (
  steps: ReadonlyArray<Step>,
  client: Partial<ClientPlan> = {},
  { latency = 20, limits = {} }: { readonly latency?: number; readonly limits?: Limits } = {}
): Plan => ({
  seed: 1,
  client: { ...fixedClient, ...client },
  limits,
  usesTopicAliases: false,
  network: { latency, connectDelay: 80, highWaterMark: Infinity },
  cuts: [],
  losesSession: false,
  probeSize: 500,
  steps
})

export const regressions: ReadonlyArray<Regression> = [
  {
    name: "flush waited for ever for a message that was withdrawn before it was sent",
    plan: planOf([
      { at: 598, action: { _tag: "RefuseConnect", times: 3 } },
      { at: 1685, action: { _tag: "ServerDisconnect", reasonCode: 0x81 } },
      {
        at: 1710,
        action: {
          _tag: "Publish",
          topic: "out/a",
          qos: 2,
          size: 10,
          count: 1,
          via: "publish",
          interruptAfter: 200
        }
      },
      { at: 1711, action: { _tag: "Ask", what: "flush" } },
      { at: 2000, action: { _tag: "Ask", what: "brokerUp" } }
    ], { backoff: { first: 80, cap: 1280, isJittered: false } })
  },
  {
    name: "a filter whose UNSUBACK was lost was taken to be there, and who subscribed next got nothing",
    plan: planOf([
      {
        at: 0,
        action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 9, policy: "suspend", lifetime: 300 }
      },
      // The last one to leave has left, and UNSUBSCRIBE has reached the server.
      { at: 1325, action: { _tag: "Fault", fault: { _tag: "Reset" }, target: "open" } },
      { at: 1326, action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 9, policy: "suspend" } },
      { at: 2000, action: { _tag: "Emit", topic: "in/a", qos: 1, size: 10, count: 1 } }
    ])
  },
  {
    name: "a message in flight was sent again to a server whose new limits forbid it, connection after connection",
    plan: planOf([
      { at: 200, action: { _tag: "HoldAcknowledgements" } },
      { at: 210, action: { _tag: "Publish", topic: "out/a", qos: 2, size: 10, count: 1, via: "publish" } },
      { at: 260, action: { _tag: "Restart", keepSessions: true, limits: { maximumQoS: 1 } } },
      { at: 270, action: { _tag: "ReleaseAcknowledgements" } }
    ])
  },
  {
    name: "a filter that was refused when it was asked for again stayed at the server",
    plan: planOf([
      { at: 0, action: { _tag: "Subscribe", filter: "in/#", qos: 1, pace: 0, buffer: 1, policy: "suspend" } },
      { at: 1477, action: { _tag: "RefuseSubscribe", reasonCode: 0x97 } },
      { at: 2884, action: { _tag: "ServerDisconnect", reasonCode: 0x80 } },
      { at: 3090, action: { _tag: "Restart", keepSessions: true } }
    ], { version: "3.1.1" })
  }
]

/**
 * Seeds that once failed and are no plan above: a deadline a fraction of a millisecond away was slept for again and
 * again (21), a message given up under new limits (143), QoS 2 refused and sent again (171), a session in doubt (48),
 * publishes that waited for room when the client was closed (938), what a consumer left overtaken by what came since (3176),
 * QoS 0 sent again although the server had it (3274).
 */
export const seeds: ReadonlyArray<number> = [
  21,
  32,
  43,
  48,
  66,
  76,
  100,
  143,
  171,
  205,
  213,
  278,
  400,
  479,
  938,
  1152,
  3176,
  3274,
  7203
]
