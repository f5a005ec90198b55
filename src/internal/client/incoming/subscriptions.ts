/**
 * Who subscribed to what: one entry per Topic Filter with those who share it, kept in step with the server.
 *
 * The packets and their identifiers are the session's, received messages the deliveries'. MQTT 5.0 and 3.1.1, sections
 * 3.8 to 3.11.
 */
import type * as Cause from "effect/Cause"
import * as MqttError from "../../../MqttError.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import type { Properties } from "../../../protocol/Properties.ts"
import * as ReasonCode from "../../../protocol/ReasonCode.ts"
import type { Owner } from "../owner.ts"
import * as Suspicion from "../suspicion.ts"
import type { Deliveries } from "./deliveries.ts"
import type { Addressee } from "./handover.ts"
import { alike, inPacketsOf } from "./packets.ts"
import { type Joining, type Status, SubscribedFilter } from "./subscribedFilter.ts"

/** What the table needs of the session. Without a connection nothing is sent, and `abandoned` is told instead. */
export interface Server {
  readonly subscribe: (asked: Asked, owner: Owner) => void
  readonly unsubscribe: (topicFilters: ReadonlyArray<string>, owner: Owner) => void
  /** Which packets connections keep ending with: the session adds to it, the table clears what the server answered. */
  suspicion: Suspicion.Suspicion<Owner>
}

/** What one SUBSCRIBE says. */
export interface Asked {
  readonly subscriptions: ReadonlyArray<Packet.Subscription>
  /** `undefined` where the server takes none. */
  readonly identifier: number | undefined
  readonly userProperties: Properties["userProperties"]
}

/** A SUBSCRIBE that the server has not answered. */
export interface UnansweredSubscribe {
  readonly owner: Owner
  readonly topicFilters: ReadonlyArray<string>
}

export interface SubscriptionsOptions {
  /** The server keeps subscriptions, and sends again what was not acknowledged. */
  readonly isPersistent: boolean
  /** So many filters go into one SUBSCRIBE or UNSUBSCRIBE. */
  readonly filtersPerPacket: number
}

/** A connection, as far as it concerns subscriptions. */
export interface Connected {
  readonly sessionPresent: boolean
  /** The server is sure to have ours. Default: when the session is present. */
  readonly hasSubscriptions?: boolean
  /** Subscription Identifiers: 5.0, unless the server takes none. Default: `true`. */
  readonly takesIdentifiers?: boolean
}

export class Subscriptions {
  readonly #server: Server
  readonly #deliveries: Deliveries
  readonly #options: SubscriptionsOptions
  readonly #entries = new Map<string, SubscribedFilter>()
  /** SUBSCRIBEs that the server has not answered, in their order. */
  readonly #unanswered = new Map<Owner, ReadonlyArray<string>>()
  #isConnected = false
  #takesIdentifiers = false
  /** Those whose inboxes count: from their first filter until they leave. */
  readonly #present = new Set<Addressee>()
  #droppedByGone = 0
  #entered = 0
  #left = 0

  constructor(server: Server, deliveries: Deliveries, options: SubscriptionsOptions) {
    this.#server = server
    this.#deliveries = deliveries
    this.#options = options
  }

