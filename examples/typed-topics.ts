// Shows typed topics: parameters checked on the way out and parsed on the way in, payloads with a schema, a stream of
// messages that do not decode, and the latest value of a topic. Ends by itself within seconds; fails if a reading is
// missing. Brings its own broker, or uses the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import {
  Console,
  Duration,
  Effect,
  Layer,
  Option,
  Queue,
  Result,
  Schedule,
  Schema,
  Stream,
  SubscriptionRef
} from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient, MqttTopic } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"

class Unexpected extends Schema.TaggedError<Unexpected>()("Unexpected", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

const isForever = process.argv.includes("--forever")

/** Other programs may use the same broker, so the readings need topics of their own. */
const prefix = `effect-mqtt/${randomUUID()}`

/** Without a schema, `{site}` is text. */
const Temperature = MqttTopic.make(`${prefix}/site/{site}/temperature/{sensor}`, {
  sensor: Schema.FiniteFromString,
  payload: MqttTopic.json(Schema.Struct({ celsius: Schema.Finite, at: Schema.Date }))
})

const sensors = ["north", "south"].flatMap((site) => [1, 2, 3].map((sensor) => ({ site, sensor })))

const publishReadings = Effect.forEach(sensors, (parameters) =>
  // The server keeps each reading for later subscribers.
  Temperature.publish(parameters, { celsius: 15 + Math.random() * 10, at: new Date() }, { qos: 1, retain: true }), {
  concurrency: "unbounded",
  discard: true
})

/** Removes the retained readings at the end. */
const removeReadings = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"]) {
  for (const parameters of sensors) {
    const topic = yield* Effect.fromResult(Temperature.topic(parameters))
    yield* mqtt.publish(topic, "", { qos: 1, retain: true })
  }
})

/** Texts that a form or a device could send instead of the name of a site. */
const refuseHostile = Effect.forEach(
  ["#", "north/temperature/1/..", ""],
  (site) =>
    Result.match(Temperature.topic({ site, sensor: 1 }), {
      onFailure: ({ description }) => Console.log(`refused  ${JSON.stringify(site)}: ${description}`),
      onSuccess: (topic) => Effect.fail(new Unexpected({ description: `"${topic}" should have been refused` }))
    }),
  { discard: true }
)

/** A message that is no reading; the subscription goes on. */
const showInvalid = Effect.fnUntraced(
  function*(mqtt: MqttClient.MqttClient["Service"], failures: Stream.Stream<MqttTopic.Invalid>) {
    yield* mqtt.publish(`${prefix}/site/north/temperature/1`, "warm", { qos: 1 })
    const { error, message } = yield* Effect.fromOption(yield* Stream.runHead(failures))
    yield* Console.log(`invalid  ${JSON.stringify(message.text)}: ${error.description}`)
  }
)

/** The server has retained the last reading. */
const showLatest = Effect.fnUntraced(function*(celsius: number | undefined) {
  const latest = yield* Temperature.latest({ site: "south", sensor: 3 })
  const reading = yield* SubscriptionRef.changes(latest).pipe(Stream.filter(Option.isSome), Stream.runHead)
  const kept = Option.flatten(reading).pipe(Option.map((value) => value.celsius), Option.getOrUndefined)
  if (kept !== celsius) {
    return yield* new Unexpected({ description: `the latest is ${kept}, and ${celsius} was published` })
  }
  yield* Console.log(`latest   south 3  ${kept?.toFixed(1)} °C`)
})

const program = Effect.gen(function*() {
  const { description } = yield* Broker
  yield* Console.log(`Typed topics through ${description}\n`)
  const mqtt = yield* MqttClient.MqttClient
  yield* Effect.addFinalizer(() => Effect.ignore(removeReadings(mqtt)))
  const { failures, messages } = yield* Temperature.subscribeWithFailures({ qos: 1 })

  const seen = yield* Queue.unbounded<Effect.Success<ReturnType<typeof Temperature.decode>>>()
  yield* messages.pipe(
    Stream.tap(({ message, parameters: { sensor, site }, payload: { celsius } }) =>
      Console.log(`reading  ${site} ${sensor}  ${celsius.toFixed(1)} °C  ${message.contentType ?? ""}`)
    ),
    Stream.runForEach((reading) => Queue.offer(seen, reading)),
    Effect.forkScoped
  )

  yield* refuseHostile
  yield* publishReadings
  const readings = yield* Queue.takeN(seen, sensors.length)
  const last = readings.find(({ parameters: { sensor, site } }) => site === "south" && sensor === 3)
  yield* showLatest(last?.payload.celsius)
  yield* showInvalid(mqtt, failures)
  if (isForever) yield* Effect.repeat(publishReadings, Schedule.spaced("1 second"))
})

program.pipe(
  Effect.scoped,
  Effect.timeout(isForever ? Duration.infinity : "14 seconds"),
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  NodeRuntime.runMain
)
