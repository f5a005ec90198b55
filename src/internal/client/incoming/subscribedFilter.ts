/**
 * A Topic Filter that the program subscribes to: its subscribers, their requests, and the server's answers.
 *
 * `subscriptions.ts` decides when to subscribe and unsubscribe. No subscriber is told anything here. The functions
 * return the calls to make later, because a subscriber goes on at once and may leave or come back.
 */
import type * as MqttError from "../../../MqttError.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import type { Properties } from "../../../protocol/Properties.ts"
import type { Addressee } from "./handover.ts"
import type { Route } from "./routes.ts"
import * as SubscriptionIdentifier from "./subscriptionIdentifier.ts"

/** A subscriber that waits for the server's answer. */
export interface Waiting {
  readonly granted: (qos: Packet.Qos) => void
  readonly failed: (error: MqttError.MqttError) => void
}

/** A filter that somebody subscribes to. */
export interface Joining {
  readonly options: Packet.Subscription
  readonly userProperties?: Properties["userProperties"]
  /** The subscriber wants a SUBSCRIBE of its own, for the retained messages, even if the server has the filter. */
  readonly asksForRetained?: boolean | undefined
  /** Hears the server's answer. */
  readonly waiting: Waiting
}

/** The state of the filter on the server, as far as the server has said; `unknown` when its last answer was lost. */
export type Status = "absent" | "subscribing" | "present" | "unsubscribing" | "unknown"

/** A subscriber that shares the filter, with the options it requested itself. */
interface Member extends Omit<Joining, "waiting"> {
  readonly subscriber: Addressee
  /** Present until the filter is granted to this subscriber. */
  waiting: Waiting | undefined
}

/** One filter in one SUBSCRIBE. */
export interface Asking extends Pick<Joining, "options" | "userProperties"> {
  readonly filter: SubscribedFilter
  /** The subscribers that this SUBSCRIBE is for. A later subscriber shares a grant, but not a refusal. */
  readonly members: ReadonlyArray<Member>
  /** The state on the server if the filter is not granted. */
  readonly otherwise: Status
}

/** To be called when everything else is done. */
export type Telling = () => void

const nothing: ReadonlyArray<number> = []
const nobody: ReadonlyArray<Telling> = []

export class SubscribedFilter implements Route {
  /** As last requested. */
  options: Packet.Subscription
  readonly identifier: number
  readonly order: number
  status: Status = "absent"
  granted: Packet.Qos = 0
  /**
   * Nobody subscribes, but the filter is kept in case somebody comes back or the client ends. The number of the leaving
   * that began this.
   */
  lingeringSince: number | undefined
  awaited = nothing
  readonly subscribers: Array<Addressee> = []
  readonly #members = new Map<Addressee, Member>()
  #waiting = 0
  /** As last granted; `undefined` if the server has not granted the filter, or has forgotten it. */
  #held: Packet.Subscription | undefined

  constructor(options: Packet.Subscription, order: number) {
    this.options = options
    this.identifier = SubscriptionIdentifier.make(options.topicFilter)
    this.order = order
  }

  get isGranted(): boolean {
    return this.#held !== undefined
  }

  /** The server does not have the filter, or not with the options somebody wants. */
  get isMissing(): boolean {
    return this.status === "absent" || this.status === "unknown" || (this.status === "present" && this.#waiting > 0)
  }

  /** Whether the present subscribers requested other options, which one subscription cannot combine. */
  conflicts({ noLocal, retainAsPublished }: Packet.Subscription): boolean {
    for (const { options } of this.#members.values()) {
      return options.noLocal !== noLocal || options.retainAsPublished !== retainAsPublished
    }
    return false
  }

  linger(since: number | undefined): void {
    this.lingeringSince = since
    this.awaited = since === undefined ? nothing : [this.identifier]
  }

  // -------------------------------------------------------------------------
  // Subscribers that share the filter
  // -------------------------------------------------------------------------

  join(joining: Joining, subscriber: Addressee): void {
    this.#members.set(subscriber, { ...joining, subscriber })
    this.#waiting++
    this.subscribers.push(subscriber)
    this.linger(undefined)
  }

  /** Returns whether the subscriber was there. */
  leave(subscriber: Addressee): boolean {
    const member = this.#members.get(subscriber)
    if (member === undefined) return false
    this.#take(member)
    this.#members.delete(subscriber)
    this.subscribers.splice(this.subscribers.indexOf(subscriber), 1)
    return true
  }

  #take(member: Member): Waiting | undefined {
    const { waiting } = member
    if (waiting !== undefined) this.#waiting--
    member.waiting = undefined
    return waiting
  }