  get filters(): ReadonlyArray<string> {
    return [...this.#entries.keys()]
  }

  #subscribers(): Set<Addressee> {
    const all = new Set<Addressee>()
    for (const entry of this.#entries.values()) for (const subscriber of entry.subscribers) all.add(subscriber)
    return all
  }

  get dropped(): number {
    let dropped = this.#droppedByGone
    for (const { inbox } of this.#present) dropped += inbox.dropped
    return dropped
  }

  /** What waits in the inboxes. */
  get depth(): { readonly messages: number; readonly bytes: number } {
    let messages = 0
    let bytes = 0
    for (const { inbox } of this.#present) {
      const depth = inbox.depth
      messages += depth.messages
      bytes += depth.bytes
    }
    return { messages, bytes }
  }

  // -------------------------------------------------------------------------
  // Those who come and go
  // -------------------------------------------------------------------------

  /** Adds a subscriber to filters, which are asked for together; messages that match reach it from now on. */
  addAll(all: ReadonlyArray<Joining>, subscriber: Addressee): void {
    this.#present.add(subscriber)
    const entries = all.map((joining) => this.#enter(joining, subscriber))
    this.#deliveries.claim(subscriber)
    this.#reconcile(entries)
  }

  #enter(joining: Joining, subscriber: Addressee): SubscribedFilter {
    const { options, waiting } = joining
    const entry = this.#entryFor(joining)
    entry.subscribers.push(subscriber)
    entry.linger(undefined)
    // A shared subscription has the highest QoS that one of them asked for.
    if (options.qos > entry.options.qos) {
      entry.options = { ...entry.options, qos: options.qos }
      if (entry.status === "present") entry.status = "unknown"
    }
    if (entry.status === "present") waiting.granted(entry.granted)
    else entry.waiting.add(waiting)
    return entry
  }

  #entryFor(joining: Joining): SubscribedFilter {
    const { topicFilter } = joining.options
    const known = this.#entries.get(topicFilter)
    if (known !== undefined) return known
    const entry = new SubscribedFilter(joining, ++this.#entered)
    this.#entries.set(topicFilter, entry)
    this.#deliveries.routes.add(entry)
    return entry
  }

  /** Whether the filter is subscribed to in another manner, which one subscription cannot serve. */
  conflicts(options: Packet.Subscription): boolean {
    const known = this.#entries.get(options.topicFilter)?.options
    return known !== undefined && known.noLocal !== options.noLocal ||
      known !== undefined && known.retainAsPublished !== options.retainAsPublished
  }

  /**
   * A subscriber leaves; the last one ends the subscription. In a session that is to persist it lingers first, until what
   * is returned is called: a program that ends leaves its subscriptions too, and wants to find them again.
   */
  leave(topicFilters: ReadonlyArray<string>, subscriber: Addressee): (() => void) | undefined {
    const leaving = ++this.#left
    if (this.#present.delete(subscriber)) this.#droppedByGone += subscriber.inbox.dropped
    const left = topicFilters.flatMap((topicFilter) => {
      const entry = this.#entries.get(topicFilter)
      return entry !== undefined && withdraw(entry, subscriber) ? [entry] : []
    })
    const lingering = left.filter(({ status, subscribers }) => subscribers.length === 0 && status === "present")
    if (!this.#options.isPersistent || lingering.length === 0) {
      this.#reconcile(left)
      return undefined
    }
    for (const entry of lingering) entry.linger(leaving)
    this.#reconcile(left)
    return () => this.#release(lingering, leaving)
  }

  /** The time has passed in which somebody could have come back; one who came and left again has another. */
  #release(entries: ReadonlyArray<SubscribedFilter>, leaving: number): void {
    const released = entries.filter(({ lingeringSince }) => lingeringSince === leaving)
    for (const entry of released) entry.linger(undefined)
    this.#reconcile(released)
  }

  // -------------------------------------------------------------------------
  // What the server is asked for
  // -------------------------------------------------------------------------

  /** Asks for what could not be asked for before. */
  askAgain(): void {
    this.#reconcile([...this.#entries.values()])
  }

  /** Asks the server for what is wanted and not there, and gives up what is there and not wanted. */
  #reconcile(entries: Iterable<SubscribedFilter>): void {
    const { suspicion } = this.#server
    const wanted: Array<SubscribedFilter> = []
    const unwanted: Array<SubscribedFilter> = []
    for (const entry of entries) {
      if (entry.subscribers.length > 0) {
        if (isMissing(entry) && !Suspicion.isSetApart(suspicion, entry.options.topicFilter)) wanted.push(entry)
      } else if (entry.lingeringSince !== undefined) continue
      else if (entry.status === "present" || entry.status === "unknown") unwanted.push(entry)
      else if (entry.status === "absent") this.#forget(entry)
    }
    if (!this.#isConnected) return
    const { filtersPerPacket } = this.#options
    const isDoubtful = ({ options }: SubscribedFilter) => Suspicion.isDoubtful(suspicion, options.topicFilter)
    for (const some of alike(wanted.filter((entry) => !isDoubtful(entry)), this.#takesIdentifiers)) {
      for (const packet of inPacketsOf(filtersPerPacket, some)) this.#subscribe(packet)
    }
    for (const entry of wanted) if (isDoubtful(entry)) this.#subscribe([entry])
    for (const packet of inPacketsOf(filtersPerPacket, unwanted)) this.#unsubscribe(packet)
  }

  /**
   * Asks for one of the filters that connections keep ending with. The others wait until it is answered, and it until all
   * before it are: should this connection end too, it is known with which.
   */
  askForSuspected(): void {
    const { suspicion } = this.#server
    if (!this.#isConnected || suspicion.setApart.size === 0 || this.#unanswered.size > 0) return
    const topicFilter = Suspicion.next(suspicion, (topicFilter) => this.#wants(topicFilter))
    const entry = topicFilter === undefined ? undefined : this.#entries.get(topicFilter)
    if (entry !== undefined) this.#subscribe([entry])
  }

  #wants(topicFilter: string): boolean {
    const entry = this.#entries.get(topicFilter)
    return entry !== undefined && entry.subscribers.length > 0 && isMissing(entry)
  }

  #forget(entry: SubscribedFilter): void {
    const { topicFilter } = entry.options
    this.#server.suspicion = Suspicion.answered(this.#server.suspicion, [topicFilter])
    if (this.#entries.delete(topicFilter)) this.#deliveries.routes.remove(entry)
  }

  #subscribe(entries: ReadonlyArray<SubscribedFilter>): void {
    // One that is asked for again may be there still when that is refused.
    const otherwise = entries.map(({ status }): Status => status === "unknown" ? status : "absent")
    for (const entry of entries) entry.status = "subscribing"
    const [{ identifier, userProperties }] = entries
    const asked = entries.map((entry) => entry.options)
    const topicFilters = asked.map(({ topicFilter }) => topicFilter)
    const answered = () => {
      this.#unanswered.delete(owner)
      this.#server.suspicion = Suspicion.answered(this.#server.suspicion, topicFilters)
    }
    const owner: Owner = {
      completed: ({ properties, reasonCodes }) => {
        answered()
        entries.forEach((entry, index) => {
          entry.status = "present"
          const reasonCode = reasonCodes[index]
          if (ReasonCode.isError(reasonCode)) {
            this.#refuse(entry, otherwise[index], reasonCode, properties)
          } else this.#grant(entry, asked[index], reasonCode as Packet.Qos)
        })
        this.#reconcile(entries)
        this.askForSuspected()
      },
      abandoned: () => {
        this.#unanswered.delete(owner)
        for (const entry of entries) entry.status = "unknown"
      },
      failed: (error) => {
        answered()
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
    }
    this.#unanswered.set(owner, topicFilters)
    this.#server.subscribe({
      subscriptions: asked,
      identifier: this.#takesIdentifiers ? identifier : undefined,
      userProperties
    }, owner)
  }

  #grant(entry: SubscribedFilter, asked: Packet.Subscription, qos: Packet.Qos): void {
    entry.isGranted = true
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
    entry: SubscribedFilter,
    status: Status,
    reasonCode: ReasonCode.ReasonCode,
    { reasonString, userProperties }: Properties
  ): void {
    const { topicFilter } = entry.options
    const reason = new MqttError.SubscribeRefused({ topicFilter, reasonCode, reasonString, userProperties })
    this.#fail(entry, status, MqttError.fromReason(reason))
  }

  /** There is no such subscription: those who wait hear why, and those who had it before see their stream fail. */
  #fail(entry: SubscribedFilter, status: Status, error: MqttError.MqttError): void {
    entry.status = status
    entry.isGranted = false
    for (const subscriber of entry.subscribers) subscriber.inbox.end(error)
    entry.subscribers.length = 0
    for (const waiting of entry.waiting) waiting.failed(error)
    entry.waiting.clear()
  }

