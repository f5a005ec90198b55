/**
 * The store in the client's own terms: messages and exchanges instead of bytes, and times by the clock of this process.
 *
 * Everything it reads passes through the schemas of the records, so a damaged record is an error and never a message.
 * It does not decide when to read or write.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as MqttError from "../../../MqttError.ts"
import type { PacketIdentifier } from "../../../protocol/Packet.ts"
import * as Properties from "../../../protocol/Properties.ts"
import type { Outcome } from "../../../protocol/Session.ts"
import type * as SessionChange from "../../../protocol/SessionChange.ts"
import type { Change, OpenStore, StoredRecord, Table } from "../../store/port.ts"
import * as Records from "../../store/records.ts"
import type { StoredEntry, Totals } from "../outgoing/keptOutbox.ts"
import type { Publication } from "../outgoing/publication.ts"
import type { Owner } from "../owner.ts"

/** How long a store may take for one answer. */
export const longest = "30 seconds"

/** How many records are read at once when a whole table is wanted. */
const pageSize = 512

const isPacketIdentifier = (key: number): boolean => Number.isInteger(key) && key >= 1 && key <= 0xffff

export interface Decoded<A> {
  readonly key: number
  readonly value: A
}

type Read<A> = Effect.Effect<A, MqttError.MqttError>

export class StoredRecords {
  readonly #store: OpenStore
  readonly #name: string
  readonly #clock: Clock.Clock

  constructor(store: OpenStore, name: string, clock: Clock.Clock) {
    this.#store = store
    this.#name = name
    this.#clock = clock
  }

  // -------------------------------------------------------------------------
  // Writing
  // -------------------------------------------------------------------------

  /** Writes all changes or none, together with the totals. */
  commit(changes: ReadonlyArray<Change>, totals: Totals): Effect.Effect<void, MqttError.MqttError> {
    const value = Records.totals.encode(totals)
    const all: ReadonlyArray<Change> = [...changes, { _tag: "Put", table: "client", key: Records.totalsKey, value }]
    return this.#answer("write", () => this.#store.commit(all))
  }

  message({ expiresAt, message }: Publication, key: number): Change {
    const storedAt = this.#clock.currentTimeMillisUnsafe()
    const value = Records.encodeMessage({
      message,
      storedAt,
      expiresAt: expiresAt === undefined ? undefined : storedAt + expiresAt - this.#now
    })
    return { _tag: "Put", table: "message", key, value }
  }

  sent(packetIdentifier: PacketIdentifier, message: number, order: number): Change {
    return this.#exchange(packetIdentifier, { _tag: "Sent", message, order })
  }

