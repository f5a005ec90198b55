/**
 * Counts messages sent, acknowledged and delivered, and finds losses and other violations.
 *
 * Pure: time is an argument, in milliseconds since the run began. Its size is fixed when it is made, however long the
 * run: it keeps a window of sequence numbers for each topic, judges those that have been over for `patience`, and
 * counts.
 */
import type * as Packet from "../../src/protocol/Packet.ts"

type Qos = Packet.Qos
export const levels: ReadonlyArray<Qos> = [0, 1, 2]
export const versions: ReadonlyArray<Packet.ProtocolVersion> = ["3.1.1", "5.0"]

export interface Party {
  readonly name: string
  readonly version: Packet.ProtocolVersion
  readonly session: "clean" | "persistent"
}

/** Who hears whom, by position. */
export interface Route {
  readonly publisher: number
  readonly subscriber: number
}

export interface Options {
  readonly publishers: ReadonlyArray<Party>
  readonly subscribers: ReadonlyArray<Party>
  readonly routes: ReadonlyArray<Route>
  /** Sequence numbers kept of each topic. Default: 4096. */
  readonly window?: number
  /** How long after a message was acknowledged its deliveries are judged, milliseconds. Default: two minutes. */
  readonly patience?: number
  /** Whether the broker was seen to publish a QoS 2 message that was over. Default: never. */
  readonly isRepeatedByBroker?: (subscriber: number, publisher: number, sequence: number) => boolean
}

/** What is asked of a message, next to its publish having an end. */
interface Demand {
  /** An acknowledged message arrives. */
  readonly arrives: boolean
  readonly once: boolean
  /** First deliveries come in the order in which they were published. */
  readonly inOrder: boolean
}

const demand = (arrives: boolean, once: boolean, inOrder: boolean): Demand => ({ arrives, once, inOrder })
const atMostOnce = demand(false, true, true)

/**
 * By the session of the publisher, that of the subscriber, and QoS. A clean subscriber misses what is sent while it is
 * away; what is then sent again to the server comes to it after newer ones. A clean publisher whose session is gone
 * sends unfinished messages as new ones, but not a QoS 2 message that it had released: that counts as delivered.
 */
const demands: Record<Party["session"], Record<Party["session"], readonly [Demand, Demand, Demand]>> = {
  persistent: {
    persistent: [atMostOnce, demand(true, false, true), demand(true, true, true)],
    clean: [atMostOnce, demand(false, false, false), demand(false, true, true)]
  },
  clean: {
    persistent: [atMostOnce, demand(true, false, true), demand(false, false, true)],
    clean: [atMostOnce, demand(false, false, false), demand(false, false, false)]
  }
}

/** A broker that was killed without notice, and when it listened again. */
export interface Kill {
  readonly at: number
  backAt: number
}

/** What the broker was told within this time before it was killed may not have reached its disk. */
const unsaved = 1000

/**
 * An identifier whose exchange the broker forgot is still in use on the other side, which takes the next QoS 2 message
 * with it for a repetition. Those are among the first that are published after the restart.
 */
const forgotten = 3000

/** Whether the broker may have forgotten the message: part of its life was within a second of a kill. */
export const mayBeForgotten = (kills: ReadonlyArray<Kill>, qos: Qos, sentAt: number, endedAt: number): boolean =>
  kills.some(({ at, backAt }) => endedAt >= at - unsaved && sentAt <= (qos === 2 ? backAt + forgotten : at))

/** Whether the broker may have forgotten that it delivered the message. */
const mayBeRepeated = (kills: ReadonlyArray<Kill>, deliveredAt: number): boolean =>
  kills.some(({ at, backAt }) => deliveredAt >= at - unsaved && deliveredAt <= backAt)

export type ViolationKind = "lost" | "repeated" | "out of order" | "failed" | "unsettled" | "never sent" | "garbled"

export interface Violation {
  readonly kind: ViolationKind
  readonly at: number
  readonly publisher: number
  readonly subscriber: number | undefined
  readonly description: string
}

export interface Published {
  sent: number
  acknowledged: number
  failed: number
  unsettled: number
}

export interface Delivered {
  /** Each message once. */
  delivered: number
  /** Further deliveries of the same message. */
  duplicated: number
  /** Acknowledged, and never delivered although it had to be. */
  lost: number
  /** Not delivered, and a session that is not kept, or QoS 0, allows it. */
  missed: number
  /** Lost or repeated by a broker that was killed within a second. */
  inDoubt: number
  /** QoS 2 messages that the broker was seen to publish again although they were over. */
  byBroker: number
}

const pending = 0
const acknowledged = 1
const failed = 2

/** The messages of one publisher at one QoS. */
class Topic {
  readonly publisher: number
  readonly qos: Qos
  readonly sentAt: Uint32Array
  readonly endedAt: Uint32Array
  readonly state: Uint8Array
  readonly routes: Array<Delivery> = []
  /** The first that is not judged, and the next to be sent. */
  base = 1
  next = 1
  unsettled = 0

