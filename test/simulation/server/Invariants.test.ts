import { assert, describe, it } from "@effect/vitest"
import * as Encoder from "../../../src/protocol/Encoder.ts"
import type { Packet, Qos, Sender } from "../../../src/protocol/Packet.ts"
import { type RuleName, ruleOf } from "../../../src/testing/broker/Violations.ts"
import type { MemoryBroker } from "../../../src/testing/index.ts"
import { connectPacket, publish } from "../../support/packets.ts"
import { acknowledge } from "../../testing/RawClient.ts"
import type { Ended } from "../Ended.ts"
import { judge } from "../invariants.ts"
import { blameIsDeserved } from "../invariants/blame.ts"
import { bytesBounded } from "../invariants/bytes.ts"
import { letIn, nobodyWaits, noConnectionEnded } from "../invariants/otherClients.ts"
import { repeatedIsOneMessage } from "../invariants/redelivery.ts"
import { handedToTheNetwork, noAliasWhenSentAgain, payloadsAreAsGiven } from "../invariants/writing.ts"
import * as Observations from "../Observations.ts"
import * as Plan from "../Plan.ts"
import * as World from "../World.ts"
import type { ServerPlan } from "./ServerPlan.ts"
import * as Tape from "./Tape.ts"

const observed = (server: ServerPlan = {}, client: Partial<Plan.ClientPlan> = {}): Observations.Observations =>
  Observations.make({ ...Plan.make(1), steps: [], server, client: { ...Plan.fixedClient, ...client } })

const ended = (how: Ended["how"], reason?: string): Ended => ({ how, reason, at: 100 })

const published = (
  id: number,
  qos: Qos,
  end: Ended,
  fields: Partial<Observations.Published> = {}
): Observations.Published => ({
  id,
  topic: "out/a",
  qos,
  size: 4,
  cost: 9,
  whenOffline: undefined,
  askedAt: 0,
  order: id,
  isAlone: true,
  takenAt: undefined,
  end,
  ...fields
})

const emitted = (id: number, at: number, owedAt: Qos, cost = 9): Observations.Emitted => ({
  id,
  topic: "in/a",
  cost,
  at,
  mayBeDropped: false,
  owedAt,
  owedFor: new Map([["in/#", owedAt]])
})

const subscriber = (fields: Partial<Observations.Subscriber> = {}): Observations.Subscriber => ({
  number: 0,
  kind: "subscribe",
  filter: "in/#",
  qos: 2,
  buffer: 1,
  bufferBytes: 100,
  policy: "suspend",
  concurrency: 1,
  askedAt: 0,
  grantedAt: 0,
  granted: 2,
  end: undefined,
  largestChunk: 0,
  ...fields
})

const received = (id: number, at: number, qos: Qos = 1): Observations.Received => ({
  subscriber: 0,
  id,
  topic: "in/a",
  qos,
  at,
  doneAt: at,
  how: "succeeded"
})

const attempt = (fields: Partial<Observations.Attempt> = {}): Observations.Attempt => ({
  startedAt: 0,
  openedAt: 0,
  endedAt: 100,
  acceptedAt: 0,
  sessionPresent: false,
  endedBy: undefined,
  tape: Tape.make(),
  ...fields
})

const accepted = (text: string, topic = "out/a"): MemoryBroker.Message => ({
  topic,
  payload: new TextEncoder().encode(text),
  text,
  qos: 0,
  retain: false,
  properties: {},
  clientId: "client",
  acceptedAt: 50
})

const bytesOf = (packet: Packet, sender: Sender): Uint8Array => {
  const bytes = Encoder.toBytes(packet, { protocolVersion: "5.0", sender })
  if (bytes instanceof Uint8Array) return bytes
  throw new Error(bytes.message)
}

/** What the client read and wrote, in this order. */
/** One after the other, ten milliseconds apart. */
const taped = (...packets: ReadonlyArray<readonly ["read" | "wrote", Packet]>): Tape.Tape => {
  const tape = Tape.make()
  for (const [index, [direction, packet]] of packets.entries()) {
    tape.pieces.push({ direction, bytes: bytesOf(packet, direction === "read" ? "server" : "client"), at: 10 * index })
  }
  return tape
}

