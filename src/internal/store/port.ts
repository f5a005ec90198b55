/**
 * The port to a store: the promises of a store, and how a client finds it.
 *
 * `MqttStore` exports its public part. This module knows neither who makes stores nor what records mean.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as MqttError from "../../MqttError.ts"

/**
 * The four tables of records:
 *
 * - `message`: messages in the order the client accepted them, until they are delivered
 * - `exchange`: our Packet Identifiers, each with its meaning
 * - `received`: the server's Packet Identifiers of QoS 2, each with its answer
 * - `client`: facts about all of it, under a few small keys
 *
 * @since 0.2.0
 * @category models
 */
export type Table = "message" | "exchange" | "received" | "client"

/**
 * The names of the tables, for stores that must create them.
 *
 * @since 0.2.0
 * @category constants
 */
export const tables: ReadonlyArray<Table> = ["message", "exchange", "received", "client"]

/**
 * Bytes under a key: a whole number from 0 to 2^53 - 1.
 *
 * @since 0.2.0
 * @category models
 */
export interface StoredRecord {
  readonly key: number
  readonly value: Uint8Array
}

/**
 * - `Put` writes a record, and replaces a record under the same key
 * - `Remove` deletes a record; removing a missing record is no mistake
 * - `Clear` deletes all records of a table
 *
 * @since 0.2.0
 * @category models
 */
export type Change =
  | { readonly _tag: "Put"; readonly table: Table; readonly key: number; readonly value: Uint8Array }
  | { readonly _tag: "Remove"; readonly table: Table; readonly key: number }
  | { readonly _tag: "Clear"; readonly table: Table }

/**
 * Everything under one client identifier, open for one client.
 *
 * @since 0.2.0
 * @category models
 */
export interface OpenStore {
  /**
   * The records of a table with a key above `after`, in the order of their keys, at most `limit` of them. Fewer than
   * `limit` records means that there are no more. An `after` of -1 reads from the beginning.
   */
  readonly read: (
    table: Table,
    range: { readonly after: number; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<StoredRecord>, MqttError.MqttError>
  /**
   * Makes all of the changes in their order, or none of them, even if it is interrupted or the process dies meanwhile.
   * It completes when the changes will survive the death of the process, and fails if none of them was made. A client
   * starts a commit or a read only after the one before has ended, and does not change bytes it has handed over.
   */
  readonly commit: (changes: ReadonlyArray<Change>) => Effect.Effect<void, MqttError.MqttError>
}

/**
 * Opens the records of clients. All its failures are `StoreFailed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /** Appears in errors and logs; a path, for example. */
  readonly name: string
  /**
   * Opens the records of one client identifier; records of another identifier are never among them (`[MQTT-3.1.3-2]`).
   * Nobody else can open them until the scope closes or the process dies: another attempt fails with the problem
   * `InUse`.
   */
  readonly open: (clientId: string) => Effect.Effect<OpenStore, MqttError.MqttError, Scope.Scope>
}

/**
 * A store as a client finds it: together with the code that keeps a session in it, so that programs without a store
 * need not load that code.
 *
 * @since 0.2.0
 * @category models
 */
export interface Provided {
  readonly store: Store
  /** Only the client looks into it. */
  readonly keeping: unknown
}

/**
 * The store of the program, if a layer provides one. Without a store, messages and sessions live as long as their
 * client.
 *
 * @since 0.1.0
 * @category services
 */
export const MqttStore: Context.Reference<Provided | undefined> = Context.Reference<Provided | undefined>(
  "effect-mqtt/MqttStore",
  { defaultValue: () => undefined }
)
