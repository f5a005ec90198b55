/**
 * A process that can die: from that moment on nothing of it reaches its store and its network. It also has the
 * observations of both, in order.
 */
import { Effect, Exit, Scope } from "effect"
import * as records from "../../../src/internal/store/records.ts"
import * as MqttError from "../../../src/MqttError.ts"
import type { Change, OpenStore, Store, Table } from "../../../src/MqttStore.ts"
import type { MqttTransport, NetworkConnection } from "../../../src/MqttTransport.ts"
import * as Decoder from "../../../src/protocol/Decoder.ts"
import type { Packet, ProtocolVersion } from "../../../src/protocol/Packet.ts"
import type { FakeNetwork } from "../../../src/testing/index.ts"
import type { Life } from "./CrashPlan.ts"

/** A change as it is meant: what the record says. */
export type Meant =
  | { readonly _tag: "Message"; readonly key: number; readonly id: number; readonly bytes: number }
  | { readonly _tag: "Exchange"; readonly key: number; readonly exchange: records.Exchange }
  | { readonly _tag: "Received"; readonly key: number }
  | { readonly _tag: "Totals"; readonly totals: records.Totals }
  | { readonly _tag: "Removed"; readonly table: Table; readonly key: number }
  | { readonly _tag: "Cleared"; readonly table: Table }

export type Event =
  | { readonly _tag: "Committed"; readonly changes: ReadonlyArray<Meant> }
  | { readonly _tag: "ReadMessages"; readonly keys: ReadonlyArray<number> }
  | { readonly _tag: "Wrote"; readonly connection: number; readonly packet: Packet }
  | { readonly _tag: "Got"; readonly connection: number; readonly packet: Packet }
  | { readonly _tag: "Accepted"; readonly id: number }
  | { readonly _tag: "HandedOver"; readonly id: number }
  | { readonly _tag: "LostSessions" }
  | { readonly _tag: "Died" }
  | { readonly _tag: "Ended" }

/** In the order in which it happened. */
export interface Seen {
  readonly at: number
  readonly life: number
  readonly event: Event
}

const decoder = new TextDecoder()

/** Messages are told apart by the number that their payload begins with. */
export const idOf = (payload: Uint8Array): number => Number.parseInt(decoder.decode(payload.subarray(0, 6)), 10)

export const payloadOf = (id: number, size: number): Uint8Array =>
  new TextEncoder().encode(String(id).padEnd(Math.max(size, 6)))

const some = <A>(option: { readonly _tag: string; readonly value?: A }, what: string): A => {
  if (option.value === undefined) throw new Error(`the client stored ${what} that nobody can read`)
  return option.value
}

const meant = (change: Change): Meant => {
  if (change._tag === "Remove") return { _tag: "Removed", table: change.table, key: change.key }
  if (change._tag === "Clear") return { _tag: "Cleared", table: change.table }
  const { key, table, value } = change
  switch (table) {
    case "message": {
      const { message } = some(records.decodeMessage(value), "a message")
      return { _tag: "Message", key, id: idOf(message.payload), bytes: message.payload.length }
    }
    case "exchange":
      return { _tag: "Exchange", key, exchange: some(records.exchange.decode(value), "an exchange") }
    case "received":
      return { _tag: "Received", key }
    case "client":
      return { _tag: "Totals", totals: some(records.totals.decode(value), "totals") }
  }
}

const full = MqttError.fromReason(
  new MqttError.StoreFailed({ store: "of a test", operation: "write", problem: "Full" })
)

/** Larger than any packet. */
const unlimited = 268_435_460

export interface Options {
  readonly number: number
  readonly life: Life
  readonly version: ProtocolVersion
  readonly network: FakeNetwork.FakeNetwork["Service"]
  readonly now: () => number
  readonly log: Array<Seen>
}

export class Process {
  readonly #options: Options
  readonly #storeScope = Scope.makeUnsafe()
  readonly #connections = new Set<NetworkConnection>()
  #commits = 0
  #writes = 0
  #connectionCount = 0
  /** The store fails no more, and nobody dies of it. */
  isSafe = false
  isDead = false
  onDeath: () => void = () => {}

  constructor(options: Options) {
    this.#options = options
  }

  /** What the program sees counts only while it lives. */
  note(event: Event): void {
    if (this.isDead) return
    const { log, now, number } = this.#options
    log.push({ at: now(), life: number, event })
  }

