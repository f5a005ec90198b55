/**
 * The faults of a connection, as data: a test writes them down, a simulation draws them from a seed.
 *
 * `Link` has the effect of each.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * `fromClient`: the bytes the client writes. `toClient`: the bytes it reads.
 *
 * @since 0.1.0
 * @category models
 */
export type Direction = "fromClient" | "toClient"

/**
 * - `Close`: an orderly end, as if the server's process had exited; the client sees it one latency later
 * - `Reset`: both sides fail at once, bytes under way are lost
 * - `FailWrites`: the client's writes fail and nothing comes any more; a read goes on waiting
 * - `Drop`: everything in both directions is swallowed; the connection looks open to both sides
 * - `StallWrites`, `ResumeWrites`: the client's writes do not complete and their bytes do not move, until resumed
 * - `CutAfter`: the connection ends once so many bytes of one direction have arrived, counted from its first
 * - `Delay`: another one-way latency
 * - `Split`: arrived bytes are handed out in pieces of at most `size`, one a read
 * - `Merge`: arrived bytes are handed out joined into one chunk
 * - `Keep`: chunks are handed out as they were written
 *
 * @since 0.1.0
 * @category models
 */
export type Fault =
  | { readonly _tag: "Close" }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "FailWrites" }
  | { readonly _tag: "Drop" }
  | { readonly _tag: "StallWrites" }
  | { readonly _tag: "ResumeWrites" }
  | {
    readonly _tag: "CutAfter"
    readonly bytes: number
    readonly direction: Direction
    readonly how: "close" | "reset" | "silence"
  }
  | { readonly _tag: "Delay"; readonly latency: Duration.Input }
  | { readonly _tag: "Split"; readonly size: number }
  | { readonly _tag: "Merge" }
  | { readonly _tag: "Keep" }

/**
 * The fault with this tag.
 *
 * @since 0.1.0
 * @category models
 */
export type FaultOf<Tag extends Fault["_tag"]> = Extract<Fault, { readonly _tag: Tag }>
