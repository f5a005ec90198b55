import { assert, describe, it } from "@effect/vitest"
import type * as Packet from "../../src/protocol/Packet.ts"
import type { MemoryBroker } from "../../src/testing/index.ts"
import { subscriptionProblems } from "./invariants/subscriptions.ts"
import * as Observations from "./Observations.ts"
import * as Plan from "./Plan.ts"

const closedAt = 10_000

/** A client whose subscribers of `t` left at these moments, and that was closed unless said otherwise. */
const observed = (
  left: ReadonlyArray<number>,
  { isClosed = true, reason, session = "persistent" }: {
    readonly isClosed?: boolean
    readonly reason?: string
    readonly session?: Plan.ClientPlan["session"]
  } = {}
): Observations.Observations => {
  const plan = Plan.make(1)
  const observations = Observations.make({ ...plan, steps: [], client: { ...Plan.fixedClient, session } })
  observations.subscribers.push(...left.map((at, number): Observations.Subscriber => ({
    number,
    kind: "subscribe",
    filter: "t",
    qos: 1,
    buffer: 1,
    bufferBytes: undefined,
    policy: "suspend",
    concurrency: 1,
    askedAt: 0,
    grantedAt: 1,
    granted: 1,
    end: { how: reason === undefined ? "succeeded" : "failed", reason, at },
    largestChunk: 0
  })))
  if (isClosed) observations.closedAt = closedAt
  return observations
}

const unwanted = ["the broker has t and nobody wants it"]

describe("invariant 14: a subscription that nobody wants any more", () => {
  it("may linger when its last subscriber left within a second of the client's end", () => {
    assert.deepStrictEqual(subscriptionProblems(observed([closedAt - 1000]), ["t"]), [])
    assert.deepStrictEqual(subscriptionProblems(observed([5000, closedAt - 1]), ["t"]), [])
  })

  it("is one too many when its last subscriber left earlier", () => {
    assert.deepStrictEqual(subscriptionProblems(observed([closedAt - 1001]), ["t"]), unwanted)
  })

  it("is one too many while the client lives", () => {
    assert.deepStrictEqual(subscriptionProblems(observed([closedAt], { isClosed: false }), ["t"]), unwanted)
  })

  it("is one too many in a session that ends with the connection", () => {
    assert.deepStrictEqual(subscriptionProblems(observed([closedAt - 1], { session: "clean" }), ["t"]), unwanted)
  })

  it("is one too many when the server had refused it", () => {
    const refused = observed([closedAt - 1], { reason: "SubscribeRefused" })
    assert.deepStrictEqual(subscriptionProblems(refused, ["t"]), unwanted)
  })

  it("is one too many when it was never asked for", () => {
    assert.deepStrictEqual(subscriptionProblems(observed([closedAt - 1]), ["t", "u"]), [
      "the broker has u and nobody wants it"
    ])
  })
})

describe("the packets of a run", () => {
  const passed = (
    connection: number,
    direction: "received" | "sent",
    packet: Partial<Packet.Publish>
  ): MemoryBroker.Passed => ({
    at: 0,
    connection,
    clientId: "c",
    direction,
    packet: {
      _tag: "Publish",
      topic: "",
      payload: new Uint8Array(),
      qos: 0,
      retain: false,
      dup: false,
      packetIdentifier: 0,
      properties: {},
      ...packet
    }
  })

  it("have the Topic Name that a Topic Alias of their connection and direction stands for", () => {
    const alias = { properties: { topicAlias: 1 } }
    const packets = Observations.withTopicNames([
      passed(1, "sent", { topic: "a", ...alias }),
      passed(1, "sent", alias),
      passed(1, "received", alias),
      passed(2, "sent", alias),
      passed(1, "sent", { topic: "b", ...alias }),
      passed(1, "sent", alias),
      passed(1, "sent", { topic: "c" })
    ])
    assert.deepStrictEqual(
      packets.map(({ packet }) => packet._tag === "Publish" ? packet.topic : packet._tag),
      ["a", "a", "", "", "b", "b", "c"]
    )
  })
})
