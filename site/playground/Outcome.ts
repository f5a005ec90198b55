/**
 * What became of each message of a run: handled, put aside, refused to its publisher, still waiting somewhere, or lost.
 *
 * It follows from the record alone: from the packets on both sides, and from the ends of the calls.
 */
import * as Flights from "./flights.ts"
import type { Flight } from "./flights.ts"
import { deadTopic, topic } from "./programs.ts"
import type { Note } from "./Recorder.ts"
import type { Record } from "./run.ts"

/** Where a message waits at the end. */
export type Place = "outbox" | "flight" | "store" | "broker" | "network" | "station"

/** Where a lost message was seen last. */
export type Cause = "program" | "toBroker" | "notKept" | "noSession" | "toStation" | "buffer" | "handler"

export type Fate =
  | { readonly _tag: "Handled" }
  | { readonly _tag: "PutAside" }
  /** Its publish failed with this reason, so its publisher knows. */
  | { readonly _tag: "Failed"; readonly reason: string }
  | { readonly _tag: "Waiting"; readonly place: Place }
  | { readonly _tag: "Lost"; readonly cause: Cause }

export interface Message {
  readonly text: string
  readonly client: string
  readonly publishedAt: number
  /** Each time that the handler succeeded. */
  readonly handledAt: ReadonlyArray<number>
  /** How often its PUBLISH left its publisher. */
  readonly departures: number
  readonly fate: Fate
  /** When its fate was certain, as far as somebody can say who sees everything. */
  readonly decidedAt: number
}

export interface Counts {
  readonly published: number
  readonly handled: number
  /** Handlers that ran for a message that was handled already. */
  readonly repeated: number
  readonly putAside: number
  readonly failed: number
  readonly waiting: number
  readonly lost: number
}

export interface Outcome {
  readonly messages: ReadonlyArray<Message>
  readonly flights: ReadonlyArray<Flight>
  readonly counts: Counts
}

type NoteOf<Tag extends Note["_tag"]> = Note & { readonly _tag: Tag }

/** The notes of one kind, with their times. */
const notesOf = <Tag extends Note["_tag"]>({ notes }: Record, tag: Tag) =>
  notes.flatMap(({ at, note }) => note._tag === tag ? [{ at, note: note as NoteOf<Tag> }] : [])

interface Exchanges {
  /** The messages that the other side has acknowledged completely, as the sender saw it. */
  readonly settled: ReadonlySet<string>
  /** The others by client and Packet Identifier: a message may be among them twice. */
  readonly open: ReadonlyMap<string, string>
}

/** The exchanges of QoS 1 and 2 of one side. */
const exchangesOf = (flights: ReadonlyArray<Flight>, sender: "out" | "in"): Exchanges => {
  const settled = new Set<string>()
  const open = new Map<string, string>()
  // Both directions in the order in which they happen for the sender.
  const seen = flights.flatMap((flight) => {
    const at = flight.direction === sender ? flight.sentAt : flight.arrivedAt
    return at === undefined ? [] : [{ at, flight }]
  }).sort((one, other) => one.at - other.at)
  for (const { flight: { client, direction, packet } } of seen) {
    const key = `${client} ${packet.identifier}`
    if (direction === sender && packet.message !== undefined && packet.topic === topic) {
      if (packet.identifier !== undefined) open.set(key, packet.message)
      continue
    }
    const isEnd = packet.type === "Puback" || packet.type === "Pubcomp" ||
      (packet.type === "Pubrec" && (packet.reasonCode ?? 0) >= 0x80)
    const message = direction !== sender && isEnd ? open.get(key) : undefined
    if (message === undefined) continue
    settled.add(message)
    open.delete(key)
  }
  return { settled, open }
}

/**
 * The messages that the broker keeps for the station at the end: sent and not acknowledged, or queued. A message that was
 * published twice may be there twice.
 */
export const keptByBroker = (record: Record, flights: ReadonlyArray<Flight>): ReadonlyArray<string> => {
  const { session } = record
  if (session === undefined) return []
  const ofStation = flights.filter(({ client }) => client === "station")
  const newSession = ofStation.findLast(({ packet }) => packet.type === "Connack" && packet.sessionPresent === false)
  const ofSession = ofStation.filter(({ sentAt }) => sentAt >= (newSession?.sentAt ?? 0))
  const accepted = acceptedBy(record).map(({ message }) => message)
  const queued = session.queued === 0 ? [] : accepted.slice(-session.queued)
  return [...exchangesOf(ofSession, "in").open.values(), ...queued]
}

/** The messages of a topic that the broker accepted, and when. */
const acceptedBy = ({ accepted }: Record, ofTopic = topic): ReadonlyArray<{ message: string; at: number }> =>
  accepted.filter(({ topic }) => topic === ofTopic).map(({ acceptedAt, text }) => ({ message: text, at: acceptedAt }))