  constructor(publisher: number, qos: Qos, window: number) {
    this.publisher = publisher
    this.qos = qos
    this.sentAt = new Uint32Array(window)
    this.endedAt = new Uint32Array(window)
    this.state = new Uint8Array(window)
  }
}

/** The deliveries of a topic to one subscriber. */
class Delivery {
  readonly subscriber: number
  readonly demand: Demand
  readonly totals: Delivered
  readonly times: Uint8Array
  readonly firstAt: Uint32Array
  highest = 0

  constructor(subscriber: number, demand: Demand, totals: Delivered, window: number) {
    this.subscriber = subscriber
    this.demand = demand
    this.totals = totals
    this.times = new Uint8Array(window)
    this.firstAt = new Uint32Array(window)
  }
}

/** What a row of the totals is about. */
const key = (qos: Qos, version: Packet.ProtocolVersion, isKept = true): string =>
  `${qos} ${version}${isKept ? "" : " clean"}`

export class Ledger {
  readonly #options: Options
  readonly #window: number
  readonly #patience: number
  readonly #topics: ReadonlyArray<Topic>
  readonly #deliveries: ReadonlyArray<ReadonlyMap<number, Delivery>>
  readonly #published = new Map<string, Published>()
  readonly #delivered = new Map<string, Delivered>()
  readonly #onViolation: (violation: Violation) => void
  readonly kills: Array<Kill> = []

  constructor(options: Options, onViolation: (violation: Violation) => void) {
    const { patience = 120_000, publishers, routes, subscribers, window = 4096 } = options
    this.#options = options
    this.#window = window
    this.#patience = patience
    this.#onViolation = onViolation
    for (const qos of levels) {
      for (const version of versions) {
        this.#published.set(key(qos, version), { sent: 0, acknowledged: 0, failed: 0, unsettled: 0 })
        for (const isKept of [true, false]) {
          const nothing = { delivered: 0, duplicated: 0, lost: 0, missed: 0, inDoubt: 0, byBroker: 0 }
          this.#delivered.set(key(qos, version, isKept), nothing)
        }
      }
    }
    this.#topics = publishers.flatMap((_, publisher) => levels.map((qos) => new Topic(publisher, qos, window)))
    for (const { publisher, subscriber } of routes) {
      const { session, version } = subscribers[subscriber]
      const isKept = session === "persistent" && publishers[publisher].session === "persistent"
      for (const qos of levels) {
        const asked = demands[publishers[publisher].session][session][qos]
        const delivery = new Delivery(subscriber, asked, this.deliveredOf(qos, version, isKept), window)
        this.#topic(publisher, qos).routes.push(delivery)
      }
    }
    this.#deliveries = this.#topics.map(({ routes }) => new Map(routes.map((route) => [route.subscriber, route])))
  }

  publishedOf(qos: Qos, version: Packet.ProtocolVersion): Published {
    return this.#published.get(key(qos, version)) as Published
  }

  /** `isKept`: publisher and subscriber both have a persistent session. The version is the subscriber's. */
  deliveredOf(qos: Qos, version: Packet.ProtocolVersion, isKept: boolean): Delivered {
    return this.#delivered.get(key(qos, version, isKept)) as Delivered
  }

