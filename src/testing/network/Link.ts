/**
 * One simulated connection with its two ends, and what each fault does to it.
 *
 * The client's end is a `NetworkConnection`, the other one a `Peer`. Writing and closing need no time to pass.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ConnectionLost, fromReason, type MqttError } from "../../MqttError.ts"
import type { NetworkConnection } from "../../MqttTransport.ts"
import * as Direction from "./Direction.ts"
import type { Fault, FaultOf } from "./Fault.ts"
import type { Timeline } from "./Timeline.ts"

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
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Direction.Ending>
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

/**
 * What has gone through a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Traffic {
  /** Calls of the client's `write`. */
  readonly writes: number
  readonly bytesWritten: number
  /** Bytes that reached the peer. */
  readonly bytesFromClient: number
  /** Bytes that reached the client. */
  readonly bytesToClient: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Link {
  readonly number: number
  readonly client: NetworkConnection
  readonly peer: Peer
  /** The client lets go of it: bytes written before still go. */
  readonly release: Effect.Effect<void>
  readonly inject: (fault: Fault) => void
  readonly traffic: () => Traffic
  /** Whether the client still holds it. */
  readonly isHeld: () => boolean
}

/**
 * What a link reports. `bytes` where bytes moved.
 *
 * @since 0.1.0
 * @category models
 */
export type Report = (event: string, bytes?: number) => void

const causes: { readonly [Key in `${Direction.Ending["by"]} ${Direction.Ending["how"]}`]: string } = {
  "client close": "it was closed from this side",
  "client reset": "it was aborted from this side",
  "peer close": "the peer closed it",
  "peer reset": "the peer reset it",
  "network close": "the peer closed it",
  "network reset": "the network reset it"
}

const lost = (cause: string): MqttError => fromReason(new ConnectionLost({ cause: new Error(cause) }))

const lostBy = ({ by, how }: Direction.Ending): MqttError => lost(causes[`${by} ${how}`])

