/**
 * One publish, from the call until its outcome is known.
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

/** Keeps messages in a store until they are over. */
export interface Keeper {
  readonly over: (stored: Stored, size: number) => void
}

/** The outcome of almost every publish. */
export const acknowledged = Exit.succeed<Acknowledgement>({
  reasonCode: 0x00,
  reasonString: undefined,
  userProperties: undefined
})

const nothing = (): void => {}

/** The queue of a message depends on its QoS. */
const withdrawnMessages = ([0, 1, 2] as const).map((qos): Message => ({
  topic: "",
  payload: new Uint8Array(0),
  qos,
  retain: false,
  properties: Properties.none
}))

/** The store's part of a publication. A class of its own, so that a publication without a store is no larger. */
export class Stored {
  /** The key of the message in the store. */
  readonly key: number
  readonly keeper: Keeper
  /** For a publish that goes on before it is over. */
  acceptance: Acceptance | undefined
  /** The store has the message, and the publication is not over. */
  isAccepted = false
  /** The message itself is in the store. Once the server has the message, only its exchange is kept. */
  hasMessage = false

  constructor(key: number, keeper: Keeper) {
    this.key = key
    this.keeper = keeper
  }
}

/** A published message, until it is over. */
export interface Unfinished {
  /** `observer` is called once, when it is over. */
  readonly observe: (observer: () => void) => void
  readonly unobserve: (observer: () => void) => void
}

export class Publication implements Entry, Owner, Unfinished {
  message: Message
  readonly size: number
  readonly expiresAt: number | undefined
  #settled: Settled
  #taken: () => void
  /** Made for the first observer. */
  #observers: Set<() => void> | undefined
  order = 0
  place: Entry["place"] = "outside"
  /** Present if there is a store. */
  stored: Stored | undefined

  /** `taken` hears that it left the outbox: an identifier stands for it, or, at QoS 0, it goes to the network. */
  constructor(message: Message, expiresAt: number | undefined, settled: Settled, taken: () => void = nothing) {
    this.message = message
    this.size = sizeOf(message)
    this.expiresAt = expiresAt
    this.#settled = settled
    this.#taken = taken
  }

  /** Hears the outcome, for all listeners. */
  get settled(): Settled {
    return this.#observers === undefined ? this.#settled : (exit) => this.#settle(exit)
  }

  /** It was read from a store, and `settled` waits for it. */
  returnTo(settled: Settled): void {
    this.#settled = settled
  }

  /** The session returns it with the outcome. */
  get request(): this {
    return this
  }

  /** `observer` is called once, when it is over. */
  observe(observer: () => void): void {
    this.#observers ??= new Set()
    this.#observers.add(observer)
  }

  /** `observer` no longer wants to know, and is not kept. */
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

  /** Reported once: QoS 0 may be taken again on the next connection. */
  taken(): void {
    const taken = this.#taken
    this.#taken = nothing
    taken()
  }

  /** The server counts down from the rest of the Message Expiry Interval. */
  countDown(now: number): void {
    // A message limited only by `outboxAge` has no interval.
    if (this.expiresAt === undefined || this.message.properties.messageExpiryInterval === undefined) return
    const messageExpiryInterval = Math.ceil((this.expiresAt - now) / 1000)
    this.message = { ...this.message, properties: { ...this.message.properties, messageExpiryInterval } }
  }

  /** The session keeps it: it goes out on the next connection. */
  abandoned(): void {}

  /** Its publisher gave up, and the message goes on without it: a later sending must have the same payload. */
  keepPayload(): void {
    const message: { payload: Uint8Array } = this.message
    // A payload whose buffer was transferred is empty, and cannot be copied.
    if (message.payload.length > 0) message.payload = new Uint8Array(message.payload)
  }

  /**
   * Its publisher gave up in time, so it is over for its observers too. It may stay in its queue for a while, where its
   * bytes no longer count: so it keeps neither the message nor the publisher.
   */
  withdrawn(): void {
    this.#settle(Exit.interrupt())
    this.#settled = this.#taken = nothing
    this.message = withdrawnMessages[this.message.qos]
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

/** The error of an outcome with which the server refused the message. */
export const refusal = (topic: string, { properties, reasonCode }: Outcome): MqttError.MqttError => {
  const { reasonString, userProperties } = properties
  return MqttError.fromReason(new MqttError.PublishRefused({ topic, reasonCode, reasonString, userProperties }))
}
