/**
 * The table of subscriptions: an entry for each Topic Filter with its subscribers, kept in step with the server.
 *
 * The session sends the packets and numbers them; `deliveries.ts` delivers received messages. MQTT 5.0 and 3.1.1,
 * sections 3.8 to 3.11.
 */
import type * as Cause from "effect/Cause"
import * as MqttError from "../../../MqttError.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import type { Properties } from "../../../protocol/Properties.ts"
import * as ReasonCode from "../../../protocol/ReasonCode.ts"
import * as Topic from "../../../protocol/Topic.ts"
import type { Owner } from "../owner.ts"
import * as Suspicion from "../suspicion.ts"
import type { Deliveries } from "./deliveries.ts"
import type { Addressee } from "./handover.ts"
import { alike, inPacketsOf } from "./packets.ts"
import { type Asking, type Joining, SubscribedFilter, type Telling } from "./subscribedFilter.ts"

/** The part of the session that the table uses. Without a connection it sends nothing and calls `abandoned`. */
export interface Server {
  readonly subscribe: (asked: Asked, owner: Owner) => void
  readonly unsubscribe: (topicFilters: ReadonlyArray<string>, owner: Owner) => void
  /** The packets that connections keep ending with. The session adds to them, the table clears answered ones. */
  suspicion: Suspicion.Suspicion<Owner>
}

/** The contents of one SUBSCRIBE. */
export interface Asked {
  readonly subscriptions: ReadonlyArray<Packet.Subscription>
  /** `undefined` if the server accepts none. */
  readonly identifier: number | undefined
  readonly userProperties: Properties["userProperties"]
}

export interface SubscriptionsOptions {
  /** The server keeps subscriptions, and sends unacknowledged messages again. */
  readonly isPersistent: boolean
  /** At most this many filters go into one SUBSCRIBE or UNSUBSCRIBE. */
  readonly filtersPerPacket: number
}

/** A connection, as far as it concerns subscriptions. */
export interface Connected {
  readonly sessionPresent: boolean
  /** The server is sure to have our subscriptions. Default: when the session is present. */
  readonly hasSubscriptions?: boolean
  /** Subscription Identifiers: 5.0, unless the server accepts none. Default: `true`. */
  readonly takesIdentifiers?: boolean
}

/**
 * mosquitto 2.0 keeps a session when it starts again, but not its Shared Subscriptions. To ask once more does no harm:
 * they get no retained messages. MQTT 5.0 section 4.8.2.
 */
const mayBeForgotten = ({ options, status }: SubscribedFilter): boolean =>
  status === "present" && Topic.isSharedFilter(options.topicFilter)

export class Subscriptions {
  readonly #server: Server
  readonly #deliveries: Deliveries
  readonly #options: SubscriptionsOptions
  readonly #entries = new Map<string, SubscribedFilter>()
  /** SUBSCRIBEs that the server has not answered, in their order. */
  readonly #unanswered = new Map<Owner, ReadonlyArray<string>>()
  #isConnected = false
  #takesIdentifiers = false
  /** The subscribers whose inboxes count: from their first filter until they leave. */
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

  /** The messages that wait in the inboxes. */
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
  // Subscribers come and go
  // -------------------------------------------------------------------------

  /** Adds a subscriber to filters, in one request to the server. Matching messages reach it from now on. */
  addAll(all: ReadonlyArray<Joining>, subscriber: Addressee): void {
    this.#present.add(subscriber)
    const entries = all.map((joining) => {
      const entry = this.#entryFor(joining)
      entry.join(joining, subscriber)
      return entry
    })
    this.#deliveries.claim(subscriber)
    this.#settle(entries, this.#isConnected ? entries.flatMap((entry) => entry.share()) : [])
  }

  #entryFor({ options }: Joining): SubscribedFilter {
    const known = this.#entries.get(options.topicFilter)
    if (known !== undefined) return known
    const entry = new SubscribedFilter(options, ++this.#entered)
    this.#entries.set(options.topicFilter, entry)
    this.#deliveries.routes.add(entry)
    return entry
  }

  /** Whether the filter is subscribed to with other options, which one subscription cannot combine. */
  conflicts(options: Packet.Subscription): boolean {
    return this.#entries.get(options.topicFilter)?.conflicts(options) === true
  }

