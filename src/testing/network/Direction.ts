/**
 * One direction of a simulated connection: bytes under way, bytes that arrived, and how it ended.
 *
 * Bytes keep their order and are not lost, as in TCP; the `Link` around it causes the faults.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type { Appointment, Timeline } from "./Timeline.ts"

/**
 * Which side ended a connection, and how: in order (`close`, earlier bytes still arrive) or at once (`reset`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Ending {
  readonly by: "client" | "peer" | "network"
  readonly how: "close" | "reset"
}

/**
 * How arrived bytes are handed out: as they were written, in pieces of `size` bytes one at a time, or all that has
 * arrived joined into one.
 *
 * @since 0.1.0
 * @category models
 */
export type Chunking =
  | { readonly _tag: "Keep" }
  | { readonly _tag: "Split"; readonly size: number }
  | { readonly _tag: "Merge" }

/**
 * After how many bytes of a direction something happens to the connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mark {
  readonly bytes: number
  readonly reached: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Direction {
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Ending>
  /** Sends bytes on their way. */
  readonly transmit: (chunks: ReadonlyArray<Uint8Array>) => void
  /** Sends the end on its way, behind the bytes. */
  readonly transmitEnd: (ending: Ending) => void
  /** Ends it here and now: bytes under way are lost, bytes that arrived can still be pulled. */
  readonly end: (ending: Ending) => void
  /** Loses the bytes under way. */
  readonly loseTransit: () => void
  /** Nobody pulls any more. */
  readonly discard: (ending: Ending) => void
  readonly setMark: (mark: Mark) => void
  /** How the reading side has seen it end. */
  readonly ending: () => Ending | undefined
  /** Bytes sent that were not pulled yet. */
  readonly unread: () => number
  /** Bytes the reading side has pulled since the beginning. */
  readonly pulled: () => number
  /** Calls back once, when something was pulled, lost or ended. */
  readonly onLess: (resume: () => void) => void
}

const lengthOf = (chunks: ReadonlyArray<Uint8Array>): number => {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  return length
}

const join = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const joined = new Uint8Array(lengthOf(chunks))
  let offset = 0
  for (const chunk of chunks) {
    joined.set(chunk, offset)
    offset += chunk.length
  }
  return joined
}

/**
 * The first `bytes` bytes of the chunks, boundaries kept.
 */
const head = (chunks: ReadonlyArray<Uint8Array>, bytes: number): Array<Uint8Array> => {
  const taken: Array<Uint8Array> = []
  let left = bytes
  for (const chunk of chunks) {
    if (left <= 0) break
    taken.push(chunk.length <= left ? chunk : chunk.subarray(0, left))
    left -= chunk.length
  }
  return taken
}

/** Takes the bytes of one pull from those that have arrived; `arrived` keeps the rest. */
const takeChunks: {
  readonly [Tag in Chunking["_tag"]]: (
    arrived: Array<Uint8Array>,
    chunking: Extract<Chunking, { readonly _tag: Tag }>
  ) => Array<Uint8Array>
} = {
  Keep: (arrived) => arrived.splice(0),
  Merge: (arrived) => [join(arrived.splice(0))],
  Split: (arrived, { size }) => {
    const [first] = arrived
    if (first.length <= size) return arrived.splice(0, 1)
    arrived[0] = first.subarray(size)
    return [first.subarray(0, size)]
  }
}

const take = <C extends Chunking>(arrived: Array<Uint8Array>, chunking: C): Array<Uint8Array> =>
  (takeChunks[chunking._tag] as (arrived: Array<Uint8Array>, chunking: C) => Array<Uint8Array>)(arrived, chunking)

