/**
 * The records that the program left in its store, read after its death: whether all are readable, and whether the
 * totals fit the records.
 */
import { Effect, Option } from "effect"
import type { MqttError, MqttStore } from "../../src/index.ts"
import { sizeOf } from "../../src/internal/client/messageSize.ts"
import * as Records from "../../src/internal/store/records.ts"
import { NodeMqttStore } from "../../src/node/index.ts"

export interface Left {
  readonly messages: number
  readonly exchanges: number
  readonly received: number
  /** What is wrong with it. */
  readonly problems: ReadonlyArray<string>
}

export const nothing: Left = { messages: 0, exchanges: 0, received: 0, problems: [] }

const pageSize = 1000

type Reading = Pick<MqttStore.OpenStore, "read">

const readAll = Effect.fnUntraced(function*(
  store: Reading,
  table: MqttStore.Table
): Effect.fn.Return<ReadonlyArray<MqttStore.StoredRecord>, MqttError.MqttError> {
  const all: Array<MqttStore.StoredRecord> = []
  let after = -1
  while (true) {
    const page = yield* store.read(table, { after, limit: pageSize })
    all.push(...page)
    if (page.length < pageSize) return all
    after = page[page.length - 1].key
  }
})

/** The decoded records of a table, by key. */
const decodeAll = <A>(
  records: ReadonlyArray<MqttStore.StoredRecord>,
  decode: (bytes: Uint8Array) => Option.Option<A>,
  onDamaged: (key: number) => void
): ReadonlyMap<number, A> => {
  const decoded = new Map<number, A>()
  for (const { key, value } of records) {
    const record = decode(value)
    if (Option.isSome(record)) decoded.set(key, record.value)
    else onDamaged(key)
  }
  return decoded
}

/** Reads everything, for reading only. */
const inspect = Effect.fnUntraced(function*(store: Reading) {
  const problems: Array<string> = []
  const damaged = (table: MqttStore.Table) => (key: number) => void problems.push(`${table} ${key} cannot be read`)
  const messages = decodeAll(yield* readAll(store, "message"), Records.decodeMessage, damaged("message"))
  const exchanges = decodeAll(yield* readAll(store, "exchange"), Records.exchange.decode, damaged("exchange"))
  const received = decodeAll(yield* readAll(store, "received"), Records.received.decode, damaged("received"))
  const client = decodeAll(yield* readAll(store, "client"), Records.totals.decode, damaged("client"))
  const totals = client.get(Records.totalsKey) ?? { messages: 0, bytes: 0, next: 1 }

  const bytes = [...messages.values()].reduce((sum, { message }) => sum + sizeOf(message), 0)
  const last = Math.max(0, ...messages.keys())
  if (totals.messages !== messages.size) {
    problems.push(`${messages.size} messages, and the totals say ${totals.messages}`)
  }
  if (totals.bytes !== bytes) problems.push(`${bytes} bytes of messages, and the totals say ${totals.bytes}`)
  if (totals.next <= last) problems.push(`a message has the key ${last}, and the next is to have ${totals.next}`)
  const sent = new Set<number>()
  for (const [identifier, exchange] of exchanges) {
    if (exchange._tag !== "Sent") continue
    if (!messages.has(exchange.message)) {
      problems.push(`identifier ${identifier} stands for message ${exchange.message}, which is not there`)
    }
    if (sent.has(exchange.message)) problems.push(`message ${exchange.message} has two identifiers`)
    sent.add(exchange.message)
  }
  return { messages: messages.size, exchanges: exchanges.size, received: received.size, problems } satisfies Left
})

/** The program may have died before there was a store. */
export const read = (options: { readonly path: string; readonly clientId: string; readonly mayBeMissing: boolean }) =>
  NodeMqttStore.openReadOnly(options).pipe(
    Effect.flatMap(inspect),
    Effect.scoped,
    Effect.catch((error) =>
      Effect.succeed(
        options.mayBeMissing && error.reason._tag === "StoreFailed" && error.reason.problem === "Unavailable"
          ? nothing
          : { ...nothing, problems: [error.message] }
      )
    )
  )
