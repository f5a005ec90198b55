/**
 * An outbox whose QoS 1 and 2 messages wait in a store. The next messages are in memory, and all of them in the store.
 *
 * A message is accepted when the store has it. The session's keeper decides when to write and read. QoS 0 messages wait
 * in memory alone, within bounds of their own.
 */
import * as Exit from "effect/Exit"
import type * as MqttError from "../../../MqttError.ts"
import type { Message } from "../../../protocol/Session.ts"
import type { ResolvedBounds } from "../../options.ts"
import type { Journal } from "../journal.ts"
import { type Acceptance, Awaited } from "./awaited.ts"
import { Flushes } from "./flushes.ts"
import { Outbox } from "./outbox.ts"
import { type Keeper, Publication, Stored, type Unfinished } from "./publication.ts"

/** The most waiting messages in memory. When less than half of that is left, the next ones are read. */
const readAhead = { messages: 1000, bytes: 4 * 1024 * 1024 }

/** The most messages to read at once: the next ones may be far larger than those before. */
const mostAtOnce = 100

/** All messages in the store, in flight or not. */
export interface Totals {
  readonly messages: number
  readonly bytes: number
  /** The key of the next message. */
  readonly next: number
}

/** A message that was read. `expiresAt` uses the clock of this process. */
export interface StoredEntry {
  readonly key: number
  readonly message: Message
  readonly expiresAt: number | undefined
}

const nothing = (): void => {}

/** The key of a message that is in the store, or on its way there. */
export const keyOf = ({ stored }: Publication): number => stored?.key ?? 0

export class KeptOutbox extends Outbox<Publication> implements Keeper {
  readonly #journal: Journal
  readonly #inMemory: Outbox<Publication>
  readonly #awaited = new Awaited()
  readonly #accepting = new WeakMap<Publication, Acceptance>()
  readonly #flushes = new Flushes()
  /** Messages to write in the next round. */
  #arrivals: Array<Publication> = []
  /** Messages that are being written. */
  #storing: ReadonlyArray<Publication> = []
  #totals: Totals = { messages: 0, bytes: 0, next: 1 }
  #next = 1
  /** All messages up to this key have been in memory. */
  #read = 0
  /** Messages that have not been in memory. */
  #unread = 0
  /** In-flight messages of an earlier program, which must not be read again. */
  #sent: ReadonlySet<number> = new Set()
  /** Messages that were withdrawn before they were read. */
  readonly #gone = new Set<number>()
  /** Messages that were read from the store and are not over: their publishers have other objects. */
  readonly #loaded = new Map<number, Publication>()
  /** Messages that can be taken. */
  readonly #ready = { messages: 0, bytes: 0 }
  #isOver = false

  constructor(journal: Journal, bounds: { readonly stored: ResolvedBounds; readonly inMemory: ResolvedBounds }) {
    super(bounds.stored)
    this.#journal = journal
    this.#inMemory = new Outbox(bounds.inMemory)
  }

  // -------------------------------------------------------------------------
  // As an outbox
  // -------------------------------------------------------------------------

  override get size(): number {
    return super.size + this.#inMemory.size
  }

  override get bytes(): number {
    return super.bytes + this.#inMemory.bytes
  }

  override get dropped(): number {
    return super.dropped + this.#inMemory.dropped
  }

  override get expired(): number {
    return super.expired + this.#inMemory.expired
  }

  override get isEmpty(): boolean {
    return this.#ready.messages === 0 && this.#inMemory.isEmpty
  }

  override offer(publication: Publication): void {
    if (publication.message.qos === 0) this.#inMemory.offer(publication)
    else super.offer(publication)
  }

  /** The publish goes on once the message is accepted. */
  accepting(publication: Publication, acceptance: Acceptance): void {
    if (publication.message.qos !== 0) this.#accepting.set(publication, acceptance)
  }

  override take(options: { readonly room: number; readonly bytes: number; readonly now: number }) {
    const unkept = this.#inMemory.take(options)
    const kept = super.take(options)
    if (this.page > 0) this.#journal.wake()
    return unkept.length === 0 ? kept : [...unkept, ...kept]
  }

  override restore(publications: ReadonlyArray<Publication>): void {
    // Only QoS 0: messages with an identifier stay in the session.
    this.#inMemory.restore(publications)
  }

