/**
 * The way of a received message into its subscribers' inboxes, and to its acknowledgement.
 *
 * `routes.ts` finds the subscribers, and `subscriptions.ts` keeps their filters. MQTT 5.0 section 3.3.4, 3.1.1 section
 * 3.3.5.
 */
import { MqttMessage } from "../../../MqttMessage.ts"
import type { Arrival } from "../../../protocol/Arrivals.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import type { Gate } from "../gate.ts"
import { sizeOf } from "../messageSize.ts"
import { ExpectedCopies } from "./expectedCopies.ts"
import { type Acknowledging, type Addressee, Delivery, Handover } from "./handover.ts"
import { Notices } from "./notices.ts"
import { OffendingTopics } from "./offendingTopics.ts"
import { type Route, Routes } from "./routes.ts"
import * as SubscriptionIdentifier from "./subscriptionIdentifier.ts"
import { type Kept, Unclaimed } from "./unclaimed.ts"

export interface DeliveriesOptions {
  /** With more unclaimed messages than this, the reader is asked to stop. */
  readonly maximumUnclaimed: number
  /** The same limit in bytes. */
  readonly maximumUnclaimedBytes: number
  readonly gate: Gate
}

/** A limit of the receiver is exceeded, as PUBACK and PUBREC express it. MQTT 5.0 section 3.4.2.1. */
const quotaExceeded = 0x97
const unspecifiedError = 0x80

export class Deliveries {
  readonly #session: Acknowledging
  readonly #gate: Gate
  readonly #unclaimed: Unclaimed
  readonly routes = new Routes()
  readonly notices = new Notices()
  readonly offendingTopics = new OffendingTopics()
  /** The program may still subscribe to the messages of a resumed session. */
  #isClaimable = false
  /** Messages that a subscriber has to deal with. */
  #arrived = 0
  /** Of these, the messages from before the session was resumed: unacknowledged QoS 1 messages come again. */
  #resumed = 0
  #settled: Array<Arrival> = []
  #dropped = 0

  constructor(session: Acknowledging, { gate, maximumUnclaimed, maximumUnclaimedBytes }: DeliveriesOptions) {
    this.#session = session
    this.#gate = gate
    this.#unclaimed = new Unclaimed({ maximum: maximumUnclaimed, maximumBytes: maximumUnclaimedBytes, gate })
  }

  /** Messages that nobody took. */
  get dropped(): number {
    return this.#dropped
  }

  /** How many messages wait for somebody to subscribe, and one of their topics. */
  get unclaimed(): { readonly messages: number; readonly topic: string } | undefined {
    const { first, size } = this.#unclaimed
    return first === undefined ? undefined : { messages: size, topic: first.publish.topic }
  }

  /** Since when the oldest of them waits, milliseconds; `Infinity` when none does. */
  get unclaimedSince(): number {
    return this.#unclaimed.since
  }

  connected(sessionPresent: boolean): void {
    this.#isClaimable = sessionPresent
    if (sessionPresent) this.#resumed = this.#arrived
    else this.routes.begin()
  }

  /** The server sends unacknowledged QoS 1 messages again, if it still has the session. */
  disconnected(): void {
    this.#isClaimable = false
    this.#unclaimed.take(({ publish }) => publish.qos !== 2, () => {})
    this.#settled = []
    this.#gate.calm()
  }

