import { assert, describe, it } from "@effect/vitest"
import * as Encoder from "../../../src/protocol/Encoder.ts"
import type { Packet } from "../../../src/protocol/Packet.ts"
import { none } from "../../../src/protocol/Properties.ts"
import type { MemoryBroker } from "../../../src/testing/index.ts"
import {
  acknowledgedWhenHandled,
  answersReachWhoAsked,
  consumersEndAsTold,
  deadLettersStay,
  grantedByItsOwn,
  handledOnce,
  latestValues,
  missing,
  nobodyWaitsForEver,
  nobodyWaitsForOthers,
  optionsOfThePresent,
  refusedAlone,
  subscriptionsOfCalls
} from "../invariants/calls.ts"
import * as Observations from "../Observations.ts"
import * as Plan from "../Plan.ts"
import * as Tape from "../server/Tape.ts"
import type { Guest, Taken } from "./Seen.ts"

const latency = 20

/** A calm run with one connection that lives from 100 to 10,000. */
const observed = (): Observations.Observations => {
  const plan: Plan.Plan = {
    ...Plan.make(8),
    steps: [],
    limits: {},
    client: Plan.fixedClient,
    network: { latency, connectDelay: 0, highWaterMark: Infinity },
    isCalm: true
  }
  const observations = Observations.make(plan)
  observations.attempts.push({
    startedAt: 0,
    openedAt: 0,
    endedAt: 10_000,
    acceptedAt: 100,
    sessionPresent: false,
    endedBy: undefined,
    tape: Tape.make()
  })
  observations.closedAt = 10_000
  return observations
}

const at = (time: number) => ({ at: time, order: time })
const over = { how: "succeeded", reason: undefined, at: 10_000 } as const

const enter = (
  observations: Observations.Observations,
  fields: Partial<Guest> & { readonly asked: Guest["asked"] }
): Guest => {
  const guest: Guest = {
    number: observations.seen.guests.length,
    kind: "Join",
    filters: ["call/a"],
    wish: { qos: 1 },
    buffer: 1000,
    policy: "suspend",
    pace: 0,
    onFailure: undefined,
    runs: 1,
    granted: undefined,
    grantedQos: [1],
    left: undefined,
    gone: undefined,
    isSentAway: false,
    end: over,
    runEnds: [],
    ...fields
  }
  observations.seen.guests.push(guest)
  return guest
}

const pass = (
  observations: Observations.Observations,
  ...passed: ReadonlyArray<readonly [time: number, direction: "received" | "sent", packet: Packet]>
): void => {
  observations.packets = passed.map(([time, direction, packet]): MemoryBroker.Passed => ({
    at: time,
    connection: 1,
    clientId: "client",
    direction,
    packet
  }))
}

const subscribe = (packetIdentifier: number, qos: 0 | 1 | 2, retainHandling: 0 | 1 | 2 = 0): Packet => ({
  _tag: "Subscribe",
  packetIdentifier,
  subscriptions: [{ topicFilter: "call/a", qos, noLocal: false, retainAsPublished: false, retainHandling }],
  properties: none
})
const suback = (packetIdentifier: number, reasonCode: 0 | 1 | 2 | 0x87): Packet => ({
  _tag: "Suback",
  packetIdentifier,
  reasonCodes: [reasonCode],
  properties: none
})
const publish = (id: number, qos: 0 | 1 | 2 = 1, topic = "call/work"): Packet => ({
  _tag: "Publish",
  topic,
  payload: new TextEncoder().encode(`${id} `),
  qos,
  retain: false,
  dup: false,
  packetIdentifier: qos === 0 ? 0 : id,
  properties: none
})
const puback = (id: number): Packet => ({ _tag: "Puback", packetIdentifier: id, reasonCode: 0, properties: none })

const take = (
  observations: Observations.Observations,
  fields: Pick<Taken, "guest" | "id" | "order"> & Partial<Taken>
): void => {
  const { order } = fields
  observations.seen.taken.push({
    run: 0,
    topic: "call/work",
    qos: 1,
    at: order,
    done: at(order + 10),
    how: "succeeded",
    ...fields
  })
}

const emit = (observations: Observations.Observations, id: number, time: number, topic = "call/a"): void => {
  observations.seen.emitted.push({ id, topic, qos: 1, ...at(time) })
}

const isBroken = (problems: Iterable<string>): boolean => [...problems].length > 0

