/**
 * The invariants that hold whenever and wherever a process dies, by number. They are checked over the observations of
 * all lives.
 */
import type { Exchange } from "../../../src/internal/store/records.ts"
import type { Packet } from "../../../src/protocol/Packet.ts"
import type { Observations, Published } from "./CrashObservations.ts"
import { type Event, idOf, type Meant } from "./Process.ts"

export interface Violation {
  readonly invariant: number
  readonly description: string
}

type Check = (observations: Observations) => Iterable<string>

/** More than this of the backlog is never in memory, but for the window and one message larger than the room left. */
const readAhead = { messages: 1000, bytes: 4 * 1024 * 1024 }

// ---------------------------------------------------------------------------
// What the store has, as it goes on
// ---------------------------------------------------------------------------

class Mirror {
  readonly messages = new Map<number, { readonly id: number; readonly bytes: number }>()
  readonly exchanges = new Map<number, Exchange>()
  readonly received = new Set<number>()
  /** All that was ever there. */
  readonly stored = new Set<number>()

  apply(changes: ReadonlyArray<Meant>): void {
    for (const change of changes) {
      switch (change._tag) {
        case "Message":
          this.messages.set(change.key, change)
          this.stored.add(change.id)
          break
        case "Exchange":
          this.exchanges.set(change.key, change.exchange)
          break
        case "Received":
          this.received.add(change.key)
          break
        case "Removed":
          this.#table(change.table)?.delete(change.key)
          break
        case "Cleared":
          this.#table(change.table)?.clear()
      }
    }
  }

  #table(table: string) {
    return { message: this.messages, exchange: this.exchanges, received: this.received, client: undefined }[table]
  }

  /** The store says that this identifier stands for this message. */
  isSent(packetIdentifier: number, id: number): boolean {
    const exchange = this.exchanges.get(packetIdentifier)
    return exchange?._tag === "Sent" && this.messages.get(exchange.message)?.id === id
  }
}

/** Walks through what happened with the store as it was at each moment. */
const walk = function*(
  { log }: Observations,
  visit: (event: Event, mirror: Mirror, life: number) => string | undefined
): Iterable<string> {
  const mirror = new Mirror()
  for (const { at, event, life } of log) {
    const problem = visit(event, mirror, life)
    if (problem !== undefined) yield `${problem} (life ${life}, at ${at.toFixed(0)})`
    if (event._tag === "Committed") mirror.apply(event.changes)
  }
}

const packetOf = (event: Event, _tag: "Wrote" | "Got"): Packet | undefined =>
  event._tag === _tag ? event.packet : undefined

const losesSessions = ({ log, plan }: Observations): boolean =>
  plan.session === "clean" || log.some(({ event }) => event._tag === "LostSessions")

const count = (ids: ReadonlyArray<number>): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

const name = ({ id, life, qos, topic }: Published): string => `message ${id} of life ${life} (QoS ${qos}, ${topic})`

// ---------------------------------------------------------------------------
// The invariants
// ---------------------------------------------------------------------------

/** It was refused, or a newer one took its place: its publisher was told, unless the publisher had died by then. */
const mayBeMissing = ({ topic }: Published, { plan }: Observations): boolean =>
  topic === "no" || plan.outbox.policy === "dropOldest"

const acceptedIsDelivered: Check = function*(observations) {
  const accepted = new Set(observations.log.flatMap(({ event }) => event._tag === "Accepted" ? [event.id] : []))
  const delivered = count(observations.accepted.map(({ payload }) => idOf(payload)))
  for (const message of observations.published) {
    const { end, id, qos } = message
    if (qos === 0 || delivered.has(id) || mayBeMissing(message, observations)) continue
    if (accepted.has(id) || end?.how === "succeeded") yield `${name(message)} was accepted and never came`
  }
}

const exactlyOnce: Check = function*(observations) {
  if (losesSessions(observations)) return
  const delivered = count(observations.accepted.filter(({ qos }) => qos === 2).map(({ payload }) => idOf(payload)))
  for (const message of observations.published) {
    const times = delivered.get(message.id) ?? 0
    if (times > 1) yield `${name(message)} came ${times} times`
  }
}

