/**
 * The way out of one network connection: packets of one turn leave together, in one write, in the order they came.
 *
 * It knows no rules: what may be sent is decided before. It dies with its connection, and with it what it had not
 * written.
 */
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as Effect from "effect/Effect"
import type { MqttError } from "../../MqttError.ts"
import type { NetworkConnection } from "../../MqttTransport.ts"
import type { Encoder } from "../../protocol/Encoder.ts"
import type { ClientPacket } from "../../protocol/Packet.ts"
import type { InvalidPacket } from "../../protocol/ProtocolError.ts"

export interface Writer {
  /** Encodes a packet into what leaves at the end of this turn, or says why it cannot be written. */
  readonly enqueue: (packet: ClientPacket) => InvalidPacket | undefined
  /** Asks for a turn of writing: `fill` is called, and what it enqueued leaves. */
  readonly wake: () => void
  /**
   * Calls back once the network took everything enqueued so far, not when the connection ends first. `begun` is called
   * when the network makes the write wait: from then on nobody knows how much of it went out.
   */
  readonly onWritten: (written: () => void, begun?: () => void) => void
  /** Bytes the network has not taken yet. */
  readonly unsent: () => number
  /** Writes until the network fails. `onBatch` is told before each write. */
  readonly run: Effect.Effect<never, MqttError>
}

interface Callback {
  readonly written: () => void
  readonly begun: (() => void) | undefined
}

export const make = (options: {
  readonly encoder: Encoder
  readonly network: NetworkConnection
  /** Enqueues what else there is to send; called before each write, and only when the network takes more. */
  readonly fill: () => void
  /** What goes into the write. */
  readonly onBatch: (bytes: number, packets: number) => void
}): Writer => {
  const { encoder, fill, network, onBatch } = options
  let beingWritten = 0
  let enqueued = 0
  let callbacks: Array<Callback> = []
  let resumeWriting: (() => void) | undefined
  let isScheduled = false

  const flush = () => {
    isScheduled = false
    resumeWriting?.()
  }

  // The write waits for the end of the turn, so that whatever else is sent in it leaves in the same write. A microtask
  // is that end: the scheduler's next task would come one round of the event loop later, which one message at a time
  // would feel.
  const schedule = () => {
    if (isScheduled || resumeWriting === undefined) return
    isScheduled = true
    queueMicrotask(flush)
  }

  const pending = Effect.callback<void>((resume) => {
    resumeWriting = () => {
      resumeWriting = undefined
      resume(Effect.void)
    }
    // While the network was busy more may have come.
    fill()
    if (encoder.pendingBytes() > 0 || callbacks.length > 0) schedule()
  })

  const writeBatch = Effect.suspend(() => {
    fill()
    const chunks = encoder.take()
    const batch = callbacks
    callbacks = []
    const report = () => {
      beingWritten = 0
      for (const { written } of batch) written()
    }
    if (!isReadonlyArrayNonEmpty(chunks)) return Effect.sync(report)
    beingWritten = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    onBatch(beingWritten, enqueued)
    enqueued = 0
    let isOver = false
    // A write that fails at once has taken nothing; one that waits for the network may have.
    queueMicrotask(() => {
      if (!isOver) { for (const { begun } of batch) begun?.() }
    })
    return Effect.map(network.write(chunks), report).pipe(
      Effect.onExit(() =>
        Effect.sync(() => {
          isOver = true
        })
      )
    )
  })

  return {
    enqueue: (packet) => {
      const invalid = encoder.encode(packet)
      if (invalid === undefined) {
        enqueued++
        schedule()
      }
      return invalid
    },
    wake: schedule,
    onWritten: (written, begun) => {
      callbacks.push({ written, begun })
      schedule()
    },
    unsent: () => encoder.pendingBytes() + beingWritten,
    // It waits in every round, so it need not yield as well.
    run: Effect.forever(Effect.andThen(pending, writeBatch), { disableYield: true })
  }
}
