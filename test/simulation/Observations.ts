/**
 * The observations of one run: the calls of the program and their outcomes, the messages that reached it, and the
 * records of the network and the broker.
 *
 * Data only; `World` writes it down and `invariants` judges it. Times are virtual milliseconds since the beginning.
 */
import type { OverflowPolicy } from "../../src/MqttClient.ts"
import type { ConnectionState, Stats } from "../../src/MqttState.ts"
import type { Qos } from "../../src/protocol/Packet.ts"
import type { Properties } from "../../src/protocol/Properties.ts"
import type { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import * as Seen from "./calls/Seen.ts"
import type { Ended } from "./Ended.ts"
import type { Limits, Plan } from "./Plan.ts"
import type { Tape } from "./server/Tape.ts"

/** One message that the program published. */
export interface Published {
  readonly id: number
  readonly topic: string
  readonly qos: Qos
  readonly size: number
  /** Bytes of topic, payload and properties. */
  readonly cost: number
  readonly whenOffline: "fail" | "drop" | undefined
  readonly askedAt: number
  /** Its place among the calls as the client saw them; 0 before. */
  order: number
  /** Whether `end` is that of this message, and not that of a stream of them. */
  readonly isAlone: boolean
  /** When the window took it, as far as the program was told. */
  takenAt: number | undefined
  end: Ended | undefined
}

/** One message that the broker published. */
export interface Emitted {
  readonly id: number
  readonly topic: string
  /** Bytes of topic, payload and properties. */
  readonly cost: number
  readonly at: number
  /**
   * It may be acknowledged although nobody gets it: it is larger than the client takes, or it may be meant for a program
   * that had the session before.
   */
  readonly mayBeDropped: boolean
  /** The QoS the broker owed it to the client with, or `undefined` when its session had no such subscription. */
  readonly owedAt: Qos | undefined
  /** The same for each filter that its session had: 5.0 says which ones a message is for. */
  readonly owedFor: ReadonlyMap<string, Qos>
}

export interface Subscriber {
  readonly number: number
  readonly kind: "subscribe" | "consume"
  readonly filter: string
  readonly qos: Qos
  readonly buffer: number
  readonly bufferBytes: number | undefined
  readonly policy: OverflowPolicy
  readonly concurrency: number
  readonly askedAt: number
  grantedAt: number | undefined
  granted: Qos | undefined
  end: Ended | undefined
  largestChunk: number
}

/** A message in the hands of the program. */
export interface Received {
  readonly subscriber: number
  readonly id: number
  readonly topic: string
  readonly qos: Qos
  readonly at: number
  /** When a handler was done with it, and how; a subscriber is done at once. */
  doneAt: number | undefined
  how: "succeeded" | "refused" | "failed" | "interrupted" | undefined
}

/** Something else that the program waits for. */
export interface Call {
  readonly name: string
  readonly askedAt: number
  end: Ended | undefined
}

/** One attempt to open a network connection. */
export interface Attempt {
  readonly startedAt: number
  openedAt: number | undefined
  /** When the client let go of it, or gave up. */
  endedAt: number | undefined
  /** When the client was told that the server has accepted. */
  acceptedAt: number | undefined
  sessionPresent: boolean | undefined
  /** The tag of what it ended with, as the client says; `undefined` when it was closed by the program. */
  endedBy: string | undefined
  /** What passed, once it is open. */
  readonly tape: Tape
}

/** What can be looked at at any moment. */
export interface Moment {
  readonly plan: Plan
  readonly at: number
  readonly stats: Stats
  readonly state: ConnectionState
  readonly open: number
  readonly isAtRest: boolean
  /** QoS 0 messages that are not settled, and so may come back from a connection that ends. */
  readonly returning: number
  /** In force for the connection there is. */
  readonly limits: Limits
  readonly observations: Observations
}

export interface Observations {
  readonly plan: Plan
  readonly published: Array<Published>
  readonly emitted: Array<Emitted>
  readonly subscribers: Array<Subscriber>
  readonly received: Array<Received>
  readonly calls: Array<Call>
  readonly attempts: Array<Attempt>
  /** Connections that were made half-open, and when. */
  readonly silenced: Array<{ readonly connection: number; readonly at: number }>
  /** When the broker was made to lose the session. */
  readonly lostAt: Array<number>
  /** When the client said that something is wrong. */
  readonly unwellAt: Array<number>
  /** What passed the broker before the client of this run was there. */
  before: { readonly packets: number; readonly messages: number; readonly violations: number }
  /** When the client was closed or ended by itself, if it did. */
  closedAt: number | undefined
  /** Why a client that was not closed is over. */
  closedBy: string | undefined
  /** Whether it came to rest with the network whole, before it was closed. */
  isSettled: boolean
  /** Left when everything is over. */
  fibersLeft: number
  timersLeft: number
  openLeft: number
  pendingLeft: number
  inFlightAtRest: number
  subscriptionsAtRest: ReadonlyArray<string> | undefined
  /** Each with its Topic Name, also where a Topic Alias stood for it. */
  packets: ReadonlyArray<MemoryBroker.Passed>
  accepted: ReadonlyArray<MemoryBroker.Message>
  brokerViolations: ReadonlyArray<MemoryBroker.Violation>
  log: ReadonlyArray<FakeNetwork.LogEntry>
  /** Of the steps that call everything else. */
  readonly seen: Seen.Seen
}

export const make = (plan: Plan): Observations => ({
  plan,
  published: [],
  emitted: [],
  subscribers: [],
  received: [],
  calls: [],
  attempts: [],
  silenced: [],
  lostAt: [],
  unwellAt: [],
  before: { packets: 0, messages: 0, violations: 0 },
  closedAt: undefined,
  closedBy: undefined,
  isSettled: false,
  fibersLeft: 0,
  timersLeft: 0,
  openLeft: 0,
  pendingLeft: 0,
  inFlightAtRest: 0,
  subscriptionsAtRest: undefined,
  packets: [],
  accepted: [],
  brokerViolations: [],
  log: [],
  seen: Seen.make()
})

/** What passed, with the Topic Name that each Topic Alias stands for. 5.0 section 3.3.2.3.4. */
export const withTopicNames = (packets: ReadonlyArray<MemoryBroker.Passed>): ReadonlyArray<MemoryBroker.Passed> => {
  const topics = new Map<string, string>()
  return packets.map((passed) => {
    const { connection, direction, packet } = passed
    if (packet._tag !== "Publish" || packet.properties.topicAlias === undefined) return passed
    const key = `${connection} ${direction} ${packet.properties.topicAlias}`
    if (packet.topic !== "") topics.set(key, packet.topic)
    return { ...passed, packet: { ...packet, topic: topics.get(key) ?? "" } }
  })
}

/** The number in a payload, which names the message in the whole run. */
export const idOf = (text: string): number => Number.parseInt(text, 10)

export const payloadOf = (id: number, size: number): string => `${id} `.padEnd(size, ".")

/** A User Property of so many bytes. */
export const propertiesOf = (bytes: number): Properties => ({ userProperties: [["p", "-".repeat(bytes)]] })

/** Whether the limits of the server allow such a message at all; 3.1.1 announces none. */
export const isAllowed = (limits: Limits, message: Pick<Published, "qos" | "size" | "topic">): boolean =>
  message.qos <= (limits.maximumQos ?? 2) && message.size + message.topic.length + 20 <=
    (limits.maximumPacketSize ?? Infinity)
