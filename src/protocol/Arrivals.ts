/**
 * Received messages of one QoS that are not acknowledged yet, in the order they came.
 *
 * Keeps the order in which acknowledgements leave, whatever the order in which messages were dealt with; what an
 * acknowledgement does to the session is `Session`'s. MQTT 5.0 and 3.1.1, `[MQTT-4.6.0-2]` and `[MQTT-4.6.0-3]`.
 *
 * @since 0.1.0
 */
import type { PacketIdentifier } from "./Packet.ts"
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
 * A class and no literal, for the sake of the collector: V8 may allocate those as old objects when many wait, and what they
 * refer to stays with them until the next full collection. That cost a fifth of the speed of consuming, in every third process.
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
  /** The position of the first that waits. */
  readonly first: number
  readonly waiting: ReadonlyArray<Arrival>
  /** What is decided for each of them; the first is always open between batches. */
  readonly answers: ReadonlyArray<ReasonCode | undefined>
  /** From this position on each identifier is above the one before. */
  readonly ascendsFrom: number
  /** From this position up to the other one too. */
  readonly ascendedFrom: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const empty: Arrivals = { first: 0, waiting: [], answers: [], ascendsFrom: 0, ascendedFrom: 0 }

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
  /** Whether the identifier stands for a message whose acknowledgement has not left yet. */
  readonly has: (packetIdentifier: PacketIdentifier) => boolean
  /** Takes out those at the front that are answered: they may be acknowledged now, and `each` is told of them in order. */
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
  /** Made when it is needed: servers number upwards and begin again, so two looks tell of almost every identifier. */
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