const finishedStaysFinished: Check = (observations) => {
  const finished = new Set<number>()
  return walk(observations, (event, mirror) => {
    if (event._tag === "Committed") {
      const before = new Map(mirror.messages)
      mirror.apply(event.changes)
      for (const [key, { id }] of before) if (!mirror.messages.has(key)) finished.add(id)
    }
    const packet = packetOf(event, "Wrote")
    if (packet?._tag !== "Publish" || !finished.has(idOf(packet.payload))) return undefined
    return `message ${idOf(packet.payload)} was over, and is published again`
  })
}

const order: Check = function*(observations) {
  const last = new Map<string, number>()
  const seen = new Set<number>()
  for (const { payload, qos, topic } of observations.accepted) {
    const id = idOf(payload)
    if (qos === 0 || seen.has(id)) continue
    seen.add(id)
    const key = `${topic} at QoS ${qos}`
    const before = last.get(key) ?? 0
    if (id < before) yield `message ${id} to ${key} came behind ${before}`
    last.set(key, Math.max(id, before))
  }
}

const handedOverOnce: Check = (observations) => {
  const identifiers = new Map<number, number>()
  const decided = new Set<number>()
  const isLost = losesSessions(observations)
  return walk(observations, (event) => {
    const packet = packetOf(event, "Got")
    if (packet?._tag === "Publish" && packet.qos === 2) {
      identifiers.set(packet.packetIdentifier, idOf(packet.payload))
    }
    if (event._tag === "Committed") {
      for (const change of event.changes) {
        const id = change._tag === "Received" ? identifiers.get(change.key) : undefined
        if (id !== undefined) decided.add(id)
      }
    }
    if (event._tag !== "HandedOver" || isLost || !decided.has(event.id)) return undefined
    return `message ${event.id} of the server was dealt with, and is handed over again`
  })
}

const owedIsHandedOver: Check = function*(observations) {
  if (losesSessions(observations)) return
  const handedOver = new Set(observations.log.flatMap(({ event }) => event._tag === "HandedOver" ? [event.id] : []))
  for (const { id, isOwed, qos } of observations.emitted) {
    if (isOwed && !handedOver.has(id)) yield `message ${id} of the server (QoS ${qos}) was never handed over`
  }
}

const failedIsNotSent: Check = function*({ log, packets, published }) {
  const sent = new Set([
    ...packets.flatMap(({ direction, packet }) =>
      direction === "received" && packet._tag === "Publish" ? [idOf(packet.payload)] : []
    ),
    ...log.flatMap(({ event }) => {
      const packet = packetOf(event, "Wrote")
      return packet?._tag === "Publish" ? [idOf(packet.payload)] : []
    })
  ])
  for (const message of published) {
    const { end, id, via } = message
    // A sink fails with the first of its messages.
    if (end?.reason !== "StoreFailed" || via === "publishSink" || !sent.has(id)) continue
    yield `${name(message)} failed with StoreFailed and was sent`
  }
}

/** As the server sees it: from PUBLISH of QoS 2 to its PUBREL, or to a PUBREC that refuses it. */
const identifiersAreNotReused: Check = function*({ packets }) {
  const held = new Map<number, number>()
  for (const { direction, packet } of packets) {
    if (packet._tag === "Pubrel" && direction === "received") held.delete(packet.packetIdentifier)
    if (packet._tag === "Connack" && !packet.sessionPresent) held.clear()
    if (packet._tag === "Pubrec" && direction === "sent" && packet.reasonCode >= 0x80 && packet.reasonCode !== 0x91) {
      held.delete(packet.packetIdentifier)
    }
    if (packet._tag !== "Publish" || direction !== "received" || packet.qos === 0) continue
    const id = idOf(packet.payload)
    const holder = held.get(packet.packetIdentifier)
    if (holder !== undefined && holder !== id) {
      yield `identifier ${packet.packetIdentifier} stands for message ${holder} and is given to ${id}`
    }
    if (packet.qos === 2) held.set(packet.packetIdentifier, id)
  }
}

