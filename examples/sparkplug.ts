// Shows an Edge Node of Sparkplug B: its Will is NDEATH, each connection begins with NBIRTH, and both carry the `bdSeq`
// of their connection, so that a host can match them. It uses JSON, not protobuf. Ends by itself after three outages.
// Brings its own broker, or uses the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect, Layer, Queue, Redacted, Ref, Schedule, Schema, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"

const node = randomUUID().slice(0, 8)
const topicOf = (type: string): string => `spBv1.0/plant/${type}/${node}`
const outages = Example.isForever ? Infinity : 3

const Payload = Schema.fromJsonString(
  Schema.Struct({ timestamp: Schema.Finite, metrics: Schema.Record(Schema.String, Schema.Finite) })
)

const payload = (metrics: Readonly<Record<string, number>>) =>
  Effect.flatMap(
    Clock.currentTimeMillis,
    (timestamp) => Effect.orDie(Schema.encodeEffect(Payload)({ timestamp, metrics }))
  )

/** The options of an Edge Node. NDEATH is QoS 1 and not retained, NBIRTH QoS 0 and not retained. */
const edgeNode = Effect.gen(function*() {
  const bdSeq = yield* Ref.make(255)
  return {
    // Both are made anew for every attempt, the Will first.
    will: Effect.gen(function*() {
      const number = yield* Ref.updateAndGet(bdSeq, (last) => (last + 1) % 256)
      return { topic: topicOf("NDEATH"), payload: yield* payload({ bdSeq: number }), qos: 1 as const }
    }),
    birth: Effect.gen(function*() {
      const metrics = { bdSeq: yield* Ref.get(bdSeq), temperature: 21.5 }
      return { topic: topicOf("NBIRTH"), payload: yield* payload(metrics) }
    })
  }
})

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`A Sparkplug Edge Node through outages, with ${description}\n`)
  const host = yield* MqttClient.MqttClient
  const heard = yield* host.subscribe(`spBv1.0/plant/+/${node}`, { qos: 1 })
  const lives = yield* heard.pipe(
    Stream.mapEffect((message) =>
      Effect.map(Schema.decodeEffect(Payload)(message.text), ({ metrics }) => ({
        type: message.topic.split("/")[2],
        bdSeq: metrics["bdSeq"]
      }))
    ),
    Stream.tap(({ bdSeq, type }) => say("host", `${type}, bdSeq ${bdSeq}`)),
    Stream.toQueue({ capacity: "unbounded" })
  )
  const hears = (type: string, bdSeq: number) =>
    Effect.flatMap(
      Queue.take(lives),
      (life) =>
        Example.expect(
          life.type === type && life.bdSeq === bdSeq,
          `${type} ${bdSeq} was to come, and ${life.type} came`
        )
    )

  const relay = yield* Relay.make(Redacted.value(url))
  const options = yield* edgeNode
  const mqtt = yield* Broker5.connect({
    url: relay.url,
    clientId: node,
    reconnect: Schedule.spaced("500 millis"),
    ...options
  })
  yield* hears("NBIRTH", 0)
  for (let outage = 1; outage <= outages; outage++) {
    yield* Effect.sleep("1 second")
    yield* say("network", "the connection is cut")
    yield* Effect.andThen(relay.cut, relay.mend)
    yield* hears("NDEATH", (outage - 1) % 256)
    yield* hears("NBIRTH", outage % 256)
  }
  // An Edge Node that leaves must announce it: the server publishes NDEATH.
  yield* mqtt.disconnectWithWill
  yield* hears("NDEATH", outages % 256)
})

program.pipe(
  Effect.scoped,
  Effect.timeout(Example.timeLimit),
  Example.quietly,
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  NodeRuntime.runMain
)
