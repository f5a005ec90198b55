/**
 * The way of a received message into the inboxes of those it is for, and to its acknowledgement.
 *
 * Who that is the routes say, and who subscribes to what the subscriptions. MQTT 5.0 section 3.3.4, 3.1.1 section 3.3.5.
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
  /** Messages that nobody has taken yet; with more of them the reader is asked to stop. */
  readonly maximumUnclaimed: number
  /** What those may cost, bytes. */
  readonly maximumUnclaimedBytes: number
  readonly gate: Gate
}

/** A limit of the receiver is exceeded: what PUBACK and PUBREC can say about it. MQTT 5.0 section 3.4.2.1. */
const quotaExceeded = 0x97
const unspecifiedError = 0x80

export class Deliveries {
  readonly #session: Acknowledging
  readonly #gate: Gate
  readonly #unclaimed: Unclaimed
  readonly routes = new Routes()
  readonly notices = new Notices()
  readonly offendingTopics = new OffendingTopics()
  /** The program may still subscribe to what a resumed session brings. */
  #isClaimable = false
  /** Messages that somebody has to deal with. */
  #arrived = 0
  /** Of these, those of before the session was resumed: what was not acknowledged at QoS 1 comes again. */
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

  /** How many wait for somebody to subscribe, and one of their topics. */
  get unclaimed(): { readonly messages: number; readonly topic: string } | undefined {
    const { first, size } = this.#unclaimed
    return first === undefined ? undefined : { messages: size, topic: first.publish.topic }
  }

  /** Since when one of them waits, milliseconds; `Infinity` when none does. */
  get unclaimedSince(): number {
    return this.#unclaimed.since
  }

  connected(sessionPresent: boolean): void {
    this.#isClaimable = sessionPresent
    if (sessionPresent) this.#resumed = this.#arrived
    else this.routes.begin()
  }

  /** What was not acknowledged at QoS 1 comes again, if the session is there again. */
  disconnected(): void {
    this.#isClaimable = false
    this.#unclaimed.take(({ publish }) => publish.qos !== 2, () => {})
    this.#settled = []
    this.#gate.calm()
  }

  /**
   * Puts a message into the inbox of every subscriber it is for, once each, however many of their filters match.
   * `isOverrun` says that the network is read although an inbox is blocked.
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
    // QoS 0 waits for nobody: nothing would keep more of it from coming.
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

  /** Its payload was not kept. In 3.1.1 it is acknowledged, as there is no word for a refusal. */
  #refuseTooLarge(publish: Packet.Publish, size: number, arrival: Arrival | undefined, now: number): void {
    this.notices.isTooLarge(publish, size, now)
    if (arrival !== undefined) this.#session.acknowledge([arrival], quotaExceeded)
  }

  /** It has ended several connections. */
  #refuse(publish: Packet.Publish, description: string, arrival: Arrival | undefined, now: number): void {
    this.notices.isRefused(publish, description, now)
    if (arrival !== undefined) this.#session.acknowledge([arrival], unspecifiedError)
  }

  #handover(arrival: Arrival | undefined): Handover | undefined {
    return arrival === undefined ? undefined : new Handover(this.#session, arrival, ++this.#arrived)
  }

  /** To be acknowledged together with others. */
  #settle(arrival: Arrival | undefined): void {
    if (arrival !== undefined) this.#settled.push(arrival)
  }

  /** `shared` is there when others have to deal with the message too before it is acknowledged. */
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

  /** What was taken in since the last call, to be acknowledged together. */
  takeSettled(): Array<Arrival> {
    const settled = this.#settled
    if (settled.length > 0) this.#settled = []
    return settled
  }

  // -------------------------------------------------------------------------
  // What nobody has taken yet
  // -------------------------------------------------------------------------

  /** `[MQTT-3.3.4-1]`: what nobody wants is acknowledged too, at once or when nobody came for it. */
  #keepOrphan(publish: Packet.Publish, arrival: Arrival | undefined, now: number): void {
    if (!this.#isClaimable || arrival === undefined) {
      this.#dropped++
      return this.#settle(arrival)
    }
    // Of an earlier program: its filter is not here yet. Whoever numbers otherwise left it to any filter.
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
   * A consumer left what it had not dealt with: the next one of its filters may want it. Those of other filters have
   * their own, or it is kept for them.
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

  /** A new subscriber takes over what waits and is for one of its filters; once, however many of them it is for. */
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
   * What came before `until` and nobody came for is acknowledged and dropped: it would hold up the acknowledgements
   * behind it. Says how many. The program may have changed its filters since the server queued a message: before it is
   * dropped it goes to those whose filter matches now.
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

  /** The program had its time to subscribe: from now on what nobody wants is acknowledged at once. */
  stopKeeping(): void {
    this.#isClaimable = false
  }
}
