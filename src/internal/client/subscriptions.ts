/**
 * Who subscribed to what: one entry per Topic Filter with those who share it, kept in step with the server, and the
 * way from a received message to their inboxes.
 *
 * The packets and their identifiers are the session's. MQTT 5.0 and 3.1.1, sections 3.8 to 3.11 and 4.7.
 */
import type * as Cause from "effect/Cause"
import * as Errors from "../../MqttError.ts"
import { MqttMessage } from "../../MqttMessage.ts"
import type { Arrival } from "../../protocol/Arrivals.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as ReasonCode from "../../protocol/ReasonCode.ts"
import type { Outcome } from "../../protocol/Session.ts"
import * as Topic from "../../protocol/Topic.ts"
import * as TopicTree from "../../protocol/TopicTree.ts"
import type { Gate, Inbox } from "./inbox.ts"

/** What the table needs of the connection; both do nothing while there is none, and `abandoned` is told instead. */
export interface Server {
  readonly subscribe: (subscriptions: ReadonlyArray<Packet.Subscription>, request: Request) => void
  readonly unsubscribe: (topicFilters: ReadonlyArray<string>, request: Request) => void
  /** Messages were taken over, or refused with a Reason Code. */
  readonly acknowledge: (arrivals: ReadonlyArray<Arrival>, reasonCode: ReasonCode.ReasonCode) => void
}

export interface Request {
  readonly completed: (outcome: Outcome) => void
  readonly abandoned: () => void
  readonly failed: (error: Errors.MqttError) => void
}

/** One received message on its way to those who want it; acknowledged when the last of them has dealt with it. */
export class Handover {
  readonly #server: Server
  readonly #arrival: Arrival
  #remaining = 1
  #reasonCode = 0x00
  /** Its place among all that arrived. */
  readonly order: number

  constructor(server: Server, arrival: Arrival, order: number) {
    this.#server = server
    this.#arrival = arrival
    this.order = order
  }

  /** Several take over what one was to deal with. */
  share(subscribers: number): void {
    this.#remaining += subscribers - 1
  }

  settle(reasonCode: ReasonCode.ReasonCode): void {
    this.#reasonCode = Math.max(this.#reasonCode, reasonCode)
    if (--this.#remaining === 0) this.#server.acknowledge([this.#arrival], this.#reasonCode)
  }
}

/** A message that its consumer acknowledges. */
export interface Delivery {
  readonly message: MqttMessage
  /** `undefined` at QoS 0. */
  readonly handover: Handover | undefined
}

/** One who subscribed, to one filter or to several. */
export type Subscriber =
  /** A message is acknowledged once it is in the inbox. */
  | { readonly acknowledges: "onArrival"; readonly inbox: Inbox<MqttMessage> }
  /** The consumer acknowledges; what it `missed` came after its inbox had ended, and waits for the next one. */
  | {
    readonly acknowledges: "byConsumer"
    readonly inbox: Inbox<Delivery>
    readonly missed: (delivery: Delivery) => void
  }

/** A message that nobody has taken yet. */
interface Unclaimed {
  readonly publish: Packet.Publish
  readonly handover: Handover | undefined
  /** Milliseconds. */
  readonly since: number
}

interface Waiting {
  readonly granted: (qos: Packet.QoS) => void
  readonly failed: (error: Errors.MqttError) => void
}

interface Entry {
  options: Packet.Subscription
  /** What the server has, as far as it said so; `unknown` when its last answer was lost. */
  status: "absent" | "subscribing" | "present" | "unsubscribing" | "unknown"
  granted: Packet.QoS
  /** Nobody is there and it is kept, for the case that somebody comes back or the client ends. */
  isLingering: boolean
  readonly subscribers: Set<Subscriber>
  readonly waiting: Set<Waiting>
}

/** So many filters go into one SUBSCRIBE. */
const filtersPerPacket = 100

export interface SubscriptionsOptions {
  /** The server keeps subscriptions, and sends again what was not acknowledged. */
  readonly isPersistent: boolean
  /** Messages that nobody has taken yet; with more of them the reader is asked to stop. */
  readonly maximumUnclaimed: number
  readonly gate: Gate
}

export class Subscriptions {
  readonly #server: Server
  readonly #entries = new Map<string, Entry>()
  readonly #tree = TopicTree.make<Subscriber>()
  readonly #matched: Array<Subscriber> = []
  readonly #options: SubscriptionsOptions
  #unclaimed: Array<Unclaimed> = []
  #claimable = false
  /** Messages that somebody has to deal with. */
  #arrived = 0
  #isGateClosed = false
  #settled: Array<Arrival> = []
  #isConnected = false
  /** Set by the reader while it reads although an inbox is blocked. */
  isOverrun = false

