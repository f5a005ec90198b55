/**
 * A session that outlives its process: its state at the start, and the rounds that store its changes.
 *
 * One round writes everything that has changed since the last one, then reads ahead. Some packets wait for the round,
 * because the server must not see them before the store has their changes; `Journal` knows which.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as MqttError from "../../../MqttError.ts"
import type { MqttEvent } from "../../../MqttState.ts"
import type { PacketIdentifier } from "../../../protocol/Packet.ts"
import type * as Session from "../../../protocol/Session.ts"
import type * as SessionChange from "../../../protocol/SessionChange.ts"
import * as Snapshot from "../../../protocol/Snapshot.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"
import type { Resolved } from "../../options.ts"
import type { Change, Store } from "../../store/port.ts"
import type { Exchange } from "../../store/records.ts"
import { type Batch, type Draft, Journal } from "../journal.ts"
import { KeptOutbox, keyOf, type Totals } from "../outgoing/keptOutbox.ts"
import { Publication } from "../outgoing/publication.ts"
import { nobody, type Owner } from "../owner.ts"
import { type Decoded, longest, notAnswering, outcomeOf, StoredRecords } from "./storedRecords.ts"

interface Running {
  readonly runner: { readonly wake: () => void }
  readonly events: { readonly publish: (event: MqttEvent) => Effect.Effect<void> }
  readonly drainTimeout: Duration.Duration
}

export class KeptSession {
  readonly journal = new Journal()
  readonly outbox: KeptOutbox
  readonly #records: StoredRecords
  readonly #options: Resolved
  #snapshot: Snapshot.Snapshot<Owner> = Snapshot.empty
  #isKnown = false

  constructor(records: StoredRecords, options: Resolved) {
    this.#records = records
    this.#options = options
    this.outbox = new KeptOutbox(this.journal, { stored: options.storedOutbox, inMemory: options.outbox })
  }

  /** An earlier program had the session. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** Adds the state that the earlier program left to a session. */
  restore(session: Session.Session<Owner>): Session.Session<Owner> {
    return Snapshot.restore(session, this.#snapshot, nobody)
  }

  // -------------------------------------------------------------------------
  // The state at the start
  // -------------------------------------------------------------------------

  /** To be run once, before anything else. */
  get open(): Effect.Effect<void, MqttError.MqttError> {
    return Effect.gen({ self: this }, function*() {
      const totals = yield* this.#records.totals
      const { outboxAtCleanStart, session } = this.#options
      this.#isKnown = session === "persistent" && totals !== undefined
      if (totals === undefined) return yield* this.#commit([])
      const exchanges = yield* this.#records.exchanges
      if (session === "persistent") {
        this.#snapshot = yield* this.#restore(totals, exchanges)
        return
      }
      const clearing: ReadonlyArray<Change> = [{ _tag: "Clear", table: "exchange" }, {
        _tag: "Clear",
        table: "received"
      }]
      if (session === "clean") this.outbox.open(totals, [])
      else if (outboxAtCleanStart === "drop") {
        return yield* this.#commit([...clearing, { _tag: "Clear", table: "message" }])
      } else {
        // Sent messages are part of the session that is thrown away; the others are not.
        const sent = yield* this.#records.messages(keysOf(exchanges))
        for (const { size, stored } of this.outbox.open(totals, sent)) {
          if (stored !== undefined) this.outbox.over(stored, size)
        }
      }
      yield* this.#commit([...clearing, ...this.journal.take().changes])
    })
  }

  #commit(changes: ReadonlyArray<Change>): Effect.Effect<void, MqttError.MqttError> {
    return this.#records.commit(changes, this.outbox.totals)
  }

  #restore(
    totals: Totals,
    exchanges: ReadonlyArray<Decoded<Exchange>>
  ): Effect.Effect<Snapshot.Snapshot<Owner>, MqttError.MqttError> {
    return Effect.gen({ self: this }, function*() {
      const entries = yield* this.#records.messages(keysOf(exchanges))
      const publications = new Map(
        this.outbox.open(totals, entries).map((publication) => [keyOf(publication), publication])
      )
      const received = yield* this.#records.allReceived
      return {
        messages: exchanges.flatMap(({ key, value }) => {
          const request = value._tag === "Sent" ? publications.get(value.message) : undefined
          return value._tag !== "Sent" || request === undefined
            ? []
            : [{ packetIdentifier: key, message: request.message, request, order: value.order }]
        }),
        releases: exchanges.flatMap(({ key, value }) =>
          value._tag === "Released"
            ? [{ packetIdentifier: key, outcome: outcomeOf(value), order: value.order, request: nobody }]
            : []
        ),
        reserved: exchanges.flatMap(({ key, value }) => value._tag === "Reserved" ? [key] : []),
        received: received.map(({ key, value }) => ({ packetIdentifier: key, answer: value.answer }))
      }
    })
  }

  // -------------------------------------------------------------------------
  // Changes
  // -------------------------------------------------------------------------

  /** The rules have made these changes. At QoS 1 the server keeps nothing that this program must remember. */
  readonly keep = (changes: ReadonlyArray<SessionChange.Change<Owner>>): void => {
    for (const change of changes) {
      const { packetIdentifier: key } = change
      switch (change._tag) {
        case "Sent":
          this.#sent(change)
          break
        case "Released":
          if (change.request instanceof Publication) this.outbox.forget(change.request)
          this.journal.recordUrgently(this.#records.released(change))
          break
        case "Reserved":
          this.journal.withdraw(key)
          // The server may have a message under the identifier, and must not take the next message for it.
          this.journal.recordUrgently(this.#records.reserved(key))
          break
        case "Settled":
          if (!this.journal.withdraw(key)) this.journal.record({ _tag: "Remove", table: "exchange", key })
          break
        case "Received":
          this.journal.recordUrgently(this.#records.received(key, change.answer))
          break
        case "Completed":
          this.journal.recordUrgently({ _tag: "Remove", table: "received", key })
      }
    }
  }

  #sent({ order, packetIdentifier, request }: SessionChange.Change<Owner> & { readonly _tag: "Sent" }): void {
    if (!(request instanceof Publication)) return
    const sent = new Sent(this.#records, packetIdentifier, keyOf(request), order)
    if (request.message.qos === 2) this.journal.recordUrgently(sent.toChange())
    else this.journal.draft(packetIdentifier, sent)
  }

  // -------------------------------------------------------------------------
  // Rounds
  // -------------------------------------------------------------------------

  /** Writes and reads until the journal is over. Publishers, and callers that wait to send, hear of failures. */
  rounds(done: Effect.Effect<void>): Effect.Effect<void> {
    const round = Effect.suspend(() => this.#write).pipe(
      Effect.andThen(Effect.suspend(() => this.#readAhead)),
      Effect.andThen(done),
      // Without rounds nothing would be accepted any more.
      Effect.catchCause((cause) =>
        Effect.annotateLogs(Effect.logError("A defect in the client", cause), FailureAnnotations.ofCause(cause))
      )
    )
    const again = Effect.whileLoop({
      while: () => !this.journal.isOver,
      // Between two rounds the network has its turn, however fast a program publishes.
      body: () => this.journal.work.pipe(Effect.andThen(round), Effect.andThen(Effect.yieldNow)),
      step: () => {}
    })
    // The last round writes changes that were recorded during the one before.
    return round.pipe(Effect.andThen(again), Effect.andThen(round))
  }

  /**
   * Stores changes until the scope closes. Then the remaining changes are written once more, for at most
   * `drainTimeout`: the last acknowledgements come after everything else has ended.
   */
  run({ drainTimeout, events, runner }: Running): Effect.Effect<void, never, Scope.Scope> {
    const done = Effect.suspend(() => {
      runner.wake()
      return tellFailure(this, (event) => events.publish(event))
    })
    return Effect.asVoid(Effect.acquireRelease(
      Effect.forkDetach(Effect.interruptible(this.rounds(done))),
      (rounds) => {
        this.journal.end()
        return Effect.interruptible(Fiber.await(rounds)).pipe(
          Effect.timeoutOption(drainTimeout),
          Effect.flatMap((ended) => Option.isSome(ended) ? Effect.void : Effect.sync(() => rounds.interruptUnsafe())),
          Effect.andThen(Effect.suspend(() => logUnwritten(this)))
        )
      }
    ))
  }

  get #write(): Effect.Effect<void> {
    const { journal, outbox } = this
    const batch = journal.take()
    // The totals of this moment: more messages may end while the store is at work.
    const { totals } = outbox
    const arrivals = outbox.takeArrivals()
    if (arrivals.length === 0) return batch.changes.length === 0 ? Effect.void : this.#writeChanges(batch, totals)
    const messages = arrivals.map((publication) => this.#records.message(publication, keyOf(publication)))
    return Effect.matchEffect(this.#records.commit([...batch.changes, ...messages], outbox.totals), {
      onSuccess: () =>
        Effect.sync(() => {
          journal.written(batch)
          outbox.stored(arrivals)
        }),
      // A full store has no room for new messages, but changes to old ones may still fit.
      onFailure: (error) =>
        Effect.suspend(() => {
          journal.failedToStore(error)
          outbox.refused(arrivals, error)
          return batch.changes.length === 0 ? Effect.void : this.#writeChanges(batch, totals)
        })
    })
  }

  #writeChanges(batch: Batch, totals: Totals): Effect.Effect<void> {
    return Effect.match(this.#records.commit(batch.changes, totals), {
      onSuccess: () => this.journal.written(batch),
      onFailure: (error) => this.journal.failed(batch, error)
    })
  }

  get #readAhead(): Effect.Effect<void> {
    const { after, page } = this.outbox
    if (page === 0) return Effect.void
    return Effect.match(this.#records.page(after, page), {
      onSuccess: (entries) => this.outbox.load(entries, entries.length < page),
      onFailure: (error) => this.journal.failedToStore(error)
    })
  }
}