describe("invariant 16: a subscriber is granted by a SUBACK to a request of its own", () => {
  it("and not by that of one who has left", () => {
    const observations = observed()
    enter(observations, { asked: at(200), granted: at(240), left: at(250) })
    pass(observations, [220, "received", subscribe(1, 1)], [220, "sent", suback(1, 1)])
    assert.isFalse(isBroken(grantedByItsOwn(observations)))
    enter(observations, { asked: at(251), granted: at(251) })
    assert.isTrue(isBroken(grantedByItsOwn(observations)))
  })

  it("or by that of one who is still there", () => {
    const observations = observed()
    enter(observations, { asked: at(200), granted: at(240) })
    enter(observations, { asked: at(251), granted: at(251) })
    pass(observations, [220, "received", subscribe(1, 1)], [220, "sent", suback(1, 1)])
    assert.isFalse(isBroken(grantedByItsOwn(observations)))
  })

  it("and not without a connection", () => {
    const observations = observed()
    enter(observations, { asked: at(50), granted: at(50) })
    assert.isTrue(isBroken(grantedByItsOwn(observations)))
  })

  it("and the refusal of a higher QoS is nobody else's", () => {
    const observations = observed()
    const refused = { how: "failed", reason: "SubscribeRefused", at: 400 } as const
    enter(observations, { asked: at(300), wish: { qos: 2 }, end: refused })
    assert.isFalse(isBroken(refusedAlone(observations)))
    enter(observations, { asked: at(200), granted: at(240), end: refused })
    assert.isTrue(isBroken(refusedAlone(observations)))
  })
})

describe("invariant 17: the options of a subscription are those of its present subscribers", () => {
  const held = (qos: 0 | 1 | 2, noLocal = false) => [
    { topicFilter: "call/a", qos, noLocal, retainAsPublished: false, retainHandling: 0 } as const
  ]

  it("at rest", () => {
    const observations = observed()
    enter(observations, { asked: at(200), left: at(300), wish: { qos: 2 } })
    enter(observations, { asked: at(301) })
    assert.isEmpty(subscriptionsOfCalls(observations, held(1)))
    assert.isNotEmpty(subscriptionsOfCalls(observations, held(2)))
    assert.isNotEmpty(subscriptionsOfCalls(observations, held(1, true)))
    assert.isNotEmpty(subscriptionsOfCalls(observations, []))
  })

  it("though one that was shared with somebody who asked for more may keep that", () => {
    const observations = observed()
    enter(observations, { asked: at(200), left: at(300), wish: { qos: 2 } })
    enter(observations, { asked: at(250) })
    assert.isEmpty(subscriptionsOfCalls(observations, held(2)))
  })

  it("in every SUBSCRIBE", () => {
    const observations = observed()
    enter(observations, { asked: at(200), wish: { qos: 1, retainHandling: 1 } })
    pass(observations, [220, "received", subscribe(1, 1, 1)])
    assert.isFalse(isBroken(optionsOfThePresent(observations)))
    pass(observations, [220, "received", subscribe(1, 1, 0)])
    assert.isTrue(isBroken(optionsOfThePresent(observations)))
  })

  it("and only those who are there can be in conflict", () => {
    const observations = observed()
    const refused = { how: "failed", reason: "InvalidRequest", at: 300 } as const
    enter(observations, { asked: at(200), left: at(299) })
    enter(observations, { asked: at(300), wish: { qos: 1, noLocal: true }, end: refused })
    assert.isTrue(isBroken(optionsOfThePresent(observations)))
    enter(observations, { asked: at(250) })
    assert.isFalse(isBroken(optionsOfThePresent(observations)))
  })
})

describe("invariant 18: nobody waits because of another one's messages, and nobody for ever", () => {
  it("a stream ends with its client", () => {
    const observations = observed()
    enter(observations, { asked: at(200) })
    assert.isFalse(isBroken(nobodyWaitsForEver(observations)))
    enter(observations, { asked: at(200), end: undefined })
    assert.isTrue(isBroken(nobodyWaitsForEver(observations)))
  })

  it("a message comes soon once nobody takes time", () => {
    const observations = observed()
    observations.seen.hurriedAt = 500
    enter(observations, { asked: at(200), granted: at(240) })
    emit(observations, 1, 400)
    take(observations, { guest: 0, id: 1, order: 3400 })
    assert.isFalse(isBroken(nobodyWaitsForOthers(observations)))
    take(observations, { guest: 0, id: 1, order: 3600 })
    assert.isTrue(isBroken(nobodyWaitsForOthers(observations)))
  })
})