  constructor(server: Server, options: SubscriptionsOptions) {
    this.#server = server
    this.#options = options
  }

  get filters(): ReadonlyArray<string> {
    return [...this.#entries.keys()]
  }

  #subscribers(): Set<Subscriber> {
    const all = new Set<Subscriber>()
    for (const entry of this.#entries.values()) for (const subscriber of entry.subscribers) all.add(subscriber)
    return all
  }

  get dropped(): number {
    let dropped = 0
    for (const subscriber of this.#subscribers()) dropped += subscriber.inbox.dropped
    return dropped
  }

  // -------------------------------------------------------------------------
  // Subscribing
  // -------------------------------------------------------------------------

  /** Adds a subscriber; messages that match reach it from now on. `waiting` hears what the server says. */
  add(options: Packet.Subscription, subscriber: Subscriber, waiting: Waiting): void {
    this.addAll([{ options, waiting }], subscriber)
  }

  /** Adds a subscriber to several filters, which are asked for together. */
  addAll(
    all: ReadonlyArray<{ readonly options: Packet.Subscription; readonly waiting: Waiting }>,
    subscriber: Subscriber
  ): void {
    const entries = all.map(({ options, waiting }) => this.#enter(options, subscriber, waiting))
    this.#claim(subscriber)
    this.#reconcile(entries)
  }

  #enter(options: Packet.Subscription, subscriber: Subscriber, waiting: Waiting): Entry {
    const entry = this.#entryFor(options)
    entry.subscribers.add(subscriber)
    entry.isLingering = false
    this.#tree.add(options.topicFilter, subscriber)
    // A shared subscription has the highest QoS that one of them asked for.
    if (options.qos > entry.options.qos) {
      entry.options = { ...entry.options, qos: options.qos }
      if (entry.status === "present") entry.status = "unknown"
    }
    if (entry.status === "present") waiting.granted(entry.granted)
    else entry.waiting.add(waiting)
    return entry
  }

  #entryFor(options: Packet.Subscription): Entry {
    const known = this.#entries.get(options.topicFilter)
    if (known !== undefined) return known
    const entry: Entry = {
      options,
      status: "absent",
      granted: 0,
      isLingering: false,
      subscribers: new Set(),
      waiting: new Set()
    }
    this.#entries.set(options.topicFilter, entry)
    return entry
  }

  /** Whether the filter is subscribed to in another manner, which one subscription cannot serve. */
  conflicts(options: Packet.Subscription): boolean {
    const known = this.#entries.get(options.topicFilter)?.options
    return known !== undefined && known.noLocal !== options.noLocal ||
      known !== undefined && known.retainAsPublished !== options.retainAsPublished
  }

  /**
   * A subscriber leaves; the last one ends the subscription. In a session that is to persist it lingers first, until
   * `release`: a program that ends leaves its subscriptions too, and wants to find them again.
   */
  remove(topicFilter: string, subscriber: Subscriber): void {
    const entry = this.#entries.get(topicFilter)
    if (entry === undefined || !entry.subscribers.delete(subscriber)) return
    this.#tree.remove(topicFilter, subscriber)
    entry.isLingering = this.#options.isPersistent && entry.subscribers.size === 0 && entry.status === "present"
    this.#reconcile([entry])
  }

  /** The time has passed in which somebody could have come back. */
  release(topicFilters: ReadonlyArray<string>): void {
    const entries = topicFilters.flatMap((topicFilter) => this.#entries.get(topicFilter) ?? [])
    for (const entry of entries) entry.isLingering = false
    this.#reconcile(entries)
  }

  /** Asks for what could not be asked for before. */
  askAgain(): void {
    this.#reconcile([...this.#entries.values()])
  }

  #lingersFor(topic: string): boolean {
    for (const { isLingering, options } of this.#entries.values()) {
      if (isLingering && Topic.matches(options.topicFilter, topic)) return true
    }
    return false
  }

  /** Asks the server for what is wanted and not there, and gives up what is there and not wanted. */
  #reconcile(entries: Iterable<Entry>): void {
    const wanted: Array<Entry> = []
    const unwanted: Array<Entry> = []
    for (const entry of entries) {
      if (entry.subscribers.size > 0) {
        if (entry.status === "absent" || entry.status === "unknown") wanted.push(entry)
      } else if (entry.isLingering) continue
      else if (entry.status === "present" || entry.status === "unknown") unwanted.push(entry)
      else if (entry.status === "absent") this.#entries.delete(entry.options.topicFilter)
    }
    if (!this.#isConnected) return
    for (const some of inPacketsOf(filtersPerPacket, wanted)) this.#subscribe(some)
    for (const some of inPacketsOf(filtersPerPacket, unwanted)) this.#unsubscribe(some)
  }

  #subscribe(entries: ReadonlyArray<Entry>): void {
    // One that is asked for again may be there still when that is refused.
    const otherwise = entries.map(({ status }): Entry["status"] => status === "unknown" ? status : "absent")
    for (const entry of entries) entry.status = "subscribing"
    const asked = entries.map((entry) => entry.options)
    this.#server.subscribe(asked, {
      completed: ({ properties, reasonCodes }) => {
        entries.forEach((entry, index) => {
          entry.status = "present"
          const reasonCode = reasonCodes[index]
          if (ReasonCode.isError(reasonCode)) {
            this.#refuse(entry, otherwise[index], reasonCode, properties.reasonString)
          } else this.#grant(entry, asked[index], reasonCode as Packet.QoS)
        })
        this.#reconcile(entries)
      },
      abandoned: () => {
        for (const entry of entries) entry.status = "unknown"
      },
      failed: (error) => {
        // One of them cannot be asked for, or not all of them in one packet.
        if (entries.length > 1 && this.#isConnected) {
          entries.forEach((entry, index) => {
            entry.status = otherwise[index]
          })
          for (const some of inPacketsOf(Math.ceil(entries.length / 2), entries)) this.#subscribe(some)
          return
        }
        entries.forEach((entry, index) => this.#fail(entry, otherwise[index], error))
        this.#reconcile(entries)
      }
    })
  }