/** Made late: at QoS 1 the acknowledgement often comes before it is written. */
class Sent implements Draft {
  readonly #records: StoredRecords
  readonly #packetIdentifier: PacketIdentifier
  readonly #message: number
  readonly #order: number

  constructor(records: StoredRecords, packetIdentifier: PacketIdentifier, message: number, order: number) {
    this.#records = records
    this.#packetIdentifier = packetIdentifier
    this.#message = message
    this.#order = order
  }

  toChange(): Change {
    return this.#records.sent(this.#packetIdentifier, this.#message, this.#order)
  }
}

/** The keys of the messages that were sent. */
const keysOf = (exchanges: ReadonlyArray<Decoded<Exchange>>): ReadonlyArray<number> =>
  exchanges.flatMap(({ value }) => value._tag === "Sent" ? [value.message] : [])

/** The session of a client with this store. */
export const open = Effect.fnUntraced(function*(
  store: Store,
  options: Resolved
): Effect.fn.Return<KeptSession, MqttError.MqttError, Scope.Scope> {
  if (!options.isClientIdGiven) {
    return yield* MqttError.fromReason(
      new MqttError.InvalidOptions({
        option: "clientId",
        description: "is missing, but a store keeps messages under it; give one that stays the same"
      })
    )
  }
  const opened = yield* Effect.timeoutOrElse(store.open(options.clientId), {
    duration: longest,
    orElse: () => notAnswering(store.name, "open")
  })
  const kept = new KeptSession(new StoredRecords(opened, store.name, yield* Clock.Clock), options)
  yield* kept.open
  return kept
})

const tellFailure = (
  { journal }: KeptSession,
  publishEvent: (event: MqttEvent) => Effect.Effect<void>
): Effect.Effect<void> => {
  if (!journal.hasUntold) return Effect.void
  return Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const untold = journal.takeUntold(now)
    if (untold === undefined) return Effect.void
    return Effect.logWarning(untold.error.message).pipe(
      Effect.annotateLogs({ reason: untold.error.reason._tag }),
      Effect.andThen(publishEvent({ _tag: "StoreFailed", ...untold }))
    )
  })
}

const logUnwritten = ({ journal }: KeptSession): Effect.Effect<void> =>
  journal.isEmpty
    ? Effect.void
    : Effect.logError(
      "The last changes of the session may not be in the store" +
        (journal.failure === undefined ? ": it does not answer" : `: ${journal.failure.message}`)
    ).pipe(Effect.annotateLogs({ reason: journal.failure?.reason._tag ?? "StoreFailed" }))
