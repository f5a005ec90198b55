/**
 * The other end of a connection, as a server sees it: over the simulated network or over a real one.
 *
 * @since 0.2.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Effect from "effect/Effect"
import type { Ending } from "./Direction.ts"

/**
 * The server's end of a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Peer {
  /** The number of the connection; the first is 1. */
  readonly connection: number
  /** The next bytes from the client; fails with how it ended once everything that arrived was pulled. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Ending>
  /** Sends bytes. To a connection that has ended it does nothing. */
  readonly write: (chunks: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void>
  /** Ends the connection in order: the client reads what was written before. */
  readonly close: Effect.Effect<void>
  /** Ends it without order: what is under way is lost and the client is told one latency later. */
  readonly reset: Effect.Effect<void>
  /** What only the network knows; a judge of the client's conduct is lenient where it is absent. */
  readonly insight?: Insight | undefined
}

/**
 * What the client's end of a connection has really done, whatever reached the other one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Insight {
  /** Bytes the client has read: an answer behind that it cannot know. */
  readonly bytesRead: () => number
  /** How long the client has written nothing, milliseconds; one that left has nothing more to write. */
  readonly idleFor: () => number
}
