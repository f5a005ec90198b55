/**
 * One simulated connection with its two ends, and the effect of each fault on it.
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
import type { Peer } from "./Peer.ts"
import type { Timeline } from "./Timeline.ts"

/**
 * How much has gone through a connection.
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
 * How a link reports an event, with `bytes` where bytes moved.
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

/** How to end the connection when a cut is reached; `other` is the direction in which the cut was not counted. */
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
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly number: number
  readonly timeline: Timeline
  /** Milliseconds, one way. */
  readonly latency: number
  readonly highWaterMark: number
  readonly report: Report
  /** The client let go of it and nothing of it is left to send. */
  readonly onClosed: () => void
}

/**
 * A connection, whole or broken.
 *
 * @since 0.1.0
 * @category models
 */
export class Link {
  readonly number: number
  readonly client: NetworkConnection
  readonly peer: Peer
  readonly #options: Options
  readonly #fromClient: Direction.Direction
  readonly #toClient: Direction.Direction
  #latency: number
  #chunking: Direction.Chunking = { _tag: "Keep" }
  /** Bytes of stalled writes, in order; `undefined` while writes go through. */
  #stalled: Array<Uint8Array> | undefined = undefined
  #isSilent = false
  #writesFail = false
  /** When the client had enough of the connection. */
  #released: number | undefined = undefined
  #isClosed = false
  #writes = 0
  #bytesWritten = 0
  #bytesFromClient = 0
  #bytesToClient = 0
  #lastWrite: number
  #blocked: Array<() => void> = []

