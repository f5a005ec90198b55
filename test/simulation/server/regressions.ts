/**
 * Runs that once failed because of the server's side, the owner of a payload, or bounds in bytes.
 */
import { type ClientPlan, fixedClient, type Plan, type Step } from "../Plan.ts"

const planOf = (
  steps: ReadonlyArray<Step>,
  client: Partial<ClientPlan> = {},
  { highWaterMark = Infinity, latency = 20, limits = {}, server = {} }: {
    readonly highWaterMark?: number
    readonly latency?: number
    readonly limits?: Plan["limits"]
    readonly server?: Plan["server"]
  } = {}
): Plan => ({
  seed: 1,
  client: { ...fixedClient, ...client },
  limits,
  server,
  usesTopicAliases: false,
  overlappingSubscriptions: "once",
  network: { latency, connectDelay: 80, highWaterMark },
  cuts: [],
  losesSession: false,
  probeSize: 500,
  steps
})

export const serverRegressions: ReadonlyArray<{ readonly name: string; readonly plan: Plan }> = [
  {
    name: "QoS 0 that waited while the client itself ended the connection succeeded and was never written",
    plan: planOf([
      { at: 4196, action: { _tag: "HoldAcknowledgements" } },
      { at: 4197, action: { _tag: "Publish", topic: "out/a", qos: 1, size: 40, count: 1, via: "publish" } },
      { at: 4246, action: { _tag: "Fault", fault: { _tag: "StallWrites" }, target: "open" } },
      { at: 4347, action: { _tag: "Publish", topic: "out/b", qos: 0, size: 400, count: 1, via: "publish" } },
      { at: 4634, action: { _tag: "Publish", topic: "out/a", qos: 0, size: 400, count: 1, via: "publish" } }
    ], { drainTimeout: 500 })
  },
  {
    name: "a payload that its owner overwrote after its publish had succeeded went out changed",
    plan: planOf([{
      at: 3008,
      action: { _tag: "Publish", topic: "out/b", qos: 0, size: 40000, count: 1, via: "publishAsync", isReused: true }
    }], {})
  },
  {
    name: "a QoS 1 message that the server repeated before its PUBACK was handled and acknowledged again",
    plan: planOf(
      [{
        at: 0,
        action: {
          _tag: "Consume",
          filter: "work/#",
          qos: 1,
          concurrency: 1,
          pace: 10,
          buffer: 3,
          onFailure: "reject",
          lifetime: 586
        }
      }, { at: 2240, action: { _tag: "Emit", topic: "work/a", qos: 1, size: 4, count: 1 } }],
      {},
      { server: { redelivery: { after: 30, dup: true } } }
    )
  },
  {
    name: "PUBREC 0x91 to a QoS 2 message that was sent again was a refusal, although the server had the message",
    plan: planOf(
      [{ at: 841, action: { _tag: "Publish", topic: "out/b", qos: 2, size: 4, count: 1, via: "publish" } }, {
        at: 861,
        action: { _tag: "Fault", fault: { _tag: "Reset" }, target: "open" }
      }],
      {},
      { server: { reportsIdentifierInUse: true } }
    )
  },
  {
    name: "a message that was sent again had a Topic Alias",
    plan: planOf([{ at: 270, action: { _tag: "Fault", fault: { _tag: "Drop" }, target: "open" } }], {}, {
      limits: { topicAliasMaximum: 5 }
    })
  },
  {
    name: "a message was given up because the client's own timeout had ended five connections",
    plan: planOf(
      [{ at: 300, action: { _tag: "HoldAcknowledgements" } }, {
        at: 399,
        action: { _tag: "Publish", topic: "out/a", qos: 1, size: 40, count: 1, via: "publish" }
      }, { at: 4653, action: { _tag: "ReleaseAcknowledgements" } }],
      { quarantines: true },
      { server: { isCalm: true } }
    )
  },
  {
    name: "a server that hung up on a PUBREL ended one connection after another, and innocent messages were given up",
    plan: planOf(
      [{ at: 0, action: { _tag: "HangUpOn", packet: "Pubrel", topic: "poison" } }, {
        at: 457,
        action: { _tag: "Publish", topic: "poison", qos: 2, size: 40, count: 1, via: "publish" }
      }],
      { quarantines: true },
      { server: { isCalm: true, poison: { packet: "Pubrel", topic: "poison" } } }
    )
  },
  {
    name:
      "a server that hung up on an UNSUBSCRIBE ended one connection after another, and innocent messages were given up",
    plan: planOf([{ at: 0, action: { _tag: "HangUpOn", packet: "Unsubscribe", topic: "poison" } }, {
      at: 34,
      action: { _tag: "Subscribe", filter: "poison", qos: 1, pace: 0, buffer: 1000, policy: "suspend", lifetime: 292 }
    }, { at: 1487, action: { _tag: "Publish", topic: "out/a", qos: 2, size: 40, count: 1, via: "publish" } }], {
      quarantines: true
    }, { server: { isCalm: true, poison: { packet: "Unsubscribe", topic: "poison" } } })
  },
  {
    name: "a QoS 2 message under an identifier of a program that had died before was lost, and its publish succeeded",
    plan: planOf(
      [{ at: 1498, action: { _tag: "Publish", topic: "out/a", qos: 2, size: 40, count: 1, via: "publish" } }],
      {},
      { server: { unfinishedBefore: 2 } }
    )
  },
  {
    name:
      "a new message under an identifier of a program that had died before was judged as one sent again out of order",
    plan: planOf(
      [
        { at: 2200, action: { _tag: "HoldAcknowledgements" } },
        { at: 2300, action: { _tag: "Publish", topic: "out/a", qos: 1, size: 8, count: 1, via: "publish" } },
        { at: 2400, action: { _tag: "Kick" } },
        { at: 2450, action: { _tag: "ReleaseAcknowledgements" } },
        { at: 2700, action: { _tag: "Publish", topic: "out/b", qos: 1, size: 8, count: 2, via: "publish" } }
      ],
      {},
      { server: { unfinishedBefore: 3 } }
    )
  },
  {
    name: "a server that sent a little more than the Receive Maximum was left",
    plan: planOf(
      [{ at: 0, action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 1000, policy: "suspend" } }, {
        at: 307,
        action: { _tag: "Emit", topic: "in/a", qos: 1, size: 4, count: 20 }
      }],
      { receiveMaximum: 5 },
      { server: { receiveMaximumExcess: 3 } }
    )
  },
  {
    name: "a message with another client's Subscription Identifier reached nobody",
    plan: planOf([{
      at: 0,
      action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 1000, policy: "suspend" }
    }, { at: 1037, action: { _tag: "Stray", topic: "in/a", qos: 2, size: 400, count: 1, identifier: 200000001 } }], {})
  },
  {
    name: "filters that were left together stayed on a server whose Maximum Packet Size their UNSUBSCRIBE exceeded",
    plan: planOf(
      [
        {
          at: 100,
          action: {
            _tag: "Subscribe",
            filter: "many/filters/number/3",
            qos: 1,
            pace: 0,
            buffer: 1000,
            policy: "suspend",
            lifetime: 333
          }
        },
        {
          at: 100,
          action: {
            _tag: "Subscribe",
            filter: "many/filters/number/4",
            qos: 1,
            pace: 0,
            buffer: 1000,
            policy: "suspend",
            lifetime: 333
          }
        },
        {
          at: 100,
          action: {
            _tag: "Subscribe",
            filter: "many/filters/number/5",
            qos: 1,
            pace: 0,
            buffer: 1000,
            policy: "suspend",
            lifetime: 333
          }
        },
        { at: 339, action: { _tag: "RefuseConnect", times: 4 } },
        { at: 433, action: { _tag: "Kick" } },
        { at: 2563, action: { _tag: "Publish", topic: "out/a", qos: 0, size: 4, count: 1, via: "publish" } }
      ],
      {},
      { limits: { maximumPacketSize: 60 } }
    )
  },
  {
    name: "QoS 0 messages beside a full buffer had no bound in bytes while an answer was owed",
    plan: planOf(
      [
        {
          at: 0,
          action: {
            _tag: "Subscribe",
            filter: "in/#",
            qos: 0,
            pace: 300,
            buffer: 1000,
            bufferBytes: 3000,
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
            pace: 3000,
            buffer: 1000,
            bufferBytes: 3000,
            policy: "suspend",
            onFailure: "stop"
          }
        },
        { at: 1771, action: { _tag: "Emit", topic: "work/a", qos: 0, size: 400, count: 8, properties: 1000 } },
        { at: 1790, action: { _tag: "Emit", topic: "work/a", qos: 0, size: 10, count: 8, properties: 1000 } },
        { at: 1846, action: { _tag: "Emit", topic: "in/a", qos: 0, size: 10, count: 8, properties: 1000 } },
        { at: 2060, action: { _tag: "Emit", topic: "work/a", qos: 0, size: 10, count: 8, properties: 1000 } },
        { at: 2081, action: { _tag: "Emit", topic: "in/a", qos: 0, size: 10, count: 8, properties: 1000 } },
        { at: 2139, action: { _tag: "Emit", topic: "in/a", qos: 0, size: 400, count: 8, properties: 1000 } }
      ],
      {},
      { server: { isBoundedInBytes: true } }
    )
  },
  {
    name: "User Properties did not count in the outbox",
    plan: planOf(
      [{
        at: 1536,
        action: { _tag: "Publish", topic: "out/a", qos: 2, size: 4, count: 8, via: "publish", properties: 1000 }
      }],
      { outbox: { messages: 1000, bytes: 3000, policy: "suspend" } },
      { server: { isBoundedInBytes: true } }
    )
  },
  {
    name: "an empty Response Topic of another client ended every connection",
    plan: planOf(
      [{ at: 0, action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 1000, policy: "suspend" } }, {
        at: 1305,
        action: { _tag: "Emit", topic: "in/a", qos: 2, size: 40, count: 1, oddity: "emptyResponseTopic" }
      }],
      {}
    )
  },
  {
    name: "a message above the Maximum Packet Size ended every connection of a 3.1.1 client",
    plan: planOf([{
      at: 0,
      action: { _tag: "Consume", filter: "work/#", qos: 2, concurrency: 1, pace: 0, buffer: 1000, onFailure: "stop" }
    }, { at: 2275, action: { _tag: "Emit", topic: "work/a", qos: 2, size: 3000, count: 1 } }], {
      version: "3.1.1",
      maximumPacketSize: 1000
    })
  },
  {
    name: "cleanStartThenPersistent in 3.1.1 never got past a server that limits the rate of CONNECT",
    plan: planOf([], { version: "3.1.1", session: "cleanStartThenPersistent" }, {
      server: { minimumConnectInterval: 2000 }
    })
  },
  {
    name: "a ping that nobody answered did not end the connection before the Keep Alive did",
    plan: planOf([{ at: 2874, action: { _tag: "Fault", fault: { _tag: "Drop" }, target: "open" } }, {
      at: 40000,
      action: { _tag: "Ask", what: "flush" }
    }], { keepAlive: 60, pingInterval: 500 })
  },
  {
    name: "a message that nobody subscribed to held up the others of a server with few in flight, and nobody was told",
    plan: planOf(
      [
        { at: 0, action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 1000, policy: "suspend" } },
        {
          at: 1628,
          action: { _tag: "Subscribe", filter: "left/#", qos: 2, pace: 0, buffer: 1, policy: "suspend", lifetime: 361 }
        },
        { at: 2120, action: { _tag: "Stray", topic: "left/a", qos: 1, size: 4, count: 8 } },
        { at: 3917, action: { _tag: "Emit", topic: "in/b", qos: 1, size: 4, count: 3 } }
      ],
      {},
      { server: { isCalm: true, maximumInflightMessages: 2 } }
    )
  },
  {
    name: "QoS 0 messages of a filter that was left a moment ago stopped every subscription",
    plan: planOf(
      [{ at: 0, action: { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 1000, policy: "suspend" } }, {
        at: 200,
        action: {
          _tag: "Subscribe",
          filter: "left/#",
          qos: 1,
          pace: 0,
          buffer: 1000,
          policy: "suspend",
          lifetime: 260
        }
      }, { at: 477, action: { _tag: "Emit", topic: "left/a", qos: 0, size: 40, count: 8 } }],
      { receiveMaximum: 2 },
      { latency: 1, server: { isCalm: true } }
    )
  }
]
