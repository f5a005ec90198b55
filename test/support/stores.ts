/**
 * Stores for tests: over one in memory, a store that fails, that takes its time, that dies, and one that tells what is
 * written to it.
 */
import { Effect } from "effect"
import * as MqttError from "../../src/MqttError.ts"
import type * as MqttStore from "../../src/MqttStore.ts"

/** How the stores of a test behave from now on. */
export interface Conduct {
  /** Every commit fails so. */
  problem?: MqttError.StoreProblem | undefined
  /** Which ones; all if not given. */
  fails?: ((changes: ReadonlyArray<MqttStore.Change>) => boolean) | undefined
  /** Milliseconds that a commit takes. */
  delay?: number
  hangs?: boolean
  /** Every commit throws it, before there is an effect. */
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

/** The records of `store`, as a process with this conduct has them. */
export const behaving = (store: MqttStore.Store, conduct: Conduct): MqttStore.Store => ({
  name: store.name,
  open: (clientId) =>
    Effect.map(store.open(clientId), (open) => ({
      read: (table, range) => Effect.suspend(() => conduct.isDead === true ? Effect.never : open.read(table, range)),
      commit: (changes) => commit(conduct, open, changes)
    }))
})

/** What is kept of a client that is not running. */
export const recordsOf = (store: MqttStore.Store, clientId: string, table: MqttStore.Table) =>
  Effect.scoped(Effect.flatMap(store.open(clientId), (open) => open.read(table, { after: -1, limit: 100_000 })))
