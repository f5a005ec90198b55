/**
 * The records of one client identifier over a `KeyValueStore`, which promises nothing about several keys at once.
 *
 * A commit is made when its batch is written, under one key. The writes and removals of the batch follow, and are done
 * again if they were interrupted. A batch stays until the next batch replaces it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Exit from "effect/Exit"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import type { MqttError } from "../../MqttError.ts"
import type { Change, OpenStore, StoredRecord, Table } from "../store/port.ts"
import { byTable, Draft, type Drafted, emptyIndex, type Entries, type Index, pagesFrom, pagesToKnow } from "./draft.ts"
import { closed, failure, type Operation, problem } from "./failures.ts"
import * as Layout from "./layout.ts"
import { seal, unseal, type Unsealed } from "./sealed.ts"

const unsealRoot = unseal(Layout.Root)
const unsealGroup = unseal(Layout.Group)
const unsealPage = unseal(Layout.Page)
const unsealValue = unseal(Layout.Value)
const unsealBatch = unseal(Layout.Batch)

/** Requests to the store below that are under way at a time. */
const concurrency = 8

/** Pages that are kept in memory, for the next change of them. */
const mostCached = 32

const sharedName = "another client identifier has the same name in it; give this client another one"

export class Records implements OpenStore {
  readonly #below: KeyValueStore.KeyValueStore
  readonly #clientId: string
  readonly #names: Layout.Names
  readonly #turn = Semaphore.makeUnsafe(1)
  readonly #cached = new Map<string, Entries>()
  #index: Index = emptyIndex
  /** A batch that is written, and not known to be done. */
  #pending: Layout.Batch | undefined
  /** Whether an uncommitted batch may be there, because writing it failed or was interrupted. */
  #isDoubtful = false
  readonly #closing = Deferred.makeUnsafe<void>()
  #isClosed = false

  constructor(below: KeyValueStore.KeyValueStore, clientId: string) {
    this.#below = below
    this.#clientId = clientId
    this.#names = Layout.names(clientId)
  }

  /** Finishes an interrupted commit, then learns which pages there are. */
  readonly load: Effect.Effect<void, MqttError> = Effect.gen({ self: this }, function*() {
    const text = yield* this.#get("open", this.#names.batch)
    const batch = text === undefined ? undefined : unsealBatch(text)
    // Its writing was interrupted: nothing of it was done, and its commit did not complete.
    if (batch?._tag === "CutShort") this.#isDoubtful = true
    else if (batch !== undefined) this.#pending = yield* this.#whole("open", this.#names.batch, batch)
    yield* this.#settle("open")
    const rootText = yield* this.#get("open", this.#names.root)
    if (rootText === undefined) return
    const root = yield* this.#whole("open", this.#names.root, unsealRoot(rootText))
    if (root.clientId !== this.#clientId) return yield* problem("open", "Unavailable", new Error(sharedName))
    const pagesOf = (table: Table) =>
      Effect.map(
        Effect.forEach(
          root[table],
          (group) => this.#existing("open", this.#names.group(table, group), unsealGroup),
          { concurrency }
        ),
        (groups) => groups.flat()
      )
    this.#index = {
      message: yield* pagesOf("message"),
      exchange: yield* pagesOf("exchange"),
      received: yield* pagesOf("received"),
      client: yield* pagesOf("client")
    }
  })

