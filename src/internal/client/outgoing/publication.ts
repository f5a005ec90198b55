/**
 * One publish from the moment it is asked for until it is known how it ended.
 *
 * It waits in the outbox, then in the session, and tells one listener. It checks nothing and sends nothing.
 */
import * as Exit from "effect/Exit"
import * as MqttError from "../../../MqttError.ts"
import type { Acknowledgement } from "../../../MqttMessage.ts"
import * as Properties from "../../../protocol/Properties.ts"
import * as ReasonCode from "../../../protocol/ReasonCode.ts"
import type { Message, Outcome } from "../../../protocol/Session.ts"
import { sizeOf } from "../messageSize.ts"
import type { Owner } from "../owner.ts"
import type { Acceptance, Settled } from "./awaited.ts"
import type { Entry } from "./outbox.ts"

/** Has messages in a store for as long as they are not over. */
export interface Keeper {
  readonly over: (stored: Stored, size: number) => void
}

/** What almost every publish ends with. */
export const acknowledged = Exit.succeed<Acknowledgement>({
  reasonCode: 0x00,
  reasonString: undefined,
  userProperties: undefined
})

const nothing = (): void => {}

/** What a store has to do with a publication. Of its own, so that a publication without a store is no larger. */
export class Stored {
  /** The store has the message under it. */
  readonly key: number
  readonly keeper: Keeper
  /** Of a publish that goes on before it is over. */
  acceptance: Acceptance | undefined
  /** The store has the message, and the publication is not over. */
  isAccepted = false
  /** The message itself is in the store; of one that the server has, its exchange is all there is to keep. */
  hasMessage = false

  constructor(key: number, keeper: Keeper) {
    this.key = key
    this.keeper = keeper
  }
}

/** Something that was published, until it is over. */
export interface Unfinished {
  /** `observer` hears once that it is over. */
  readonly observe: (observer: () => void) => void
  readonly unobserve: (observer: () => void) => void
}

export class Publication implements Entry, Owner, Unfinished {
  message: Message
  readonly size: number
  readonly expiresAt: number | undefined
  #settled: Settled
  #taken: () => void
  /** There from the first observer on. */
  #observers: Set<() => void> | undefined
  order = 0
  place: Entry["place"] = "outside"
  /** There with a store. */
  stored: Stored | undefined

  /** `taken` hears that it left the outbox: an identifier stands for it, or, at QoS 0, it goes to the network. */
  constructor(message: Message, expiresAt: number | undefined, settled: Settled, taken: () => void = nothing) {
    this.message = message
    this.size = sizeOf(message)
    this.expiresAt = expiresAt
    this.#settled = settled
    this.#taken = taken
  }

  /** Hears how it ends, for all who want to know. */
  get settled(): Settled {
    return this.#observers === undefined ? this.#settled : (exit) => this.#settle(exit)
  }

  /** It was read from a store, and this is who waits for it. */
  returnTo(settled: Settled): void {
    this.#settled = settled
  }

  /** What the session gives back with the outcome. */
  get request(): this {
    return this
  }

  /** `observer` hears once that it is over. */
  observe(observer: () => void): void {
    this.#observers ??= new Set()
    this.#observers.add(observer)
  }

  /** `observer` wants to know no more, and nothing is kept of it. */
  unobserve(observer: () => void): void {
    this.#observers?.delete(observer)
  }

  #settle(exit: Exit.Exit<Acknowledgement, MqttError.MqttError>): void {
    if (this.stored?.isAccepted === true) this.stored.keeper.over(this.stored, this.size)
    this.#settled(exit)
    if (this.#observers === undefined) return
    const observers = this.#observers
    this.#observers = undefined
    for (const observer of observers) observer()
  }

  /** Told once: QoS 0 may be taken again on the next connection. */
  taken(): void {
    const taken = this.#taken
    this.#taken = nothing
    taken()
  }

  /** The server counts on from what is left of the Message Expiry Interval. */
  countDown(now: number): void {
    // A message that waits for too long may have none.
    if (this.expiresAt === undefined || this.message.properties.messageExpiryInterval === undefined) return
    const messageExpiryInterval = Math.ceil((this.expiresAt - now) / 1000)
    this.message = { ...this.message, properties: { ...this.message.properties, messageExpiryInterval } }
  }

  /** The session keeps it: it goes out on the next connection. */
  abandoned(): void {}

  /** Its publisher gave up, and the message goes on without it: what is sent again is what was published. */
  keepPayload(): void {
    const message: { payload: Uint8Array } = this.message
    // One whose buffer was transferred is empty, and has no copy.
    if (message.payload.length > 0) message.payload = new Uint8Array(message.payload)
  }

  /** Its publisher gave up while there was still time: it is over for those who observe it too. */
  withdrawn(): void {
    this.#settle(Exit.interrupt())
  }

  failed(error: MqttError.MqttError): void {
    this.#settle(Exit.fail(error))
  }

  completed(outcome: Outcome): void {
    const { properties, reasonCode } = outcome
    if (reasonCode === 0x00 && properties === Properties.none) return this.#settle(acknowledged)
    if (ReasonCode.isError(reasonCode)) return this.failed(refusal(this.message.topic, outcome))
    const { reasonString, userProperties } = properties
    this.#settle(Exit.succeed({ reasonCode, reasonString, userProperties }))
  }
}

/** Of an outcome that is an error: the server did not take the message. */
export const refusal = (topic: string, { properties, reasonCode }: Outcome): MqttError.MqttError => {
  const { reasonString, userProperties } = properties
  return MqttError.fromReason(new MqttError.PublishRefused({ topic, reasonCode, reasonString, userProperties }))
}
