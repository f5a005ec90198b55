import { assert, describe, it } from "@effect/vitest"
import type { Arrival } from "../../src/protocol/Arrivals.ts"
import type { SessionPacket } from "../../src/protocol/Connection.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Session from "../../src/protocol/Session.ts"
import { versions } from "../support/versions.ts"
import * as Random from "./Random.ts"
import { ModelBroker } from "./support/ModelBroker.ts"
import {
  connected,
  disconnected,
  incoming,
  type Input,
  online,
  outgoing,
  play,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  receive,
  show,
  suback,
  subscribe,
  type Table,
  unsuback,
  unsubscribe,
  withdraw
} from "./support/session.ts"

const seeds = Array.from({ length: Random.rounds(150) }, (_, index) => index + 1)

// -- Both sides, and a wire that is cut -------------------------------------------------------------------------------

type Messages = ReadonlyArray<readonly [qos: 1 | 2, topic: string]>

interface Play {
  readonly version: Packet.ProtocolVersion
  readonly ours: Messages
  readonly theirs: Messages
  readonly window: number
  readonly receiveMaximum: number
  readonly isCutAfter: (steps: number) => boolean
  /** Which of so many may move next. */
  readonly next: (choices: number) => number
}

/** Moves one packet, or one acknowledgement of the user, at a time until nothing is left; says what arrived where. */
const exchange = (options: Play) => {
  const broker = new ModelBroker({ messages: options.theirs, receiveMaximum: options.receiveMaximum })
  const table = online(options.version, { window: options.window, receiveMaximum: options.receiveMaximum })
  const unpublished = options.ours.map(([qos, topic]) => outgoing(qos, topic))
  let toBroker: Array<Packet.ClientPacket> = []
  let toClient: Array<SessionPacket> = [...broker.connect()]
  const unacknowledged: Array<Arrival> = []
  const delivered: Array<string> = []
  const completed: Array<string> = []

  const apply = (input: Input) => {
    for (const action of play(table, input)) {
      if (Session.isPacket(action)) toBroker.push(action)
      else if (action._tag === "Complete") completed.push(action.request)
      else if (action._tag === "Deliver" && action.arrival !== undefined) {
        delivered.push(action.publish.topic)
        unacknowledged.push(action.arrival)
      } else assert.fail(show(action))
    }
  }

  for (let steps = 0;; steps++) {
    if (options.isCutAfter(steps)) {
      toBroker = []
      apply(disconnected)
      apply(connected({ receiveMaximum: options.window }))
      toClient = [...broker.connect()]
    }
    apply(publish(...unpublished.splice(0, Session.room(table.session))))
    const moves = [
      toBroker.length > 0 &&
      (() => toClient.push(...toBroker.splice(0, 1).flatMap((packet) => broker.receive(packet)))),
      toClient.length > 0 && (() => apply(receive(...toClient.splice(0, options.next(toClient.length) + 1)))),
      unacknowledged.length > 0 && (() => {
        const [arrival] = unacknowledged.splice(options.next(unacknowledged.length), 1)
        apply(({ now, session }) => Session.acknowledge(session, [arrival], 0x00, now))
      })
    ].filter((move) => move !== false)
    if (moves.length === 0) return { broker, completed, delivered, session: table.session, steps }
    moves[options.next(moves.length)]()
  }
}

const topics = (messages: Messages) => messages.map(([, topic]) => topic)

const assertAllArrived = (options: Play) => {
  const { broker, completed, delivered, session, steps } = exchange(options)
  const first = (arrived: ReadonlyArray<string>, messages: Messages) => {
    const qos1 = new Set(messages.filter(([qos]) => qos === 1).map(([, topic]) => topic))
    // QoS 1 may come twice, QoS 2 may not.
    return arrived.filter((topic, index) => !qos1.has(topic) || arrived.indexOf(topic) === index)
  }
  assert.deepStrictEqual(first(broker.taken, options.ours), topics(options.ours))
  assert.deepStrictEqual(first(delivered, options.theirs), topics(options.theirs))
  assert.deepStrictEqual(completed.toSorted(), topics(options.ours).toSorted())
  assert.isTrue(broker.isDone)
  assert.deepStrictEqual(
    [session.outgoing.size, session.received.size, session.outstanding, session.owed, session.unacknowledged],
    [0, 0, 0, 0, 0]
  )
  return steps
}

