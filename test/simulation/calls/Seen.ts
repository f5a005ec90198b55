/**
 * The observations of the steps of `Call`: the subscribers with their options and granted QoS, the messages that
 * reached each, the requests and the answers. Data only; `invariants/calls.ts` judges it.
 *
 * `order` counts the actions of the program and its news, so that events in one step of time have an order too.
 */
import type { Qos, Subscription } from "../../../src/protocol/Packet.ts"
import type { Ended } from "../Ended.ts"
import type { CallPolicy, Wish } from "./Call.ts"
import type { Job, Run } from "./Job.ts"

export interface Point {
  readonly at: number
  readonly order: number
}

/** One who subscribed, by whatever call. */
export interface Guest {
  readonly number: number
  readonly kind: "Join" | "Work" | "Follow" | "Respond" | "Typed"
  readonly filters: ReadonlyArray<string>
  readonly wish: Wish
  readonly buffer: number
  readonly policy: CallPolicy
  readonly pace: number
  readonly onFailure: "stop" | "reject" | "acknowledge" | undefined
  readonly runs: number
  readonly asked: Point
  /** When the program was told, where it is told. */
  granted: Point | undefined
  grantedQos: ReadonlyArray<Qos> | undefined
  /** When it began to leave, and when it was gone. */
  left: Point | undefined
  gone: Point | undefined
  /** Whether the program sent it away. */
  isSentAway: boolean
  end: Ended | undefined
  /** How each run of its stream ended. */
  readonly runEnds: Array<Ended | undefined>
}

/** A message in the hands of one of them. */
export interface Taken {
  readonly guest: number
  readonly run: number
  readonly id: number
  readonly topic: string
  readonly qos: Qos
  readonly at: number
  readonly order: number
  done: Point | undefined
  how: "succeeded" | "failed" | "interrupted" | undefined
}

export interface Followed {
  readonly topic: string
  readonly guest: number
  /** The value at rest, if it was followed then. */
  atRest: string | undefined
  isAtRest: boolean
}

export interface Requested {
  readonly id: number
  readonly topic: string
  readonly qos: Qos
  readonly askedAt: number
  readonly timeout: number
  end: Ended | undefined
  answer: string | undefined
}

/** A message of the broker to topics of these steps. */
export interface EmittedTo {
  readonly id: number
  readonly topic: string
  readonly qos: Qos
  readonly at: number
  readonly order: number
}

/** An answer of the service at the broker. */
export interface Answered {
  readonly id: number
  readonly at: number
}

export interface Seen {
  readonly guests: Array<Guest>
  readonly taken: Array<Taken>
  readonly followed: Array<Followed>
  readonly requested: Array<Requested>
  readonly emitted: Array<EmittedTo>
  readonly answered: Array<Answered>
  readonly jobs: Array<Job>
  readonly runs: Array<Run>
  /** When the program stopped taking its time. */
  hurriedAt: number | undefined
  /** A step or a hook ended the client. */
  isEnded: boolean
  /** When everything had come to rest, and what the broker had, and retained, then. */
  rest: Point | undefined
  held: ReadonlyArray<Subscription> | undefined
  retained: ReadonlyMap<string, string> | undefined
}

export const make = (): Seen => ({
  guests: [],
  taken: [],
  followed: [],
  requested: [],
  emitted: [],
  answered: [],
  jobs: [],
  runs: [],
  hurriedAt: undefined,
  isEnded: false,
  rest: undefined,
  held: undefined,
  retained: undefined
})
