/**
 * Counts received messages that are wrong in themselves, or that nobody takes, and reports them now and then.
 *
 * Any publisher can cause any number of them, so not every message has a line in the log. `deliveries.ts` decides how
 * such a message ends.
 */
import type * as Effect from "effect/Effect"
import type { MqttEvent } from "../../../MqttState.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import { type Notice, tell } from "./telling.ts"

/** Milliseconds between two notices of one kind. */
const pause = 10_000

/** One kind of notice. */
interface Kind {
  /** All messages of this kind. */
  messages: number
  /** The messages that no notice has mentioned. */
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

  /** No pause is needed: such a notice comes at most once for each check of the unclaimed messages. */
  areDropped(messages: number, { topic }: Packet.Publish): void {
    this.#due.push({ _tag: "UnclaimedDropped", topic, messages })
  }

  get isDue(): boolean {
    return this.#due.length > 0
  }

  /** Sends the notices that are due, each once. */
  tell(publishEvent: (event: MqttEvent) => Effect.Effect<void>): Effect.Effect<void> {
    const due = this.#due
    this.#due = []
    return tell(due, publishEvent)
  }
}

/** Counts a message. Returns how many to report now; 0 if it is too soon. */
const count = (kind: Kind, now: number): number => {
  kind.messages++
  kind.untold++
  if (now < kind.notBefore) return 0
  const { untold } = kind
  kind.untold = 0
  kind.notBefore = now + pause
  return untold
}