  constructor(options: Options) {
    this.number = options.number
    this.#options = options
    this.#latency = options.latency
    this.#lastWrite = options.timeline.now()
    this.#fromClient = this.#direction({
      onArrival: (bytes) => {
        this.#bytesFromClient += bytes
      },
      onEnding: (ending) => this.#endReachedPeer(ending)
    })
    this.#toClient = this.#direction({
      onArrival: (bytes) => {
        this.#bytesToClient += bytes
      },
      onEnding: (ending) => this.#endReachedClient(ending)
    })
    this.client = {
      pull: Effect.mapError(this.#toClient.pull, lostBy),
      write: (chunks) => Effect.suspend(() => this.#writeFromClient(chunks)),
      abort: Effect.sync(() => this.#abort())
    }
    this.peer = {
      connection: options.number,
      pull: this.#fromClient.pull,
      write: (chunks) => Effect.suspend(() => this.#writeFromPeer(chunks)),
      close: Effect.sync(() => this.#endFromPeer({ by: "peer", how: "close" })),
      reset: Effect.sync(() => this.#endFromPeer({ by: "peer", how: "reset" })),
      insight: { bytesRead: this.#toClient.pulled, idleFor: () => this.#idleFor() }
    }
  }

  /** The client lets go of the connection; bytes written before still go. */
  readonly release: Effect.Effect<void> = Effect.sync(() => this.#release())

  inject(fault: Fault): void {
    this.#options.report(`fault ${fault._tag}`)
    switch (fault._tag) {
      case "Close":
        this.#fromClient.end({ by: "network", how: "close" })
        return this.#toClient.transmitEnd({ by: "network", how: "close" })
      case "Reset":
        this.#fromClient.end({ by: "network", how: "reset" })
        return this.#toClient.end({ by: "network", how: "reset" })
      case "FailWrites":
        return this.#failWrites()
      case "Drop":
        return this.#silence()
      case "StallWrites":
        this.#stalled ??= []
        return
      case "ResumeWrites":
        return this.#resumeWrites()
      case "CutAfter":
        return this.#cutAfter(fault)
      case "Delay":
        this.#latency = Duration.toMillis(Duration.fromInputUnsafe(fault.latency))
        return
      case "Split":
      case "Merge":
      case "Keep":
        this.#chunking = fault
    }
  }

  traffic(): Traffic {
    return {
      writes: this.#writes,
      bytesWritten: this.#bytesWritten,
      bytesFromClient: this.#bytesFromClient,
      bytesToClient: this.#bytesToClient
    }
  }

  /** Whether the client still holds it. */
  isHeld(): boolean {
    return !this.#isClosed
  }

  #direction(events: Pick<Direction.Options, "onArrival" | "onEnding">): Direction.Direction {
    return Direction.make({
      timeline: this.#options.timeline,
      latency: () => this.#latency,
      chunking: () => this.#chunking,
      ...events
    })
  }

  // -------------------------------------------------------------------------
  // The client's end
  // -------------------------------------------------------------------------

  #writeFromClient(chunks: NonEmptyReadonlyArray<Uint8Array>): Effect.Effect<void, MqttError> {
    const error = this.#failure()
    if (error !== undefined) return Effect.fail(error)
    const bytes = lengthOf(chunks)
    this.#writes++
    this.#lastWrite = this.#options.timeline.now()
    this.#bytesWritten += bytes
    this.#options.report("client wrote", bytes)
    if (this.#stalled !== undefined) { for (const chunk of chunks) this.#stalled.push(chunk) }
    else if (!this.#isSilent) this.#fromClient.transmit(chunks)
    return this.#settled
  }

  #failure(): MqttError | undefined {
    const ending = this.#toClient.ending()
    if (ending !== undefined) return lostBy(ending)
    return this.#writesFail ? lost("the write failed") : undefined
  }

  get #isBlocking(): boolean {
    return this.#failure() === undefined &&
      (this.#stalled !== undefined || this.#fromClient.unread() > this.#options.highWaterMark)
  }

  /** Waits until the network takes more. */
  readonly #settled: Effect.Effect<void, MqttError> = Effect.suspend(() => {
    const error = this.#failure()
    if (error !== undefined) return Effect.fail(error)
    if (!this.#isBlocking) return Effect.void
    const blocked = untilWoken((resume) => {
      // The network may take more since the writer's fiber looked.
      if (!this.#isBlocking) return resume()
      this.#blocked.push(resume)
      if (this.#stalled === undefined) this.#fromClient.onLess(() => this.#wakeBlocked())
    })
    return Effect.andThen(blocked, this.#settled)
  })

  #wakeBlocked(): void {
    const woken = this.#blocked
    this.#blocked = []
    for (const resume of woken) this.#options.timeline.wake(resume)
  }

  #release(): void {
    if (this.#released !== undefined) return
    this.#released = this.#options.timeline.now()
    this.#toClient.discard({ by: "client", how: "close" })
    const isWaiting = this.#stalled !== undefined && this.#stalled.length > 0
    if (isWaiting) this.#options.report("closing waits for stalled writes")
    else this.#finish({ by: "client", how: "close" })
  }

  #abort(): void {
    if (this.#isClosed) return
    this.#options.report("aborted")
    this.#released = this.#options.timeline.now()
    if (this.#isStalled()) this.#lastWrite = this.#released
    this.#stalled = undefined
    this.#toClient.discard({ by: "client", how: "reset" })
    this.#finish({ by: "client", how: "reset" })
  }

  /** Nothing more comes from the client. The peer learns of the end behind the last byte. */
  #finish(ending: Direction.Ending): void {
    if (!this.#isSilent) this.#fromClient.transmitEnd(ending)
    this.#markClosed()
  }

  #markClosed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#options.report("closed")
    this.#options.onClosed()
  }

  /** A client in the middle of a write that does not complete is not idle: it cannot write more. */
  #idleFor(): number {
    if (this.#isStalled()) return 0
    return (this.#released ?? this.#options.timeline.now()) - this.#lastWrite
  }

  #isStalled(): boolean {
    return this.#blocked.length > 0 || (this.#stalled !== undefined && this.#stalled.length > 0)
  }

  #endReachedClient({ by, how }: Direction.Ending): void {
    if (by !== "client") {
      this.#options.report(`${by} ${how} reached client`)
      this.#loseStalled()
    }
    this.#wakeBlocked()
  }

  // -------------------------------------------------------------------------
  // The server's end
  // -------------------------------------------------------------------------

  #writeFromPeer(chunks: NonEmptyReadonlyArray<Uint8Array>): Effect.Effect<void> {
    if (this.#fromClient.ending() !== undefined) return Effect.void
    this.#options.report("peer wrote", lengthOf(chunks))
    if (this.#isSilent || this.#writesFail) return Effect.void
    this.#toClient.transmit(chunks)
    return this.#untilRead
  }

  get #isUnread(): boolean {
    return this.#toClient.unread() > this.#options.highWaterMark && this.#toClient.ending() === undefined
  }

  readonly #untilRead: Effect.Effect<void> = Effect.suspend(() =>
    this.#isUnread
      ? Effect.andThen(
        untilWoken((resume) => this.#isUnread ? this.#toClient.onLess(resume) : resume()),
        this.#untilRead
      )
      : Effect.void
  )

  #endFromPeer(ending: Direction.Ending): void {
    if (this.#fromClient.ending() !== undefined) return
    this.#fromClient.discard(ending)
    if (this.#isSilent || this.#writesFail) return
    if (ending.how === "reset") this.#toClient.loseTransit()
    this.#toClient.transmitEnd(ending)
  }

  #endReachedPeer({ by, how }: Direction.Ending): void {
    if (by !== "peer") this.#options.report(`${by} ${how} reached peer`)
    this.#loseStalled()
    if (this.#released !== undefined) this.#markClosed()
  }

  // -------------------------------------------------------------------------
  // Faults
  // -------------------------------------------------------------------------

  #loseStalled(): void {
    if (this.#stalled !== undefined) this.#stalled = []
  }

  #silence(): void {
    this.#isSilent = true
    this.#fromClient.loseTransit()
    this.#toClient.loseTransit()
  }

  #failWrites(): void {
    this.#writesFail = true
    this.#toClient.loseTransit()
    this.#fromClient.end({ by: "network", how: "reset" })
    this.#wakeBlocked()
  }

  #resumeWrites(): void {
    const held = this.#stalled
    this.#stalled = undefined
    if (held !== undefined && held.length > 0 && !this.#isSilent) this.#fromClient.transmit(held)
    if (this.#released !== undefined && !this.#isClosed) this.#finish({ by: "client", how: "close" })
    this.#wakeBlocked()
  }

  #cutAfter({ bytes, direction, how }: FaultOf<"CutAfter">): void {
    const ends = [this.#fromClient, this.#toClient] as const
    const [counted, other] = direction === "fromClient" ? ends : [ends[1], ends[0]]
    counted.setMark({
      bytes,
      reached: () => {
        this.#options.report(`cut ${direction} (${how})`, bytes)
        cuts[how](counted, other, () => this.#silence())
      }
    })
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Link => new Link(options)

const lengthOf = (chunks: ReadonlyArray<Uint8Array>): number => {
  let bytes = 0
  for (const chunk of chunks) bytes += chunk.length
  return bytes
}

/** Waits until the function it registers is called. */
const untilWoken = (register: (resume: () => void) => void): Effect.Effect<void> =>
  Effect.callback<void>((resume) => register(() => resume(Effect.void)))