  /** The connections are cut at this moment, and the lock of the store is gone. */
  get die(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isDead) return Effect.void
      this.note({ _tag: "Died" })
      this.isDead = true
      const { life, network } = this.#options
      const cut = life.bytes === "lost"
        ? network.reset
        : Effect.forEach(this.#connections, ({ abort }) => abort, { discard: true })
      return cut.pipe(
        Effect.andThen(Scope.close(this.#storeScope, Exit.void)),
        Effect.andThen(Effect.sync(() => this.onDeath()))
      )
    })
  }

  /** Nothing that the dead do has an effect, or an end. */
  #alive<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => this.isDead ? Effect.never : effect)
  }

  get #dieHere(): Effect.Effect<never> {
    return Effect.andThen(this.die, Effect.never)
  }

  // -------------------------------------------------------------------------
  // The store
  // -------------------------------------------------------------------------

  readonly store = (inner: Store): Store => ({
    name: inner.name,
    open: (clientId) =>
      this.#alive(Effect.map(Scope.provide(inner.open(clientId), this.#storeScope), (open) => this.#watch(open)))
  })

  /** It is over in order: the next one may open it. */
  get closeStore(): Effect.Effect<void> {
    return Effect.andThen(Effect.sync(() => this.note({ _tag: "Ended" })), Scope.close(this.#storeScope, Exit.void))
  }

  #watch(open: OpenStore): OpenStore {
    const { readTime } = this.#options.life
    return {
      read: (table, range) =>
        this.#alive(Effect.andThen(
          this.#takes(readTime),
          this.#alive(Effect.map(open.read(table, range), (found) => {
            if (table === "message") this.note({ _tag: "ReadMessages", keys: found.map(({ key }) => key) })
            return found
          }))
        )),
      commit: (changes) => this.#alive(this.#commit(open, changes))
    }
  }

  #takes(milliseconds: number): Effect.Effect<void> {
    return milliseconds === 0 || this.isSafe ? Effect.void : Effect.sleep(milliseconds)
  }

  #commit(open: OpenStore, changes: ReadonlyArray<Change>): Effect.Effect<void, MqttError.MqttError> {
    const { commitTime, death, failures } = this.#options.life
    const number = ++this.#commits
    const when = death._tag === "Commit" && death.number === number && !this.isSafe ? death.when : undefined
    const isFailing = !this.isSafe && failures.some(({ count, from }) => number >= from && number < from + count)
    const write = this.#alive(Effect.map(open.commit(changes), () => {
      this.note({ _tag: "Committed", changes: changes.map(meant) })
    }))
    const half = this.#takes(commitTime / 2)
    if (when === "before") return this.#dieHere
    if (when === "during") return Effect.andThen(half, this.#dieHere)
    if (isFailing) return Effect.andThen(half, this.#alive(Effect.fail(full)))
    return half.pipe(
      Effect.andThen(write),
      Effect.andThen(when === "after" ? this.#dieHere : half),
      Effect.andThen(this.#alive(Effect.void))
    )
  }

  // -------------------------------------------------------------------------
  // The network
  // -------------------------------------------------------------------------

  readonly transport = (inner: MqttTransport["Service"]): MqttTransport["Service"] => ({
    endpoint: inner.endpoint,
    open: this.#alive(Effect.flatMap(inner.open, (connection) =>
      this.#alive(Effect.acquireRelease(
        Effect.sync(() => {
          this.#connections.add(connection)
          return this.#wire(connection, ++this.#connectionCount)
        }),
        () => Effect.sync(() => this.#connections.delete(connection))
      ))))
  })

  #wire(inner: NetworkConnection, connection: number): NetworkConnection {
    const { version } = this.#options
    const decoders = {
      Wrote: Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: unlimited }),
      Got: Decoder.make({ protocolVersion: version, sender: "server", maximumPacketSize: unlimited })
    }
    const note = (_tag: "Wrote" | "Got", chunks: ReadonlyArray<Uint8Array>): void => {
      for (const chunk of chunks) {
        for (const packet of decoders[_tag].push(chunk.slice())) this.note({ _tag, connection, packet })
      }
    }
    return {
      pull: this.#alive(Effect.flatMap(inner.pull, (chunks) =>
        this.#alive(Effect.sync(() => {
          note("Got", chunks)
          return chunks
        })))),
      write: (chunks) =>
        this.#alive(Effect.suspend(() => {
          const { death } = this.#options.life
          const number = ++this.#writes
          const when = death._tag === "Write" && death.number === number && !this.isSafe ? death.when : undefined
          if (when === "before") return this.#dieHere
          note("Wrote", chunks)
          const written = inner.write(chunks)
          return when === "after" ? Effect.andThen(Effect.ignore(written), this.#dieHere) : written
        })),
      abort: this.#alive(inner.abort)
    }
  }
}