const isNonEmpty = <A>(items: Array<A>): items is [A, ...Array<A>] => items.length > 0

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly timeline: Timeline
  readonly latency: () => number
  readonly chunking: () => Chunking
  /** Bytes have arrived. */
  readonly onArrival: (bytes: number) => void
  /** The end has arrived. */
  readonly onEnding: (ending: Ending) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Direction => {
  const { timeline } = options
  const transit: Array<{ readonly appointment: Appointment; readonly bytes: number }> = []
  const arrived: Array<Uint8Array> = []
  let arrivedBytes = 0
  let unread = 0
  let pulled = 0
  let lastArrival = 0
  let mark: Mark | undefined
  let ending: Ending | undefined
  let reader: (() => void) | undefined
  let waiting: Array<() => void> = []

  const wakeReader = (): void => {
    const resume = reader
    reader = undefined
    if (resume !== undefined) timeline.wake(resume)
  }
  const wakeWaiting = (): void => {
    const woken = waiting
    waiting = []
    for (const resume of woken) timeline.wake(resume)
  }
  /** A latency that became shorter does not let bytes overtake others. */
  const schedule = (bytes: number, run: () => void): void => {
    lastArrival = Math.max(lastArrival, timeline.now() + options.latency())
    const appointment = timeline.at(lastArrival, () => {
      transit.shift()
      run()
    })
    transit.push({ appointment, bytes })
  }

  const arrive = (chunks: ReadonlyArray<Uint8Array>): void => {
    const reachesMark = mark !== undefined && arrivedBytes + lengthOf(chunks) >= mark.bytes
    const kept = reachesMark && mark !== undefined ? head(chunks, mark.bytes - arrivedBytes) : chunks
    const bytes = lengthOf(kept)
    unread -= lengthOf(chunks) - bytes
    arrivedBytes += bytes
    for (const chunk of kept) {
      if (chunk.length > 0) arrived.push(chunk)
    }
    if (bytes > 0) {
      options.onArrival(bytes)
      wakeReader()
    }
    if (reachesMark) {
      const reached = mark
      mark = undefined
      reached?.reached()
    }
  }

  const loseTransit = (): void => {
    for (const { appointment, bytes } of transit) {
      timeline.cancel(appointment)
      unread -= bytes
    }
    transit.length = 0
    wakeWaiting()
  }

  const end = (by: Ending): void => {
    if (ending !== undefined) return
    // First: a writer that waited for room is woken by the loss, and must not write behind the gap.
    ending = by
    loseTransit()
    options.onEnding(by)
    wakeReader()
  }

  const takeArrived = (): Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Ending> => {
    if (arrived.length === 0) return ending === undefined ? pull : Effect.fail(ending)
    const taken = take(arrived, options.chunking())
    const bytes = lengthOf(taken)
    unread -= bytes
    pulled += bytes
    wakeWaiting()
    return isNonEmpty(taken) ? Effect.succeed(taken) : pull
  }

  const pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Ending> = Effect.suspend(() =>
    arrived.length > 0 || ending !== undefined
      ? takeArrived()
      : Effect.callback<NonEmptyReadonlyArray<Uint8Array>, Ending>((resume) => {
        // The reader's fiber may have given way to others since it looked.
        if (arrived.length > 0 || ending !== undefined) return resume(pull)
        const resumeMine = () => resume(Effect.suspend(takeArrived))
        reader = resumeMine
        return Effect.sync(() => {
          if (reader === resumeMine) reader = undefined
        })
      })
  )

  return {
    pull,
    transmit: (chunks) => {
      if (ending !== undefined) return
      const bytes = lengthOf(chunks)
      unread += bytes
      schedule(bytes, () => arrive(chunks))
    },
    transmitEnd: (by) => {
      if (ending === undefined) schedule(0, () => end(by))
    },
    end,
    loseTransit,
    discard: (by) => {
      end(by)
      arrived.length = 0
      unread = 0
      wakeWaiting()
    },
    setMark: (next) => {
      if (arrivedBytes >= next.bytes) next.reached()
      else mark = next
    },
    ending: () => ending,
    unread: () => unread,
    pulled: () => pulled,
    onLess: (resume) => {
      waiting.push(resume)
    }
  }
}
