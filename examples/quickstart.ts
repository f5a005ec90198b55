// Shows the shape of a program: a client from a layer, the messages of `foo_topic` as a stream, and a counter published
// to `result` on a schedule. `publisher` gives it input. Ends by itself after three results, and fails unless all came
// back. Own broker, or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Fiber, Layer, Schedule, Stream } from "effect"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"

const results = 3

const program = Effect.gen(function*() {
  yield* Effect.log((yield* Broker).description)
  const mqtt = yield* MqttClient.MqttClient

  // Completes when the broker has granted the subscription; ends with the scope.
  const messages = yield* mqtt.subscribe("foo_topic", { qos: 1 })
  yield* messages.pipe(
    Stream.runForEach(({ text, topic }) => Effect.log("received", topic, text)),
    Effect.forkScoped
  )

  // The client receives its own messages here, like any other subscriber.
  const own = yield* mqtt.subscribe("result", { qos: 1 })
  const reading = yield* own.pipe(
    Stream.tap(({ text, topic }) => Effect.log("received", topic, text)),
    Stream.take(results),
    Stream.runDrain,
    Effect.forkScoped
  )

  let count = 0
  const publish = Effect.suspend(() => mqtt.publish("result", `${++count}`, { qos: 1 }))
  yield* Effect.repeat(
    publish,
    Example.isForever
      ? Schedule.spaced("5 seconds")
      : Schedule.upTo(Schedule.spaced("2 seconds"), { times: results - 1 })
  )
  yield* Fiber.join(reading)
})

program.pipe(
  Effect.scoped,
  Effect.timeout(Example.timeLimit),
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  NodeRuntime.runMain
)
