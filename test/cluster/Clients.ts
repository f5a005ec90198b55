/**
 * The clients of a cluster: three publishers, three consumers of every message, and three workers that share the
 * messages by their topics. Each has the list of all nodes, beginning with another one.
 */
import { Context, Deferred, Effect, Layer, References, Schedule, type Scope, Stream, SubscriptionRef } from "effect"
import { MqttClient, type MqttMessage } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import * as port from "../brokers/port.ts"
import { credentials } from "../brokers/Subject.ts"
import * as Line from "../soak/Line.ts"
import { Timeline } from "../soak/Timeline.ts"
import type * as Cluster from "./Cluster.ts"
import type { Failover } from "./Failover.ts"
import type { Consumer, Ledger } from "./Ledger.ts"
import { Witness } from "./Witness.ts"

type Mqtt = MqttClient.MqttClient["Service"]

/** Of each kind. */
export const count = 3

const kinds = (name: string): ReadonlyArray<string> => Array.from({ length: count }, (_, index) => `${name}${index}`)

export const publishers = kinds("publisher")

/** None of these brokers has Shared Subscriptions, so the number of a message decides on its worker. */
const shareOf = (sequence: number): number => sequence % count

/** The first three get everything, the others a third each. */
export const consumers: ReadonlyArray<Consumer> = [
  ...kinds("consumer").map((name) => ({ name, expects: () => true })),
  ...kinds("worker").map((name, share) => ({ name, expects: (sequence: number) => shareOf(sequence) === share }))
]

const filterOf = (consumer: number): string => consumer < count ? "tried/+/+" : `tried/+/${consumer - count}`
const topicOf = (publisher: number, sequence: number): string => `tried/${publisher}/${shareOf(sequence)}`

export const textOf = (publisher: number, sequence: number): string => `${publisher} ${sequence}`

/** Short enough for many outages in little time. */
const patience = {
  keepAlive: "5 seconds",
  connectTimeout: "3 seconds",
  responseTimeout: "5 seconds",
  stableAfter: "1 second",
  reconnect: Schedule.jittered(Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])),
  /** Innocent messages meet several bad connections in a row here, and none may be given up. */
  retransmit: Schedule.forever
} as const

export interface Watch {
  readonly now: () => number
  readonly ledger: Ledger
  readonly failover: Failover
  /** A client or a consumer that ended by itself. */
  readonly ended: (name: string, cause: unknown) => void
}

export interface Client {
  readonly name: string
  readonly mqtt: Mqtt
  /** By node: the network between this client and the node. */
  readonly lines: ReadonlyArray<Line.Line>
  /** The node of its latest connection. */
  readonly node: () => number
  /** Sees every packet of its connections. */
  readonly witness: Witness
  /** Connections after the first, by whether the cluster had the session. */
  readonly sessions: { resumed: number; lost: number }
}

const watchState = (client: Client, { ended }: Watch) => {
  let isFirst = true
  return SubscriptionRef.changes(client.mqtt.state).pipe(
    Stream.runForEach((state) =>
      Effect.sync(() => {
        if (state._tag === "Closed" && state.error !== undefined) ended(client.name, state.error)
        if (state._tag !== "Connected") return
        if (!isFirst) client.sessions[state.sessionPresent ? "resumed" : "lost"]++
        isFirst = false
      })
    )
  )
}

/** A client for as long as the scope; `index` decides which node it tries first, and which then. */
export const connect = Effect.fnUntraced(function*(name: string, index: number, options: {
  readonly subject: Cluster.Subject
  readonly nodes: ReadonlyArray<Cluster.Node>
  readonly watch: Watch
}): Effect.fn.Return<Client, unknown, Scope.Scope> {
  const { nodes, subject, watch } = options
  let latest = 0
  const witness = new Witness(subject.protocolVersion)
  const lines = yield* Effect.forEach(nodes, (node, place) => {
    let tapped = witness.connection()
    return Line.make({
      timeline: new Timeline(`${name} to ${node.name}`, watch.now, 20),
      tap: () => {
        tapped = witness.connection()
        return tapped.fromBroker
      },
      // Of the same connection: a line asks for both at once.
      tapClient: () => tapped.fromClient,
      upstream: () => {
        if (node.port !== undefined) latest = place
        return node.port
      }
    })
  })
  const step = index % 2 === 0 ? 1 : -1
  const endpoints = lines.map((_, place) =>
    `mqtt://${port.host}:${lines[(index + step * place + lines.length * count) % lines.length].port}`
  )
  const context = yield* Layer.build(NodeMqtt.layer({
    ...patience,
    ...credentials,
    endpoints,
    clientId: name,
    protocolVersion: subject.protocolVersion,
    session: "persistent",
    sessionExpiry: "1 hour"
  }))
  const mqtt = Context.get(context, MqttClient.MqttClient)
  const client: Client = { name, mqtt, lines, node: () => latest, witness, sessions: { resumed: 0, lost: 0 } }
  yield* Effect.forkScoped(watchState(client, watch))
  return client
}, Effect.provideService(References.MinimumLogLevel, "Error"))

/** The text of the messages before a run, which go on until every consumer has heard one. */
const ready = "ready"

/** Writes every message down before it is acknowledged. Completes when it has heard a first message. */
export const hear = Effect.fnUntraced(function*({ mqtt, name }: Client, consumer: number, watch: Watch) {
  const { ended, failover, ledger, now } = watch
  const hears = yield* Deferred.make<void>()
  const receive = ({ text }: MqttMessage.MqttMessage) =>
    Effect.suspend(() => {
      if (text === ready) return Effect.asVoid(Deferred.succeed(hears, undefined))
      const [publisher = NaN, sequence = NaN] = text.split(" ", 2).map(Number)
      if (ledger.delivered(consumer, publisher, sequence)) {
        failover.wentOn(name, ledger.sentAt(publisher, sequence), now())
      }
      return Effect.void
    })
  yield* mqtt.consume(filterOf(consumer), receive, { qos: 1 }).pipe(
    Effect.catchCause((cause) => Effect.sync(() => ended(name, cause))),
    Effect.forkScoped
  )
  yield* Deferred.await(hears)
})

/** Publishes again and again, for as long as somebody has not heard it. */
export const announce = ({ mqtt }: Client) =>
  Effect.forEach(kinds(""), (_, sequence) => mqtt.publish(topicOf(0, sequence), ready, { qos: 1 })).pipe(
    Effect.repeat(Schedule.spaced("200 millis"))
  )

/** Publishes at QoS 1, so many messages a second, until it is told to stop. */
export const publish = Effect.fnUntraced(function*({ mqtt, name }: Client, publisher: number, options: {
  readonly watch: Watch
  readonly rate: number
  readonly isOver: () => boolean
}) {
  const { isOver, rate, watch: { failover, ledger, now } } = options
  const one = Effect.suspend(() => {
    const sequence = ledger.sent(publisher, now())
    const text = textOf(publisher, sequence)
    return mqtt.publish(topicOf(publisher, sequence), text, { qos: 1 }).pipe(Effect.match({
      onSuccess: () => {
        ledger.acknowledged(publisher, sequence, now())
        failover.wentOn(name, ledger.sentAt(publisher, sequence), now())
      },
      onFailure: () => ledger.failed(publisher, sequence)
    }))
  })
  yield* Effect.forkScoped(one).pipe(
    Effect.repeat({ schedule: Schedule.fixed(1000 / rate), while: () => !isOver() })
  )
})

export const isConnected = ({ mqtt }: Client): boolean => SubscriptionRef.getUnsafe(mqtt.state)._tag === "Connected"