  /**
   * Puts a message once into the inbox of every subscriber it is for, however many of their filters match. `isOverrun`
   * says that the network is read although an inbox is blocked.
   */
  deliver(publish: Packet.Publish, arrival: Arrival | undefined, now: number, isOverrun = false): void {
    if (publish.tooLarge !== undefined) return this.#refuseTooLarge(publish, publish.tooLarge, arrival, now)
    if (publish.refused !== undefined) return this.#refuse(publish, publish.refused, arrival, now)
    if (publish.malformedProperties !== undefined) {
      this.notices.isMalformed(publish, publish.malformedProperties, now)
    }
    const addressees = this.routes.find(publish, now)
    if (addressees === undefined) return this.#settle(arrival)
    const { awaited, subscribers } = addressees
    // A QoS 0 message waits for nobody: nothing would keep the server from sending more.
    const isAwaited = awaited.length > 0 && arrival !== undefined
    if (!isAwaited && subscribers.length === 1) {
      return this.#hand(subscribers[0], publish, arrival, undefined, isOverrun)
    }
    if (!isAwaited && subscribers.length === 0) return this.#keepOrphan(publish, arrival, now)
    const handover = this.#handover(arrival)
    handover?.share(subscribers.length + (isAwaited ? 1 : 0))
    if (isAwaited && handover !== undefined) {
      this.#keep({ publish, handover, since: now, identifiers: awaited, isAnybodys: false })
    }
    for (const subscriber of subscribers) this.#hand(subscriber, publish, arrival, handover, isOverrun)
  }

