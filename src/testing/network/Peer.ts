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
  /** Ends the connection in order: the client still reads all earlier bytes. */
  readonly close: Effect.Effect<void>
  /** Ends it without order: bytes under way are lost and the client is told one latency later. */
  readonly reset: Effect.Effect<void>
  /** Facts that only a simulated network knows. A judge of the client's conduct is lenient without them. */
  readonly insight?: Insight | undefined
}

/**
 * How much the client's end of a connection has really read and written, even if bytes did not reach the other end.
 *
 * @since 0.1.0
 * @category models
 */
export interface Insight {
  /** Bytes the client has read: it cannot know an answer beyond them. */
  readonly bytesRead: () => number
  /** For how many milliseconds the client has written nothing, counted until now or until it left. */
  readonly idleFor: () => number
}
