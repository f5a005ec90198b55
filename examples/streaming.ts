// Shows four ways to publish many small QoS 1 messages: the cost of each, and how much it knows at the end. Ends by
// itself, within fifteen seconds; fails if a message was not acknowledged or did not come back. Brings its own broker,
// or uses the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient, type MqttError } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"

class MessagesLost extends Schema.TaggedError<MessagesLost>()("MessagesLost", {
  strategy: Schema.String,
  expected: Schema.Int,
  acknowledged: Schema.Int
}) {
  override get message(): string {
    return `${this.strategy}: ${this.acknowledged} of ${this.expected} messages were acknowledged`
  }
}

/** For each strategy. */
const messages = 1000

const topic = `effect-mqtt/${randomUUID()}/samples`

type Client = MqttClient.MqttClient["Service"]

interface Strategy {
  readonly name: string
  readonly knows: string
  /** Ends when all messages are acknowledged, with the number of acknowledgements it knows of. */
  readonly send: (
    mqtt: Client,
    batch: ReadonlyArray<MqttClient.OutgoingMessage>
  ) => Effect.Effect<number, MqttError.MqttError>
}

const strategies: ReadonlyArray<Strategy> = [
  {
    name: "one after another",
    knows: "each outcome; a round trip for each message",
    send: (mqtt, batch) =>
      Effect.map(
        Effect.forEach(batch, ({ payload, topic }) => mqtt.publish(topic, payload, { qos: 1 })),
        (acknowledgements) => acknowledgements.length
      )
  },
  {
    name: "await the last",
    knows: "the last outcome; the others have ended too, well or badly",
    send: (mqtt, batch) =>
      Effect.gen(function*() {
        const last = batch[batch.length - 1]
        yield* Effect.forEach(
          batch.slice(0, -1),
          ({ payload, topic }) => mqtt.publishAsync(topic, payload, { qos: 1 }),
          { discard: true }
        )
        yield* mqtt.publish(last.topic, last.payload, { qos: 1 })
        // PUBACKs come in the order of their messages. `flush` does not depend on it: it works with any server, and at
        // QoS 2.
        yield* mqtt.flush
        return batch.length
      })
  },
  {
    name: "collect all",
    knows: "each outcome; an effect is kept for each message",
    send: (mqtt, batch) =>
      Effect.gen(function*() {
        const pending = yield* Effect.forEach(
          batch,
          ({ payload, topic }) => mqtt.publishAsync(topic, payload, { qos: 1 })
        )
        const acknowledgements = yield* Effect.all(pending)
        return acknowledgements.length
      })
  },
  {
    name: "publishSink",
    knows: "how many, or the first failure; nothing is kept",
    send: (mqtt, batch) => Stream.run(Stream.fromIterable(batch), mqtt.publishSink)
  }
]

/** Runs a strategy, waits until its messages have come back, and returns the time it took. */
const measure = Effect.fnUntraced(function*(mqtt: Client, strategy: Strategy) {
  const batch = Array.from({ length: messages }, (_, index) => ({ topic, payload: `${index}`, qos: 1 as const }))
  const samples = yield* mqtt.subscribe(topic, { qos: 1 })
  const receiving = yield* samples.pipe(
    // At QoS 1 a message may arrive twice.
    Stream.scan(() => new Set<string>(), (texts, { text }) => texts.add(text)),
    Stream.takeUntil((texts) => texts.size === messages),
    Stream.runDrain,
    Effect.forkScoped
  )
  const [duration, acknowledged] = yield* Effect.timed(strategy.send(mqtt, batch))
  if (acknowledged !== messages) {
    return yield* new MessagesLost({ strategy: strategy.name, expected: messages, acknowledged })
  }
  yield* Fiber.join(receiving)
  const milliseconds = Duration.toMillis(duration)
  const rate = Math.round(messages / milliseconds * 1000).toLocaleString("en")
  yield* Console.log(
    `${strategy.name.padEnd(18)} ${milliseconds.toFixed(0).padStart(5)} ms  ${rate.padStart(8)}/s  ${strategy.knows}`
  )
})

const program = Effect.gen(function*() {
  const broker = yield* Broker
  const mqtt = yield* MqttClient.MqttClient
  yield* Console.log(`${messages} messages of QoS 1 each, through ${broker.description}\n`)
  for (const strategy of strategies) yield* Effect.scoped(measure(mqtt, strategy))
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  NodeRuntime.runMain
)
