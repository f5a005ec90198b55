import { assert, describe, it } from "@effect/vitest"
import * as Properties from "../../src/protocol/Properties.ts"
import * as ServerLimits from "../../src/protocol/ServerLimits.ts"
import { connack } from "../support/packets.ts"
import { message, subscription } from "./support/session.ts"

const limitsOf = (properties: Properties.Properties) => ServerLimits.fromConnack(connack({ properties }))

const subscribe = (topicFilters: ReadonlyArray<string>, properties = Properties.none) => ({
  subscriptions: topicFilters.map(subscription),
  properties
})

describe("ServerLimits", () => {
  it("R53 R55 R57 R62 R74 a server that announces nothing has the limits of the protocol", () => {
    assert.deepStrictEqual(limitsOf(Properties.none), ServerLimits.none)
    assert.deepStrictEqual(ServerLimits.none, {
      receiveMaximum: 65_535,
      maximumQos: 2,
      retainAvailable: true,
      // Five bytes of fixed header and the largest Remaining Length.
      maximumPacketSize: 5 + 268_435_455,
      topicAliasMaximum: 0,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifierAvailable: true,
      sharedSubscriptionAvailable: true
    })
  })

  it("R53 R55 R57 R62 R74 reads every announcement", () => {
    const announced = {
      receiveMaximum: 7,
      maximumQos: 1,
      retainAvailable: 0,
      maximumPacketSize: 100,
      topicAliasMaximum: 9,
      wildcardSubscriptionAvailable: 0,
      subscriptionIdentifierAvailable: 0,
      sharedSubscriptionAvailable: 0
    } as const
    assert.deepStrictEqual(limitsOf(announced), {
      ...announced,
      retainAvailable: false,
      wildcardSubscriptionAvailable: false,
      subscriptionIdentifierAvailable: false,
      sharedSubscriptionAvailable: false
    })
    const available = {
      retainAvailable: 1,
      wildcardSubscriptionAvailable: 1,
      subscriptionIdentifierAvailable: 1,
      sharedSubscriptionAvailable: 1
    } as const
    assert.deepStrictEqual(limitsOf(available), ServerLimits.none)
  })

  const publishes: ReadonlyArray<
    readonly [
      name: string,
      announced: Properties.Properties,
      publish: Parameters<typeof ServerLimits.checkPublish>[1],
      refused: readonly [limit: ServerLimits.LimitExceeded["limit"], allowed: number, requested: number] | undefined
    ]
  > = [
    ["R53 QoS 2 where 1 is the most", { maximumQos: 1 }, message(2, "a"), ["Maximum QoS", 1, 2]],
    ["R53 QoS 1 where 0 is the most", { maximumQos: 0 }, message(1, "a"), ["Maximum QoS", 0, 1]],
    ["R53 QoS 1 where 1 is the most", { maximumQos: 1 }, message(1, "a"), undefined],
    ["R53 QoS 2 where nothing is said", {}, message(2, "a"), undefined],
    ["R55 RETAIN where it is not available", { retainAvailable: 0 }, message(0, "a", { retain: true }), [
      "Retain Available",
      0,
      1
    ]],
    ["R55 RETAIN where it is available", { retainAvailable: 1 }, message(0, "a", { retain: true }), undefined],
    ["R55 no RETAIN where it is not available", { retainAvailable: 0 }, message(0, "a"), undefined],
    ["R57 a Topic Alias where none is announced", {}, message(0, "a", { properties: { topicAlias: 1 } }), [
      "Topic Alias Maximum",
      0,
      1
    ]],
    [
      "R57 a Topic Alias above the maximum",
      { topicAliasMaximum: 4 },
      message(0, "a", { properties: { topicAlias: 5 } }),
      [
        "Topic Alias Maximum",
        4,
        5
      ]
    ],
    [
      "R57 the largest Topic Alias",
      { topicAliasMaximum: 4 },
      message(0, "a", { properties: { topicAlias: 4 } }),
      undefined
    ]
  ]

  it.each(publishes)("PUBLISH: %s", (_, announced, publish, refused) => {
    const found = ServerLimits.checkPublish(limitsOf(announced), publish)
    assert.deepStrictEqual(
      found,
      refused && { _tag: "LimitExceeded", limit: refused[0], allowed: refused[1], requested: refused[2] }
    )
  })

  const noWildcards = { wildcardSubscriptionAvailable: 0 } as const
  const noShared = { sharedSubscriptionAvailable: 0 } as const
  const noIdentifiers = { subscriptionIdentifierAvailable: 0 } as const
  const identified = { subscriptionIdentifiers: [1] }

  const subscribes: ReadonlyArray<
    readonly [
      name: string,
      announced: Properties.Properties,
      subscribe: Parameters<typeof ServerLimits.checkSubscribe>[1],
      refused: ServerLimits.LimitExceeded["limit"] | undefined
    ]
  > = [
    [
      "R62 a # where wildcards are not available",
      noWildcards,
      subscribe(["a/#"]),
      "Wildcard Subscription Available"
    ],
    ["R62 a + in the second filter", noWildcards, subscribe(["a", "+/b"]), "Wildcard Subscription Available"],
    [
      "R62 a wildcard of a shared subscription",
      noWildcards,
      subscribe(["$share/g/+"]),
      "Wildcard Subscription Available"
    ],
    ["R62 no wildcard", noWildcards, subscribe(["a", "$share/g/b"]), undefined],
    ["R62 a shared subscription", noShared, subscribe(["a", "$share/g/b"]), "Shared Subscription Available"],
    ["R62 a topic that only looks shared", noShared, subscribe(["a/$share/g/b", "#"]), undefined],
    ["R62 an identifier", noIdentifiers, subscribe(["a"], identified), "Subscription Identifier Available"],
    ["R62 no identifier", noIdentifiers, subscribe(["$share/g/+"]), undefined],
    ["R62 everything where nothing is said", {}, subscribe(["$share/g/+", "#"], identified), undefined],
    ["R53 QoS 2 above the Maximum QoS", { maximumQos: 0 }, subscribe(["a"]), undefined]
  ]

  it.each(subscribes)("SUBSCRIBE: %s", (_, announced, subscribe, refused) => {
    assert.strictEqual(ServerLimits.checkSubscribe(limitsOf(announced), subscribe)?.limit, refused)
  })
})