/** The messages that arrived at the station and that no handler has finished: in its buffer, or in a handler. */
const keptByStation = (record: Record, flights: ReadonlyArray<Flight>): ReadonlySet<string> => {
  const begun = notesOf(record, "Handling").map(({ note }) => note.message)
  const ended = new Set(
    [...notesOf(record, "Handled"), ...notesOf(record, "HandlerFailed")].map(({ note }) => note.message)
  )
  const arrived = flights.flatMap(({ arrivedAt, client, direction, packet }) =>
    client === "station" && direction === "in" && arrivedAt !== undefined && packet.message !== undefined
      ? [packet.message]
      : []
  )
  const buffered = notesOf(record, "Levels").findLast(({ note }) => note.client === "station")?.note.buffered ?? 0
  const untouched = [...new Set(arrived)].filter((message) => !begun.includes(message))
  const inBuffer = record.setting.bufferPolicy === "dropOldest" || record.setting.bufferPolicy === "suspend"
    ? untouched.slice(untouched.length - Math.min(buffered, untouched.length))
    : untouched.slice(-buffered).slice(0, buffered)
  return new Set([...begun.filter((message) => !ended.has(message)), ...buffered === 0 ? [] : inBuffer])
}

/** The fate of every message. Each set holds texts of messages. */
export const of = (record: Record): Outcome => {
  const { setting } = record
  const flights = Flights.of(record)
  const handled = notesOf(record, "Handled")
  const handlerFailed = notesOf(record, "HandlerFailed")
  const failures = new Map(notesOf(record, "PublishFailed").map(({ at, note }) => [note.message, { at, ...note }]))
  const dead = new Set(notesOf(record, "Died").map(({ note }) => note.client))
  const accepted = new Set(acceptedBy(record).map(({ message }) => message))
  const putAside = new Map(acceptedBy(record, deadTopic).map(({ at, message }) => [message, at]))
  const acknowledged = exchangesOf(flights, "out").settled
  const atBroker = new Set(keptByBroker(record, flights))
  const atStation = keptByStation(record, flights)
  const hasStore = setting.store === "memory" && setting.scenario === "tab" && setting.qos > 0

  const fateOf = (text: string, client: string, own: ReadonlyArray<Flight>): Fate => {
    const toStation = own.filter(({ direction }) => direction === "in")
    if (handled.some(({ note }) => note.message === text)) return { _tag: "Handled" }
    if (putAside.has(text)) return { _tag: "PutAside" }
    if (atStation.has(text)) return { _tag: "Waiting", place: "station" }
    if (atBroker.has(text)) return { _tag: "Waiting", place: "broker" }
    const failure = failures.get(text)
    if (failure !== undefined) return { _tag: "Failed", reason: failure.reason }
    const hasLeft = own.some(({ direction }) => direction === "out")
    const isAcknowledged = acknowledged.has(text) || (setting.qos === 0 && hasLeft)
    if (!isAcknowledged && dead.has(client) && hasStore) return { _tag: "Waiting", place: "store" }
    if (!isAcknowledged && !dead.has(client)) return { _tag: "Waiting", place: hasLeft ? "flight" : "outbox" }
    if (own.some(({ arrivedAt, isLost }) => arrivedAt === undefined && !isLost)) {
      return { _tag: "Waiting", place: "network" }
    }
    if (!hasLeft) return { _tag: "Lost", cause: "program" }
    if (!accepted.has(text)) return { _tag: "Lost", cause: "toBroker" }
    if (toStation.length === 0) return { _tag: "Lost", cause: setting.qos === 0 ? "notKept" : "noSession" }
    if (toStation.every(({ arrivedAt }) => arrivedAt === undefined)) return { _tag: "Lost", cause: "toStation" }
    return { _tag: "Lost", cause: handlerFailed.some(({ note }) => note.message === text) ? "handler" : "buffer" }
  }

  const messages = notesOf(record, "Published").map(({ at, note: { client, message: text } }): Message => {
    const own = flights.filter(({ packet }) => packet.message === text && packet.topic === topic)
    const handledAt = handled.filter(({ note }) => note.message === text).map(({ at }) => at)
    const fate = fateOf(text, client, own)
    const lastSeen = Math.max(
      at,
      ...own.map(({ arrivedAt, sentAt }) => arrivedAt ?? sentAt),
      ...handlerFailed.filter(({ note }) => note.message === text).map(({ at }) => at)
    )
    const diedAt = notesOf(record, "Died").find(({ note }) => note.client === client)?.at ?? lastSeen
    const decisions: { readonly [Tag in Fate["_tag"]]: number } = {
      Handled: handledAt[0] ?? lastSeen,
      PutAside: putAside.get(text) ?? lastSeen,
      Failed: failures.get(text)?.at ?? lastSeen,
      Waiting: record.end,
      Lost: fate._tag === "Lost" && fate.cause === "program" ? diedAt : lastSeen
    }
    return {
      text,
      client,
      publishedAt: at,
      handledAt,
      departures: own.filter(({ direction }) => direction === "out").length,
      fate,
      decidedAt: decisions[fate._tag]
    }
  })
  return { messages, flights, counts: countsOf(messages) }
}

const countsOf = (messages: ReadonlyArray<Message>): Counts => {
  const having = (tag: Fate["_tag"]): number => messages.filter(({ fate }) => fate._tag === tag).length
  const runs = messages.reduce((sum, { handledAt }) => sum + handledAt.length, 0)
  return {
    published: messages.length,
    handled: having("Handled"),
    repeated: runs - having("Handled"),
    putAside: having("PutAside"),
    failed: having("Failed"),
    waiting: having("Waiting"),
    lost: having("Lost")
  }
}
