/**
 * Messages that wait to be sent, of every QoS, in the order they were published and within bounds.
 *
 * Messages in flight belong to the session. QoS 0 passes QoS 1 and 2 only while those wait for the window (MQTT 5.0
 * `[MQTT-4.9.0-3]`).
 */
import * as MqttError from "../../../MqttError.ts"
import type { Message } from "../../../protocol/Session.ts"
import type { ResolvedBounds } from "../../options.ts"
import { Fifo } from "../fifo.ts"
import { Room } from "../room.ts"

/** The payload bytes sent in one turn: enough to fill the network, little enough to keep the order of things. */
export const bytesPerTurn = 256 * 1024

/** One publish, from the call until it is sent. */
export interface Entry {
  readonly message: Message
  /** The memory that the message takes, the same for as long as it waits. */
  readonly size: number
  /** When the message becomes worthless, milliseconds; `undefined` for never. */
  readonly expiresAt: number | undefined
  /** The message leaves now, with the rest of its Message Expiry Interval. */
  readonly countDown: (now: number) => void
  readonly failed: (error: MqttError.MqttError) => void
  /** Its place in the order. */
  order: number
  place: "outside" | "suspended" | "storing" | "stored" | "waiting"
}

export class Outbox<A extends Entry> {
  protected readonly room: Room
  readonly #qos0 = new Fifo<A>()
  readonly #acknowledged = new Fifo<A>()
  protected readonly suspended = new Fifo<A>()
  #nextOrder = 1
  #dropped = 0
  #expired = 0
  /** Withdrawn entries that are still in their queue. */
  #withdrawn = 0

  constructor(options: ResolvedBounds) {
    this.room = new Room(options)
  }

  get size(): number {
    return this.room.messages
  }

  get bytes(): number {
    return this.room.bytes
  }

  get dropped(): number {
    return this.#dropped
  }

  get expired(): number {
    return this.#expired
  }

  get isEmpty(): boolean {
    return this.room.messages === 0
  }

  /** Takes the message, makes its publisher wait, or drops one, as the policy says. */
  offer(entry: A): void {
    // The usual case is small, so that V8 inlines it.
    if (this.suspended.isEmpty && this.room.fits(entry.size)) return this.add(entry)
    return this.#offerWithoutRoom(entry)
  }

  #offerWithoutRoom(entry: A): void {
    switch (this.room.whenFull) {
      case "Wait":
        entry.place = "suspended"
        return this.suspended.push(entry)
      case "ReplaceOldest":
        return this.replaceOldest(entry)
      case "Drop":
        this.#dropped++
        return entry.failed(this.#overflow())
      case "Fail":
        return entry.failed(this.#overflow())
    }
  }

  /** There is room for it, or it goes in all the same. */
  protected add(entry: A): void {
    this.room.add(entry.size)
    this.enqueue(entry)
  }

  /** From now on the entry can be taken. */
  protected enqueue(entry: A): void {
    entry.order = this.#nextOrder++
    entry.place = "waiting"
    this.#queueOf(entry).push(entry)
  }

  #queueOf(entry: A): Fifo<A> {
    return entry.message.qos === 0 ? this.#qos0 : this.#acknowledged
  }

  protected replaceOldest(entry: A): void {
    const dropped: Array<A> = []
    while (!this.room.fits(entry.size)) {
      const oldest = this.shiftOldest()
      if (oldest === undefined) break
      this.remove(oldest)
      dropped.push(oldest)
    }
    this.add(entry)
    this.#dropped += dropped.length
    for (const oldest of dropped) oldest.failed(this.#overflow())
  }

  /** Takes the oldest entry out of its queue. */
  protected shiftOldest(): A | undefined {
    const oldest = this.#next(true)
    return oldest && this.#queueOf(oldest).shift()
  }

  #overflow(): MqttError.MqttError {
    return MqttError.fromReason(new MqttError.Overflow({ buffer: "outbox", capacity: this.room.capacity }))
  }

  /** The entry leaves the outbox, for any reason. */
  protected remove(entry: A): void {
    entry.place = "outside"
    this.room.remove(entry.size)
  }

