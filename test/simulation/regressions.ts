/**
 * Runs that once failed, written down as plans, so that they stay the same when the generator of plans changes.
 */
import { type ClientPlan, fixedClient, type Limits, type Plan, type Step } from "./Plan.ts"

interface Regression {
  readonly name: string
  readonly plan: Plan
}

const planOf = (
  steps: ReadonlyArray<Step>,
  client: Partial<ClientPlan> = {},
  { connectDelay = 80, latency = 20, limits = {}, overlappingSubscriptions = "once" }: {
    readonly connectDelay?: number
    readonly latency?: number
    readonly limits?: Limits
    readonly overlappingSubscriptions?: Plan["overlappingSubscriptions"]
  } = {}
): Plan => ({
  seed: 1,
  client: { ...fixedClient, ...client },
  limits,
  usesTopicAliases: false,
  overlappingSubscriptions,
  network: { latency, connectDelay, highWaterMark: Infinity },
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
      { at: 260, action: { _tag: "Restart", keepSessions: true, limits: { maximumQos: 1 } } },
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
  },
  {
    name: "a subscription that lingered when the client was closed was held against it",
    plan: planOf(
      [
        {
          at: 0,
          action: {
            _tag: "Consume",
            filter: "work/#",
            qos: 2,
            concurrency: 3,
            pace: 10,
            buffer: 3,
            onFailure: "acknowledge",
            lifetime: 397
          }
        },
        { at: 3693, action: { _tag: "Restart", keepSessions: false, limits: { receiveMaximum: 2, maximumQos: 1 } } }
      ],
      {
        keepAlive: 60,
        connectTimeout: 900,
        responseTimeout: 900,
        drainTimeout: 100,
        stableAfter: 300
      },
      { connectDelay: 0 }
    )
  },
  {
    name: "without a keep alive, a cut that waited for the next connection made the last one half-open for good",
    plan: planOf(
      [
        { at: 0, action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 3, policy: "suspend" } },
        {
          at: 4458,
          action: {
            _tag: "Fault",
            fault: { _tag: "CutAfter", bytes: 67, direction: "toClient", how: "silence" },
            target: "next"
          }
        }
      ],
      { version: "3.1.1", keepAlive: 0 },
      { latency: 1 }
    )
  },
  {
    name: "QoS 0 that overtook QoS 2 in the window was out of order to who had subscribed at QoS 0",
    plan: planOf([
      { at: 800, action: { _tag: "Subscribe", filter: "out/#", qos: 0, pace: 20, buffer: 3, policy: "suspend" } },
      { at: 2381, action: { _tag: "Publish", topic: "out/b", qos: 2, size: 4, count: 8, via: "publishAsync" } },
      { at: 2538, action: { _tag: "Publish", topic: "out/b", qos: 0, size: 40, count: 1, via: "publish" } }
    ], { maxInFlight: 1 })
  },
  {
    name: "what a consumer left of an earlier connection was given to the next subscriber before what came again",
    plan: planOf([
      {
        at: 0,
        action: {
          _tag: "Consume",
          filter: "work/#",
          qos: 2,
          concurrency: 1,
          pace: 60,
          buffer: 1,
          onFailure: "stop",
          trouble: { every: 1, how: "fail" }
        }
      },
      { at: 190, action: { _tag: "Ask", what: "flush" } },
      { at: 237, action: { _tag: "Emit", topic: "work/a", qos: 1, size: 400, count: 8 } },
      { at: 237, action: { _tag: "Fault", fault: { _tag: "StallWrites" }, target: "open" } },
      { at: 984, action: { _tag: "RefuseConnect", times: 1 } },
      { at: 1024, action: { _tag: "Kick" } },
      { at: 1064, action: { _tag: "RefuseConnect", times: 1 } },
      { at: 2322, action: { _tag: "ServerDisconnect", reasonCode: 0x8d } },
      {
        at: 2472,
        action: {
          _tag: "Subscribe",
          filter: "work/a",
          qos: 1,
          pace: 0,
          buffer: 1,
          policy: "suspend",
          lifetime: 431
        }
      }
    ], {
      session: "cleanStartThenPersistent",
      keepAlive: 60,
      connectTimeout: 900,
      responseTimeout: 900,
      drainTimeout: 500,
      stableAfter: 1500,
      receiveMaximum: 2
    }, { connectDelay: 0, latency: 5 })
  },
  {
    name: "what a consumer left went to one of another filter, for which it was kept as well",
    plan: planOf([
      {
        at: 0,
        action: {
          _tag: "Consume",
          filter: "work/#",
          qos: 2,
          concurrency: 3,
          pace: 0,
          buffer: 3,
          onFailure: "stop",
          trouble: { every: 2, how: "die" }
        }
      },
      {
        at: 4436,
        action: {
          _tag: "Subscribe",
          filter: "work/a",
          qos: 2,
          pace: 0,
          buffer: 1000,
          policy: "suspend",
          lifetime: 69
        }
      },
      { at: 5436, action: { _tag: "Emit", topic: "work/a", qos: 2, size: 10, count: 8 } },
      {
        at: 5743,
        action: { _tag: "Subscribe", filter: "work/a", qos: 1, pace: 300, buffer: 1000, policy: "suspend" }
      }
    ], { version: "3.1.1", session: "persistent", keepAlive: 5, responseTimeout: 150, drainTimeout: 100 })
  },
  {
    name: "the second copy of a message went to those who had the first, as their filter was not granted then",
    plan: planOf([
      {
        at: 0,
        action: {
          _tag: "Consume",
          filter: "work/#",
          qos: 2,
          concurrency: 1,
          pace: 60,
          buffer: 1000,
          onFailure: "stop",
          trouble: { every: 5, how: "fail" }
        }
      },
      { at: 1388, action: { _tag: "Emit", topic: "work/b", qos: 1, size: 40, count: 8 } },
      { at: 2089, action: { _tag: "DelayAnswers", delay: 120 } },
      {
        at: 2489,
        action: {
          _tag: "Subscribe",
          filter: "work/a",
          qos: 2,
          pace: 300,
          buffer: 3,
          policy: "dropNewest",
          lifetime: 460
        }
      },
      { at: 2639, action: { _tag: "Emit", topic: "in/a", qos: 2, size: 150, count: 1 } },
      { at: 2639, action: { _tag: "Restart", keepSessions: true } },
      { at: 2829, action: { _tag: "Emit", topic: "work/a", qos: 2, size: 400, count: 3 } }
    ], {
      session: "persistent",
      keepAlive: 5,
      responseTimeout: 400,
      drainTimeout: 500,
      stableAfter: 0,
      receiveMaximum: 5,
      backoff: { first: 80, cap: 320, isJittered: false }
    }, { overlappingSubscriptions: "each" })
  },
  ...(["3.1.1", "5.0"] as const).map((version): Regression => ({
    name: `a value of QoS 1 that came again behind one of QoS 2 was not to be the latest (${version})`,
    plan: planOf([
      { at: 200, action: { _tag: "Follow", topic: "value/a", qos: 2, returns: 0, away: 0 } },
      { at: 1000, action: { _tag: "EmitTo", topic: "value/a", qos: 1, size: 8, count: 1, retain: true } },
      { at: 1000, action: { _tag: "EmitTo", topic: "value/a", qos: 2, size: 8, count: 1, retain: true } },
      // PUBACK and PUBREC are on their way.
      { at: 1030, action: { _tag: "Kick" } }
    ], { version })
  })),
  {
    name: "who follows a topic that the server refuses to a new session was to have what the server keeps",
    plan: planOf([
      { at: 241, action: { _tag: "Follow", topic: "value/a", qos: 2, returns: 0, away: 0 } },
      { at: 858, action: { _tag: "RefuseSubscribe", reasonCode: 0x80 } },
      { at: 898, action: { _tag: "Restart", keepSessions: false } },
      { at: 1083, action: { _tag: "EmitTo", topic: "value/a", qos: 1, size: 150, count: 1, retain: true } }
    ])
  },
  ...(["3.1.1", "5.0"] as const).map((version): Regression => ({
    name: `a new session whose CONNACK was lost: its QoS 2 message was taken for one of the old session (${version})`,
    plan: planOf([
      {
        at: 0,
        action: {
          _tag: "Consume",
          filter: "work/#",
          qos: 2,
          concurrency: 1,
          pace: 0,
          buffer: 1000,
          onFailure: "acknowledge"
        }
      },
      { at: 1000, action: { _tag: "Emit", topic: "work/a", qos: 2, size: 8, count: 1 } },
      // PUBREC has left.
      {
        at: 1030,
        action: {
          _tag: "Fault",
          fault: { _tag: "CutAfter", bytes: 1, direction: "toClient", how: "reset" },
          target: "next"
        }
      },
      { at: 1030, action: { _tag: "Restart", keepSessions: false } },
      { at: 2000, action: { _tag: "Kick" } },
      { at: 3000, action: { _tag: "Emit", topic: "work/a", qos: 2, size: 8, count: 1 } }
    ], { version })
  }))
]