const writesBeforeItSpeaks: Check = (observations) => {
  const isKept = observations.plan.session !== "clean"
  /** Identifiers whose PUBREC has come; a PUBREL of another one clears an identifier. */
  let taken = new Set<number>()
  return walk(observations, (event, mirror) => {
    if (event._tag === "Died") taken = new Set()
    const got = packetOf(event, "Got")
    if (got?._tag === "Pubrec" && (got.reasonCode < 0x80 || got.reasonCode === 0x91)) taken.add(got.packetIdentifier)
    const packet = packetOf(event, "Wrote")
    if (packet === undefined) return undefined
    switch (packet._tag) {
      case "Publish": {
        const { packetIdentifier, qos } = packet
        const id = idOf(packet.payload)
        if (qos === 0) return undefined
        if (!mirror.stored.has(id)) return `message ${id} is sent before it is stored`
        if (qos === 1 || mirror.isSent(packetIdentifier, id)) return undefined
        return `PUBLISH of message ${id} leaves before its identifier ${packetIdentifier} is stored`
      }
      case "Pubrel":
        return taken.delete(packet.packetIdentifier) && mirror.exchanges.get(packet.packetIdentifier)?._tag === "Sent"
          ? `PUBREL ${packet.packetIdentifier} leaves before the release is stored`
          : undefined
      case "Pubrec":
        return packet.reasonCode < 0x80 && isKept && !mirror.received.has(packet.packetIdentifier)
          ? `PUBREC ${packet.packetIdentifier} leaves before it is stored`
          : undefined
      case "Pubcomp":
        return mirror.received.has(packet.packetIdentifier)
          ? `PUBCOMP ${packet.packetIdentifier} leaves before the identifier is removed`
          : undefined
      default:
        return undefined
    }
  })
}

const acceptedIsStored: Check = (observations) => {
  const qos = new Map(observations.published.map((message) => [message.id, message.qos]))
  return walk(observations, (event, mirror) => {
    if (event._tag !== "Accepted" || qos.get(event.id) === 0 || mirror.stored.has(event.id)) return undefined
    return `message ${event.id} is accepted and not stored`
  })
}

/** The store is whole after each commit: every process may be the last one that wrote to it. */
const storeIsWhole: Check = (observations) => {
  let totals = { messages: 0, bytes: 0, next: 1 }
  return walk(observations, (event, mirror) => {
    if (event._tag !== "Committed") return undefined
    mirror.apply(event.changes)
    for (const change of event.changes) if (change._tag === "Totals") totals = change.totals
    for (const [packetIdentifier, exchange] of mirror.exchanges) {
      if (exchange._tag === "Sent" && !mirror.messages.has(exchange.message)) {
        return `identifier ${packetIdentifier} stands for message record ${exchange.message}, which is not there`
      }
    }
    if (totals.messages !== mirror.messages.size) {
      return `the totals say ${totals.messages} messages, and there are ${mirror.messages.size}`
    }
    const highest = Math.max(0, ...mirror.messages.keys())
    return highest >= totals.next ? `the next key is ${totals.next}, and ${highest} is in use` : undefined
  })
}

/**
 * A server that loses its sessions may say on the connection after next that it has one: the client cannot know that it is
 * another one, and that the server will never complete what it has received.
 */
const nothingIsLeft: Check = function*(observations) {
  const { isAtRest, left, log } = observations
  if (!isAtRest) {
    yield "everything does not come to rest"
    return
  }
  for (const table of ["message", "exchange", "received"] as const) {
    if (left[table].length > 0 && (table !== "received" || !losesSessions(observations))) {
      yield `${left[table].length} records are left in the table ${table}: ${
        left[table].map(({ key }) => key).join(" ")
      }`
    }
  }
  const totals = log.flatMap(({ event }) =>
    event._tag === "Committed" ? event.changes.filter((change) => change._tag === "Totals") : []
  ).at(-1)?.totals
  if (totals !== undefined && (totals.messages !== 0 || totals.bytes !== 0)) {
    yield `the totals end with ${totals.messages} messages of ${totals.bytes} bytes`
  }
}

