/**
 * The way out of one network connection: the packets of one turn leave together in one write, in the order they were
 * enqueued.
 *
 * It knows no rules: other modules decide which packets may be sent. It ends with its connection; packets it has not
 * written are lost.
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
  /** Enqueues more packets, if there are any. Called before each write, and only when the network takes more. */
  readonly fill: () => void
  /** Must be done before the packets of a turn leave, such as storing their changes. */
  readonly beforeWrite: (() => Effect.Effect<void, MqttError> | undefined) | undefined
  /** Told the size of each write. */
  readonly onBatch: (bytes: number, packets: number) => void
  /** Its next task runs after the network has been read for this round of the event loop. */
  readonly scheduler: Pick<Scheduler, "makeDispatcher">
  /** Told of every packet, if somebody wants to see them. */
  readonly packetLog: PacketLog | undefined
}

/** Bytes. A server that keeps to a Receive Maximum of 65,535 never has more answers to read. */
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
  /** Present while the network takes more. */
  #resumeWriting: ((effect: Effect.Effect<void>) => void) | undefined
  #isScheduled = false
  #isScheduledAfterReading = false
  /** Made when something first waits for it. */
  #dispatcher: SchedulerDispatcher | undefined

  constructor(options: BatchWriterOptions) {
    this.#options = options
  }

  /** Encodes a packet into the write at the end of this turn, or says why it cannot be written. */
  enqueue(packet: ClientPacket): InvalidPacket | undefined {
    const { encoder, packetLog } = this.#options
    const invalid = encoder.encode(packet)
    if (invalid !== undefined) return invalid
    this.#enqueued++
    this.wake()
    if (packetLog !== undefined) packetLog("sent", packet)
    return undefined
  }

  /** Asks for a write: `fill` is called, and the packets it enqueued leave. */
  wake(): void {
    if (this.#isScheduled || this.#resumeWriting === undefined) return
    this.#isScheduled = true
    // The write waits for the end of the turn, so that all packets sent in the turn leave in one write. A microtask
    // marks that end. The scheduler's next task would come one round of the event loop later, which a program that
    // sends one message at a time would feel.
    queueMicrotask(() => {
      this.#isScheduled = false
      const resume = this.#resumeWriting
      this.#resumeWriting = undefined
      resume?.(Effect.void)
    })
  }

  /** As `wake`, once everything that has arrived already is read: answers to many chunks leave in one write. */
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
   * Calls `written` once the network took everything enqueued so far; not if the connection ends first. Calls `begun`
   * when the network makes the write wait: from then on nobody knows how much of it went out.
   */
  onWritten(written: () => void, begun?: () => void): void {
    this.#callbacks.push({ written, begun })
    this.wake()
  }

  /**
   * Whether the server goes on sending and reads none of the answers. Only answers wait while the network is busy with
   * a write: messages are enqueued when it takes more.
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
    // While the network was busy, more packets may have come up.
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
    // A write that fails at once has sent nothing. A write that waits for the network may have sent something.
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