  /** Interrupts the current operation, and waits for its end. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#isClosed = true
    Deferred.doneUnsafe(this.#closing, Exit.void)
    return this.#turn.withPermit(Effect.void)
  })

  readonly read: OpenStore["read"] = (table, { after, limit }) =>
    this.#alone(
      "read",
      Effect.gen({ self: this }, function*() {
        const found: Array<readonly [number, string | null]> = []
        for (const page of pagesFrom(this.#index[table], after + 1)) {
          if (found.length >= limit) break
          const entries = yield* this.#page("read", table, page)
          for (const entry of entries) if (entry[0] > after) found.push(entry)
        }
        return yield* Effect.forEach(
          found.slice(0, limit),
          ([key, value]) => this.#record(table, key, value),
          { concurrency }
        )
      })
    )

  readonly commit: OpenStore["commit"] = (changes) =>
    this.#alone(
      "write",
      Effect.gen({ self: this }, function*() {
        if (changes.length === 0) return
        const drafted = yield* this.#draft(changes)
        yield* this.#write(drafted.batch)
        this.#adopt(drafted)
        // It is committed: should this fail, the next operation begins with it.
        yield* Effect.ignore(this.#settle("write"))
      })
    )

  /** One operation at a time, each after an interrupted one was finished. */
  #alone<A>(operation: Operation, effect: Effect.Effect<A, MqttError>): Effect.Effect<A, MqttError> {
    return this.#turn.withPermit(
      Effect.suspend(() =>
        this.#isClosed ? Effect.fail(closed(operation)) : Effect.andThen(this.#settle(operation), effect)
      )
    )
  }

  /** Removes an uncommitted batch, and carries out a committed one. */
  #settle(operation: Operation): Effect.Effect<void, MqttError> {
    return Effect.gen({ self: this }, function*() {
      if (this.#isDoubtful) {
        yield* this.#remove(operation, this.#names.batch)
        this.#isDoubtful = false
      }
      const batch = this.#pending
      if (batch === undefined) return
      yield* Effect.forEach(batch.set, ([name, text]) => this.#set(operation, name, text), {
        concurrency,
        discard: true
      })
      yield* Effect.forEach(batch.remove, (name) => this.#remove(operation, name), { concurrency, discard: true })
      this.#pending = undefined
    })
  }

  #draft(changes: ReadonlyArray<Change>): Effect.Effect<Drafted, MqttError> {
    return Effect.gen({ self: this }, function*() {
      const draft = new Draft(this.#clientId, this.#index)
      for (const ofTable of byTable(changes)) {
        const { table } = ofTable
        const known = yield* Effect.forEach(
          pagesToKnow(this.#index, ofTable),
          (page) => Effect.map(this.#page("write", table, page), (entries) => [page, entries] as const),
          { concurrency }
        )
        draft.change(ofTable, new Map(known))
      }
      return draft.drafted
    })
  }

  #write(batch: Layout.Batch): Effect.Effect<void, MqttError> {
    return Effect.suspend(() => {
      this.#isDoubtful = true
      return Effect.tapError(
        this.#set("write", this.#names.batch, seal(batch)),
        // The batch may be there even so.
        () => Effect.ignore(this.#settle("write"))
      )
    })
  }

  #adopt({ batch, index, pages }: Drafted): void {
    this.#isDoubtful = false
    this.#pending = batch
    this.#index = index
    for (const name of batch.remove) this.#cached.delete(name)
    for (const [name, entries] of pages) this.#cache(name, entries)
  }

  #cache(name: string, entries: Entries): void {
    this.#cached.delete(name)
    this.#cached.set(name, entries)
    if (this.#cached.size <= mostCached) return
    const [oldest] = this.#cached.keys()
    this.#cached.delete(oldest)
  }

  #page(operation: Operation, table: Table, page: number): Effect.Effect<Entries, MqttError> {
    const name = this.#names.page(table, page)
    return Effect.suspend(() => {
      const cached = this.#cached.get(name)
      if (cached !== undefined) return Effect.succeed(cached)
      return Effect.map(this.#existing(operation, name, unsealPage), (content) => {
        const entries = new Map(content)
        this.#cache(name, entries)
        return entries
      })
    })
  }

  #record(table: Table, key: number, value: string | null): Effect.Effect<StoredRecord, MqttError> {
    const name = this.#names.value(table, key)
    const encoded = value === null ? this.#existing("read", name, unsealValue) : Effect.succeed(value)
    return Effect.flatMap(encoded, (text) => {
      const bytes = Base64.decode(text)
      return Result.isSuccess(bytes)
        ? Effect.succeed({ key, value: bytes.success })
        : Effect.fail(problem("read", "Corrupt", bytes.failure))
    })
  }

  // -------------------------------------------------------------------------
  // The store below
  // -------------------------------------------------------------------------

  #request<A>(
    operation: Operation,
    request: Effect.Effect<A, KeyValueStore.KeyValueStoreError>
  ): Effect.Effect<A, MqttError> {
    return Effect.raceFirst(
      Effect.mapError(request, (error) => failure(operation, error)),
      Effect.andThen(Deferred.await(this.#closing), Effect.suspend(() => Effect.fail(closed(operation))))
    )
  }

  #get(operation: Operation, name: string): Effect.Effect<string | undefined, MqttError> {
    return this.#request(operation, this.#below.get(name))
  }

  #set(operation: Operation, name: string, text: string): Effect.Effect<void, MqttError> {
    return this.#request(operation, this.#below.set(name, text))
  }

  #remove(operation: Operation, name: string): Effect.Effect<void, MqttError> {
    return this.#request(operation, this.#below.remove(name))
  }

  #existing<A>(operation: Operation, name: string, unseal: (text: string) => Unsealed<A>): Effect.Effect<A, MqttError> {
    return Effect.flatMap(this.#get(operation, name), (text) =>
      text === undefined
        ? Effect.fail(problem(operation, "Corrupt", new Error(`there is nothing under the key ${name}`)))
        : this.#whole(operation, name, unseal(text)))
  }

  #whole<A>(operation: Operation, name: string, unsealed: Unsealed<A>): Effect.Effect<A, MqttError> {
    if (unsealed._tag === "Whole") return Effect.succeed(unsealed.content)
    if (unsealed._tag === "Newer") return Effect.fail(problem(operation, "NewerFormat", undefined))
    const cause = unsealed._tag === "Damaged" ? unsealed.cause : new Error("its end is missing")
    return Effect.fail(problem(operation, "Corrupt", new Error(`the value of the key ${name} is damaged`, { cause })))
  }
}