describe.each(versions)("Session %s: exactly once", (version) => {
  const calm = { version, window: 10, receiveMaximum: 10, next: () => 0 }
  const ours: Messages = [[2, "ours"]]
  const theirs: Messages = [[2, "theirs"]]

  it.each(
    [
      ["outward", ours, []],
      ["inward", [], theirs],
      ["both ways", ours, theirs]
    ] as const
  )("S55 R77 R78 R88 R89 %s: cut after any two packets of the four-way exchange", (_, ours, theirs) => {
    const length = assertAllArrived({ ...calm, ours, theirs, isCutAfter: () => false })
    assert.isAtLeast(length, 4)
    for (let first = 0; first <= length; first++) {
      // A cut takes steps back: the second may come as late as in a whole exchange after the first.
      for (let second = first; second <= first + length; second++) {
        assertAllArrived({ ...calm, ours, theirs, isCutAfter: (steps) => steps === first || steps === second })
      }
    }
  })

  it("S55 S29 R82 R93 many messages of both QoS, cut anywhere: each in order, QoS 2 once", () => {
    for (const seed of seeds) {
      const random = Random.make(seed)
      const messages = (name: string): Messages =>
        Array.from({ length: random.integer(0, 12) }, (_, index) => [random.pick([1, 2] as const), `${name}${index}`])
      let cuts = random.integer(0, 15)
      const options: Play = {
        version,
        ours: messages("ours"),
        theirs: messages("theirs"),
        window: random.integer(1, 6),
        receiveMaximum: random.integer(1, 6),
        isCutAfter: () => cuts > 0 && random.chance(0.15) && cuts-- > 0,
        next: (choices) => random.integer(0, choices - 1)
      }
      try {
        assertAllArrived(options)
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause })
      }
    }
  })
})

// -- Our side against a ledger of what the wire has seen --------------------------------------------------------------

interface Entry {
  readonly request: string
  readonly qos: Packet.Qos
  kind: "publish" | "release" | "subscribe" | "unsubscribe"
  /** The connection that carried it last, 0 while the server knows nothing of it. */
  sentOn: number
  /** When it was released, counted. */
  released: number
}

/** What a client may do, told from the packets alone. */
class Ledger {
  readonly table: Table
  readonly #version: Packet.ProtocolVersion
  readonly entries = new Map<number, Entry>()
  readonly #ended = new Set<string>()
  #next = 1
  #released = 0
  #connection = 1
  #isConnected = true
  #window: number
  #newest = 0
  #owedSince = 0

  constructor(version: Packet.ProtocolVersion, window: number) {
    this.#version = version
    this.#window = window
    this.table = online(version, { window })
  }

