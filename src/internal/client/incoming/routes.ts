/**
 * Which subscribers a received message is for: by its topic, and in 5.0 by the Subscription Identifiers it came with.
 *
 * Nothing is handed over here, and who subscribes to what is decided elsewhere. MQTT 5.0 section 3.3.4, and 4.7 of both.
 */
import type * as Packet from "../../../protocol/Packet.ts"
import * as Topic from "../../../protocol/Topic.ts"
import * as TopicTree from "../../../protocol/TopicTree.ts"
import { ExpectedCopies } from "./expectedCopies.ts"
import type { Addressee } from "./handover.ts"
import * as SubscriptionIdentifier from "./subscriptionIdentifier.ts"

/** Those a message is for. */
export interface Addressees {
  readonly subscribers: ReadonlyArray<Addressee>
  /** Identifiers of filters that nobody has at the moment, and that somebody may come back for. */
  readonly awaited: ReadonlyArray<number>
}

/** A Topic Filter and those who want what matches it. */
export interface Route extends Addressees {
  readonly options: Packet.Subscription
  readonly identifier: number
  /** Its place among all filters. */
  readonly order: number
  /** The server sends what matches; it said so, and nothing to the contrary. */
  readonly isGranted: boolean
  readonly granted: Packet.Qos
}

const nobody: Addressees = { subscribers: [], awaited: [] }
const none: ReadonlyArray<Route> = []

/** Filters of one shape share an identifier, so few programs have more. */
const maximumIdentifiers = 1000

/** Copies of a QoS 0 message that were lost are expected no longer than this, milliseconds. */
const copiesWithin = 1000

export class Routes {
  readonly #tree = TopicTree.make<Route>()
  readonly #matched: Array<Route> = []
  /** What matches this topic is known: messages mostly come several of a topic, and matching was a tenth of receiving. */
  #matchedTopic: string | undefined
  readonly #copies = new ExpectedCopies<Route>()
  /** Seen on this session: a copy of a message for each subscription that matches. */
  #sendsEach = false
  /** The session began with this client, so the server has nothing else for it than what this client asked for. */
  #isOurs = false
  /** Identifiers of its filters, those that it has left included. */
  readonly #identifiers = new Set<number>()

  add(route: Route): void {
    this.#tree.add(route.options.topicFilter, route)
    this.#identifiers.delete(route.identifier)
    this.#identifiers.add(route.identifier)
    if (this.#identifiers.size > maximumIdentifiers) this.#forgetOldestIdentifier()
    this.#matchedTopic = undefined
    this.#copies.clear()
  }

  remove(route: Route): void {
    this.#tree.remove(route.options.topicFilter, route)
    this.#matchedTopic = undefined
    this.#copies.clear()
  }

  #forgetOldestIdentifier(): void {
    for (const identifier of this.#identifiers) {
      this.#identifiers.delete(identifier)
      return
    }
  }

  /** Another session, maybe of another server. */
  begin(): void {
    this.#copies.clear()
    this.#sendsEach = false
    this.#isOurs = true
  }

  /** What matches the topic; good until the next call. */
  matching(topic: string): ReadonlyArray<Route> {
    const matched = this.#matched
    if (topic !== this.#matchedTopic) {
      matched.length = 0
      this.#tree.match(topic, matched)
      this.#matchedTopic = topic
    }
    return matched
  }

  /** Those a message is for; `undefined` when it is a further copy of one that they have. */
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
   * `[MQTT-3.3.4-3]` to `[MQTT-3.3.4-5]`: a copy names the subscriptions it is for: all that match when it is the only
   * one, its own when there is one for each. There are servers that send one copy and name one subscription: until a
   * second copy has come, the first is for the others too that it would be alike for, and no news to them after that.
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

  /** There are servers that confuse the identifiers of their clients: such a one tells nothing, and the topic does. */
  #isAnothers(identifiers: ReadonlyArray<number>): boolean {
    return this.#isOurs && !identifiers.some((identifier) => this.#identifiers.has(identifier))
  }
}

const isShared = ({ options }: Route): boolean => Topic.isSharedFilter(options.topicFilter)

/**
 * Whether the server is to send a message for this filter that it sends for another one that matches. Not certain are a
 * shared one, whose turn it may not be, No Local, and what is retained, which may be for a subscription just made.
 */
const isFor = ({ retain }: Packet.Publish, route: Route): boolean =>
  route.isGranted && !route.options.noLocal && !retain && !isShared(route)

/** Whether a copy for one is what the copy for the other would be. Of one not granted yet nothing is known. */
const isAlike = (one: Route, other: Route): boolean =>
  one.isGranted && one.granted === other.granted && one.options.retainAsPublished === other.options.retainAsPublished

/**
 * All who have one of the filters, once each. One who has another filter too whose copy comes with a higher QoS, or
 * that was there first, takes that one.
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
