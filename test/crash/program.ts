/**
 * The program that is killed: a client with a store in files, which publishes numbered messages in every possible way,
 * and consumes others.
 *
 * It writes a line on its standard output for each thing it has done, and waits until the line is written. So every
 * line tells of something that has happened.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Option, References, Schedule, Schema, Stream, SubscriptionRef } from "effect"
import * as Fs from "node:fs"
import { MqttClient, type MqttMessage, MqttStore } from "../../src/index.ts"
import { NodeMqtt, NodeMqttStore } from "../../src/node/index.ts"
import * as port from "../brokers/port.ts"
import * as Random from "../protocol/Random.ts"
import * as Content from "./content.ts"

const Options = Schema.Struct({
  world: Schema.String,
  port: Schema.Int,
  protocolVersion: Schema.Literals(["3.1.1", "5.0"]),
  directory: Schema.String,
  sync: Schema.Literals(["normal", "full"]),
  maxInFlight: Schema.Int,
  /** The numbers of its messages are above it. */
  base: Schema.Int,
  lanes: Schema.Array(Schema.Literals(Content.lanes)),
  /** How many messages of each lane there are at most; with 0 it sends what waits, and consumes. */
  messages: Schema.Int,
  /** How many are published at once, at most. */
  burst: Schema.Int,
  /** How long a commit waits before it is made, milliseconds: on a slow disk more can come in between. */
  slowness: Schema.Int,
  seed: Schema.Int
})
export type Options = typeof Options.Type

const say = (line: string): void => void Fs.writeSync(1, line + "\n")

/** Says when it is opened, and when it is written. */
const watched = (slowness: number) => (store: MqttStore.Store): MqttStore.Store => {
  const saying = <A, E>(before: string, effect: Effect.Effect<A, E>, after: string) =>
    Effect.suspend(() => {
      say(before)
      return Effect.tap(effect, () => Effect.sync(() => say(after)))
    })
  const slow = slowness === 0 ? Effect.void : Effect.sleep(slowness)
  return {
    name: store.name,
    open: (clientId) =>
      Effect.gen(function*() {
        say("opening")
        const open = yield* store.open(clientId)
        say("opened")
        return {
          read: open.read,
          commit: (changes) => Effect.andThen(slow, saying("storing", open.commit(changes), "stored"))
        }
      })
  }
}

type Mqtt = MqttClient.MqttClient["Service"]

/** Publishes bursts of messages of one QoS in one way, with pauses between. */
const publish = Effect.fnUntraced(function*(
  mqtt: Mqtt,
  { base, burst: largest, messages, world }: Options,
  random: Random.Random,
  qos: Content.Level,
  lane: Content.Lane
) {
  const topic = Content.outgoing(world, qos, lane)
  const accepted = (numbers: ReadonlyArray<number>) =>
    numbers.forEach((number) => say(`accepted ${qos} ${lane} ${number}`))
  let last = base
  const burst = (): ReadonlyArray<number> => {
    const size = Math.min(random.integer(1, largest), base + messages - last)
    return Array.from({ length: size }, () => ++last)
  }
  const pause = Effect.suspend(() => Effect.sleep(random.integer(0, 20)))
  const publishAll = {
    // One by one as they come: a burst is on its way at once.
    async: (numbers: ReadonlyArray<number>) =>
      Effect.forEach(
        numbers,
        (number) => Effect.map(mqtt.publishAsync(topic, Content.textOf(number), { qos }), () => accepted([number])),
        { concurrency: "unbounded", discard: true }
      ),
    // An acknowledged message was accepted.
    wait: (numbers: ReadonlyArray<number>) =>
      Effect.forEach(
        numbers,
        (number) => Effect.map(mqtt.publish(topic, Content.textOf(number), { qos }), () => accepted([number])),
        { concurrency: "unbounded", discard: true }
      )
  }
  if (lane !== "sink") {
    for (let numbers = burst(); numbers.length > 0; numbers = burst()) {
      yield* publishAll[lane](numbers)
      yield* pause
    }
    return
  }
  // The sink asks for the next ones when it has accepted these.
  yield* Stream.paginate([] as ReadonlyArray<number>, (before) =>
    Effect.map(pause, () => {
      accepted(before)
      const numbers = burst()
      const outgoing = numbers.map((number) => ({ topic, payload: Content.textOf(number), qos }))
      return [outgoing, numbers.length === 0 ? Option.none() : Option.some(numbers)] as const
    })).pipe(Stream.run(mqtt.publishSink))
})

const program = Effect.fnUntraced(function*(options: Options) {
  const mqtt = yield* MqttClient.MqttClient
  const random = Random.make(options.seed)
  yield* SubscriptionRef.changes(mqtt.state).pipe(
    Stream.runForEach(({ _tag }) => Effect.sync(() => say(`state ${_tag}`))),
    Effect.forkScoped
  )
  const handle = ({ qos, text }: MqttMessage.MqttMessage) =>
    Effect.sync(() => say(`handled ${qos} ${Content.numberOf(text)}`))
  const consuming = mqtt.consume(Content.incomingFilter(options.world), handle, { qos: 2 })
  const publishing = ([1, 2] as const).flatMap((qos) =>
    options.lanes.map((lane) => publish(mqtt, options, random, qos, lane))
  )
  const sending = Effect.map(mqtt.flush, () => say("flushed"))
  yield* Effect.all([consuming, ...options.messages === 0 ? [sending] : publishing, Effect.never], {
    concurrency: "unbounded",
    discard: true
  })
}, Effect.scoped)

const client = (options: Options) =>
  NodeMqtt.layer({
    host: port.host,
    port: options.port,
    clientId: `crash-${options.world}`,
    protocolVersion: options.protocolVersion,
    session: "persistent",
    initialConnection: "retry",
    connectTimeout: "2 seconds",
    reconnect: Schedule.spaced("20 millis"),
    // Messages that nothing is wrong with meet many connections that end, and none may be given up.
    retransmit: Schedule.forever,
    maxInFlight: options.maxInFlight,
    // Never reached: mosquitto before 2.0.13 loses count of a window that is full.
    receiveMaximum: 20_000
  }).pipe(Layer.provide(MqttStore.layer(Effect.map(
    NodeMqttStore.make({ path: options.directory, sync: options.sync }),
    watched(options.slowness)
  ))))

const run = (options: Options): void => {
  process.once("SIGTERM", () => say("closing"))
  say("loaded")
  program(options).pipe(
    Effect.provide(client(options)),
    Effect.tapCause((cause) => Effect.logError(cause)),
    Effect.provideService(References.MinimumLogLevel, "Error"),
    NodeRuntime.runMain
  )
}

run(Schema.decodeUnknownSync(Schema.fromJsonString(Options))(process.argv[2]))