  released({ order, outcome, packetIdentifier }: SessionChange.Change<Owner> & { readonly _tag: "Released" }): Change {
    const { properties: { reasonString, userProperties }, reasonCode } = outcome
    return this.#exchange(packetIdentifier, {
      _tag: "Released",
      order,
      reasonCode,
      ...(reasonString === undefined ? {} : { reasonString }),
      ...(userProperties === undefined ? {} : { userProperties })
    })
  }

  reserved(packetIdentifier: PacketIdentifier): Change {
    return this.#exchange(packetIdentifier, { _tag: "Reserved" })
  }

  received(packetIdentifier: PacketIdentifier, answer: number): Change {
    const value = Records.received.encode({ answer })
    return { _tag: "Put", table: "received", key: packetIdentifier, value }
  }

  #exchange(key: PacketIdentifier, exchange: Records.Exchange): Change {
    return { _tag: "Put", table: "exchange", key, value: Records.exchange.encode(exchange) }
  }

  // -------------------------------------------------------------------------
  // Reading
  // -------------------------------------------------------------------------

  get totals(): Read<Totals | undefined> {
    const { totals, totalsKey } = Records
    return Effect.flatMap(
      this.#read("client", totalsKey - 1, 1),
      ([record]) => record === undefined ? Effect.undefined : this.#decode("client", record, totals.decode)
    )
  }

  get exchanges(): Read<ReadonlyArray<Decoded<Records.Exchange>>> {
    return this.#readAll("exchange", Records.exchange.decode)
  }

  get allReceived(): Read<ReadonlyArray<Decoded<typeof Records.Received.Type>>> {
    return this.#readAll("received", Records.received.decode)
  }

  /** The messages behind a key, at most `limit`. */
  page(after: number, limit: number): Read<ReadonlyArray<StoredEntry>> {
    return Effect.flatMap(
      this.#read("message", after, limit),
      (records) => Effect.forEach(records, (record) => this.#entry(record))
    )
  }

  /** The messages of these keys, in the order of the keys; all of them have to be there. */
  messages(keys: ReadonlyArray<number>): Read<ReadonlyArray<StoredEntry>> {
    return Effect.gen({ self: this }, function*() {
      const found: Array<StoredEntry> = []
      const wanted = [...keys].sort((one, other) => one - other)
      while (found.length < wanted.length) {
        const next = wanted[found.length]
        const page = yield* this.page(next - 1, pageSize)
        if (page[0]?.key !== next) return yield* this.#corrupt("message", next)
        for (const entry of page) if (entry.key === wanted[found.length]) found.push(entry)
      }
      return found
    })
  }

  #entry(record: StoredRecord): Read<StoredEntry> {
    return Effect.map(
      this.#decode("message", record, Records.decodeMessage),
      ({ expiresAt, message }) => ({
        key: record.key,
        message,
        expiresAt: expiresAt === undefined ? undefined : this.#now + expiresAt - this.#clock.currentTimeMillisUnsafe()
      })
    )
  }

  /** Milliseconds, on the clock of the connections. */
  get #now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** Of a table whose keys are Packet Identifiers. */
  #readAll<A>(
    table: Table,
    decode: (bytes: Uint8Array) => Option.Option<A>
  ): Read<ReadonlyArray<Decoded<A>>> {
    return Effect.gen({ self: this }, function*() {
      const all: Array<Decoded<A>> = []
      let after = -1
      while (true) {
        const page = yield* this.#read(table, after, pageSize)
        for (const record of page) {
          if (!isPacketIdentifier(record.key)) return yield* this.#corrupt(table, record.key)
          all.push({ key: record.key, value: yield* this.#decode(table, record, decode) })
        }
        if (page.length < pageSize) return all
        after = page[page.length - 1].key
      }
    })
  }

  #read(table: Table, after: number, limit: number): Read<ReadonlyArray<StoredRecord>> {
    return this.#answer("read", () => this.#store.read(table, { after, limit }))
  }

  /** Fails if the answer is late, or if the store dies. */
  #answer<A>(operation: "read" | "write", ask: () => Read<A>): Read<A> {
    return this.#inTime(
      operation,
      Effect.catchCause(Effect.suspend(ask), (cause) => {
        const error = Cause.squash(cause)
        return Effect.fail(
          error instanceof MqttError.MqttError
            ? error
            : this.#failure({ operation, problem: "Unavailable", cause: error })
        )
      })
    )
  }

  /** Most stores answer at once, and cost no timer. */
  #inTime<A>(operation: "read" | "write", answer: Read<A>): Read<A> {
    return Effect.flatMap(Effect.forkChild(answer, { startImmediately: true }), (fiber) => {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return exit
      return Effect.timeoutOrElse(Fiber.join(fiber), {
        duration: longest,
        orElse: () => {
          fiber.interruptUnsafe()
          return notAnswering(this.#name, operation)
        }
      })
    })
  }

  #decode<A>(table: Table, { key, value }: StoredRecord, decode: (bytes: Uint8Array) => Option.Option<A>): Read<A> {
    return Option.match(decode(value), { onNone: () => Effect.fail(this.#corrupt(table, key)), onSome: Effect.succeed })
  }

  #corrupt(table: Table, key: number): MqttError.MqttError {
    return this.#failure({ operation: "read", problem: "Corrupt", cause: `record ${key} of the table ${table}` })
  }

  #failure(failure: Omit<ConstructorParameters<typeof MqttError.StoreFailed>[0], "store">): MqttError.MqttError {
    return MqttError.fromReason(new MqttError.StoreFailed({ store: this.#name, ...failure }))
  }
}

/** The error of a store that did not answer within `longest`. */
export const notAnswering = (
  store: string,
  operation: MqttError.StoreFailed["operation"]
): Effect.Effect<never, MqttError.MqttError> =>
  Effect.fail(MqttError.fromReason(new MqttError.StoreFailed({ store, operation, problem: "NotAnswering" })))

/** The outcome that PUBREC gave. */
export const outcomeOf = (
  { reasonCode, reasonString, userProperties }: Records.Exchange & { readonly _tag: "Released" }
): Outcome => ({
  reasonCode,
  reasonCodes: [],
  properties: reasonString === undefined && userProperties === undefined
    ? Properties.none
    : {
      ...(reasonString === undefined ? {} : { reasonString }),
      ...(userProperties === undefined ? {} : { userProperties })
    }
})