  /** If one subscriber already has the filter, it is granted to every waiting subscriber that asks for no more. */
  share(): ReadonlyArray<Telling> {
    if (this.status !== "present" || this.#waiting === 0) return nobody
    for (const { waiting } of this.#members.values()) if (waiting === undefined) return this.#grantHeld([])
    return nobody
  }

  /** `asked` are the subscribers whose request was granted. */
  #grantHeld(asked: ReadonlyArray<Member>): ReadonlyArray<Telling> {
    const qos = this.granted
    return [...this.#members.values()].flatMap((member) => {
      if (member.options.qos > (this.#held?.qos ?? -1)) return []
      if (member.asksForRetained === true && !asked.includes(member)) return []
      const waiting = this.#take(member)
      return waiting === undefined ? [] : [() => waiting.granted(qos)]
    })
  }

  /** The client is over. */
  end(error: MqttError.MqttError): ReadonlyArray<Telling> {
    return [...this.#members.values()].flatMap((member) => {
      const waiting = this.#take(member)
      return waiting === undefined ? [] : [() => waiting.failed(error)]
    })
  }

  /** They hear why. If they already had the filter, their streams fail. */
  #fail(members: ReadonlyArray<Member>, error: MqttError.MqttError): ReadonlyArray<Telling> {
    return members.flatMap((member) => {
      const { waiting } = member
      if (!this.leave(member.subscriber)) return []
      member.subscriber.inbox.end(error)
      return waiting === undefined ? [] : [() => waiting.failed(error)]
    })
  }

  // -------------------------------------------------------------------------
  // Answers of the server
  // -------------------------------------------------------------------------

  /**
   * Begins a request: for the waiting subscribers if the server has the filter, otherwise for all. The QoS is the
   * highest that any present subscriber requested; the other options come from the first subscriber of the request.
   */
  ask(): Asking {
    const otherwise = this.status
    const all = [...this.#members.values()]
    const members = otherwise === "present" ? all.filter(({ waiting }) => waiting !== undefined) : all
    const [first] = members
    const qos = all.reduce<Packet.Qos>((highest, { options }) => options.qos > highest ? options.qos : highest, 0)
    this.options = { ...first?.options ?? this.options, qos }
    this.status = "subscribing"
    return { filter: this, options: this.options, userProperties: first?.userProperties, members, otherwise }
  }

  /** SUBACK granted the filter: to the subscribers of the request, and to those who came later to share it. */
  grantedAs({ members, options }: Asking, qos: Packet.Qos): ReadonlyArray<Telling> {
    this.status = "present"
    this.#held = options
    this.granted = qos
    return members.some(({ subscriber }) => this.#members.has(subscriber)) ? this.#grantHeld(members) : nobody
  }

  /**
   * The server does not grant the filter. The request fails for the subscribers that wanted the full QoS. Subscribers
   * that have the filter by another request keep it. For subscribers that wanted less, it is requested again.
   */
  refusedAs({ members, options, otherwise }: Asking, error: MqttError.MqttError): ReadonlyArray<Telling> {
    this.unanswered(otherwise)
    if (otherwise !== "present") this.#held = undefined
    else if (this.#held !== undefined) this.options = this.#held
    return this.#fail(members.filter((member) => member.options.qos === options.qos), error)
  }

  /** The request gets no answer. */
  unanswered(otherwise: Status): void {
    this.status = otherwise
  }

  /** The server does not have the filter. */
  absent(): void {
    this.status = "absent"
    this.#held = undefined
  }
}
