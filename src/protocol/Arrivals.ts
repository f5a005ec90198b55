/**
 * Received messages of one QoS that are not acknowledged yet, in the order they came.
 *
 * Keeps the order in which acknowledgements leave, whatever the order in which messages were dealt with; what an
 * acknowledgement does to the session is `Session`'s. MQTT 5.0 and 3.1.1, `[MQTT-4.6.0-2]` and `[MQTT-4.6.0-3]`.
 *
 * @since 0.1.0
 */
import type { PacketIdentifier } from "./Packet.ts"
import * as PacketIdentifiers from "./PacketIdentifiers.ts"
import type { ReasonCode } from "./ReasonCode.ts"

/**
 * What acknowledging a received message takes. One of an earlier connection is harmless.
 *
 * @since 0.2.0
 * @category models
 */
export interface Arrival {
  readonly qos: 1 | 2
  readonly packetIdentifier: PacketIdentifier
  /** Its place in the order of arrival. */
  readonly position: number
  readonly connection: number
  /** Tells one QoS 2 use of the identifier from the next; 0 at QoS 1. */
  readonly exchange: number
}

/**
 * The received messages of one connection that wait for their acknowledgements.
 *
 * @since 0.2.0
 * @category models
 */
export interface Arrivals {
  /** The position of the first that waits. */
  readonly first: number
  readonly waiting: ReadonlyArray<Arrival>
  /** What is decided for each of them; the first is always open between batches. */
  readonly answers: ReadonlyArray<ReasonCode | undefined>
  /** Those of QoS 1 that wait. At QoS 2 the session knows more of them. */
  readonly identifiers: PacketIdentifiers.PacketIdentifiers<true>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const empty: Arrivals = { first: 0, waiting: [], answers: [], identifiers: PacketIdentifiers.empty() }

/**
 * The operations in place, on a copy, for the length of one step of the session.
 *
 * @since 0.1.0
 * @category models
 */
export interface Batch {
  readonly arrive: (arrival: Omit<Arrival, "position">) => Arrival
  /** Decides an answer; the first one given counts. */
  readonly answer: (position: number, reasonCode: ReasonCode) => void
  /** Whether its acknowledgement has not left yet. */
  readonly isWaiting: (position: number) => boolean
  /** Whether the identifier stands for a QoS 1 message whose PUBACK has not left yet. */
  readonly has: (packetIdentifier: PacketIdentifier) => boolean
  /** Takes out those at the front that are answered: they may be acknowledged now, in this order. */
  readonly settle: () => ReadonlyArray<readonly [arrival: Arrival, reasonCode: ReasonCode]>
  readonly commit: () => Arrivals
}

/**
 * @since 0.1.0
 * @category operations
 */
export const batch = (self: Arrivals): Batch => {
  const waiting = self.waiting.slice()
  const answers = self.answers.slice()
  const identifiers = PacketIdentifiers.batch(self.identifiers)
  let first = self.first
  return {
    arrive: ({ connection, exchange, packetIdentifier, qos }) => {
      const arrival = { qos, packetIdentifier, position: first + waiting.length, connection, exchange }
      waiting.push(arrival)
      if (qos === 1) identifiers.set(packetIdentifier, true)
      answers.push(undefined)
      return arrival
    },
    answer: (position, reasonCode) => {
      const index = position - first
      if (index >= 0 && index < answers.length) answers[index] ??= reasonCode
    },
    isWaiting: (position) => position >= first,
    has: (packetIdentifier) => identifiers.has(packetIdentifier),
    settle: () => {
      const open = answers.indexOf(undefined)
      const settled = open === -1 ? answers.length : open
      first += settled
      const codes = answers.splice(0, settled)
      return waiting.splice(0, settled).map((arrival, index) => {
        if (arrival.qos === 1) identifiers.release(arrival.packetIdentifier)
        return [arrival, codes[index] ?? 0x00] as const
      })
    },
    commit: () => ({ first, waiting, answers, identifiers: identifiers.commit() })
  }
}