  /**
   * A subscriber leaves; the last one ends the subscription. In a session that is to persist, the subscription first
   * lingers, until the returned function is called: a program that ends leaves its subscriptions too, and wants to find
   * them again.
   */
  leave(topicFilters: ReadonlyArray<string>, subscriber: Addressee): (() => void) | undefined {
    const leaving = ++this.#left
    if (this.#present.delete(subscriber)) this.#droppedByGone += subscriber.inbox.dropped
    const left = topicFilters.flatMap((topicFilter) => {
      const entry = this.#entries.get(topicFilter)
      return entry?.leave(subscriber) === true ? [entry] : []
    })
    const lingering = left.filter((entry) => entry.subscribers.length === 0 && isThere(entry))
    if (!this.#options.isPersistent || lingering.length === 0) {
      this.#reconcile(left)
      return undefined
    }
    for (const entry of lingering) entry.linger(leaving)
    this.#reconcile(left)
    return () => this.#release(lingering, leaving)
  }

  /** The time to come back has passed. If somebody came back and left again, a later call releases the filter. */
  #release(entries: ReadonlyArray<SubscribedFilter>, leaving: number): void {
    const released = entries.filter(({ lingeringSince }) => lingeringSince === leaving)
    for (const entry of released) entry.linger(undefined)
    this.#reconcile(released)
  }

  // -------------------------------------------------------------------------
  // Requests to the server
  // -------------------------------------------------------------------------

  /** Sends the requests that could not be sent before. */
  askAgain(): void {
    this.#reconcile([...this.#entries.values()])
  }

