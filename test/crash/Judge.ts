/**
 * Messages that the program accepted, received and handled, messages that arrived elsewhere, and events that must not
 * have happened.
 *
 * Pure: it hears of every event in order. A run is one start of the program.
 */
import type { Level } from "./content.ts"

export type ViolationKind =
  | "lost"
  | "twice"
  | "out of order"
  | "not handled"
  | "handled again"
  | "handled out of order"
  | "garbled"
  | "store"
  | "stuck"
  | "failed"

export interface Violation {
  readonly kind: ViolationKind
  readonly run: number
  readonly description: string
}

export interface Counts {
  accepted: number
  delivered: number
  /** Deliveries of a QoS 1 message after the first. */
  repeated: number
  sent: number
  handled: number
  /** Handled after the first time, which a program that is killed in the middle of it must do. */
  handledAgain: number
  /** Repetitions of QoS 2, and a wrong order, that are the broker's: on the way from the program, and to it. */
  fromByBroker: number
  toByBroker: number
}

type OfMessage = (receiver: "judge" | "program", topic: string, number: number) => boolean

export interface Options {
  /** Whether the broker was seen to publish a message to this receiver although it was over. */
  readonly isRepeatedByBroker?: OfMessage
  /** Whether it was the broker that let a message come after a newer one. */
  readonly isLateByBroker?: OfMessage
  readonly onViolation?: (violation: Violation) => void
}

/** One topic from the program, or to it. */
class Topic {
  readonly promised = new Set<number>()
  readonly outstanding = new Set<number>()
  /** By number, the run in which it arrived last. */
  readonly arrived = new Map<number, number>()
  last = 0

  promise(number: number): void {
    this.promised.add(number)
    if (!this.arrived.has(number)) this.outstanding.add(number)
  }
}

const newCounts = (): Counts => ({
  accepted: 0,
  delivered: 0,
  repeated: 0,
  sent: 0,
  handled: 0,
  handledAgain: 0,
  fromByBroker: 0,
  toByBroker: 0
})

export class Judge {
  run = 0
  readonly violations: Array<Violation> = []
  readonly counts: Record<Level, Counts> = { 1: newCounts(), 2: newCounts() }
  readonly #outgoing = new Map<string, Topic>()
  readonly #incoming = new Map<string, Topic>()
  /** QoS 2 messages to the program that it has answered. */
  readonly #answered = new Set<string>()
  readonly #isRepeatedByBroker: OfMessage
  readonly #isLateByBroker: OfMessage
  readonly #onViolation: NonNullable<Options["onViolation"]>

  constructor(options: Options = {}) {
    const { isLateByBroker = () => false, isRepeatedByBroker = () => false, onViolation = () => {} } = options
    this.#isRepeatedByBroker = isRepeatedByBroker
    this.#isLateByBroker = isLateByBroker
    this.#onViolation = onViolation
  }

  violated(kind: ViolationKind, description: string): void {
    const violation = { kind, run: this.run, description }
    this.violations.push(violation)
    this.#onViolation(violation)
  }

  // -------------------------------------------------------------------------
  // From the program
  // -------------------------------------------------------------------------

  /** The store has it, says the program. */
  accepted(topic: string, qos: Level, number: number): void {
    this.counts[qos].accepted++
    topicOf(this.#outgoing, topic).promise(number)
  }

  delivered(topic: string, qos: Level, number: number): void {
    const known = topicOf(this.#outgoing, topic)
    known.outstanding.delete(number)
    const isNew = !known.arrived.has(number)
    known.arrived.set(number, this.run)
    if (isNew) {
      this.counts[qos].delivered++
      if (known.last < number) known.last = number
      else if (this.#isLateByBroker("judge", topic, number)) this.counts[qos].fromByBroker++
      else this.violated("out of order", `${topic} ${number} came after ${known.last}`)
    } else if (qos === 1) this.counts[1].repeated++
    else if (this.#isRepeatedByBroker("judge", topic, number)) this.counts[2].fromByBroker++
    else this.violated("twice", `${topic} ${number}`)
  }

  // -------------------------------------------------------------------------
  // To the program
  // -------------------------------------------------------------------------

  /** The broker has it, and is to deliver it to the program. */
  sent(topic: string, qos: Level, number: number): void {
    this.counts[qos].sent++
    topicOf(this.#incoming, topic).promise(number)
  }

  /** The broker was told that the program has it: topic and number. */
  answered(message: string): void {
    this.#answered.add(message)
  }

  /** The program cannot know that this is another message: topic and number. */
  misnamed(message: string): void {
    const [topic, number] = message.split(" ")
    if (topicOf(this.#incoming, topic).outstanding.delete(Number(number))) this.counts[2].toByBroker++
  }

  handled(topic: string, qos: Level, number: number): void {
    const known = topicOf(this.#incoming, topic)
    known.outstanding.delete(number)
    const before = known.arrived.get(number)
    known.arrived.set(number, this.run)
    if (before === undefined) {
      this.counts[qos].handled++
      if (known.last < number) known.last = number
      else if (this.#isLateByBroker("program", topic, number)) this.counts[qos].toByBroker++
      else this.violated("handled out of order", `${topic} ${number} came after ${known.last}`)
    } else if (this.#mayBeHandledAgain(topic, qos, number, before)) this.counts[qos].handledAgain++
    else if (this.#isRepeatedByBroker("program", topic, number)) this.counts[2].toByBroker++
    else this.violated("handled again", `${topic} ${number}, handled before in run ${before}`)
  }

  /** The program died after it had handled the message, and before it could say so. */
  #mayBeHandledAgain(topic: string, qos: Level, number: number, before: number): boolean {
    return qos === 1 || (before !== this.run && !this.#answered.has(`${topic} ${number}`))
  }

  // -------------------------------------------------------------------------
  // The end
  // -------------------------------------------------------------------------

  /** Messages that have not arrived yet. */
  get outstanding(): number {
    const sizes = [this.#outgoing, this.#incoming].flatMap((topics) =>
      [...topics.values()].map(({ outstanding }) => outstanding.size)
    )
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  /** What has not arrived now is lost. */
  end(): void {
    for (const [kind, topics] of [["lost", this.#outgoing], ["not handled", this.#incoming]] as const) {
      for (const [topic, { outstanding }] of topics) {
        for (const number of outstanding) this.violated(kind, `${topic} ${number}`)
      }
    }
  }
}

const topicOf = (topics: Map<string, Topic>, name: string): Topic => {
  const topic = topics.get(name) ?? new Topic()
  topics.set(name, topic)
  return topic
}