/** What happens when a cut is reached, by how; `other` is the direction the cut was not counted in. */
const cuts: {
  readonly [How in FaultOf<"CutAfter">["how"]]: (
    counted: Direction.Direction,
    other: Direction.Direction,
    silence: () => void
  ) => void
} = {
  close: (counted, other) => {
    counted.end({ by: "network", how: "close" })
    other.transmitEnd({ by: "network", how: "close" })
  },
  reset: (counted, other) => {
    counted.end({ by: "network", how: "reset" })
    other.end({ by: "network", how: "reset" })
  },
  silence: (_counted, _other, silence) => silence()
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly number: number
  readonly timeline: Timeline
  /** Milliseconds, one way. */
  readonly latency: number
  readonly highWaterMark: number
  readonly report: Report
  /** The client let go of it and nothing of it is left to send. */
  readonly onClosed: () => void
}): Link => {
  const { report, timeline } = options
  let latency = options.latency
  let chunking: Direction.Chunking = { _tag: "Keep" }
  /** Bytes of stalled writes, in order; `undefined` while writes go through. */
  let stalled: Array<Uint8Array> | undefined
  let isSilent = false
  let writesFail = false
  /** When the client had enough of the connection. */
  let released: number | undefined
  let isClosed = false
  let writes = 0
  let bytesWritten = 0
  let bytesFromClient = 0
  let bytesToClient = 0
  let lastWrite = timeline.now()
  let blocked: Array<() => void> = []

  const fromClient = Direction.make({
    timeline,
    latency: () => latency,
    chunking: () => chunking,
    onArrival: (bytes) => {
      bytesFromClient += bytes
    },
    onEnding: ({ by, how }) => {
      if (by !== "peer") report(`${by} ${how} reached peer`)
      loseStalled()
      if (released !== undefined) markClosed()
    }
  })
  const toClient = Direction.make({
    timeline,
    latency: () => latency,
    chunking: () => chunking,
    onArrival: (bytes) => {
      bytesToClient += bytes
    },
    onEnding: ({ by, how }) => {
      if (by !== "client") {
        report(`${by} ${how} reached client`)
        loseStalled()
      }
      wakeBlocked()
    }
  })

  const wakeBlocked = (): void => {
    const woken = blocked
    blocked = []
    for (const resume of woken) timeline.wake(resume)
  }

  const loseStalled = (): void => {
    if (stalled !== undefined) stalled = []
  }

  const markClosed = (): void => {
    if (isClosed) return
    isClosed = true
    report("closed")
    options.onClosed()
  }

  const silence = (): void => {
    isSilent = true
    fromClient.loseTransit()
    toClient.loseTransit()
  }

  const endBoth = (ending: Direction.Ending): void => {
    fromClient.end(ending)
    toClient.end(ending)
  }

  const resumeWrites = (): void => {
    const held = stalled
    stalled = undefined
    if (held !== undefined && held.length > 0 && !isSilent) fromClient.transmit(held)
    if (released !== undefined && !isClosed) finish({ by: "client", how: "close" })
    wakeBlocked()
  }

  /** Nothing more comes from the client: the peer is told behind the last byte. */
  const finish = (ending: Direction.Ending): void => {
    if (!isSilent) fromClient.transmitEnd(ending)
    markClosed()
  }

  const failure = (): MqttError | undefined => {
    const ending = toClient.ending()
    if (ending !== undefined) return lostBy(ending)
    return writesFail ? lost("the write failed") : undefined
  }

  const settled: Effect.Effect<void, MqttError> = Effect.suspend(() => {
    const error = failure()
    if (error !== undefined) return Effect.fail(error)
    if (stalled !== undefined) return Effect.andThen(untilWoken((resume) => void blocked.push(resume)), settled)
    return fromClient.unread() <= options.highWaterMark
      ? Effect.void
      : Effect.andThen(
        untilWoken((resume) => {
          blocked.push(resume)
          fromClient.onLess(wakeBlocked)
        }),
        settled
      )
  })

  const client: NetworkConnection = {
    pull: Effect.mapError(toClient.pull, lostBy),
    write: (chunks) =>
      Effect.suspend(() => {
        const error = failure()
        if (error !== undefined) return Effect.fail(error)
        let bytes = 0
        for (const chunk of chunks) bytes += chunk.length
        writes++
        lastWrite = timeline.now()
        bytesWritten += bytes
        report("client wrote", bytes)
        if (stalled !== undefined) {
          for (const chunk of chunks) stalled.push(chunk)
        } else if (!isSilent) {
          fromClient.transmit(chunks)
        }
        return settled
      }),
    abort: Effect.sync(() => {
      if (isClosed) return
      report("aborted")
      released = timeline.now()
      if (isStalled()) lastWrite = released
      stalled = undefined
      toClient.discard({ by: "client", how: "reset" })
      finish({ by: "client", how: "reset" })
    })
  }

  /** Who is in the middle of a write that does not complete is not idle: it cannot write more. */
  const idleFor = (): number => {
    if (isStalled()) return 0
    return (released ?? timeline.now()) - lastWrite
  }
  const isStalled = (): boolean => blocked.length > 0 || (stalled !== undefined && stalled.length > 0)

  const peer: Peer = {
    connection: options.number,
    pull: fromClient.pull,
    write: (chunks) =>
      Effect.suspend(() => {
        if (fromClient.ending() !== undefined) return Effect.void
        let bytes = 0
        for (const chunk of chunks) bytes += chunk.length
        report("peer wrote", bytes)
        if (isSilent || writesFail) return Effect.void
        toClient.transmit(chunks)
        return untilRead
      }),
    close: Effect.sync(() => {
      if (fromClient.ending() === undefined) endFromPeer({ by: "peer", how: "close" })
    }),
    reset: Effect.sync(() => {
      if (fromClient.ending() === undefined) endFromPeer({ by: "peer", how: "reset" })
    }),
    insight: { bytesRead: toClient.pulled, idleFor }
  }

  const untilRead: Effect.Effect<void> = Effect.suspend(() =>
    toClient.unread() <= options.highWaterMark || toClient.ending() !== undefined
      ? Effect.void
      : Effect.andThen(untilWoken(toClient.onLess), untilRead)
  )

  const endFromPeer = (ending: Direction.Ending): void => {
    fromClient.discard(ending)
    if (isSilent || writesFail) return
    if (ending.how === "reset") toClient.loseTransit()
    toClient.transmitEnd(ending)
  }

  const faults: { readonly [Tag in Fault["_tag"]]: (fault: FaultOf<Tag>) => void } = {
    Close: () => {
      fromClient.end({ by: "network", how: "close" })
      toClient.transmitEnd({ by: "network", how: "close" })
    },
    Reset: () => endBoth({ by: "network", how: "reset" }),
    FailWrites: () => {
      writesFail = true
      toClient.loseTransit()
      fromClient.end({ by: "network", how: "reset" })
      wakeBlocked()
    },
    Drop: silence,
    StallWrites: () => {
      stalled ??= []
    },
    ResumeWrites: resumeWrites,
    CutAfter: ({ bytes, direction, how }) => {
      const [counted, other] = direction === "fromClient" ? [fromClient, toClient] : [toClient, fromClient]
      counted.setMark({
        bytes,
        reached: () => {
          report(`cut ${direction} (${how})`, bytes)
          cuts[how](counted, other, silence)
        }
      })
    },
    Delay: (fault) => {
      latency = Duration.toMillis(Duration.fromInputUnsafe(fault.latency))
    },
    Split: (fault) => {
      chunking = fault
    },
    Merge: (fault) => {
      chunking = fault
    },
    Keep: (fault) => {
      chunking = fault
    }
  }

  return {
    number: options.number,
    client,
    peer,
    release: Effect.sync(() => {
      if (released !== undefined) return
      released = timeline.now()
      toClient.discard({ by: "client", how: "close" })
      if (stalled !== undefined && stalled.length > 0) report("closing waits for stalled writes")
      else finish({ by: "client", how: "close" })
    }),
    inject: (fault) => {
      report(`fault ${fault._tag}`)
      ;(faults[fault._tag] as (fault: Fault) => void)(fault)
    },
    traffic: () => ({ writes, bytesWritten, bytesFromClient, bytesToClient }),
    isHeld: () => !isClosed
  }
}

/** Waits until the function it registers is called. */
const untilWoken = (register: (resume: () => void) => void): Effect.Effect<void> =>
  Effect.callback<void>((resume) => register(() => resume(Effect.void)))
