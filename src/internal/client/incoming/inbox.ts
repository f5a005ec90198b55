/**
 * The bounded buffer of one subscriber, between the reader that fills it and the stream that is pulled.
 *
 * The policy decides about a message that does not fit; `deliveries.ts` acknowledges. The inbox never makes the reader
 * wait. With the policy `suspend` it parks the message outside and says that it is blocked.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { SchedulerDispatcher } from "effect/Scheduler"
import * as MqttError from "../../../MqttError.ts"
import type { Qos } from "../../../protocol/Packet.ts"
import type { ResolvedBounds } from "../../options.ts"
import { Fifo } from "../fifo.ts"
import type { Gate } from "../gate.ts"
import { Room } from "../room.ts"

/** A message that did not fit and is kept outside until there is room. */
export interface Parked<A> {
  readonly item: A
  readonly bytes: number
  readonly qos: Qos
  /** Called when the message came in, or its subscriber is gone. Absent if a consumer does the acknowledging. */
  readonly accepted: (() => void) | undefined
}

const none: Array<never> = []

export interface InboxOptions<A> {
  readonly bounds: ResolvedBounds
  /** Wakes the subscriber at the end of the turn. */
  readonly dispatcher: Pick<SchedulerDispatcher, "scheduleTask">
  readonly gate: Gate
  /** Our own: this many QoS 1 and 2 messages may be parked before nothing more is read. Default: no bound. */
  readonly receiveMaximum?: number | undefined
  /** Told of an item that had to make room for another one. */
  readonly onDropped?: ((item: A) => void) | undefined
  /** Told of items at the moment they leave: the fiber that pulls may be interrupted before it has them. */
  readonly onPulled?: ((items: ReadonlyArray<A>) => void) | undefined
}

type Pull<A> = Effect.Effect<NonEmptyReadonlyArray<A>, MqttError.MqttError | Cause.Done>

type Resume<A> = (pull: Pull<A>) => void

export class Inbox<A> {
  readonly #room: Room
  readonly #dispatcher: Pick<SchedulerDispatcher, "scheduleTask">
  readonly #gate: Gate
  readonly #receiveMaximum: number
  readonly #onDropped: (item: A) => void
  readonly #onPulled: (items: ReadonlyArray<A>) => void
  readonly #parked = new Fifo<Parked<A>>()
  /** All empty inboxes share one array, so nothing may be put into it. */
  #items: Array<A> = none
  /** The sizes of the items, only with the policy `dropOldest`. */
  #sizes: Array<number> = []
  #parkedAtQos0 = 0
  #parkedBytes = 0
  #dropped = 0
  #end: MqttError.MqttError | Cause.Done | undefined
  #isWaking = false
  /** The first fiber that pulled and found nothing. It may have been interrupted since: resuming it does nothing. */
  #resume: Resume<A> | undefined
  /** The fibers that came after the first, in order. Replaced and never changed. */
  #others: ReadonlyArray<Resume<A>> = none

  constructor(options: InboxOptions<A>) {
    this.#room = new Room(options.bounds)
    this.#dispatcher = options.dispatcher
    this.#gate = options.gate
    this.#receiveMaximum = options.receiveMaximum ?? Infinity
    this.#onDropped = options.onDropped ?? (() => {})
    this.#onPulled = options.onPulled ?? (() => {})
  }

  get size(): number {
    return this.#items.length
  }

  /** The messages that wait here, including parked ones. */
  get depth(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#items.length + this.#parked.size, bytes: this.#room.bytes + this.#parkedBytes }
  }

  get policy(): ResolvedBounds["policy"] {
    return this.#room.policy
  }

  get dropped(): number {
    return this.#dropped
  }

  /**
   * QoS 0 messages are parked, or more of the others than our Receive Maximum allows, or as many bytes as the buffer
   * itself has room for. A 3.1.1 server does not know the Receive Maximum, and no server knows a bound in bytes. So
   * only a pause in reading keeps more messages from coming.
   */
  get isBlocked(): boolean {
    return this.#parkedAtQos0 > 0 || this.#parked.size > this.#receiveMaximum || this.#parkedBytes >= this.#room.most
  }

  get hasEnded(): boolean {
    return this.#end !== undefined
  }