  /** Waiting subscribers are told last: they go on at once, and may leave, or subscribe to more. */
  #settle(entries: Iterable<SubscribedFilter>, tellings: ReadonlyArray<Telling>): void {
    this.#reconcile(entries)
    for (const tell of tellings) tell()
  }

  /** Requests wanted filters that the server lacks, and gives up unwanted filters that it has. */
  #reconcile(entries: Iterable<SubscribedFilter>): void {
    const { suspicion } = this.#server
    const wanted: Array<SubscribedFilter> = []
    const unwanted: Array<SubscribedFilter> = []
    for (const entry of entries) {
      if (entry.subscribers.length > 0) {
        if (entry.isMissing && !Suspicion.isSetApart(suspicion, entry.options.topicFilter)) wanted.push(entry)
      } else if (entry.lingeringSince !== undefined) continue
      else if (entry.status === "present" || entry.status === "unknown") unwanted.push(entry)
      else if (entry.status === "absent") this.#forget(entry)
    }
    if (!this.#isConnected) return
    const { filtersPerPacket } = this.#options
    const isDoubtful = ({ options }: SubscribedFilter) => Suspicion.isDoubtful(suspicion, options.topicFilter)
    const certain = wanted.filter((entry) => !isDoubtful(entry)).map((entry) => entry.ask())
    for (const some of alike(certain, this.#takesIdentifiers)) {
      for (const packet of inPacketsOf(filtersPerPacket, some)) this.#subscribe(packet)
    }
    for (const entry of wanted) if (isDoubtful(entry)) this.#subscribe([entry.ask()])
    for (const packet of inPacketsOf(filtersPerPacket, unwanted.filter((entry) => !isDoubtful(entry)))) {
      this.#unsubscribe(packet)
    }
    for (const entry of unwanted) if (isDoubtful(entry)) this.#unsubscribe([entry])
  }

  /**
   * Requests one of the filters that connections keep ending with. It waits until all earlier requests are answered,
   * and the others wait for its answer: if this connection ends too, the guilty filter is known.
   */
  askForSuspected(): void {
    const { suspicion } = this.#server
    if (!this.#isConnected || suspicion.setApart.size === 0 || this.#unanswered.size > 0) return
    const topicFilter = Suspicion.next(suspicion, (topicFilter) => this.#wants(topicFilter))
    const entry = topicFilter === undefined ? undefined : this.#entries.get(topicFilter)
    if (entry !== undefined) this.#subscribe([entry.ask()])
  }

  #wants(topicFilter: string): boolean {
    const entry = this.#entries.get(topicFilter)
    return entry !== undefined && entry.subscribers.length > 0 && entry.isMissing
  }

  #forget(entry: SubscribedFilter): void {
    const { topicFilter } = entry.options
    this.#server.suspicion = Suspicion.answered(this.#server.suspicion, [topicFilter])
    if (this.#entries.delete(topicFilter)) this.#deliveries.routes.remove(entry)
  }

  #subscribe(askings: ReadonlyArray<Asking>): void {
    const [{ filter: { identifier }, userProperties }] = askings
    const entries = askings.map(({ filter }) => filter)
    const topicFilters = askings.map(({ options }) => options.topicFilter)
    const answered = () => {
      this.#unanswered.delete(owner)
      this.#server.suspicion = Suspicion.answered(this.#server.suspicion, topicFilters)
    }
    const owner: Owner = {
      completed: ({ properties, reasonCodes }) => {
        answered()
        const tellings = askings.flatMap((asking, index) => {
          const reasonCode = reasonCodes[index]
          return ReasonCode.isError(reasonCode)
            ? asking.filter.refusedAs(asking, refusal(asking, reasonCode, properties))
            : asking.filter.grantedAs(asking, reasonCode as Packet.Qos)
        })
        this.#settle(entries, tellings)
        this.askForSuspected()
      },
      abandoned: () => {
        this.#unanswered.delete(owner)
        for (const { filter, otherwise } of askings) filter.unanswered(otherwise === "present" ? otherwise : "unknown")
      },
      failed: (error) => {
        answered()
        // A filter cannot be requested, or a packet cannot hold all of them.
        if (askings.length > 1 && this.#isConnected) {
          for (const some of inPacketsOf(Math.ceil(askings.length / 2), askings)) this.#subscribe(some)
          return
        }
        this.#settle(entries, askings.flatMap((asking) => asking.filter.refusedAs(asking, error)))
      }
    }
    this.#unanswered.set(owner, topicFilters)
    this.#server.subscribe({
      subscriptions: askings.map(({ options }) => options),
      identifier: this.#takesIdentifiers ? identifier : undefined,
      userProperties
    }, owner)
  }

  #unsubscribe(entries: ReadonlyArray<SubscribedFilter>): void {
    for (const entry of entries) entry.status = "unsubscribing"
    const absent = () => {
      for (const entry of entries) entry.absent()
      this.#reconcile(entries)
    }
    this.#server.unsubscribe(entries.map((entry) => entry.options.topicFilter), {
      completed: absent,
      abandoned: () => {
        for (const entry of entries) entry.status = "unknown"
      },
      failed: () => {
        // One packet that the server accepts cannot hold all of them.
        if (entries.length === 1 || !this.#isConnected) return absent()
        for (const some of inPacketsOf(Math.ceil(entries.length / 2), entries)) this.#unsubscribe(some)
      }
    })
  }

  // -------------------------------------------------------------------------
  // Connections come and go
  // -------------------------------------------------------------------------

  /**
   * A connection is there. Filters that the server is sure to have are not requested again; all others are, and Shared
   * Subscriptions always. Messages of a resumed session wait for a subscriber to come for them.
   */
  connected({ sessionPresent, hasSubscriptions = sessionPresent, takesIdentifiers = true }: Connected): void {
    this.#isConnected = true
    this.#takesIdentifiers = takesIdentifiers
    this.#deliveries.connected(sessionPresent)
    for (const entry of this.#entries.values()) {
      if (!sessionPresent) entry.absent()
      else if (!hasSubscriptions || mayBeForgotten(entry)) entry.status = "unknown"
    }
    const entries = [...this.#entries.values()]
    this.#settle(entries, entries.flatMap((entry) => entry.share()))
  }

  disconnected(): void {
    this.#isConnected = false
    this.#deliveries.disconnected()
    for (const subscriber of this.#subscribers()) subscriber.inbox.disconnected(this.#options.isPersistent)
  }

  // -------------------------------------------------------------------------
  // Filters that connections end with
  // -------------------------------------------------------------------------

  /** Gives up a filter that connections kept ending with: its subscribers get `error`. */
  giveUp(topicFilter: string, error: MqttError.MqttError): void {
    const entry = this.#entries.get(topicFilter)
    if (entry === undefined) return
    this.#settle([entry], entry.refusedAs(entry.ask(), error))
  }

  /** Gives up the UNSUBSCRIBE of a filter that connections kept ending with: the server may keep the subscription. */
  giveUpLeaving(topicFilter: string): void {
    const entry = this.#entries.get(topicFilter)
    if (entry === undefined || entry.subscribers.length > 0) return
    entry.status = "absent"
    this.#reconcile([entry])
  }

  /** The client is over. */
  end(how: MqttError.MqttError | Cause.Done, error: MqttError.MqttError): void {
    this.#isConnected = false
    for (const entry of this.#entries.values()) {
      for (const subscriber of entry.subscribers) subscriber.inbox.endUnacknowledged(how)
    }
    for (const entry of this.#entries.values()) for (const tell of entry.end(error)) tell()
  }
}

/** The server has the filter as granted to somebody, even if something else was requested since. */
const isThere = ({ isGranted, status }: SubscribedFilter): boolean =>
  status === "present" || (status === "subscribing" && isGranted)

const refusal = (
  { options: { topicFilter } }: Asking,
  reasonCode: ReasonCode.ReasonCode,
  { reasonString, userProperties }: Properties
): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.SubscribeRefused({ topicFilter, reasonCode, reasonString, userProperties }))
