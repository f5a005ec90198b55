/**
 * The publishers and subscribers of the soak: their kinds, their work, and how long they take to come back.
 */
import { Context, Effect, Layer, References, Schedule, Scope, Stream, SubscriptionRef } from "effect"
import * as Path from "node:path"
import { describe } from "../../examples/support/narration.ts"
import { MqttClient, type MqttMessage } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import * as port from "../brokers/port.ts"
import type * as Random from "../protocol/Random.ts"
import { type Ledger, levels, type Party, type Route } from "./Ledger.ts"
import type { Line } from "./Line.ts"
import { contentOf, filterOf, textOf, topicOf } from "./message.ts"
import * as Presence from "./Presence.ts"

type Mqtt = MqttClient.MqttClient["Service"]

const count = 20

/** Every other one speaks 3.1.1; the last four have clean sessions. */
const parties = (name: string): ReadonlyArray<Party> =>
  Array.from({ length: count }, (_, index) => ({
    name: `${name}${index}`,
    version: index % 2 === 0 ? "5.0" : "3.1.1",
    session: index < count - 4 ? "persistent" : "clean"
  }))

export const publishers = parties("publisher")
export const subscribers = parties("subscriber")
export const everybody = [...publishers, ...subscribers]

/** Two persistent sessions in five have a store on the disk. */
export const hasStore = ({ session }: Party, index: number): boolean => session === "persistent" && index % 5 < 2

/** Each subscriber hears a publisher of its own version, and one of the other. */
export const routes: ReadonlyArray<Route> = subscribers.flatMap((_, subscriber) => [
  { publisher: subscriber, subscriber },
  { publisher: (subscriber + 5) % count, subscriber }
])

/** Short enough for many outages in little time. */
const patience = {
  keepAlive: "8 seconds",
  connectTimeout: "1500 millis",
  responseTimeout: "2 seconds",
  drainTimeout: "500 millis",
  stableAfter: "1 second",
  reconnect: Schedule.jittered(Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])),
  /** Innocent messages meet five bad connections in a row here, and none may be given up. */
  retransmit: Schedule.forever
} as const

export interface Watch {
  readonly now: () => number
  readonly ledger: Ledger
  /** The folder of the stores. */
  readonly stores: string
  /** When the broker was there again. */
  readonly brokerSince: () => number
  /** How long a client took to come back, milliseconds. */
  readonly recovered: (line: Line, took: number) => void
  /** A stream or a client that ended by itself. */
  readonly ended: (name: string, cause: unknown) => void
}

export interface Client {
  readonly party: Party
  readonly mqtt: Mqtt
  readonly line: Line
}

/** How long it took to come back: since the connection was lost, or since there is a way to the broker again. */
const watchState = ({ line, mqtt, party }: Client, { brokerSince, ended, now, recovered }: Watch) => {
  let lostAt: number | undefined
  return SubscriptionRef.changes(mqtt.state).pipe(
    Stream.runForEach((state) =>
      Effect.sync(() => {
        line.timeline.add(describe(state))
        if (state._tag === "Closed" && state.error !== undefined) ended(party.name, state.error)
        if (state._tag === "Disconnected") lostAt ??= now()
        if (state._tag !== "Connected") return
        if (lostAt !== undefined) recovered(line, now() - Math.max(lostAt, line.wholeSince, brokerSince()))
        lostAt = undefined
      })
    )
  )
}

/** A client of its line for as long as the scope. */
export const connect = Effect.fnUntraced(function*(party: Party, index: number, line: Line, watch: Watch) {
  const options: NodeMqtt.Options = {
    ...patience,
    host: port.host,
    port: line.port,
    clientId: party.name,
    protocolVersion: party.version,
    session: party.session,
    maxInFlight: [10, 100, 1000][index % 3],
    // Never reached: see `Server`.
    receiveMaximum: [10_000, 20_000, 60_000][index % 3],
    presence: { topic: Presence.topicOf(party.name) },
    store: hasStore(party, index) ? { path: Path.join(watch.stores, party.name) } : undefined
  }
  const context = yield* Layer.build(NodeMqtt.layer(options))
  const client = { party, mqtt: Context.get(context, MqttClient.MqttClient), line }
  yield* Effect.forkScoped(watchState(client, watch))
  return client satisfies Client
}, Effect.provideService(References.MinimumLogLevel, "Error"))

/** Writes down what comes. One in two acknowledges after that, with `consume`. */
export const hear = Effect.fnUntraced(function*({ mqtt, party }: Client, index: number, watch: Watch) {
  const filters = routes.filter(({ subscriber }) => subscriber === index).map(({ publisher }) => filterOf(publisher))
  const receive = (message: MqttMessage.MqttMessage) =>
    Effect.sync(() => {
      const content = contentOf(message.topic, message.text)
      if (content === undefined || content.qos !== message.qos) {
        const description = `"${message.text.slice(0, 40)}" on ${message.topic} at QoS ${message.qos}`
        return watch.ledger.garbled(index, description, watch.now())
      }
      watch.ledger.delivered(index, content.publisher, content.qos, content.sequence, watch.now())
    })
  const isConsumer = index % 4 >= 2
  const hearing = isConsumer
    ? mqtt.consume(filters, receive, { qos: 2 })
    : Stream.runForEach(yield* mqtt.subscribe(filters, { qos: 2 }), receive)
  yield* hearing.pipe(
    Effect.catchCause((cause) => Effect.sync(() => watch.ended(party.name, cause))),
    Effect.forkScoped
  )
  return isConsumer
})

/** Publishes at every QoS, about so many messages a second, until it is told to stop. One in two publishes ahead. */
export const publish = Effect.fnUntraced(function*({ mqtt }: Client, publisher: number, options: {
  readonly watch: Watch
  readonly random: Random.Random
  readonly rate: number
  readonly isOver: () => boolean
}) {
  const { isOver, random, rate, watch: { ledger, now } } = options
  const scope = yield* Scope.Scope
  const gap = 1000 * levels.length / rate
  const loops = levels.map((qos) =>
    Effect.gen(function*() {
      let dueAt = now()
      while (!isOver()) {
        // What a busy machine was late with is made up for, but not what was held up for longer.
        dueAt = Math.max(dueAt + random.integer(Math.floor(gap / 2), Math.ceil(gap * 3 / 2)), now() - 1000)
        yield* Effect.sleep(Math.max(0, dueAt - now()))
        if (!ledger.hasRoom(publisher, qos)) continue
        const sequence = ledger.sent(publisher, qos, now())
        const text = textOf({ publisher, qos, sequence })
        const settled = Effect.match({
          onSuccess: () => ledger.acknowledged(publisher, qos, sequence, now()),
          onFailure: () => ledger.failed(publisher, qos, sequence, now())
        })
        const publishing = publisher % 4 >= 2
          ? Effect.flatten(mqtt.publishAsync(topicOf(publisher, qos), text, { qos }))
          : mqtt.publish(topicOf(publisher, qos), text, { qos })
        yield* publishing.pipe(settled, Effect.forkIn(scope, { startImmediately: true }))
      }
    })
  )
  yield* Effect.all(loops, { concurrency: "unbounded", discard: true })
})