const connectWritten = ["wrote", connectPacket("5.0")] as const

describe("invariant 22: QoS 0 that succeeded was handed to the network whole", () => {
  it("is so when the broker has it, or when all of it was written", () => {
    const observations = observed()
    observations.published.push(published(1, 0, ended("succeeded")), published(2, 0, ended("succeeded")))
    observations.accepted = [accepted("1 ..")]
    observations.attempts.push(
      attempt({ tape: taped(connectWritten, ["wrote", publish("out/a", { text: "2 .." })]) })
    )
    assert.deepStrictEqual([...handedToTheNetwork(observations)], [])
  })

  it("is not so when a byte of it is missing", () => {
    const observations = observed()
    observations.published.push(published(2, 0, ended("succeeded")), published(3, 0, ended("failed", "ConnectionLost")))
    const tape = taped(connectWritten)
    const bytes = bytesOf(publish("out/a", { text: "2 .." }), "client")
    tape.pieces.push({ direction: "wrote", bytes: bytes.subarray(0, -1), at: 0 })
    observations.attempts.push(attempt({ tape }))
    assert.deepStrictEqual([...handedToTheNetwork(observations)], [
      "message 2 (QoS 0) succeeded at 100 and was never written"
    ])
  })
})

describe("invariant 23: payloads are as they were given, and nothing is sent again with an alias", () => {
  it("a payload that nobody gave is told", () => {
    const observations = observed()
    observations.published.push(published(1, 1, ended("succeeded")))
    observations.accepted = [accepted("1 .."), accepted("1 XX"), accepted("gone", "will")]
    assert.deepStrictEqual([...payloadsAreAsGiven(observations)], [
      "at 50 the broker accepted \"1 XX\" to out/a, which nobody published"
    ])
  })

  it("a Topic Alias is for what is sent the first time", () => {
    const observations = observed()
    const packet = { ...publish("a", { qos: 1, packetIdentifier: 1 }), properties: { topicAlias: 3 } }
    const passed = { at: 7, connection: 2, clientId: "client", direction: "received" } as const
    observations.packets = [{ ...passed, packet }, { ...passed, packet: { ...packet, dup: true } }]
    assert.deepStrictEqual([...noAliasWhenSentAgain(observations)], [
      "at 7, connection 2: a message is sent again with Topic Alias 3"
    ])
  })
})

describe("invariant 24: what is kept is bounded in bytes", () => {
  const judge = (observations: Observations.Observations, outboxMessages: number, bufferMessages: number) => [
    ...bytesBounded({
      plan: observations.plan,
      at: 0,
      stats: { outboxMessages, bufferMessages } as Observations.Moment["stats"],
      state: { _tag: "Connecting", attempt: 1 },
      open: 1,
      isAtRest: false,
      returning: 0,
      limits: {},
      observations
    })
  ]
  const small = { outbox: { messages: 1000, bytes: 500, policy: "suspend" } } as const

  it("of the outbox, and one message more", () => {
    const observations = observed({ isBoundedInBytes: true }, small)
    observations.published.push(published(1, 1, ended("succeeded"), { cost: 300 }))
    assert.deepStrictEqual(judge(observations, 2, 0), [])
    assert.deepStrictEqual(judge(observations, 3, 0), ["messages of 900 bytes in an outbox for 500"])
  })

  it("of the buffers, as much beside them, and what one read brings", () => {
    const observations = observed({ isBoundedInBytes: true }, small)
    observations.emitted.push(emitted(1, 0, 0, 100))
    observations.subscribers.push(subscriber({ buffer: 10 }), subscriber({ number: 1, end: ended("succeeded") }))
    assert.deepStrictEqual(judge(observations, 0, 4), [])
    assert.deepStrictEqual(judge(observations, 0, 5), [
      "messages of 500 bytes wait for subscribers with buffers for 400"
    ])
    const tape = Tape.make()
    tape.largestRead.bytes = 100
    observations.attempts.push(attempt({ tape }))
    assert.deepStrictEqual(judge(observations, 0, 5), [])
  })

  it("in messages too", () => {
    const observations = observed({ isBoundedInBytes: true }, small)
    observations.emitted.push(emitted(1, 0, 0, 1))
    observations.subscribers.push(subscriber({ buffer: 2 }))
    assert.deepStrictEqual(judge(observations, 0, 4), [])
    assert.deepStrictEqual(judge(observations, 0, 5), ["5 messages wait for subscribers with room for 4"])
  })
})

