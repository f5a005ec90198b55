// The first run: publishes this machine's readings at QoS 1 five times a second, reads them back, and counts. Ends
// after five seconds, or with `npm start -- --forever` at Ctrl-C. Fails if a message did not come back. Brings its own
// broker, or uses the one at MQTT_URL=mqtt://user:password@host:port.
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Clock, Console, Deferred, Effect, Exit, Fiber, Layer, Schema, Stream, SubscriptionRef } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient, type MqttError, type MqttMessage } from "../src/index.ts"
import * as Broker from "./support/broker.ts"
import { Machine } from "./support/machine.ts"
import * as Progress from "./support/progress.ts"
import { ReadingJson } from "./support/reading.ts"

class MessagesLost extends Schema.TaggedError<MessagesLost>()("MessagesLost", { lost: Schema.Int, sent: Schema.Int }) {
  override get message(): string {
    return this.sent === 0 ? "nothing was sent" : `${this.lost} of ${this.sent} messages did not come back`
  }
}

const isForever = process.argv.includes("--forever")

/** Other programs may use the same broker, so the readings need a topic of their own. */
const topic = `effect-mqtt/${randomUUID()}/readings`

type Counters = SubscriptionRef.SubscriptionRef<Progress.Progress>

/** Milliseconds of a clock that does not jump. */
const now = Effect.map(Clock.monotonicTimeNanos, (nanoseconds) => Number(nanoseconds) / 1e6)

/** Five readings a second until `stop`, without waiting for earlier acknowledgements. */
const sendReadings = Effect.fnUntraced(function*(progress: Counters, stop: Deferred.Deferred<void>) {
  const machine = yield* Machine
  const mqtt = yield* MqttClient.MqttClient
  const send = Effect.gen(function*() {
    const reading = yield* machine.read
    const json = yield* Schema.encodeEffect(ReadingJson)(reading)
    yield* SubscriptionRef.update(progress, Progress.sent(reading.number, yield* now))
    yield* mqtt.publish(topic, json, { qos: 1 })
    yield* SubscriptionRef.update(progress, Progress.acknowledged)
  })
  yield* Stream.tick("200 millis").pipe(
    Stream.interruptWhen(Deferred.await(stop)),
    Stream.mapEffect(() => send, { concurrency: 100 }),
    Stream.runDrain
  )
})

/** A line for each reading that comes back. */
const showReadings = Effect.fnUntraced(
  function*(progress: Counters, messages: Stream.Stream<MqttMessage.MqttMessage, MqttError.MqttError>) {
    yield* Console.log(Progress.header)
    yield* messages.pipe(
      Stream.mapEffect((message) => Schema.decodeEffect(ReadingJson)(message.text)),
      Stream.runForEach(Effect.fnUntraced(function*(reading) {
        const counted = yield* SubscriptionRef.updateAndGet(progress, Progress.received(reading.number, yield* now))
        yield* Console.log(Progress.line(reading, counted.latest))
      }))
    )
  }
)

/** Waits a limited time for readings under way, and prints the result. */
const finish = Effect.fnUntraced(function*(progress: Counters) {
  yield* SubscriptionRef.changes(progress).pipe(
    Stream.takeUntil(Progress.isComplete),
    Stream.runDrain,
    Effect.timeoutOption("5 seconds")
  )
  const counted = yield* SubscriptionRef.get(progress)
  yield* Console.log(Progress.summary(counted))
  const lost = Progress.lost(counted)
  if (lost > 0 || counted.received === 0) return yield* new MessagesLost({ lost, sent: counted.sent })
})

/** The first Ctrl-C interrupts the program, which still finishes. A second one ends it at once. */
const exitOnNextSignal = Effect.sync(() => {
  const first = performance.now()
  // npm passes on a signal that the terminal has already sent to every process: it is the same Ctrl-C.
  process.on("SIGINT", () => performance.now() - first > 500 && process.exit(130))
})

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const progress = yield* SubscriptionRef.make(Progress.nothing)
  const stop = yield* Deferred.make<void>()
  const messages = yield* mqtt.subscribe(topic, { qos: 1 })
  const showing = yield* Effect.forkScoped(showReadings(progress, messages))
  const sending = yield* Effect.forkScoped(sendReadings(progress, stop))

  // Neither ends by itself: this ends at the time limit, at Ctrl-C, or if one of them fails.
  const working = Effect.raceFirst(Fiber.join(showing), Fiber.join(sending))
  yield* (isForever ? working : Effect.timeoutOption(working, "5 seconds")).pipe(
    Effect.onInterrupt(() => exitOnNextSignal),
    Effect.onExit(() => Effect.andThen(Deferred.succeed(stop, undefined), finish(progress)))
  )
})

const main = Effect.gen(function*() {
  const broker = yield* Broker.Broker
  yield* Console.log(`Publishing to ${topic} and reading it back, through ${broker.description}\n`)
  yield* program
}).pipe(
  Effect.scoped,
  Effect.provide(Layer.mergeAll(Broker.clientLayer(), Machine.layer)),
  Effect.tapCause((cause) =>
    Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(`\n${Cause.prettyErrors(cause)[0].message}`)
  )
)

NodeRuntime.runMain(main, {
  disableErrorReporting: true,
  // Ctrl-C is the intended end of a run with --forever.
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
})