  /** Plays the input and checks the end of every request against what was expected. */
  #play(input: Input, expected: { readonly ends?: ReadonlyArray<string>; readonly answers?: boolean }) {
    this.table.now++
    const wasOwed = this.#owed
    const actions = play(this.table, input)
    const ends = actions.flatMap((action) =>
      action._tag === "Complete" || action._tag === "Abandon" ? [action.request] : []
    )
    assert.deepStrictEqual(ends.toSorted(), (expected.ends ?? []).toSorted())
    for (const request of ends) {
      assert.isFalse(this.#ended.has(request), `${request} ended twice`)
      this.#ended.add(request)
    }
    for (const action of actions) if (Session.isPacket(action)) this.#sent(action)
    if (expected.answers === true || (wasOwed === 0 && this.#owed > 0)) this.#owedSince = this.table.now
    this.#check()
    return actions
  }

  #sent(packet: Packet.ClientPacket) {
    if (packet._tag !== "Publish" || packet.qos === 0) return
    const number = Number(packet.topic)
    const entry = this.entries.get(packet.packetIdentifier)
    // Never twice on one connection, older before newer.
    assert.isAbove(number, this.#newest)
    this.#newest = number
    if (entry === undefined) {
      assert.isFalse(packet.dup)
      assert.isFalse(this.#ended.has(packet.topic))
      this.entries.set(packet.packetIdentifier, {
        request: packet.topic,
        qos: packet.qos,
        kind: "publish",
        sentOn: this.#connection,
        released: 0
      })
    } else {
      assert.deepStrictEqual([entry.kind, entry.request], ["publish", packet.topic])
      assert.strictEqual(packet.dup, entry.sentOn !== 0)
      entry.sentOn = this.#connection
    }
    assert.isAtMost(this.#outstanding, this.#window)
  }

  #count(counts: (entry: Entry) => boolean): number {
    return this.#isConnected ? [...this.entries.values()].filter(counts).length : 0
  }

  get #outstanding(): number {
    return this.#count(({ kind, sentOn }) => kind === "release" || (kind === "publish" && sentOn === this.#connection))
  }

  get #owed(): number {
    return this.#count(({ kind, sentOn }) => kind !== "publish" || sentOn === this.#connection)
  }

  #check() {
    const { session } = this.table
    const unsent = this.#count(({ kind, sentOn }) => kind === "publish" && sentOn !== this.#connection)
    assert.strictEqual(session.outgoing.size, this.entries.size)
    assert.strictEqual(session.outstanding, this.#outstanding)
    assert.strictEqual(session.owed, this.#owed)
    assert.strictEqual(
      Session.responseDeadline(session, 100),
      this.#owed === 0 ? Infinity : this.#owedSince + 100
    )
    // What waits to be sent again waits for nothing but the window.
    if (unsent > 0) assert.isAtLeast(this.#outstanding, this.#window)
    const isOpen = this.#isConnected && unsent === 0
    assert.strictEqual(Session.room(session), isOpen ? Math.max(0, this.#window - this.#outstanding) : 0)
  }

  publish(random: Random.Random) {
    const room = random.integer(0, Math.min(4, Session.room(this.table.session)))
    const requests = Array.from({ length: room }, () => outgoing(random.pick([1, 2] as const), `${this.#next++}`))
    const before = this.entries.size
    this.#play(publish(...requests, outgoing(0, "now")), {})
    assert.strictEqual(this.entries.size, before + room)
  }

  ask(kind: "subscribe" | "unsubscribe") {
    const request = `${kind} ${this.#next++}`
    // Known to the ledger before the check: the identifier is whatever it says.
    const input = kind === "subscribe" ? subscribe(request, "f") : unsubscribe(request, "f")
    this.#play((table) => {
      const step = input(table)
      for (const action of step.actions) {
        if (!Session.isPacket(action) || !("packetIdentifier" in action)) continue
        const { packetIdentifier } = action
        assert.isFalse(this.entries.has(packetIdentifier))
        this.entries.set(packetIdentifier, { request, qos: 0, kind, sentOn: this.#connection, released: 0 })
      }
      assert.strictEqual(step.actions.length, this.#isConnected ? 1 : 0)
      return step
    }, {})
  }

  /** An acknowledgement of any kind, due or not. */
  acknowledge(random: Random.Random) {
    const identifier = random.chance(0.8) && this.entries.size > 0
      ? random.pick([...this.entries.keys()])
      : random.integer(1, 65_535)
    const entry = this.entries.get(identifier)
    const kinds = ["puback", "pubrec", "pubcomp", "suback", "unsuback"] as const
    const due = entry === undefined
      ? undefined
      : ({
        publish: entry.qos === 1 ? "puback" : "pubrec",
        release: "pubcomp",
        subscribe: "suback",
        unsubscribe: "unsuback"
      } as const)[entry.kind]
    const kind = due !== undefined && random.chance(0.8) ? due : random.pick(kinds)
    const code = this.#version === "5.0" && random.chance(0.2) ? 0x87 : 0x00
    const isSent = entry !== undefined && this.#isConnected && entry.sentOn === this.#connection
    const ends = (isDue: boolean) => {
      if (!isDue || entry === undefined) return {}
      this.entries.delete(identifier)
      return { ends: [entry.request], answers: true }
    }
    const isPublish = entry?.kind === "publish" && isSent
    switch (kind) {
      case "puback":
        return this.#play(receive(puback(identifier, code)), ends(isPublish))
      case "pubcomp":
        return this.#play(receive(pubcomp(identifier)), ends(entry?.kind === "release"))
      case "suback":
        return this.#play(receive(suback(identifier, [0])), ends(entry?.kind === "subscribe"))
      case "unsuback":
        return this.#play(receive(unsuback(identifier, [0])), ends(entry?.kind === "unsubscribe"))
      case "pubrec":
        return this.#pubrec(identifier, code, isPublish ? ends(entry.qos === 2 && code !== 0x00) : {}, isPublish)
    }
  }

  #pubrec(identifier: number, code: number, ends: { readonly ends?: ReadonlyArray<string> }, isPublish: boolean) {
    const entry = this.entries.get(identifier)
    const isReleased = isPublish && entry?.kind === "publish" && entry.qos === 2
    if (isReleased) {
      entry.kind = "release"
      entry.released = ++this.#released
    }
    const isKnown = entry?.kind === "release"
    const actions = this.#play(receive(pubrec(identifier, code)), isReleased ? { answers: true } : ends)
    const pubrels = actions.map(show).filter((line) => line.startsWith("PUBREL"))
    const unknown = this.#version === "5.0" ? `PUBREL #${identifier} 0x92` : `PUBREL #${identifier}`
    const isUnknown = entry === undefined && code === 0x00
    assert.deepStrictEqual(pubrels, isKnown ? [`PUBREL #${identifier}`] : isUnknown ? [unknown] : [])
  }

  withdraw(random: Random.Random) {
    const identifier = this.entries.size > 0 ? random.pick([...this.entries.keys()]) : 7
    const entry = this.entries.get(identifier)
    if (entry !== undefined && entry.kind !== "release") {
      this.entries.delete(identifier)
      this.#ended.add(entry.request)
    }
    this.#play(withdraw(identifier), {})
  }

  disconnect() {
    const asked = [...this.entries].filter(([, { kind }]) => kind === "subscribe" || kind === "unsubscribe")
    for (const [identifier] of asked) this.entries.delete(identifier)
    this.#isConnected = false
    this.#play(disconnected, { ends: asked.map(([, { request }]) => request) })
  }

  connect(sessionPresent: boolean, receiveMaximum: number) {
    this.#connection++
    this.#isConnected = true
    this.#window = receiveMaximum
    this.#newest = 0
    const released = [...this.entries]
      .filter(([, { kind }]) => kind === "release")
      .toSorted(([, a], [, b]) => a.released - b.released)
    if (!sessionPresent) {
      for (const [identifier] of released) this.entries.delete(identifier)
      for (const entry of this.entries.values()) entry.sentOn = 0
    }
    this.#owedSince = this.table.now + 1
    const ends = sessionPresent ? [] : released.map(([, { request }]) => request)
    const actions = this.#play(connected({ sessionPresent, receiveMaximum }), { ends })
    const sent = actions.filter(Session.isPacket).map(show)
    const pubrels = sessionPresent ? released.map(([identifier]) => `PUBREL #${identifier}`) : []
    assert.deepStrictEqual(sent.slice(0, pubrels.length), pubrels)
    assert.isTrue(sent.slice(pubrels.length).every((line) => line.startsWith("PUBLISH")))
  }

  /** Whatever is left is acknowledged, and then nothing is. */
  finish(random: Random.Random) {
    if (!this.#isConnected) this.connect(true, 5)
    for (let count = 0; this.entries.size > 0; count++) {
      assert.isBelow(count, 10_000, `${this.entries.size} requests never end`)
      this.acknowledge(random)
    }
    assert.strictEqual(this.#ended.size, this.#next - 1 - this.#refused)
  }

  #refused = 0

  act(random: Random.Random) {
    const chance = random.integer(1, 100)
    if (chance <= 30 && this.#isConnected) return this.publish(random)
    if (chance <= 36) {
      if (!this.#isConnected) this.#refused++
      return this.ask(random.pick(["subscribe", "unsubscribe"] as const))
    }
    if (chance <= 40) return this.withdraw(random)
    if (chance <= 48 && this.#isConnected) return this.disconnect()
    if (chance <= 70 && !this.#isConnected) return this.connect(random.chance(0.7), random.integer(1, 8))
    if (this.#isConnected) this.acknowledge(random)
  }
}

describe.each(versions)("Session %s: any sequence", (version) => {
  it("R16 R17 R64 R66 R74 R81 R82 R83 S33 S34 of publishes, acknowledgements and connections", () => {
    for (const seed of seeds) {
      const random = Random.make(seed)
      const ledger = new Ledger(version, random.integer(1, 8))
      try {
        for (let count = 0; count < 250; count++) ledger.act(random)
        ledger.finish(random)
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause })
      }
    }
  })
})

// -- Their side against a queue per QoS -------------------------------------------------------------------------------

interface Waiting {
  readonly identifier: number
  readonly topic: string
  answer: number | undefined
}

/** What the server has sent on this connection, and what it must hear, exactly. */
class Inbox {
  readonly table: Table
  readonly #version: Packet.ProtocolVersion
  readonly #receiveMaximum: number
  readonly #queues: { readonly 1: Array<Waiting>; readonly 2: Array<Waiting> } = { 1: [], 2: [] }
  /** QoS 2 messages until PUBCOMP, or a PUBREC of an error. */
  readonly #exchanges = new Map<number, { readonly topic: string; answer: number | undefined; isCounted: boolean }>()
  readonly #toAcknowledge: Array<Arrival & { readonly topic: string }> = []
  #unacknowledged = 0
  #next = 1

  constructor(version: Packet.ProtocolVersion, receiveMaximum: number) {
    this.#version = version
    this.#receiveMaximum = receiveMaximum
    this.table = online(version, { receiveMaximum })
  }

  #play(input: Input, expected: ReadonlyArray<string>) {
    const actions = play(this.table, input)
    assert.deepStrictEqual(actions.map(show), [...expected])
    for (const action of actions) {
      if (action._tag === "Deliver" && action.arrival !== undefined) {
        this.#toAcknowledge.push({ ...action.arrival, topic: action.publish.topic })
      }
    }
    assert.strictEqual(this.table.session.unacknowledged, this.#unacknowledged)
    assert.strictEqual(this.table.session.received.size, this.#exchanges.size)
  }

  /** What leaves now: the answered ones at the front. */
  #answered(qos: 1 | 2): ReadonlyArray<string> {
    const answers: Array<string> = []
    const queue = this.#queues[qos]
    for (let [first] = queue; first?.answer !== undefined; [first] = queue) {
      queue.shift()
      const { answer, identifier } = first
      answers.push(`${qos === 1 ? "PUBACK" : "PUBREC"} #${identifier}${answer === 0 ? "" : " 0x83"}`)
      if (qos === 1 || answer !== 0) this.#unacknowledged--
      if (qos === 2 && answer !== 0) this.#exchanges.delete(identifier)
    }
    return answers
  }

  #isWaiting(qos: 1 | 2, identifier: number): boolean {
    return this.#queues[qos].some((waiting) => waiting.identifier === identifier)
  }

  get #hasQuota(): boolean {
    return this.#version === "3.1.1" || this.#unacknowledged < this.#receiveMaximum
  }

  publish(random: Random.Random, qos: 1 | 2) {
    const identifier = random.integer(1, 20)
    const known = qos === 2 ? this.#exchanges.get(identifier) : undefined
    const topic = known?.topic ?? `m${this.#next++}`
    const packet = receive(incoming(qos, identifier, topic, { dup: random.chance(0.5) }))
    if (this.#isWaiting(qos, identifier)) return this.#play(packet, [])
    if (known?.isCounted !== true) {
      if (!this.#hasQuota) return this.#play(packet, ["violation 3.3.4-9 0x93"])
      this.#unacknowledged++
    }
    this.#queues[qos].push({ identifier, topic, answer: known?.answer })
    if (qos === 2) this.#exchanges.set(identifier, { topic, answer: known?.answer, isCounted: true })
    const isNew = known === undefined
    this.#play(packet, isNew ? [`deliver ${topic}`] : this.#answered(2))
  }

  pubrel(random: Random.Random) {
    const identifier = random.integer(1, 20)
    const exchange = this.#exchanges.get(identifier)
    const isUnknown = exchange === undefined && this.#version === "5.0"
    if (exchange?.answer !== undefined && !this.#isWaiting(2, identifier)) {
      this.#exchanges.delete(identifier)
      if (exchange.isCounted) this.#unacknowledged--
    }
    this.#play(receive(pubrel(identifier)), [`PUBCOMP #${identifier}${isUnknown ? " 0x92" : ""}`])
  }

  /** Some of what the user has, in any order, of this connection or of earlier ones, sometimes twice. */
  acknowledge(random: Random.Random) {
    const answer = this.#version === "5.0" && random.chance(0.2) ? 0x83 : 0x00
    const arrivals: Array<Arrival & { readonly topic: string }> = []
    for (let count = random.integer(1, 4); count > 0 && this.#toAcknowledge.length > 0; count--) {
      const index = random.integer(0, this.#toAcknowledge.length - 1)
      arrivals.push(this.#toAcknowledge[index])
      if (random.chance(0.8)) this.#toAcknowledge.splice(index, 1)
    }
    for (const { packetIdentifier, qos, topic } of arrivals) {
      const exchange = this.#exchanges.get(packetIdentifier)
      if (qos === 2 && exchange?.topic === topic) exchange.answer ??= answer
      const waiting = this.#queues[qos].find((waiting) => waiting.topic === topic)
      if (waiting !== undefined) waiting.answer ??= answer
    }
    this.#play(
      ({ now, session }) => Session.acknowledge(session, arrivals, answer, now),
      [...this.#answered(1), ...this.#answered(2)]
    )
  }

  reconnect(sessionPresent: boolean) {
    this.#queues[1].length = 0
    this.#queues[2].length = 0
    this.#unacknowledged = 0
    if (!sessionPresent) this.#exchanges.clear()
    for (const exchange of this.#exchanges.values()) exchange.isCounted = false
    play(this.table, disconnected)
    this.#play(connected({ sessionPresent }), [])
  }

  act(random: Random.Random) {
    const chance = random.integer(1, 100)
    if (chance <= 25) return this.publish(random, 1)
    if (chance <= 55) return this.publish(random, 2)
    if (chance <= 70) return this.pubrel(random)
    if (chance <= 95) return this.acknowledge(random)
    return this.reconnect(random.chance(0.7))
  }
}

describe.each(versions)("Session %s: any sequence", (version) => {
  it("R86 R87 R88 R89 R90 R93 R98 of the server's messages, acknowledgements and connections", () => {
    for (const seed of seeds) {
      const random = Random.make(seed)
      const inbox = new Inbox(version, random.integer(1, 8))
      try {
        for (let count = 0; count < 250; count++) inbox.act(random)
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause })
      }
    }
  })
})