/**
 * Seeds that once failed and are no plan above: a deadline a fraction of a millisecond away was slept for again and
 * again (21), a message given up under new limits (143), QoS 2 refused and sent again (171), a session in doubt (48),
 * publishes that waited for room when the client was closed (938), what a consumer left overtaken by what came since (3176),
 * QoS 0 sent again although the server had it (3274), and a network in memory that lost bytes from the middle (95623).
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
  7203,
  95623
]

/** Seeds that once failed with the theme or the habits of their server, and why. */
export const themedSeeds: ReadonlyArray<readonly [seed: number, fault: string]> = [
  [2009673, "a message that nobody can tell from one of the session that the server has lost and says to have"],
  [2014338, "a time limit a part of a nanosecond away kept the clock from going on"],
  [3000596, "acknowledgements of a consumer that ended while the network took nothing"],
  [3002527, "a filter came between two copies of a message"],
  [3004294, "a filter came between two copies of a message"],
  [
    4004474,
    "an invariant did not see that a message had come twice, because a Topic Alias stood for its topic the first time"
  ],
  [
    4006114,
    "an invariant did not see that a message had come twice, because a Topic Alias stood for its topic the first time"
  ],
  [
    4011946,
    "an invariant did not see that a message had come twice, because a Topic Alias stood for its topic the first time"
  ],
  [4046173, "a message was handed over again while DISCONNECT was leaving"],
  [4070666, "two workers of a consumer took messages at once, and those of one were lost"],
  [4084411, "two workers of a consumer took messages at once, and those of one were lost"],
  [4098062, "the simulation did not see that the client was over before a step that closed it"],
  [4098512, "the simulation was too slow to let a subscriber end"],
  [5005167, "an invariant did not see that a consumer was still there after its note that it leaves"],
  [5012280, "an invariant did not see that a consumer had begun to leave when its handler failed"],
  [5016522, "an invariant did not see that a consumer had begun to leave when its handler failed"],
  [5022464, "the broker held PUBCOMP back, and answered the PINGREQ behind it"],
  [5035082, "a consumer was not there yet when a QoS 2 message came first"],
  [5039746, "a consumer was not there yet when a QoS 2 message came first"],
  [5048658, "a server that sends again by a timer has an order of its own"],
  [9714, "a message that was sent again had waited since it came first"],
  [43826, "a client that closed while a fiber that subscribed had given way never told it"]
]