  get sentCount(): number {
    return [...this.#published.values()].reduce((sum, { sent }) => sum + sent, 0)
  }

  get deliveredCount(): number {
    return [...this.#delivered.values()].reduce((sum, { delivered, duplicated }) => sum + delivered + duplicated, 0)
  }

  #topic(publisher: number, qos: Qos): Topic {
    return this.#topics[publisher * levels.length + qos]
  }

  #totals({ publisher, qos }: Topic): Published {
    return this.publishedOf(qos, this.#options.publishers[publisher].version)
  }

  #violation(kind: ViolationKind, topic: Topic, sequence: number, at: number, delivery?: Delivery): void {
    const { publishers, subscribers } = this.#options
    const { publisher, qos } = topic
    const slot = sequence % this.#window
    const isKept = sequence >= topic.base && sequence < topic.next
    const publishes = publishers[publisher]
    const hears = delivery === undefined ? undefined : subscribers[delivery.subscriber]
    const ends = ["has not ended", "acknowledged at", "failed at"][topic.state[slot]]
    const times = isKept
      ? `, sent at ${topic.sentAt[slot]}, ${ends}${topic.state[slot] === pending ? "" : ` ${topic.endedAt[slot]}`}` +
        (delivery === undefined || delivery.times[slot] === 0 ? "" : `, first delivered at ${delivery.firstAt[slot]}`)
      : ""
    this.#onViolation({
      kind,
      at,
      publisher,
      subscriber: delivery?.subscriber,
      description:
        `message ${sequence} at QoS ${qos} of ${publishes.name} (${publishes.version}, ${publishes.session})` +
        (hears === undefined ? "" : ` to ${hears.name} (${hears.version}, ${hears.session})`) + times
    })
  }

  /** Whether another message of the topic can be accounted for. */
  hasRoom(publisher: number, qos: Qos): boolean {
    const { base, next, unsettled } = this.#topic(publisher, qos)
    return next - base < this.#window && unsettled < this.#window / 16
  }

  /** The sequence number of the next message of the topic. */
  sent(publisher: number, qos: Qos, now: number): number {
    const topic = this.#topic(publisher, qos)
    const sequence = topic.next++
    const slot = sequence % this.#window
    topic.sentAt[slot] = now
    topic.state[slot] = pending
    for (const { times } of topic.routes) times[slot] = 0
    topic.unsettled++
    this.#totals(topic).sent++
    return sequence
  }

  acknowledged(publisher: number, qos: Qos, sequence: number, now: number): void {
    this.#settled(this.#topic(publisher, qos), sequence, acknowledged, now)
  }

  /** A QoS 0 message that was cut off fails, and nobody knows whether it arrived. Nothing else may fail. */
  failed(publisher: number, qos: Qos, sequence: number, now: number): void {
    const topic = this.#topic(publisher, qos)
    this.#settled(topic, sequence, failed, now)
    if (qos > 0) this.#violation("failed", topic, sequence, now)
  }

  #settled(topic: Topic, sequence: number, state: number, now: number): void {
    const slot = sequence % this.#window
    topic.state[slot] = state
    topic.endedAt[slot] = now
    topic.unsettled--
    this.#totals(topic)[state === acknowledged ? "acknowledged" : "failed"]++
  }

  delivered(subscriber: number, publisher: number, qos: Qos, sequence: number, now: number): void {
    const topic = this.#topic(publisher, qos)
    const delivery = this.#deliveries[publisher * levels.length + qos]?.get(subscriber)
    if (delivery === undefined) return this.garbled(subscriber, `a message of publisher ${publisher}`, now)
    if (sequence >= topic.next) return this.#violation("never sent", topic, sequence, now, delivery)
    const slot = sequence % this.#window
    if (sequence >= topic.base && delivery.times[slot] === 0) {
      delivery.times[slot] = 1
      delivery.firstAt[slot] = now
      delivery.totals.delivered++
      if (sequence < delivery.highest && delivery.demand.inOrder) {
        this.#violation("out of order", topic, sequence, now, delivery)
      }
      delivery.highest = Math.max(delivery.highest, sequence)
      return
    }
    delivery.totals.duplicated++
    if (!delivery.demand.once) return
    // Of one that was judged nobody knows any more when it came first.
    if (sequence >= topic.base && mayBeRepeated(this.kills, delivery.firstAt[slot])) delivery.totals.inDoubt++
    else if (this.#options.isRepeatedByBroker?.(subscriber, publisher, sequence) === true) delivery.totals.byBroker++
    else this.#violation("repeated", topic, sequence, now, delivery)
  }

  /** What arrived is not what anybody sent. */
  garbled(subscriber: number, description: string, now: number): void {
    const { name } = this.#options.subscribers[subscriber]
    const violation = { kind: "garbled", at: now, publisher: 0, subscriber } as const
    this.#onViolation({ ...violation, description: `${name} received ${description}` })
  }

  /** Judges the messages that have been over for long enough; at the end, all. */
  judge(now: number, isEnd = false): void {
    for (const topic of this.#topics) {
      for (; topic.base < topic.next; topic.base++) {
        const slot = topic.base % this.#window
        if (topic.state[slot] === pending) {
          if (!isEnd) break
          this.#totals(topic).unsettled++
          this.#violation("unsettled", topic, topic.base, now)
        } else if (!isEnd && now - topic.endedAt[slot] < this.#patience) break
        for (const delivery of topic.routes) this.#judgeDelivery(topic, delivery, now)
      }
    }
  }

  #judgeDelivery(topic: Topic, delivery: Delivery, now: number): void {
    const slot = topic.base % this.#window
    if (delivery.times[slot] > 0) return
    const { demand, totals } = delivery
    if (!demand.arrives || topic.state[slot] !== acknowledged) totals.missed++
    else if (mayBeForgotten(this.kills, topic.qos, topic.sentAt[slot], topic.endedAt[slot])) totals.inDoubt++
    else {
      totals.lost++
      this.#violation("lost", topic, topic.base, now, delivery)
    }
  }

  /** Publishes that have not ended, and deliveries that must still come. */
  get outstanding(): number {
    let count = 0
    for (const topic of this.#topics) {
      count += topic.unsettled
      for (let sequence = topic.base; sequence < topic.next; sequence++) {
        const slot = sequence % this.#window
        if (topic.state[slot] !== acknowledged) continue
        if (mayBeForgotten(this.kills, topic.qos, topic.sentAt[slot], topic.endedAt[slot])) continue
        for (const { demand, times } of topic.routes) if (demand.arrives && times[slot] === 0) count++
      }
    }
    return count
  }
}
