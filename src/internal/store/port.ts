/**
 * The port to a store: what it promises, and how a client finds it.
 *
 * What is public of it is exported by `MqttStore`. Who makes stores, and what records mean, is not known here.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as MqttError from "../../MqttError.ts"

/**
 * The four tables of records:
 *
 * - `message`: messages in the order they were accepted in, until they are delivered
 * - `exchange`: our Packet Identifiers, each with what it stands for
 * - `received`: the server's Packet Identifiers of QoS 2, each with how it was answered
 * - `client`: what concerns all of it, under a few small keys
 *
 * @since 0.2.0
 * @category models
 */
export type Table = "message" | "exchange" | "received" | "client"

/**
 * The tables, for stores that have to make them.
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
 * - `Put` writes a record, over another one under that key if there is one
 * - `Remove` takes a record out; one that is not there is no mistake
 * - `Clear` takes out all records of a table
 *
 * @since 0.2.0
 * @category models
 */
export type Change =
  | { readonly _tag: "Put"; readonly table: Table; readonly key: number; readonly value: Uint8Array }
  | { readonly _tag: "Remove"; readonly table: Table; readonly key: number }
  | { readonly _tag: "Clear"; readonly table: Table }

/**
 * What is kept under one client identifier, open for one client.
 *
 * @since 0.2.0
 * @category models
 */
export interface OpenStore {
  /**
   * The records of a table with a key above `after`, in the order of their keys, at most `limit` of them. Fewer than
   * `limit` are all there are. An `after` of -1 is the beginning.
   */
  readonly read: (
    table: Table,
    range: { readonly after: number; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<StoredRecord>, MqttError.MqttError>
  /**
   * Makes all of the changes, in their order, or none: also when it is interrupted, or when the process dies meanwhile. It
   * completes when they will be there after the process has died, and fails when none of them is. A client commits, or
   * reads, one thing after the other, and changes no bytes that it gave.
   */
  readonly commit: (changes: ReadonlyArray<Change>) => Effect.Effect<void, MqttError.MqttError>
}

/**
 * Where stores come from. All failures are `StoreFailed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /** Shown in errors and logs, such as a path. */
  readonly name: string
  /**
   * Opens what is kept under a client identifier: another one never has any of it (`[MQTT-3.1.3-2]`). Until the scope
   * closes, or the process dies, nobody else can: a second one fails with the problem `InUse`.
   */
  readonly open: (clientId: string) => Effect.Effect<OpenStore, MqttError.MqttError, Scope.Scope>
}

/**
 * A store as a client finds it: with how a session is kept in it, which a program without a store need not load.
 *
 * @since 0.2.0
 * @category models
 */
export interface Provided {
  readonly store: Store
  /** The client's own, for its eyes only. */
  readonly keeping: unknown
}

/**
 * There is none unless a layer provides one: then messages and sessions live as long as their client.
 *
 * @since 0.1.0
 * @category services
 */
export const MqttStore: Context.Reference<Provided | undefined> = Context.Reference<Provided | undefined>(
  "effect-mqtt/MqttStore",
  { defaultValue: () => undefined }
)