describe("invariant 25: QoS 1 that is repeated is one message until its PUBACK", () => {
  const message = publish("in/a", { text: "8 ..", qos: 1, packetIdentifier: 3 })
  const again = { ...message, dup: true }
  const observedWith = (...packets: ReadonlyArray<readonly ["read" | "wrote", Packet]>) => {
    const observations = observed({ redelivery: { after: 30, dup: true } })
    observations.subscribers.push(subscriber())
    observations.attempts.push(attempt({ tape: taped(connectWritten, ...packets) }))
    return observations
  }
  const puback = ["wrote", acknowledge("Puback", 3)] as const

  it("and another one after it", () => {
    const once = observedWith(["read", message], ["read", again], puback)
    once.received.push(received(8, 10))
    assert.deepStrictEqual([...repeatedIsOneMessage(once)], [])
    const twice = observedWith(["read", message], puback, ["read", again], puback)
    twice.received.push(received(8, 10), received(8, 20))
    assert.deepStrictEqual([...repeatedIsOneMessage(twice)], [])
  })

  it("a second PUBACK and a second hand-over are told", () => {
    const observations = observedWith(["read", message], ["read", again], puback, puback)
    observations.received.push(received(8, 10), received(8, 20))
    assert.deepStrictEqual([...repeatedIsOneMessage(observations)], [
      "at 40, attempt 1: PUBACK 3 is written again",
      "message 8 to subscriber 0 was handed over 2 times, and was sent anew 1 times"
    ])
  })
})

describe("invariant 26: what is blamed for ending connections is what ended them", () => {
  const poison = { packet: "Publish", topic: "poison" } as const
  const seenOn = (connections: number) =>
    Array.from({ length: connections }, (_, index): MemoryBroker.Passed => ({
      at: 0,
      connection: index + 1,
      clientId: "client",
      direction: "received",
      packet: publish("poison", { qos: 1, packetIdentifier: 1 })
    }))

  it("and only that", () => {
    const observations = observed({ isCalm: true, poison }, { quarantines: true })
    observations.published.push(published(1, 1, ended("failed", "Quarantined"), { topic: "poison" }))
    observations.packets = seenOn(5)
    assert.deepStrictEqual([...blameIsDeserved(observations)], [])
    observations.published.push(published(2, 1, ended("failed", "Quarantined")))
    assert.deepStrictEqual([...blameIsDeserved(observations)], [
      "message 2 to out/a is blamed, and the server hangs up on Publish poison"
    ])
  })

  it("nobody, where the server hangs up on nothing", () => {
    const observations = observed({ isCalm: true }, { quarantines: true })
    observations.subscribers.push(subscriber({ end: ended("failed", "Quarantined") }))
    assert.deepStrictEqual([...blameIsDeserved(observations)], [
      "subscriber 0 to in/# is blamed, and the server hangs up on nothing"
    ])
  })

  it("soon", () => {
    const observations = observed({ isCalm: true, poison }, { quarantines: true })
    observations.packets = seenOn(9)
    assert.deepStrictEqual([...blameIsDeserved(observations)], ["Publish poison ended 9 connections"])
  })
})

describe("invariant 27: nothing that others publish ends a connection", () => {
  it("the client ends one for what the server alone answers for", () => {
    const observations = observed()
    observations.attempts.push(attempt({ endedBy: "ConnectionLost" }), attempt({ endedBy: "ProtocolViolation" }))
    assert.deepStrictEqual([...noConnectionEnded(observations)], [
      "attempt 2 was ended by the client at 100: ProtocolViolation"
    ])
  })
})

