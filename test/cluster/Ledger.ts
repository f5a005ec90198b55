/**
 * Counts the published, acknowledged and delivered messages of a run against a cluster, and finds the acknowledged
 * messages that a consumer did not get.
 *
 * Pure: time is an argument, in milliseconds since the run began. It keeps every message, so it is for runs of minutes.
 */
export interface Consumer {
  readonly name: string
  /** Whether a message is for this consumer. */
  readonly expects: (sequence: number) => boolean
}

interface Message {
  readonly sentAt: number
  acknowledgedAt: number | undefined
  hasFailed: boolean
  /** How often each consumer got it. */
  readonly times: Array<number>
}

/** An acknowledged message that a consumer did not get. */
export interface Loss {
  readonly consumer: number
  readonly publisher: number
  readonly sequence: number
  readonly sentAt: number
  readonly acknowledgedAt: number
}

export interface Totals {
  readonly sent: number
  readonly acknowledged: number
  /** Publishes that ended with an error. */
  readonly failed: number
  /** Publishes that have not ended. */
  readonly open: number
  /** Messages times consumers. */
  readonly delivered: number
  /** Further deliveries of the same message to the same consumer. */
  readonly repeated: number
}

export class Ledger {
  readonly #consumers: ReadonlyArray<Consumer>
  readonly #messages: ReadonlyArray<Array<Message>>
  /** Deliveries of messages that nobody sent, or that are for another consumer. */
  readonly strays: Array<string> = []

  constructor(publishers: number, consumers: ReadonlyArray<Consumer>) {
    this.#consumers = consumers
    this.#messages = Array.from({ length: publishers }, () => [])
  }

  /** The number of the next message of a publisher. */
  sent(publisher: number, now: number): number {
    const messages = this.#messages[publisher]
    const times = this.#consumers.map(() => 0)
    return messages.push({ sentAt: now, acknowledgedAt: undefined, hasFailed: false, times }) - 1
  }

  acknowledged(publisher: number, sequence: number, now: number): void {
    this.#messages[publisher][sequence].acknowledgedAt = now
  }

  failed(publisher: number, sequence: number): void {
    this.#messages[publisher][sequence].hasFailed = true
  }

  sentAt(publisher: number, sequence: number): number {
    return this.#messages[publisher][sequence].sentAt
  }

  /** Says whether this run sent the message, and to this consumer. */
  delivered(consumer: number, publisher: number, sequence: number): boolean {
    const message = this.#messages[publisher]?.[sequence]
    const { expects, name } = this.#consumers[consumer]
    if (message === undefined || !expects(sequence)) {
      this.strays.push(`${name} got ${publisher}/${sequence}`)
      return false
    }
    message.times[consumer]++
    return true
  }

  /** The acknowledged messages that have not come to a consumer that expects them. */
  get losses(): ReadonlyArray<Loss> {
    return this.#messages.flatMap((messages, publisher) =>
      messages.flatMap(({ acknowledgedAt, sentAt, times }, sequence) =>
        acknowledgedAt === undefined
          ? []
          : this.#consumers.flatMap(({ expects }, consumer) =>
            expects(sequence) && times[consumer] === 0
              ? [{ consumer, publisher, sequence, sentAt, acknowledgedAt }]
              : []
          )
      )
    )
  }

  get totals(): Totals {
    const all = this.#messages.flat()
    const times = all.flatMap((message) => message.times)
    const sum = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0)
    return {
      sent: all.length,
      acknowledged: all.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length,
      failed: all.filter(({ hasFailed }) => hasFailed).length,
      open: all.filter(({ acknowledgedAt, hasFailed }) => acknowledgedAt === undefined && !hasFailed).length,
      delivered: times.filter((times) => times > 0).length,
      repeated: sum(times.map((times) => Math.max(0, times - 1)))
    }
  }
}

/** Numbers as ranges: `3-5, 9`. */
export const ranges = (numbers: ReadonlyArray<number>): string => {
  const sorted = numbers.toSorted((one, other) => one - other)
  const found: Array<[number, number]> = []
  for (const number of sorted) {
    const last = found.at(-1)
    if (last !== undefined && number <= last[1] + 1) last[1] = number
    else found.push([number, number])
  }
  return found.map(([from, to]) => from === to ? `${from}` : `${from}-${to}`).join(", ")
}