  #unsubscribe(entries: ReadonlyArray<SubscribedFilter>): void {
    for (const entry of entries) entry.status = "unsubscribing"
    const absent = () => {
      for (const entry of entries) {
        entry.status = "absent"
        entry.isGranted = false
      }
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
  connected({ sessionPresent, hasSubscriptions = sessionPresent, takesIdentifiers = true }: Connected): void {
    this.#isConnected = true
    this.#takesIdentifiers = takesIdentifiers
    this.#deliveries.connected(sessionPresent)
    for (const entry of this.#entries.values()) {
      if (!sessionPresent) {
        entry.status = "absent"
        entry.isGranted = false
      } else if (!hasSubscriptions) entry.status = "unknown"
    }
    this.#reconcile([...this.#entries.values()])
  }

  disconnected(): void {
    this.#isConnected = false
    this.#deliveries.disconnected()
    for (const subscriber of this.#subscribers()) subscriber.inbox.disconnected(this.#options.isPersistent)
  }

  // -------------------------------------------------------------------------
  // What connections end with
  // -------------------------------------------------------------------------

  /** The SUBSCRIBE that the server, which answers in order, would have answered next. */
  get unanswered(): UnansweredSubscribe | undefined {
    for (const [owner, topicFilters] of this.#unanswered) return { owner, topicFilters }
    return undefined
  }

  /** Gives a filter up that connections kept ending with: those who want it see `error`. */
  giveUp(topicFilter: string, error: MqttError.MqttError): void {
    const entry = this.#entries.get(topicFilter)
    if (entry === undefined) return
    this.#fail(entry, entry.status, error)
    this.#reconcile([entry])
  }

  /** The client is over. */
  end(how: MqttError.MqttError | Cause.Done, error: MqttError.MqttError): void {
    this.#isConnected = false
    for (const entry of this.#entries.values()) {
      for (const subscriber of entry.subscribers) subscriber.inbox.endUnacknowledged(how)
      for (const waiting of entry.waiting) waiting.failed(error)
      entry.waiting.clear()
    }
  }
}

const isMissing = ({ status }: SubscribedFilter): boolean => status === "absent" || status === "unknown"

/** Whether the subscriber was there. */
const withdraw = ({ subscribers }: SubscribedFilter, subscriber: Addressee): boolean => {
  const index = subscribers.indexOf(subscriber)
  if (index >= 0) subscribers.splice(index, 1)
  return index >= 0
}
