/**
 * Counts the waiting messages of a store, without opening it for a client: also while another program has it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { OpenStore, StoredRecord } from "../internal/store/port.ts"
import * as records from "../internal/store/records.ts"
import * as MqttError from "../MqttError.ts"
import * as NodeMqttStore from "../node/NodeMqttStore.ts"

/**
 * The messages that are not delivered, in flight or not.
 *
 * @since 0.2.0
 * @category models
 */
export interface Waiting {
  readonly messages: number
  /** Topics, properties and payloads. */
  readonly bytes: number
  /** When the first of them was accepted, milliseconds since 1970. */
  readonly oldest: number | undefined
}

type Reading = Pick<OpenStore, "read">

const decoded = <A>(path: string, decode: (bytes: Uint8Array) => Option.Option<A>) => ({ key, value }: StoredRecord) =>
  Option.match(decode(value), {
    onSome: Effect.succeed,
    onNone: () =>
      Effect.fail(MqttError.fromReason(
        new MqttError.StoreFailed({ store: path, operation: "read", problem: "Corrupt", cause: `record ${key}` })
      ))
  })

const first = <A>(
  { read }: Reading,
  table: "client" | "message",
  decode: (record: StoredRecord) => Effect.Effect<A, MqttError.MqttError>
): Effect.Effect<A | undefined, MqttError.MqttError> =>
  Effect.flatMap(
    read(table, { after: -1, limit: 1 }),
    ([record]) => record === undefined ? Effect.undefined : decode(record)
  )

/**
 * The waiting messages of a client identifier in a directory.
 *
 * @since 0.2.0
 * @category reading
 */
export const of = (path: string, clientId: string): Effect.Effect<Waiting, MqttError.MqttError> =>
  Effect.scoped(Effect.gen(function*() {
    const store = yield* NodeMqttStore.openReadOnly({ path, clientId })
    const totals = yield* first(store, "client", decoded(path, records.totals.decode))
    const oldest = yield* first(store, "message", decoded(path, records.decodeMessage))
    return { messages: totals?.messages ?? 0, bytes: totals?.bytes ?? 0, oldest: oldest?.storedAt }
  }))

/**
 * The number of waiting messages, for people.
 *
 * @since 0.2.0
 * @category conversions
 */
export const count = (messages: number): string =>
  messages === 1 ? "1 message waits" : `${messages.toLocaleString("en")} messages wait`
