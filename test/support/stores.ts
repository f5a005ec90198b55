/**
 * Stores for tests, over a store in memory: it fails, takes its time or dies on demand, and lists its records.
 */
import { Effect } from "effect"
import * as MqttError from "../../src/MqttError.ts"
import type * as MqttStore from "../../src/MqttStore.ts"

/** The behaviour of a test's stores from now on. */
export interface Conduct {
  /** Every commit fails with this problem. */
  problem?: MqttError.StoreProblem | undefined
  /** The commits that fail. Default: all. */
  fails?: ((changes: ReadonlyArray<MqttStore.Change>) => boolean) | undefined
  /** Milliseconds for each commit. */
  delay?: number
  hangs?: boolean
  /** Every commit throws this value, before there is an effect. */
  throws?: unknown
  /** The process has died: nothing reaches the records any more. */
  isDead?: boolean
  readonly committed: Array<MqttStore.Change>
}

export const conduct = (): Conduct => ({ committed: [] })

const failure = (problem: MqttError.StoreProblem) =>
  MqttError.fromReason(new MqttError.StoreFailed({ store: "of the test", operation: "write", problem }))

const commit = (conduct: Conduct, open: MqttStore.OpenStore, changes: ReadonlyArray<MqttStore.Change>) =>
  Effect.suspend(() => {
    if (conduct.isDead === true || conduct.hangs === true) return Effect.never
    if (conduct.throws !== undefined) throw conduct.throws
    if (conduct.problem !== undefined && conduct.fails?.(changes) !== false) {
      return Effect.fail(failure(conduct.problem))
    }
    return Effect.tap(open.commit(changes), () => Effect.sync(() => conduct.committed.push(...changes)))
  }).pipe(conduct.delay === undefined ? (self) => self : Effect.delay(conduct.delay))

/** The records of `store`, for a process with this conduct. */
export const behaving = (store: MqttStore.Store, conduct: Conduct): MqttStore.Store => ({
  name: store.name,
  open: (clientId) =>
    Effect.map(store.open(clientId), (open) => ({
      read: (table, range) => Effect.suspend(() => conduct.isDead === true ? Effect.never : open.read(table, range)),
      commit: (changes) => commit(conduct, open, changes)
    }))
})

/** The records of a client that is not running. */
export const recordsOf = (store: MqttStore.Store, clientId: string, table: MqttStore.Table) =>
  Effect.scoped(Effect.flatMap(store.open(clientId), (open) => open.read(table, { after: -1, limit: 100_000 })))
