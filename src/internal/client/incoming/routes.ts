/**
 * Which subscribers a received message is for: by its topic, and in 5.0 by its Subscription Identifiers.
 *
 * It hands nothing over and keeps no subscriptions. MQTT 5.0 section 3.3.4, and 4.7 of both.
 */
import type * as Packet from "../../../protocol/Packet.ts"
import * as Topic from "../../../protocol/Topic.ts"
import * as TopicTree from "../../../protocol/TopicTree.ts"
import { ExpectedCopies } from "./expectedCopies.ts"
import type { Addressee } from "./handover.ts"
import * as SubscriptionIdentifier from "./subscriptionIdentifier.ts"

/** The subscribers that a message is for. */
export interface Addressees {
  readonly subscribers: ReadonlyArray<Addressee>
  /** Identifiers of filters that nobody has at the moment, but somebody may come back for. */
  readonly awaited: ReadonlyArray<number>
}

/** A Topic Filter and its subscribers. */
export interface Route extends Addressees {
  readonly options: Packet.Subscription
  readonly identifier: number
  /** Its place among all filters. */
  readonly order: number
  /** The server has granted the filter and not withdrawn it, so it sends matching messages. */
  readonly isGranted: boolean
  readonly granted: Packet.Qos
}

const nobody: Addressees = { subscribers: [], awaited: [] }
const none: ReadonlyArray<Route> = []

/** Filters of one shape share an identifier, so few programs have more. */
const maximumIdentifiers = 1000

/** Copies of a QoS 0 message may be lost, so they are expected no longer than this, milliseconds. */
const copiesWithin = 1000

export class Routes {
  readonly #tree = TopicTree.make<Route>()
  readonly #matched: Array<Route> = []
  /** The topic of `#matched`: mostly several messages of one come together, and matching was a tenth of receiving. */
  #matchedTopic: string | undefined
  readonly #copies = new ExpectedCopies<Route>()
  /** In this session the server has sent a copy of a message for each matching subscription. */
  #sendsEach = false
  /** The session began with this client, so the server has only this client's subscriptions for it. */
  #isOurs = false
  /** Identifiers of the client's filters, including filters it has left. */
  readonly #identifiers = new Set<number>()

  add(route: Route): void {
    this.#tree.add(route.options.topicFilter, route)
    this.#identifiers.delete(route.identifier)
    this.#identifiers.add(route.identifier)
    if (this.#identifiers.size > maximumIdentifiers) this.#forgetOldestIdentifier()
    this.#matchedTopic = undefined
    this.#copies.added()
  }

  remove(route: Route): void {
    this.#tree.remove(route.options.topicFilter, route)
    this.#matchedTopic = undefined
    this.#copies.removed(route)
  }

  #forgetOldestIdentifier(): void {
    for (const identifier of this.#identifiers) {
      this.#identifiers.delete(identifier)
      return
    }
  }

  /** Another session begins, maybe on another server. */
  begin(): void {
    this.#copies.clear()
    this.#sendsEach = false
    this.#isOurs = true
  }

  /** The filters that match the topic; valid until the next call. */
  matching(topic: string): ReadonlyArray<Route> {
    const matched = this.#matched
    if (topic !== this.#matchedTopic) {
      matched.length = 0
      this.#tree.match(topic, matched)
      this.#matchedTopic = topic
    }
    return matched
  }

  /** The subscribers a message is for; `undefined` for a further copy of a message they already have. */
  find(publish: Packet.Publish, now: number): Addressees | undefined {
    const matched = this.matching(publish.topic)
    const identifiers = publish.properties.subscriptionIdentifiers
    if (matched.length === 1 && this.#copies.isEmpty) {
      const [route] = matched
      if (identifiers === undefined || identifiers[0] === route.identifier) return route
    }
    return identifiers?.some(SubscriptionIdentifier.isOurs)
      ? this.#findNamed(publish, matched, identifiers, now)
      : together(matched)
  }

  /**
   * `[MQTT-3.3.4-3]` to `[MQTT-3.3.4-5]`: a copy names its subscriptions: all that match if it is the only copy, or one
   * if there is a copy for each. But some servers send one copy and name one subscription. So until a second copy has
   * come, the first also goes to other subscriptions whose copy would be alike, and their own copy is then no news.
   */
  #findNamed(
    publish: Packet.Publish,
    matched: ReadonlyArray<Route>,
    identifiers: ReadonlyArray<number>,
    now: number
  ): Addressees | undefined {
    const named = matched.filter(({ identifier }) => identifiers.includes(identifier))
    if (named.length === 0) return this.#isAnothers(identifiers) ? together(matched) : nobody
    if (this.#copies.take(publish, named, now)) {
      this.#sendsEach = true
      return undefined
    }
    if (!this.#sendsEach && this.#copies.hasOther(publish, named)) {
      this.#sendsEach = true
      this.#copies.settle()
    }
    const isAmbiguous = named.length < matched.length && !named.some(isShared)
    const others = isAmbiguous ? matched.filter((route) => !named.includes(route) && isFor(publish, route)) : none
    const alike = this.#sendsEach ? none : others.filter((other) => named.some((route) => isAlike(route, other)))
    if (isAmbiguous && !this.#sendsEach) {
      this.#copies.expect(publish, named, alike, publish.qos === 0 ? now + copiesWithin : Infinity)
    }
    return together([...named, ...alike], others.filter((route) => !alike.includes(route)))
  }

  /** Some servers confuse the identifiers of their clients. Such an identifier says nothing, so the topic decides. */
  #isAnothers(identifiers: ReadonlyArray<number>): boolean {
    return this.#isOurs && !identifiers.some((identifier) => this.#identifiers.has(identifier))
  }
}

const isShared = ({ options }: Route): boolean => Topic.isSharedFilter(options.topicFilter)

/**
 * Whether the server is sure to send a message for this filter that it sends for another matching one. Not sure are a
 * shared filter, whose turn it may not be, No Local, and a retained message, which may be for a new subscription.
 */
const isFor = ({ retain }: Packet.Publish, route: Route): boolean =>
  route.isGranted && !route.options.noLocal && !retain && !isShared(route)

/** Whether both filters get the same copy of a message. For a filter not granted yet, nobody knows. */
const isAlike = (one: Route, other: Route): boolean =>
  one.isGranted && one.granted === other.granted && one.options.retainAsPublished === other.options.retainAsPublished

/**
 * All subscribers of these filters, once each. A subscriber is left out if it has another filter with a copy of its
 * own, and that copy has a higher QoS, or the same QoS and the older filter.
 */
const together = (routes: ReadonlyArray<Route>, withOwnCopy: ReadonlyArray<Route> = none): Addressees => {
  const subscribers = new Set<Addressee>()
  let { awaited } = nobody
  for (const route of routes) {
    if (route.awaited.length > 0) awaited = [...awaited, ...route.awaited]
    for (const subscriber of route.subscribers) {
      if (!withOwnCopy.some((other) => isPreferred(other, route) && other.subscribers.includes(subscriber))) {
        subscribers.add(subscriber)
      }
    }
  }
  return { subscribers: [...subscribers], awaited }
}

const isPreferred = (other: Route, route: Route): boolean =>
  other.granted > route.granted || (other.granted === route.granted && other.order < route.order)