  /** The payload was not kept. In 3.1.1 the message is acknowledged, because 3.1.1 cannot express a refusal. */
  #refuseTooLarge(publish: Packet.Publish, size: number, arrival: Arrival | undefined, now: number): void {
    this.notices.isTooLarge(publish, size, now)
    if (arrival !== undefined) this.#session.acknowledge([arrival], quotaExceeded)
  }

  /** The message has ended several connections. */
  #refuse(publish: Packet.Publish, description: string, arrival: Arrival | undefined, now: number): void {
    this.notices.isRefused(publish, description, now)
    if (arrival !== undefined) this.#session.acknowledge([arrival], unspecifiedError)
  }

  #handover(arrival: Arrival | undefined): Handover | undefined {
    return arrival === undefined ? undefined : new Handover(this.#session, arrival, ++this.#arrived)
  }

  /** Leaves the message to be acknowledged together with others. */
  #settle(arrival: Arrival | undefined): void {
    if (arrival !== undefined) this.#settled.push(arrival)
  }

  /** `shared` is given when other subscribers must also deal with the message before it is acknowledged. */
  #hand(
    subscriber: Addressee,
    publish: Packet.Publish,
    arrival: Arrival | undefined,
    shared: Handover | undefined,
    isOverrun: boolean
  ): void {
    if (subscriber.acknowledges === "byConsumer") {
      return this.#handToConsumer(subscriber, publish, shared ?? this.#handover(arrival), isOverrun)
    }
    const message = new MqttMessage(publish)
    const bytes = sizeOf(publish)
    if (subscriber.inbox.offer(message, bytes)) {
      if (shared !== undefined) shared.settle(0x00)
      else if (arrival !== undefined) this.#settled.push(arrival)
      return
    }
    const handover = shared ?? this.#handover(arrival)
    const accepted = handover === undefined ? undefined : () => handover.settle(0x00)
    subscriber.inbox.park({ item: message, bytes, qos: publish.qos, accepted }, isOverrun)
  }

  #handToConsumer(
    { inbox }: Extract<Addressee, { acknowledges: "byConsumer" }>,
    publish: Packet.Publish,
    handover: Handover | undefined,
    isOverrun: boolean
  ): void {
    const item = new Delivery(new MqttMessage(publish), handover)
    const bytes = sizeOf(publish)
    const { dropped } = inbox
    if (!inbox.offer(item, bytes)) {
      inbox.park({ item, bytes, qos: publish.qos, accepted: undefined }, isOverrun)
    } else if (inbox.hasEnded) {
      // It waits for the next consumer. Nobody acknowledges QoS 0, so nothing would keep the server from sending more.
      if (handover === undefined) inbox.drop()
      else inbox.park({ item, bytes, qos: publish.qos, accepted: undefined }, isOverrun)
    } else if (inbox.policy === "dropNewest" && inbox.dropped > dropped) {
      // Nobody will consume it.
      handover?.settle(0x00)
    }
  }

  /** The messages taken in since the last call, to be acknowledged together. The array is the caller's to keep. */
  takeSettled(): Array<Arrival> {
    const settled = this.#settled
    if (settled.length > 0) this.#settled = []
    return settled
  }

  // -------------------------------------------------------------------------
  // Messages that nobody has taken yet
  // -------------------------------------------------------------------------

  /** `[MQTT-3.3.4-1]`: an unwanted message is acknowledged too, at once or after nobody came for it. */
  #keepOrphan(publish: Packet.Publish, arrival: Arrival | undefined, now: number): void {
    if (!this.#isClaimable || arrival === undefined) {
      this.#dropped++
      return this.#settle(arrival)
    }
    // For a filter of an earlier program that is not here yet. Without an identifier of ours, any filter may have it.
    const identifiers = publish.properties.subscriptionIdentifiers?.filter(SubscriptionIdentifier.isOurs) ?? []
    this.#keep({
      publish,
      handover: new Handover(this.#session, arrival, ++this.#arrived),
      since: now,
      identifiers: identifiers.length === 0 ? undefined : identifiers,
      isAnybodys: this.routes.matching(publish.topic).length === 0
    })
  }

  #keep(kept: Kept): void {
    this.#unclaimed.keep(kept)
    this.notices.isUnclaimed(kept.publish, kept.since)
  }

  /**
   * A consumer left without dealing with these messages. The next consumer of its filters may want them. Subscribers to
   * other filters have their own copies, or their copies are kept for them.
   */
  giveBack(deliveries: ReadonlyArray<Delivery>, topicFilters: ReadonlyArray<string>, now: number): void {
    const identifiers = topicFilters.map(SubscriptionIdentifier.make)
    for (const { handover } of deliveries) if (handover === undefined) this.#dropped++
    this.#unclaimed.giveBack(
      deliveries.flatMap(({ handover, message }) =>
        handover === undefined || (message.qos === 1 && handover.order <= this.#resumed)
          ? []
          : [{ publish: message.packet, handover, since: now, identifiers, isAnybodys: false }]
      )
    )
  }

  /** A new subscriber takes over waiting messages for its filters, once each, however many of its filters match. */
  claim(subscriber: Addressee): void {
    if (this.#unclaimed.isEmpty) return
    const copies = new ExpectedCopies<Route>()
    const routesFor = ({ identifiers, publish }: Kept) => {
      const routes = this.routes.matching(publish.topic).filter(({ subscribers }) => subscribers.includes(subscriber))
      const isNamed = ({ identifier }: Route) => identifiers?.includes(identifier) ?? true
      return { named: routes.filter(isNamed), others: routes.filter((route) => !isNamed(route)) }
    }
    this.#unclaimed.take((kept) => routesFor(kept).named.length > 0, (kept) => {
      const { named, others } = routesFor(kept)
      if (copies.take(kept.publish, named, 0)) return kept.handover.settle(0x00)
      if (others.length > 0) copies.expect(kept.publish, named, others, Infinity)
      this.#hand(subscriber, kept.publish, undefined, kept.handover, false)
    })
  }

  /**
   * Acknowledges and drops messages that came before `until` and that nobody came for: they would hold up the
   * acknowledgements behind them. Returns how many. The program may have changed its filters since the server queued a
   * message, so first the message goes to any subscribers whose filter matches now.
   */
  abandonUnclaimed(until: number): number {
    const dropped: Array<Packet.Publish> = []
    this.#unclaimed.take(({ since }) => since <= until, ({ handover, isAnybodys, publish }) => {
      const routes = isAnybodys ? this.routes.matching(publish.topic) : []
      const subscribers = new Set(routes.flatMap(({ subscribers }) => subscribers))
      if (subscribers.size === 0) {
        dropped.push(publish)
        return handover.settle(0x00)
      }
      handover.share(subscribers.size)
      for (const subscriber of subscribers) this.#hand(subscriber, publish, undefined, handover, false)
    })
    this.#dropped += dropped.length
    if (dropped.length > 0) this.notices.areDropped(dropped.length, dropped[0])
    return dropped.length
  }

  /** The program had its time to subscribe: from now on, unwanted messages are acknowledged at once. */
  stopKeeping(): void {
    this.#isClaimable = false
  }
}