describe("invariant 19: a handler runs once for each delivery", () => {
  const worker = { kind: "Work", filters: ["call/work"], onFailure: "acknowledge" } as const

  it("and not again once it has succeeded", () => {
    const observations = observed()
    enter(observations, { ...worker, asked: at(200), left: at(500) })
    enter(observations, { ...worker, asked: at(501) })
    take(observations, { guest: 0, id: 1, order: 240 })
    take(observations, { guest: 1, id: 1, order: 510 })
    pass(observations, [220, "sent", publish(1)], [505, "sent", publish(1)])
    assert.isFalse(isBroken(handledOnce(observations)))
    pass(observations, [220, "sent", publish(1)])
    assert.isTrue(isBroken(handledOnce(observations)))
  })

  it("and is acknowledged when it has succeeded", () => {
    const observations = observed()
    enter(observations, { ...worker, asked: at(100) })
    emit(observations, 1, 200, "call/work")
    take(observations, { guest: 0, id: 1, order: 240 })
    pass(observations, [200, "sent", publish(1)], [270, "received", puback(1)])
    assert.isFalse(isBroken(acknowledgedWhenHandled(observations)))
    pass(observations, [200, "sent", publish(1)], [245, "received", puback(1)])
    assert.isTrue(isBroken(acknowledgedWhenHandled(observations)))
  })

  it("and ends its consumer only if that was told to stop", () => {
    for (const how of ["succeeded", "interrupted", "failed"] as const) {
      const observations = observed()
      enter(observations, { ...worker, asked: at(100), end: { how, reason: undefined, at: 300 } })
      assert.isTrue(isBroken(consumersEndAsTold(observations)), how)
      const stopped = observed()
      enter(stopped, { ...worker, onFailure: "stop", asked: at(100), end: { how, reason: undefined, at: 300 } })
      assert.strictEqual(isBroken(consumersEndAsTold(stopped)), how === "succeeded")
    }
  })

  it("and never ends that of a typed topic", () => {
    const observations = observed()
    const end = { how: "failed", reason: "PublishRefused", at: 300 } as const
    enter(observations, { ...worker, kind: "Typed", onFailure: "stop", asked: at(100), end })
    assert.isTrue(isBroken(consumersEndAsTold(observations)))
  })
})

