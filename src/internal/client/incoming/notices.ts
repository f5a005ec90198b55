/**
 * Received messages that are wrong in themselves, or that nobody takes: how many there were, and what is told about them
 * now and then.
 *
 * Whoever may publish decides how many there are, so not every one of them has a line in the log. What becomes of such a
 * message is decided in `deliveries.ts`.
 */
import type * as Effect from "effect/Effect"
import type { MqttEvent } from "../../../MqttState.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import { type Notice, tell } from "./telling.ts"

/** Milliseconds between two notices of a kind. */
const pause = 10_000

/** One kind of notice. */
interface Kind {
  /** All there were. */
  messages: number
  /** Of these, those that no notice has told of. */
  untold: number
  notBefore: number
}

const kind = (): Kind => ({ messages: 0, untold: 0, notBefore: -Infinity })

export class Notices {
  readonly #tooLarge = kind()
  readonly #malformed = kind()
  readonly #refused = kind()
  readonly #unclaimed = kind()
  #due: Array<Notice> = []

  get tooLarge(): number {
    return this.#tooLarge.messages
  }

  get malformed(): number {
    return this.#malformed.messages
  }

  get refused(): number {
    return this.#refused.messages
  }

  isTooLarge({ qos, topic }: Packet.Publish, size: number, now: number): void {
    const messages = count(this.#tooLarge, now)
    if (messages > 0) this.#due.push({ _tag: "MessageTooLarge", topic, qos, size, messages })
  }

  isMalformed({ topic }: Packet.Publish, properties: ReadonlyArray<Packet.MalformedProperty>, now: number): void {
    const messages = count(this.#malformed, now)
    if (messages > 0) this.#due.push({ _tag: "MalformedMessage", topic, properties, messages })
  }

  isRefused({ qos, topic }: Packet.Publish, description: string, now: number): void {
    const messages = count(this.#refused, now)
    if (messages > 0) this.#due.push({ _tag: "MessageRefused", topic, qos, description, messages })
  }

  isUnclaimed({ qos, topic }: Packet.Publish, now: number): void {
    const messages = count(this.#unclaimed, now)
    if (messages > 0) this.#due.push({ _tag: "MessageUnclaimed", topic, qos, messages })
  }

  /** There are no more of them than there are times to look after them. */
  areDropped(messages: number, { topic }: Packet.Publish): void {
    this.#due.push({ _tag: "UnclaimedDropped", topic, messages })
  }

  get isDue(): boolean {
    return this.#due.length > 0
  }

  /** Those that are due, each once. */
  tell(publishEvent: (event: MqttEvent) => Effect.Effect<void>): Effect.Effect<void> {
    const due = this.#due
    this.#due = []
    return tell(due, publishEvent)
  }
}

/** One more. Returns how many are to be told of now, 0 when it is too soon. */
const count = (kind: Kind, now: number): number => {
  kind.messages++
  kind.untold++
  if (now < kind.notBefore) return 0
  const { untold } = kind
  kind.untold = 0
  kind.notBefore = now + pause
  return untold
}