/** From when a message is in memory: since it was read, or since it was stored if it was sent without being read. */
const memoryIsBounded: Check = function*({ log, plan: { maxInFlight } }) {
  // What is in the window is in memory as well.
  if (maxInFlight > 5) return
  const mirror = new Mirror()
  interface Stay {
    readonly bytes: number
    readonly from: number
    readonly wasRead: boolean
    to: number
  }
  let present = new Map<number, Stay>()
  const stays: Array<Stay> = []
  const leave = (key: number, index: number, isSent: boolean): void => {
    const stay = present.get(key)
    if (stay === undefined) return
    present.delete(key)
    stay.to = index
    if (isSent || stay.wasRead) stays.push(stay)
  }
  for (const [index, { event }] of log.entries()) {
    if (event._tag === "Died" || event._tag === "Ended") present = new Map()
    if (event._tag === "ReadMessages") {
      for (const key of event.keys) {
        const bytes = mirror.messages.get(key)?.bytes ?? 0
        present.set(key, { bytes, from: index, to: Infinity, wasRead: true })
      }
    }
    if (event._tag === "Committed") {
      mirror.apply(event.changes)
      for (const change of event.changes) {
        if (change._tag === "Message") {
          present.set(change.key, { bytes: change.bytes, from: index, to: Infinity, wasRead: false })
        }
        if (change._tag === "Exchange" && change.exchange._tag === "Sent") leave(change.exchange.message, index, true)
        if (change._tag === "Removed" && change.table === "message") leave(change.key, index, false)
      }
    }
  }
  const steps = stays.flatMap(({ bytes, from, to }) => [
    { index: from, bytes, messages: 1 },
    { index: to, bytes: -bytes, messages: -1 }
  ]).sort((one, other) => one.index - other.index || one.bytes - other.bytes)
  const largest = Math.max(0, ...stays.map(({ bytes }) => bytes))
  let bytes = 0
  let messages = 0
  for (const step of steps) {
    bytes += step.bytes
    messages += step.messages
    const isWithin = bytes <= readAhead.bytes + (maxInFlight + 1) * largest
    if (isWithin && messages <= readAhead.messages + maxInFlight) continue
    yield `memory has ${messages} messages of ${bytes} bytes that wait`
    return
  }
}

const allowedReasons: ReadonlySet<string> = new Set(["StoreFailed", "Overflow", "PublishRefused"])

const failsForAReason: Check = function*({ faults, plan, published }) {
  yield* faults
  for (const message of published) {
    const { end, life, qos, topic } = message
    if (end === undefined || end.how === "succeeded") continue
    if (end.how === "died") yield `${name(message)} died: ${end.reason}`
    if (end.how !== "failed" || qos === 0) continue
    const planned = plan.lives[life]
    if (planned?.isClosed === true && !allowedReasons.has(end.reason ?? "")) continue
    const isRight = end.reason === "StoreFailed"
      ? (planned?.failures.length ?? 0) > 0
      : end.reason === "PublishRefused"
      ? topic === "no"
      : end.reason === "Overflow" && plan.outbox.policy !== "suspend"
    if (!isRight) yield `${name(message)} failed with ${end.reason}`
  }
}

/**
 * Rules that a server cannot judge of a client that died: what it sent at QoS 1 may not be known any more. A PUBREL may
 * clear an identifier.
 */
const unjudged = /DUP|sent again|Packet Identifier is used again|unfinished ones|PUBREL came for/

const keepsTheRules: Check = function*({ brokerViolations }) {
  for (const { at, description } of brokerViolations) {
    if (!unjudged.test(description)) yield `${description} (at ${at.toFixed(0)})`
  }
}

interface Invariant {
  readonly number: number
  readonly name: string
  readonly check: Check
}

export const table: ReadonlyArray<Invariant> = [
  { number: 1, name: "what was accepted reaches the subscribers", check: acceptedIsDelivered },
  { number: 2, name: "QoS 2 reaches them once", check: exactlyOnce },
  { number: 3, name: "what is over is not published again", check: finishedStaysFinished },
  { number: 4, name: "first deliveries are in order, per topic and QoS", check: order },
  { number: 5, name: "QoS 2 of the server is not handed over again once it is dealt with", check: handedOverOnce },
  { number: 6, name: "what the server owes is handed over", check: owedIsHandedOver },
  { number: 7, name: "what could not be stored is not sent", check: failedIsNotSent },
  {
    number: 8,
    name: "an identifier that the server holds is given to no other message",
    check: identifiersAreNotReused
  },
  { number: 9, name: "the store has it before the server hears of it", check: writesBeforeItSpeaks },
  { number: 10, name: "accepted means stored", check: acceptedIsStored },
  { number: 11, name: "the store is whole after each commit", check: storeIsWhole },
  { number: 12, name: "nothing is left in the end", check: nothingIsLeft },
  { number: 13, name: "memory has the read-ahead at most", check: memoryIsBounded },
  { number: 14, name: "every life begins, and every failure has its reason", check: failsForAReason },
  { number: 15, name: "no rule of the protocol is broken", check: keepsTheRules }
]

export const judge = (observations: Observations): ReadonlyArray<Violation> =>
  table.flatMap(({ check, number }) =>
    [...check(observations)].map((description) => ({ invariant: number, description }))
  )
