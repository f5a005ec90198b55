/**
 * The way out of one network connection: packets of one turn leave together, in one write, in the order they came.
 *
 * It knows no rules: what may be sent is decided before. It dies with its connection, and with it what it had not
 * written.
 */
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as Effect from "effect/Effect"
import type { Scheduler, SchedulerDispatcher } from "effect/Scheduler"
import type { MqttError } from "../../MqttError.ts"
import type { NetworkConnection } from "../../MqttTransport.ts"
import type { Encoder } from "../../protocol/Encoder.ts"
import type { ClientPacket } from "../../protocol/Packet.ts"
import type { InvalidPacket } from "../../protocol/ProtocolError.ts"
import type { PacketLog } from "./packetLog.ts"

export interface BatchWriterOptions {
  readonly encoder: Encoder
  readonly network: NetworkConnection
  /** Enqueues what else there is to send; called before each write, and only when the network takes more. */
  readonly fill: () => void
  /** What must be done before the packets of a turn leave, such as storing what they say. */
  readonly beforeWrite: (() => Effect.Effect<void, MqttError> | undefined) | undefined
  /** What goes into the write. */
  readonly onBatch: (bytes: number, packets: number) => void
  /** Its next task comes when the network has been read for this round of the event loop. */
  readonly scheduler: Pick<Scheduler, "makeDispatcher">
  /** Told of every packet, if somebody wants to see them. */
  readonly packetLog: PacketLog | undefined
}

/** Bytes. A server that keeps to a Receive Maximum of 65,535 never has more to read. */
const mostAnswers = 4 * 1024 * 1024

interface Callback {
  readonly written: () => void
  readonly begun: (() => void) | undefined
}

export class BatchWriter {
  readonly #options: BatchWriterOptions
  #beingWritten = 0
  #enqueued = 0
  #callbacks: Array<Callback> = []
  /** There while the network takes more. */
  #resumeWriting: ((effect: Effect.Effect<void>) => void) | undefined
  #isScheduled = false
  #isScheduledAfterReading = false
  /** There from the first time on that something waits for it. */
  #dispatcher: SchedulerDispatcher | undefined

  constructor(options: BatchWriterOptions) {
    this.#options = options
  }

  /** Encodes a packet into what leaves at the end of this turn, or says why it cannot be written. */
  enqueue(packet: ClientPacket): InvalidPacket | undefined {
    const { encoder, packetLog } = this.#options
    const invalid = encoder.encode(packet)
    if (invalid !== undefined) return invalid
    this.#enqueued++
    this.wake()
    if (packetLog !== undefined) packetLog("sent", packet)
    return undefined
  }

  /** Asks for a turn of writing: `fill` is called, and what it enqueued leaves. */
  wake(): void {
    if (this.#isScheduled || this.#resumeWriting === undefined) return
    this.#isScheduled = true
    // The write waits for the end of the turn, so that whatever else is sent in it leaves in the same write. A microtask
    // is that end: the scheduler's next task would come one round of the event loop later, which one message at a time
    // would feel.
    queueMicrotask(() => {
      this.#isScheduled = false
      const resume = this.#resumeWriting
      this.#resumeWriting = undefined
      resume?.(Effect.void)
    })
  }

  /** As `wake`, once all that has arrived already is read: answers to many chunks leave in one write. */
  wakeAfterReading(): void {
    if (this.#isScheduledAfterReading) return
    this.#isScheduledAfterReading = true
    this.#dispatcher ??= this.#options.scheduler.makeDispatcher()
    this.#dispatcher.scheduleTask(() => {
      this.#isScheduledAfterReading = false
      this.wake()
    }, 0)
  }

  /**
   * Calls back once the network took everything enqueued so far, not when the connection ends first. `begun` is called
   * when the network makes the write wait: from then on nobody knows how much of it went out.
   */
  onWritten(written: () => void, begun?: () => void): void {
    this.#callbacks.push({ written, begun })
    this.wake()
  }

  /**
   * Whether the server goes on sending and reads none of the answers. What waits while the network is busy with a write are
   * answers: messages are enqueued when it takes more.
   */
  get isStalled(): boolean {
    return this.#beingWritten > 0 && this.#options.encoder.pendingBytes() > mostAnswers
  }

  /** Bytes the network has not taken yet. */
  get unsent(): number {
    return this.#options.encoder.pendingBytes() + this.#beingWritten
  }

  /** Writes until the network fails. `onBatch` is told before each write. */
  get run(): Effect.Effect<never, MqttError> {
    const round = Effect.andThen(
      Effect.callback<void>((resume) => this.#wait(resume)),
      Effect.suspend(() => this.#writeBatch())
    )
    // It waits in every round, so it need not yield as well.
    return Effect.forever(round, { disableYield: true })
  }

  #wait(resume: (effect: Effect.Effect<void>) => void): void {
    this.#resumeWriting = resume
    // While the network was busy more may have come.
    this.#options.fill()
    if (this.#options.encoder.pendingBytes() > 0 || this.#callbacks.length > 0) this.wake()
  }

  #writeBatch(): Effect.Effect<void, MqttError> {
    const { beforeWrite, encoder, fill } = this.#options
    fill()
    const chunks = encoder.take()
    const callbacks = this.#callbacks
    this.#callbacks = []
    const before = beforeWrite?.()
    return before === undefined
      ? this.#write(chunks, callbacks)
      : Effect.flatMap(before, () => this.#write(chunks, callbacks))
  }

  #write(chunks: ReadonlyArray<Uint8Array>, callbacks: ReadonlyArray<Callback>): Effect.Effect<void, MqttError> {
    const { network, onBatch } = this.#options
    const report = () => {
      this.#beingWritten = 0
      for (const { written } of callbacks) written()
    }
    if (!isReadonlyArrayNonEmpty(chunks)) return Effect.sync(report)
    this.#beingWritten = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    onBatch(this.#beingWritten, this.#enqueued)
    this.#enqueued = 0
    let isOver = false
    // A write that fails at once has taken nothing; one that waits for the network may have.
    queueMicrotask(() => {
      if (!isOver) { for (const { begun } of callbacks) begun?.() }
    })
    return Effect.map(network.write(chunks), report).pipe(
      Effect.onExit(() =>
        Effect.sync(() => {
          isOver = true
        })
      )
    )
  }
}