  /** Whether the item is dealt with: taken in, or dropped by the policy. If not, it has to be parked. */
  offer(item: A, bytes: number): boolean {
    if (this.#end !== undefined) return true
    if (this.#parked.isEmpty && this.#room.fits(bytes)) {
      this.#add(item, bytes)
      return true
    }
    switch (this.#room.whenFull) {
      case "Wait":
        return false
      case "Drop":
        this.#dropped++
        return true
      case "ReplaceOldest":
        this.#dropOldest(bytes)
        this.#add(item, bytes)
        return true
      case "Fail":
        this.end(MqttError.fromReason(
          new MqttError.Overflow({ buffer: "subscription", capacity: this.#room.capacity })
        ))
        return true
    }
  }

  #add(item: A, bytes: number): void {
    // An array that `push` grows has room for 17. With 10,000 inboxes that get one message each, such arrays fill the
    // memory and occupy the garbage collector.
    if (this.#items.length === 0) this.#items = [item]
    else this.#items.push(item)
    if (this.#room.policy === "dropOldest") this.#sizes.push(bytes)
    this.#room.add(bytes)
    this.#wake()
  }

  #dropOldest(bytes: number): void {
    let drop = 0
    while (!this.#room.fits(bytes)) this.#room.remove(this.#sizes[drop++])
    for (const item of this.#items.splice(0, drop)) this.#onDropped(item)
    this.#sizes.splice(0, drop)
    this.#dropped += drop
  }

  /**
   * Keeps a message until there is room. `isOverrun` says that the network is read although this inbox is blocked: then
   * QoS 0 messages beyond a second buffer full are dropped.
   */
  park(parked: Parked<A>, isOverrun: boolean): void {
    const isFull = this.#parkedAtQos0 >= this.#room.capacity || this.#parkedBytes >= this.#room.most
    if (parked.qos === 0 && isOverrun && isFull) return this.drop()
    const wasBlocked = this.isBlocked
    if (parked.qos === 0) this.#parkedAtQos0++
    this.#count(parked.bytes)
    this.#parked.push(parked)
    if (!wasBlocked && this.isBlocked) this.#gate.close()
  }

  #count(bytes: number): void {
    this.#parkedBytes += bytes
    this.#gate.park(bytes)
  }

  /** Counts a message that its subscriber does not get. */
  drop(): void {
    this.#dropped++
  }

  /** Lets in the parked messages. */
  #admit(): void {
    const wasBlocked = this.isBlocked
    let parked = this.#parked.first
    while (parked !== undefined && this.#room.fits(parked.bytes)) {
      this.#parked.shift()
      if (parked.qos === 0) this.#parkedAtQos0--
      this.#count(-parked.bytes)
      this.#add(parked.item, parked.bytes)
      parked.accepted?.()
      parked = this.#parked.first
    }
    if (wasBlocked && !this.isBlocked) this.#gate.open()
  }

  /** The subscriber runs after the reader is done with the current bytes, not in between. */
  #wake(): void {
    if (this.#isWaking || (this.#resume === undefined && this.#others.length === 0)) return
    this.#isWaking = true
    this.#dispatcher.scheduleTask(this.#continue, 0)
  }

  /** The fiber that has waited longest takes all items; the next one has its turn after that. All hear the end. */
  readonly #continue = (): void => {
    this.#isWaking = false
    while (this.#items.length > 0 || this.#end !== undefined) {
      const resume = this.#nextToResume()
      if (resume === undefined) return
      resume(this.pull)
    }
  }

  #nextToResume(): Resume<A> | undefined {
    const resume = this.#resume ?? this.#others[0]
    if (this.#resume === undefined) this.#others = this.#others.slice(1)
    this.#resume = undefined
    return resume
  }

  /** All items, as soon as there are any. */
  readonly pull: Pull<A> = Effect.suspend(() => {
    if (this.#items.length > 0) {
      const items = this.#takeAll()
      this.#onPulled(items)
      return Effect.succeed(items)
    }
    return this.#end === undefined ? this.#arrival : Effect.fail(this.#end)
  })

  readonly #arrival: Pull<A> = Effect.callback((resume) => {
    // The fiber may have given way to others since it looked.
    if (this.#items.length > 0 || this.#end !== undefined) return resume(this.pull)
    if (this.#resume === undefined && this.#others.length === 0) {
      this.#resume = resume
      return
    }
    this.#others = [...this.#others, resume]
    return Effect.sync(() => {
      this.#others = this.#others.filter((other) => other !== resume)
    })
  })

  #takeAll(): NonEmptyReadonlyArray<A> {
    const items = this.#items
    this.#items = none
    if (this.#sizes.length > 0) this.#sizes = []
    this.#room.clear()
    if (!this.#parked.isEmpty && this.#end === undefined) this.#admit()
    return items as [A, ...Array<A>]
  }

  /**
   * Nothing more comes. Items in the inbox can still be pulled, then the stream ends. Parked messages count as dealt
   * with, because they would hold up the acknowledgements behind them. A consumer takes its own back.
   */
  end(how: MqttError.MqttError | Cause.Done): void {
    const parked = this.#close(how)
    for (const { accepted } of parked) accepted?.()
  }

  /** The client is over. As `end`, but parked messages are not acknowledged, so that they come again. */
  endUnacknowledged(how: MqttError.MqttError | Cause.Done): void {
    this.#close(how)
  }

  #close(how: MqttError.MqttError | Cause.Done): ReadonlyArray<Parked<A>> {
    if (this.#end !== undefined) return []
    this.#end = how
    const parked = this.#parked.toArray()
    this.#keepParked(({ accepted, qos }) => qos > 0 && accepted === undefined)
    this.#wake()
    return parked
  }

  /** Takes out all items, parked ones included, for another subscriber. The inbox is empty afterwards. */
  takeBack(): ReadonlyArray<A> {
    const parked = this.#parked.toArray().map(({ item }) => item)
    this.#keepParked(() => false)
    return this.#items.length === 0 ? parked : [...this.#takeAll(), ...parked]
  }

  /**
   * The connection is gone. If the session persists, parked QoS 1 messages come again. Parked QoS 2 messages do not,
   * because they count as received, and QoS 0 messages do not either.
   */
  disconnected(isPersistent: boolean): void {
    this.#keepParked((parked) => parked.qos !== 1 || !isPersistent)
  }

  #keepParked(keep: (parked: Parked<A>) => boolean): void {
    if (this.#parked.isEmpty) return
    const wasBlocked = this.isBlocked
    const kept = this.#parked.takeAll().filter(keep)
    for (const parked of kept) this.#parked.push(parked)
    this.#parkedAtQos0 = kept.filter((parked) => parked.qos === 0).length
    this.#count(kept.reduce((sum, { bytes }) => sum + bytes, 0) - this.#parkedBytes)
    if (wasBlocked && !this.isBlocked) this.#gate.open()
  }
}