describe("invariant 28: a server that limits the rate of CONNECT is reached", () => {
  it("is not when no attempt was ever let in", () => {
    const observations = observed({ minimumConnectInterval: 1000 })
    observations.attempts.push(attempt({ acceptedAt: undefined }))
    assert.lengthOf([...letIn(observations)], 1)
    observations.attempts.push(attempt())
    assert.deepStrictEqual([...letIn(observations)], [])
  })
})

describe("invariant 29: nobody waits because of messages that are not for them", () => {
  const waiting = (steps: ReadonlyArray<Plan.Step> = []) => {
    const observations = observed({ isCalm: true })
    const withSteps = { ...observations, plan: { ...observations.plan, steps } }
    withSteps.subscribers.push(subscriber())
    withSteps.emitted.push(emitted(1, 1000, 1))
    return withSteps
  }
  const stray: Plan.Step = {
    at: 0,
    action: { _tag: "Stray", topic: "left/a", qos: 1, size: 4, count: 1 }
  }

  it("longer than a moment", () => {
    const observations = waiting()
    observations.received.push(received(1, 21_000))
    assert.deepStrictEqual([...nobodyWaits(observations)], [])
    observations.received.splice(0, 1, received(1, 21_001))
    assert.lengthOf([...nobodyWaits(observations)], 1)
  })

  it("unless the client says that messages are kept for somebody", () => {
    const observations = waiting([stray])
    observations.received.push(received(1, 60_000))
    assert.lengthOf([...nobodyWaits(observations)], 1)
    observations.unwellAt.push(30_000)
    assert.deepStrictEqual([...nobodyWaits(observations)], [])
  })
})

describe("the identifiers of a program that died before", () => {
  const noted: ReadonlyArray<RuleName> = ["identifierInUse", "changedOnResend", "dupMissing", "resendOrder"]

  /** What is held against the client when the broker notes these rules at each of two PUBLISH under one identifier. */
  const heldAgainst = (packetIdentifier: number): ReadonlyArray<readonly [at: number, description: string]> => {
    const observations = observed({ unfinishedBefore: 2 })
    observations.packets = [100, 200].map((at) => ({
      at,
      connection: 1,
      clientId: "client",
      direction: "received",
      packet: publish("out/a", { qos: 1, packetIdentifier })
    }))
    observations.brokerViolations = [100, 200].flatMap((at) =>
      noted.map((name) => {
        const { description } = ruleOf(name)
        return { label: "", version: "5.0" as const, description, clientId: "client", connection: 1, at }
      })
    )
    return [100, 200].flatMap((at) =>
      judge(observations).flatMap(({ description }) => {
        const name = noted.find((name) =>
          description.startsWith(`at ${at}, `) && description.includes(ruleOf(name).description)
        )
        return name === undefined ? [] : [[at, name] as const]
      })
    )
  }

  const all = (at: number) => noted.map((name) => [at, name] as const)

  it("are in nobody's memory when the first message takes one over, and only then", () => {
    assert.sameDeepMembers([...heldAgainst(2)], [[100, "resendOrder"], ...all(200)])
  })

  it("are those that it used", () => {
    assert.sameDeepMembers([...heldAgainst(3)], [...all(100), ...all(200)])
  })

  for (const latency of [5, 40]) {
    it(`are left behind, however long the network takes: ${latency} ms`, async () => {
      const plan = {
        ...Plan.make(1),
        client: Plan.fixedClient,
        limits: {},
        network: { latency, connectDelay: 80, highWaterMark: Infinity },
        cuts: [],
        losesSession: false,
        server: { unfinishedBefore: 2 },
        steps: [{ at: 3000, action: { _tag: "Publish", topic: "out/a", qos: 1, size: 8, count: 2, via: "publish" } }]
      } satisfies Plan.Plan
      const { observations } = await World.run(plan)
      const changed = observations.brokerViolations.filter(({ description }) =>
        description === ruleOf("changedOnResend").description
      )
      assert.lengthOf(changed, 2)
    })
  }
})