  /** The publisher gave up. If the message was not sent yet, it never will be. Returns whether there was still time. */
  withdraw(entry: A): boolean {
    if (entry.place === "outside") return false
    if (entry.place === "suspended") entry.place = "outside"
    else this.remove(entry)
    this.#withdrawn++
    this.#sweep()
    this.admit()
    return true
  }

  /** Withdrawn entries stay in their queue until they reach its front, or until they outnumber the others. */
  #sweep(): void {
    const queues = [this.#qos0, this.#acknowledged, this.suspended]
    if (this.#withdrawn * 2 <= queues.reduce((size, queue) => size + queue.size, 0)) return
    for (const queue of queues) queue.retain((entry) => entry.place !== "outside")
    this.#withdrawn = 0
  }

  #skipWithdrawn(queue: Fifo<A>): A | undefined {
    let entry = queue.first
    while (entry !== undefined && entry.place === "outside") {
      queue.shift()
      this.#withdrawn--
      entry = queue.first
    }
    return entry
  }

  #next(hasRoom: boolean): A | undefined {
    const qos0 = this.#skipWithdrawn(this.#qos0)
    const acknowledged = hasRoom ? this.#skipWithdrawn(this.#acknowledged) : undefined
    if (qos0 === undefined) return acknowledged
    return acknowledged !== undefined && acknowledged.order < qos0.order ? acknowledged : qos0
  }

  /** The next messages to send: at most `room` of QoS 1 and 2, and about `bytes` of them. */
  take(options: { readonly room: number; readonly bytes: number; readonly now: number }): ReadonlyArray<A> {
    const taken: Array<A> = []
    const expired: Array<A> = []
    let room = options.room
    let bytes = options.bytes
    while (bytes > 0) {
      const entry = this.#next(room > 0)
      if (entry === undefined) break
      this.#queueOf(entry).shift()
      this.remove(entry)
      if (entry.expiresAt !== undefined) {
        if (entry.expiresAt <= options.now) {
          expired.push(entry)
          continue
        }
        entry.countDown(options.now)
      }
      if (entry.message.qos !== 0) room--
      bytes -= entry.size + 1
      taken.push(entry)
    }
    if (!this.suspended.isEmpty) this.admit()
    this.#expire(expired)
    return taken
  }

  /** Told last: a publisher that hears of it may publish again at once. */
  #expire(entries: ReadonlyArray<A>): void {
    this.#expired += entries.length
    for (const entry of entries) {
      entry.failed(MqttError.fromReason(new MqttError.MessageExpired({ topic: entry.message.topic })))
    }
  }

  /** Entries that were taken but never reached the network go back to their place, before all later entries. */
  restore(entries: ReadonlyArray<A>): void {
    for (const entry of entries) {
      entry.place = "waiting"
      this.room.add(entry.size)
    }
    this.#qos0.prepend(entries.filter((entry) => entry.message.qos === 0))
    this.#acknowledged.prepend(entries.filter((entry) => entry.message.qos !== 0))
  }

  /** Every entry that has not been sent, suspended ones included. */
  get entries(): ReadonlyArray<A> {
    return [this.#qos0, this.#acknowledged, this.suspended].flatMap((queue) =>
      queue.toArray().filter((entry) => entry.place !== "outside")
    )
  }

  /** Suspended entries come in, in their order. */
  protected admit(): void {
    let entry = this.#skipWithdrawn(this.suspended)
    while (entry !== undefined && this.room.fits(entry.size)) {
      this.suspended.shift()
      this.add(entry)
      entry = this.#skipWithdrawn(this.suspended)
    }
  }

  /** Nothing will be sent any more. */
  failAll(error: MqttError.MqttError): void {
    const entries = [this.#qos0, this.#acknowledged, this.suspended].flatMap((queue) => queue.takeAll())
    const failed = entries.filter((entry) => entry.place !== "outside")
    for (const entry of failed) entry.place = "outside"
    this.room.clear()
    this.#withdrawn = 0
    // Told last: a publisher that hears of it may give up other messages.
    for (const entry of failed) entry.failed(error)
  }
}