  /** Messages that wait to be accepted. The other waiting callers are in `#flushes`. */
  override get entries(): ReadonlyArray<Publication> {
    const suspended = this.suspended.toArray().filter(({ place }) => place === "suspended")
    return [...this.#inMemory.entries, ...suspended]
  }

  /** The unfinished publications, and one entry for everything unfinished in the store. */
  unfinished(publications: ReadonlyArray<Publication>): ReadonlyArray<Unfinished> {
    const unkept = publications.filter(({ stored }) => stored?.isAccepted !== true)
    if (this.#flushes.unfinished === 0) return unkept
    const lastKey = this.#next - 1
    return [...unkept, {
      observe: (observer) => this.#flushes.observe(observer, lastKey),
      unobserve: (observer) => this.#flushes.unobserve(observer)
    }]
  }

  protected override add(publication: Publication): void {
    this.room.add(publication.size)
    publication.place = "storing"
    const stored = new Stored(this.#next++, this)
    stored.acceptance = this.#accepting.get(publication)
    this.#accepting.delete(publication)
    publication.stored = stored
    this.#flushes.begun()
    this.#arrivals.push(publication)
    this.#journal.wake()
  }

  protected override enqueue(publication: Publication): void {
    this.#ready.messages++
    this.#ready.bytes += publication.size
    this.#read = keyOf(publication)
    super.enqueue(publication)
  }

  protected override remove(publication: Publication): void {
    if (publication.place === "waiting") {
      this.#ready.messages--
      this.#ready.bytes -= publication.size
    }
    super.remove(publication)
  }

  /** The oldest message may be only in the store, or on its way there. Then the new message waits for it. */
  protected override replaceOldest(publication: Publication): void {
    if (this.suspended.isEmpty && (this.#ready.messages > 0 || this.#canDropArrival)) {
      return super.replaceOldest(publication)
    }
    publication.place = "suspended"
    this.suspended.push(publication)
  }

  get #canDropArrival(): boolean {
    return this.#unread === 0 && this.#arrivals.some(({ place }) => place === "storing")
  }

  protected override shiftOldest(): Publication | undefined {
    if (this.#ready.messages > 0) return super.shiftOldest()
    if (!this.#canDropArrival) return undefined
    const first = this.#arrivals.findIndex(({ place }) => place === "storing")
    const [arrival] = this.#arrivals.splice(first, 1)
    this.#flushes.over(keyOf(arrival))
    return arrival
  }

  override withdraw(publication: Publication): boolean {
    if (publication.message.qos === 0) return this.#inMemory.withdraw(publication)
    const { place } = publication
    const key = keyOf(publication)
    if (place === "stored" && key <= this.#read) {
      const loaded = this.#loaded.get(key)
      return loaded !== undefined && super.withdraw(loaded)
    }
    if (place !== "stored" && place !== "storing") return super.withdraw(publication)
    this.remove(publication)
    if (place === "stored") {
      this.#unread--
      this.#gone.add(key)
      this.#awaited.take(key)
    } else this.#flushes.over(key)
    this.admit()
    return true
  }

  /** Messages in the store stay there. */
  override failAll(error: MqttError.MqttError): void {
    this.#isOver = true
    this.#inMemory.failAll(error)
    super.failAll(error)
    const arrivals = [...this.#storing, ...this.#arrivals]
    this.#arrivals = []
    for (const publication of arrivals) if (publication.place === "storing") publication.failed(error)
    for (const settled of this.#awaited.takeAll()) settled(Exit.fail(error))
    this.#flushes.end()
  }

  // -------------------------------------------------------------------------
  // Writing
  // -------------------------------------------------------------------------

  /** The messages of an earlier program. The session has the messages in `sent`. */
  open(totals: Totals, sent: ReadonlyArray<StoredEntry>): ReadonlyArray<Publication> {
    const publications = sent.map((entry) => this.#publicationOf(entry))
    const bytes = publications.reduce((sum, { size }) => sum + size, 0)
    this.#totals = totals
    this.#next = totals.next
    this.#sent = new Set(publications.map(keyOf))
    this.#unread = totals.messages - publications.length
    this.room.addAll(this.#unread, totals.bytes - bytes)
    this.#flushes.begun(totals.messages)
    return publications
  }

  /** The messages to store now. */
  takeArrivals(): ReadonlyArray<Publication> {
    const arrivals = this.#arrivals.filter(({ place }) => place === "storing")
    this.#arrivals = []
    for (const { size } of arrivals) this.#count(1, size)
    this.#storing = arrivals
    return arrivals
  }

  get totals(): Totals {
    return this.#totals
  }

  #count(messages: 1 | -1, size: number): void {
    const { bytes } = this.#totals
    this.#totals = { messages: this.#totals.messages + messages, bytes: bytes + messages * size, next: this.#next }
  }

  /** The store has the messages. */
  stored(arrivals: ReadonlyArray<Publication>): void {
    this.#storing = []
    if (this.#isOver) return
    for (const publication of arrivals) {
      const { stored } = publication
      if (stored === undefined) continue
      stored.isAccepted = true
      stored.hasMessage = true
      // Given up while it was being written.
      if (publication.place !== "storing") this.#forget(stored, publication.size)
      else if (this.#unread === 0 && !this.#isFull) this.enqueue(publication)
      else this.#leave(publication)
    }
    for (const publication of arrivals) publication.taken()
    this.#admitReplacing()
  }

  #leave(publication: Publication): void {
    publication.place = "stored"
    this.#unread++
    this.#awaited.add(keyOf(publication), publication.settled, publication.stored?.acceptance)
  }

  /** The store does not have the messages. */
  refused(arrivals: ReadonlyArray<Publication>, error: MqttError.MqttError): void {
    this.#storing = []
    for (const publication of arrivals) {
      this.#count(-1, publication.size)
      // A store that did not answer may have the message all the same.
      this.#journal.record({ _tag: "Remove", table: "message", key: keyOf(publication) })
    }
    if (this.#isOver) return
    const refused = arrivals.filter(({ place }) => place === "storing")
    for (const publication of refused) {
      this.remove(publication)
      this.#flushes.over(keyOf(publication))
    }
    this.#admitReplacing()
    for (const publication of refused) publication.failed(error)
  }

  /** The store need not have the message any longer. */
  forget({ size, stored }: Publication): void {
    if (stored !== undefined) this.#forget(stored, size)
  }

  #forget(stored: Stored, size: number): void {
    if (!stored.hasMessage || this.#isOver) return
    stored.hasMessage = false
    this.#count(-1, size)
    this.#journal.record({ _tag: "Remove", table: "message", key: stored.key })
  }

  over(stored: Stored, size: number): void {
    this.#forget(stored, size)
    stored.isAccepted = false
    this.#loaded.delete(stored.key)
    this.#flushes.over(stored.key)
  }

  // -------------------------------------------------------------------------
  // Reading
  // -------------------------------------------------------------------------

  get #isFull(): boolean {
    return this.#ready.messages >= readAhead.messages || this.#ready.bytes >= readAhead.bytes
  }

  /** How many messages to read now: as many as fit, if they have the average size. */
  get page(): number {
    const { bytes, messages } = this.#ready
    if (this.#unread === 0 || messages * 2 > readAhead.messages || bytes * 2 > readAhead.bytes) return 0
    const average = Math.max(1, this.#totals.bytes / this.#totals.messages)
    const fitting = Math.floor((readAhead.bytes - bytes) / average)
    return Math.max(1, Math.min(mostAtOnce, readAhead.messages - messages, fitting))
  }

  /** Where the next page begins. */
  get after(): number {
    return this.#read
  }

  /** Takes the messages of a page, as far as there is room; `isLast` if no more follow. */
  load(entries: ReadonlyArray<StoredEntry>, isLast: boolean): void {
    if (this.#isOver) return
    let isAll = isLast
    for (const entry of entries) {
      if (this.#isFull) {
        isAll = false
        break
      }
      this.#read = entry.key
      if (this.#sent.has(entry.key) || this.#gone.delete(entry.key)) continue
      this.#unread--
      const publication = this.#publicationOf(entry)
      const { acceptance, settled } = this.#awaited.take(entry.key)
      if (settled !== undefined) publication.returnTo(settled)
      if (publication.stored !== undefined) publication.stored.acceptance = acceptance
      this.#loaded.set(entry.key, publication)
      this.enqueue(publication)
    }
    if (isAll) {
      this.#gone.clear()
      this.#unread = 0
    }
    if (entries.length > 0 && this.page > 0) this.#journal.wake()
    this.#admitReplacing()
  }

  #publicationOf({ expiresAt, key, message }: StoredEntry): Publication {
    const publication = new Publication(message, expiresAt, nothing)
    publication.stored = new Stored(key, this)
    publication.stored.isAccepted = true
    publication.stored.hasMessage = true
    return publication
  }

  /** Now there are old messages to replace. */
  #admitReplacing(): void {
    if (this.suspended.isEmpty) return
    if (this.room.whenFull !== "ReplaceOldest") return this.admit()
    for (const publication of this.suspended.takeAll()) {
      if (publication.place === "suspended") this.offer(publication)
    }
  }
}
