/**
 * Received messages of one QoS that are not acknowledged yet, in the order they arrived.
 *
 * Acknowledgements leave in the order of arrival, even when the client deals with the messages in another order.
 * `Session` decides how an acknowledgement changes the session. MQTT 5.0 and 3.1.1, `[MQTT-4.6.0-2]` and
 * `[MQTT-4.6.0-3]`.
 *
 * @since 0.1.0
 */
import type { PacketIdentifier } from "./Packet.ts"
import type { ReasonCode } from "./ReasonCode.ts"

/**
 * The data that acknowledging a received message needs. An arrival of an earlier connection is harmless.
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
  /** Distinguishes one QoS 2 use of the identifier from the next; 0 at QoS 1. */
  readonly exchange: number
}

/**
 * A class instead of an object literal, for the sake of the garbage collector. When many messages wait, V8 may allocate
 * literals as old objects, and everything they refer to stays alive until the next full collection. That cost a fifth
 * of the speed of consuming, in every third process.
 */
class Arrived implements Arrival {
  readonly qos: 1 | 2
  readonly packetIdentifier: PacketIdentifier
  readonly position: number
  readonly connection: number
  readonly exchange: number

  constructor({ connection, exchange, packetIdentifier, qos }: Omit<Arrival, "position">, position: number) {
    this.qos = qos
    this.packetIdentifier = packetIdentifier
    this.position = position
    this.connection = connection
    this.exchange = exchange
  }
}

/**
 * The received messages of one connection that wait for their acknowledgements.
 *
 * @since 0.2.0
 * @category models
 */
export interface Arrivals {
  /** The position of the first arrival that waits. */
  readonly first: number
  readonly waiting: ReadonlyArray<Arrival>
  /** The answer decided for each waiting message. Between batches the first one is always undecided. */
  readonly answers: ReadonlyArray<ReasonCode | undefined>
  /** From this position on, each identifier is greater than the one before. */
  readonly ascendsFrom: number
  /** Between this position and `ascendsFrom` the same holds. */
  readonly ascendedFrom: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const empty: Arrivals = { first: 0, waiting: [], answers: [], ascendsFrom: 0, ascendedFrom: 0 }

/**
 * The operations that change a copy in place, during one step of the session.
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
  /** Whether the identifier stands for a message whose acknowledgement has not left yet. */
  readonly has: (packetIdentifier: PacketIdentifier) => boolean
  /** Removes the answered messages at the front and calls `each` for them in order: they may be acknowledged now. */
  readonly settle: (each: (arrival: Arrival, reasonCode: ReasonCode) => void) => void
  readonly commit: () => Arrivals
}

/**
 * @since 0.1.0
 * @category operations
 */
export const batch = (self: Arrivals): Batch => {
  const waiting = self.waiting.slice()
  const answers = self.answers.slice()
  let { ascendedFrom, ascendsFrom, first } = self
  /** Made only when needed: servers number upwards and begin again at 1, so two comparisons nearly always suffice. */
  let identifiers: Set<PacketIdentifier> | undefined
  const isBetweenRuns = (packetIdentifier: PacketIdentifier): boolean => {
    if (waiting.length === 0) return true
    if (ascendedFrom > first || packetIdentifier <= waiting[waiting.length - 1].packetIdentifier) return false
    return ascendsFrom <= first || packetIdentifier < waiting[0].packetIdentifier
  }
  return {
    arrive: (message) => {
      const { packetIdentifier } = message
      const arrival = new Arrived(message, first + waiting.length)
      if (waiting.length > 0 && packetIdentifier <= waiting[waiting.length - 1].packetIdentifier) {
        ascendedFrom = ascendsFrom
        ascendsFrom = arrival.position
      }
      waiting.push(arrival)
      identifiers?.add(packetIdentifier)
      answers.push(undefined)
      return arrival
    },
    answer: (position, reasonCode) => {
      const index = position - first
      if (index >= 0 && index < answers.length) answers[index] ??= reasonCode
    },
    isWaiting: (position) => position >= first,
    has: (packetIdentifier) => {
      if (isBetweenRuns(packetIdentifier)) return false
      identifiers ??= new Set(waiting.map((arrival) => arrival.packetIdentifier))
      return identifiers.has(packetIdentifier)
    },
    settle: (each) => {
      const open = answers.indexOf(undefined)
      const settled = open === -1 ? answers.length : open
      if (settled === 0) return
      first += settled
      identifiers = undefined
      const codes = answers.splice(0, settled)
      waiting.splice(0, settled).forEach((arrival, index) => each(arrival, codes[index] ?? 0x00))
    },
    commit: () => ({ first, waiting, answers, ascendsFrom, ascendedFrom })
  }
}
