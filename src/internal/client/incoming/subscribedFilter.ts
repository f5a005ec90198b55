/**
 * A Topic Filter that the program subscribes to: who shares it, what was asked for, and what the server has said.
 *
 * When to subscribe and unsubscribe is decided in `subscriptions.ts`. Nobody is told here: what a subscriber is to hear is
 * returned, because it goes on at once and may leave or come back.
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
  /** It wants a SUBSCRIBE of its own, which brings the retained messages, although the server has the filter. */
  readonly asksForRetained?: boolean | undefined
  /** Hears what the server says. */
  readonly waiting: Waiting
}

/** What the server has, as far as it said so; `unknown` when its last answer was lost. */
export type Status = "absent" | "subscribing" | "present" | "unsubscribing" | "unknown"

/** One who shares the filter, with the options that it asked for itself. */
interface Member extends Omit<Joining, "waiting"> {
  readonly subscriber: Addressee
  /** Until it is granted. */
  waiting: Waiting | undefined
}

/** One filter in one SUBSCRIBE. */
export interface Asking extends Pick<Joining, "options" | "userProperties"> {
  readonly filter: SubscribedFilter
  /** Those whose request it is. Who comes later shares what it grants, and not what it is refused. */
  readonly members: ReadonlyArray<Member>
  /** What the server has when it does not grant it. */
  readonly otherwise: Status
}

/** To be called when all else is done. */
export type Telling = () => void

const nothing: ReadonlyArray<number> = []
const nobody: ReadonlyArray<Telling> = []

export class SubscribedFilter implements Route {
  /** As asked for last. */
  options: Packet.Subscription
  readonly identifier: number
  readonly order: number
  status: Status = "absent"
  granted: Packet.Qos = 0
  /** Nobody is there and it is kept, for the case that somebody comes back or the client ends: since which leaving. */
  lingeringSince: number | undefined
  awaited = nothing
  readonly subscribers: Array<Addressee> = []
  readonly #members = new Map<Addressee, Member>()
  #waiting = 0
  /** As the server granted it last; `undefined` when it has not, or has forgotten. */
  #held: Packet.Subscription | undefined

  constructor(options: Packet.Subscription, order: number) {
    this.options = options
    this.identifier = SubscriptionIdentifier.make(options.topicFilter)
    this.order = order
  }

  get isGranted(): boolean {
    return this.#held !== undefined
  }

  /** The server does not have it, or not as somebody wants it. */
  get isMissing(): boolean {
    return this.status === "absent" || this.status === "unknown" || (this.status === "present" && this.#waiting > 0)
  }

  /** Whether those who share it asked for another manner, which one subscription cannot serve. */
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
  // Those who share it
  // -------------------------------------------------------------------------

  join(joining: Joining, subscriber: Addressee): void {
    this.#members.set(subscriber, { ...joining, subscriber })
    this.#waiting++
    this.subscribers.push(subscriber)
    this.linger(undefined)
  }

  /** Whether the subscriber was there. */
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

  /** What the server has granted to one who is there is granted to all who ask for no more. */
  share(): ReadonlyArray<Telling> {
    if (this.status !== "present" || this.#waiting === 0) return nobody
    for (const { waiting } of this.#members.values()) if (waiting === undefined) return this.#grantHeld([])
    return nobody
  }

  /** `asked`: those whose request was granted. */
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

  /** They hear why; the streams of those who had it before fail. */
  #fail(members: ReadonlyArray<Member>, error: MqttError.MqttError): ReadonlyArray<Telling> {
    return members.flatMap((member) => {
      const { waiting } = member
      if (!this.leave(member.subscriber)) return []
      member.subscriber.inbox.end(error)
      return waiting === undefined ? [] : [() => waiting.failed(error)]
    })
  }

  // -------------------------------------------------------------------------
  // What the server says
  // -------------------------------------------------------------------------

  /**
   * Begins to ask: for those who wait, if the server has it, and for all otherwise. A shared subscription has the highest
   * QoS that one of those who are there asked for; all else is as the first asked whose request it is.
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

  /** SUBACK granted it: to those whose request it was, and to those who came to share it with one of them. */
  grantedAs({ members, options }: Asking, qos: Packet.Qos): ReadonlyArray<Telling> {
    this.status = "present"
    this.#held = options
    this.granted = qos
    return members.some(({ subscriber }) => this.#members.has(subscriber)) ? this.#grantHeld(members) : nobody
  }

  /**
   * The server does not grant it. That is the failure of those who asked for so much; those who have it in another request
   * keep it, and those who asked for less are asked for again.
   */
  refusedAs({ members, options, otherwise }: Asking, error: MqttError.MqttError): ReadonlyArray<Telling> {
    this.unanswered(otherwise)
    if (otherwise !== "present") this.#held = undefined
    else if (this.#held !== undefined) this.options = this.#held
    return this.#fail(members.filter((member) => member.options.qos === options.qos), error)
  }

  /** The request has no answer. */
  unanswered(otherwise: Status): void {
    this.status = otherwise
  }

  /** The server does not have it. */
  absent(): void {
    this.status = "absent"
    this.#held = undefined
  }
}