  #grant(entry: Entry, asked: Packet.Subscription, qos: Packet.QoS): void {
    entry.granted = qos
    // Somebody asked for more while the answer was on its way.
    if (entry.options.qos > asked.qos) {
      entry.status = "unknown"
      return
    }
    for (const waiting of entry.waiting) waiting.granted(qos)
    entry.waiting.clear()
  }

  #refuse(
    entry: Entry,
    status: Entry["status"],
    reasonCode: ReasonCode.ReasonCode,
    reasonString: string | undefined
  ): void {
    const { topicFilter } = entry.options
    this.#fail(entry, status, Errors.fromReason(new Errors.SubscribeRefused({ topicFilter, reasonCode, reasonString })))
  }

  /** There is no such subscription: those who wait hear why, and those who had it before see their stream fail. */
  #fail(entry: Entry, status: Entry["status"], error: Errors.MqttError): void {
    entry.status = status
    for (const subscriber of entry.subscribers) {
      this.#tree.remove(entry.options.topicFilter, subscriber)
      subscriber.inbox.end(error)
    }
    entry.subscribers.clear()
    for (const waiting of entry.waiting) waiting.failed(error)
    entry.waiting.clear()
  }

  #unsubscribe(entries: ReadonlyArray<Entry>): void {
    for (const entry of entries) entry.status = "unsubscribing"
    const absent = () => {
      for (const entry of entries) entry.status = "absent"
      this.#reconcile(entries)
    }
    this.#server.unsubscribe(entries.map((entry) => entry.options.topicFilter), {
      completed: absent,
      abandoned: () => {
        for (const entry of entries) entry.status = "unknown"
      },
      failed: absent
    })
  }

  // -------------------------------------------------------------------------
  // Connections come and go
  // -------------------------------------------------------------------------

  /**
   * A connection is there. Unless the server is sure to have our subscriptions everything is subscribed to again, and
   * otherwise only what it does not have. Messages of a resumed session wait for the subscriber that will come for them.
   */
  connected(sessionPresent: boolean, hasSubscriptions = sessionPresent): void {
    this.#isConnected = true
    this.#claimable = sessionPresent
    for (const entry of this.#entries.values()) {
      if (!sessionPresent) entry.status = "absent"
      else if (!hasSubscriptions) entry.status = "unknown"
    }
    this.#reconcile([...this.#entries.values()])
  }

  disconnected(): void {
    this.#isConnected = false
    this.#claimable = false
    // What was not acknowledged at QoS 1 comes again, if the session is there again.
    this.#unclaimed = this.#unclaimed.filter(({ publish }) => publish.qos === 2)
    this.#gateUnclaimed()
    this.#settled = []
    for (const subscriber of this.#subscribers()) subscriber.inbox.disconnected(this.#options.isPersistent)
  }

  /** The client is over. */
  end(how: Errors.MqttError | Cause.Done, error: Errors.MqttError): void {
    this.#isConnected = false
    for (const entry of this.#entries.values()) {
      for (const subscriber of entry.subscribers) subscriber.inbox.endUnacknowledged(how)
      for (const waiting of entry.waiting) waiting.failed(error)
      entry.waiting.clear()
    }
  }

  // -------------------------------------------------------------------------
  // Messages
  // -------------------------------------------------------------------------

  /** Puts a message into the inboxes of those who want it, once each, however many of their filters match. */
  deliver(publish: Packet.Publish, arrival: Arrival | undefined, now: number): void {
    const matched = this.#matched
    matched.length = 0
    this.#tree.match(publish.topic, matched)
    if (matched.length === 1) return this.#hand(matched[0], publish, arrival, undefined)
    if (matched.length === 0) return this.#keepUnclaimed(publish, arrival, now)
    const subscribers = new Set(matched)
    const handover = this.#handover(arrival)
    handover?.share(subscribers.size)
    for (const subscriber of subscribers) this.#hand(subscriber, publish, arrival, handover)
  }

  #handover(arrival: Arrival | undefined): Handover | undefined {
    return arrival === undefined ? undefined : new Handover(this.#server, arrival, ++this.#arrived)
  }

  /** `shared` is there when others have to deal with the message too before it is acknowledged. */
  #hand(
    subscriber: Subscriber,
    publish: Packet.Publish,
    arrival: Arrival | undefined,
    shared: Handover | undefined
  ): void {
    if (subscriber.acknowledges === "byConsumer") {
      return this.#handToConsumer(subscriber, publish, shared ?? this.#handover(arrival))
    }
    const message = new MqttMessage(publish)
    const bytes = publish.payload.length
    if (subscriber.inbox.offer(message, bytes)) {
      if (shared !== undefined) shared.settle(0x00)
      else if (arrival !== undefined) this.#settled.push(arrival)
      return
    }
    const handover = shared ?? this.#handover(arrival)
    const accepted = handover === undefined ? undefined : () => handover.settle(0x00)
    subscriber.inbox.park({ item: message, bytes, qos: publish.qos, accepted }, this.isOverrun)
  }

  #handToConsumer(
    { inbox, missed }: Extract<Subscriber, { acknowledges: "byConsumer" }>,
    publish: Packet.Publish,
    handover: Handover | undefined
  ): void {
    const item = { message: new MqttMessage(publish), handover }
    const bytes = publish.payload.length
    const { dropped } = inbox
    if (!inbox.offer(item, bytes)) {
      inbox.park({ item, bytes, qos: publish.qos, accepted: undefined }, this.isOverrun)
    } else if (inbox.hasEnded) {
      missed(item)
    } else if (inbox.policy === "dropNewest" && inbox.dropped > dropped) {
      // Nobody will consume it.
      handover?.settle(0x00)
    }
  }

  /** What was taken in since the last call, to be acknowledged together. */
  takeSettled(): ReadonlyArray<Arrival> {
    const settled = this.#settled
    if (settled.length > 0) this.#settled = []
    return settled
  }

  /** `[MQTT-3.3.4-1]`: what nobody wants is acknowledged too, at once or when nobody came for it. */
  #keepUnclaimed(publish: Packet.Publish, arrival: Arrival | undefined, now: number): void {
    const isKept = this.#claimable || this.#lingersFor(publish.topic)
    const isFull = this.#unclaimed.length >= this.#options.maximumUnclaimed
    if (isKept && (arrival !== undefined || !isFull)) {
      this.#unclaimed.push({ publish, handover: this.#handover(arrival), since: now })
      this.#gateUnclaimed()
    } else if (arrival !== undefined) {
      this.#settled.push(arrival)
    }
  }

  /** A 3.1.1 server knows no Receive Maximum: when too many wait, reading no further is all that keeps them away. */
  #gateUnclaimed(): void {
    const isFull = this.#unclaimed.length >= this.#options.maximumUnclaimed
    if (isFull === this.#isGateClosed) return
    this.#isGateClosed = isFull
    if (isFull) this.#options.gate.close()
    else this.#options.gate.open()
  }

  /** A consumer left what it had not dealt with: the next one may want it. Those who are there have their own. */
  giveBack(deliveries: ReadonlyArray<Delivery>, now: number): void {
    for (const { handover, message } of deliveries) {
      if (handover !== undefined) this.#unclaimed.push({ publish: message.packet, handover, since: now })
    }
    // What has come since then stands behind it.
    this.#unclaimed.sort((one, other) => orderOf(one) - orderOf(other))
    this.#gateUnclaimed()
  }

  /** A new subscriber takes over what waits and matches. */
  #claim(subscriber: Subscriber): void {
    const unclaimed = this.#unclaimed
    this.#unclaimed = []
    for (const one of unclaimed) {
      const matched: Array<Subscriber> = []
      this.#tree.match(one.publish.topic, matched)
      if (matched.includes(subscriber)) this.#hand(subscriber, one.publish, undefined, one.handover)
      else this.#unclaimed.push(one)
    }
    this.#gateUnclaimed()
  }

  /**
   * What came before `until` and nobody came for is acknowledged and dropped: it would hold up the acknowledgements
   * behind it. Says how many.
   */
  abandonUnclaimed(until: number): number {
    const abandoned = this.#unclaimed.filter(({ since }) => since <= until)
    this.#unclaimed = this.#unclaimed.filter(({ since }) => since > until)
    this.#gateUnclaimed()
    for (const { handover } of abandoned) handover?.settle(0x00)
    return abandoned.length
  }

  /** The program had its time to subscribe: from now on what nobody wants is acknowledged at once. */
  stopKeeping(): void {
    this.#claimable = false
  }
}

/** QoS 0 has no place to keep. */
const orderOf = ({ handover }: Unclaimed): number => handover?.order ?? Number.MAX_SAFE_INTEGER

const inPacketsOf = function*<A>(size: number, items: ReadonlyArray<A>): Iterable<ReadonlyArray<A>> {
  for (let index = 0; index < items.length; index += size) yield items.slice(index, index + size)
}