describe("invariant 20: who stays subscribed misses nothing", () => {
  it("of what was published after it was granted", () => {
    const observations = observed()
    observations.seen.rest = at(5000)
    enter(observations, { asked: at(200), granted: at(240) })
    emit(observations, 1, 230)
    assert.isEmpty(missing(observations))
    emit(observations, 2, 250)
    assert.isNotEmpty(missing(observations))
    take(observations, { guest: 0, id: 2, order: 270, topic: "call/a" })
    assert.isEmpty(missing(observations))
  })

  it("and who follows a topic has what the server keeps", () => {
    const observations = observed()
    const followed = { topic: "value/a", guest: 0, atRest: undefined as string | undefined, isAtRest: true }
    observations.seen.followed.push(followed)
    const retained = new Map([["value/a", "1 "]])
    assert.isNotEmpty(latestValues(observations, retained))
    followed.atRest = "1 "
    assert.isEmpty(latestValues(observations, retained))
  })

  describe("and who follows a topic has what came last, as far as order is kept for each QoS", () => {
    const older = publish(1, 1, "value/a")
    const newer = publish(2, 2, "value/a")
    const again = (packet: Packet): Packet => ({ ...packet, dup: true } as Packet)

    /** The older value at rest, where the client read these packets on one connection after the other. */
    const isHeldAgainst = (...connections: ReadonlyArray<ReadonlyArray<Packet>>): boolean => {
      const observations = observed()
      const [first] = observations.attempts
      observations.attempts.splice(
        0,
        1,
        ...connections.map((packets) => {
          const tape = Tape.make()
          for (const packet of packets) {
            const bytes = Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "server" })
            if (bytes instanceof Uint8Array) tape.pieces.push({ direction: "read", bytes, at: 200 })
          }
          return { ...first, tape }
        })
      )
      observations.seen.followed.push({ topic: "value/a", guest: 0, atRest: "1 ", isAtRest: true })
      return latestValues(observations, new Map([["value/a", "2 "]])).length > 0
    }

    it("a QoS 1 message comes again behind one of QoS 2, which does not", () => {
      assert.isFalse(isHeldAgainst([older, newer], [again(older), again(newer)]))
      // As from a server with a redelivery timer.
      assert.isFalse(isHeldAgainst([older, newer, again(older)]))
    })

    it("but what came first, or once, or again as a new message, is no excuse", () => {
      assert.isTrue(isHeldAgainst([older, newer]))
      assert.isTrue(isHeldAgainst([older], [again(older), newer]))
      assert.isTrue(isHeldAgainst([newer], [older]))
      assert.isTrue(isHeldAgainst([older, newer], [again(older), newer]))
      const ofQos1 = { ...newer, qos: 1 } as Packet
      assert.isTrue(isHeldAgainst([older, ofQos1], [again(older), again(ofQos1)]))
    })
  })

  describe("and who follows a topic is not told that the server refuses it", () => {
    /** Granted on the first connection; what is asked on `connection`, and what the server answers. */
    const isHeldAgainst = (
      connection: 1 | 2,
      reasonCodes: ReadonlyArray<0 | 1 | 0x87>,
      sessionPresent = false
    ): boolean => {
      const observations = observed()
      const [first] = observations.attempts
      first.endedAt = 1000
      observations.attempts.push({ ...first, startedAt: 1080, openedAt: 1160, acceptedAt: 1200, sessionPresent })
      enter(observations, { kind: "Follow", asked: at(200), granted: at(240) })
      observations.seen.followed.push({ topic: "call/a", guest: 0, atRest: undefined, isAtRest: true })
      const packets = reasonCodes.flatMap((reasonCode, index) => {
        const time = (connection === 1 ? 400 : 1220) + 40 * index
        const identifier = index + 2
        return [[time, "received", subscribe(identifier, 1)], [time, "sent", suback(identifier, reasonCode)]] as const
      })
      pass(observations, [220, "received", subscribe(1, 1)], [220, "sent", suback(1, 1)], ...packets)
      observations.packets = observations.packets.map((passed) => passed.at < 300 ? passed : { ...passed, connection })
      observations.attempts[1].endedAt = 10_000
      return latestValues(observations, new Map([["call/a", "1 "]])).length > 0
    }

    it("when it is asked again in a new session", () => {
      assert.isFalse(isHeldAgainst(2, [0x87]))
      assert.isTrue(isHeldAgainst(2, [1]))
    })

    it("but has what it was granted when the refusal is another one's", () => {
      assert.isTrue(isHeldAgainst(1, [0x87]))
      assert.isTrue(isHeldAgainst(2, [1, 0x87]))
      assert.isTrue(isHeldAgainst(2, [0x87], true))
    })
  })
})

describe("invariant 21: an answer reaches who asked, and a message goes where it is meant to", () => {
  const request = { id: 1, topic: "ask/answers", qos: 1 as const, askedAt: 200, timeout: 3000, answer: undefined }

  it("an answer that came is not missed", () => {
    const observations = observed()
    observations.seen.requested.push({ ...request, end: { how: "failed", reason: "RequestTimeout", at: 3200 } })
    assert.isFalse(isBroken(answersReachWhoAsked(observations)))
    observations.seen.answered.push({ id: 1, at: 300 })
    assert.isTrue(isBroken(answersReachWhoAsked(observations)))
  })

  it("nobody else's answer is believed", () => {
    const observations = observed()
    observations.seen.requested.push({ ...request, end: over, answer: "1 ......" })
    assert.isFalse(isBroken(answersReachWhoAsked(observations)))
    observations.seen.requested.push({ ...request, end: over, answer: "2 forged" })
    assert.isTrue(isBroken(answersReachWhoAsked(observations)))
  })

  it("no answer goes to a topic of the server's own", () => {
    const observations = observed()
    pass(observations, [300, "received", publish(1, 0, "response/client")])
    assert.isFalse(isBroken(answersReachWhoAsked(observations)))
    pass(observations, [300, "received", publish(1, 0, "$SYS/broker")])
    assert.isTrue(isBroken(answersReachWhoAsked(observations)))
  })

  it("a dead letter is not made a dead letter again", () => {
    const observations = observed()
    const accepted = (topic: string): MemoryBroker.Message => ({
      topic,
      payload: new Uint8Array(),
      text: "1 ....",
      qos: 1,
      retain: false,
      properties: none,
      clientId: "client",
      acceptedAt: 300
    })
    observations.accepted = [accepted("call/other/dead"), accepted("call/other/dead")]
    assert.isFalse(isBroken(deadLettersStay(observations)))
    observations.accepted = [accepted("call/other/dead"), accepted("call/one/dead")]
    assert.isTrue(isBroken(deadLettersStay(observations)))
  })
})
