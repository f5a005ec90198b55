// Shows the shape of a program: a client from a layer, a subscription as a stream, publishing on a schedule.
// Ends by itself when five messages came back, and fails when they have not within ten seconds.
// Brings its own broker, or uses the one that MQTT_URL=mqtt://user:password@host:port names.
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Fiber, Schedule, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { clientLayer } from "./support/broker.ts"

const topic = `effect-mqtt/${randomUUID()}/uptime`

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const messages = yield* mqtt.subscribe(topic, { qos: 1 })
  const reading = yield* messages.pipe(
    Stream.take(5),
    Stream.runForEach((message) => Effect.log(message.topic, message.text)),
    Effect.forkScoped
  )
  yield* Effect.suspend(() => mqtt.publish(topic, `${process.uptime()} s`, { qos: 1 })).pipe(
    Effect.repeat(Schedule.spaced("500 millis")),
    Effect.forkScoped
  )
  yield* Fiber.join(reading)
})

program.pipe(
  Effect.scoped,
  Effect.timeout("10 seconds"),
  Effect.provide(clientLayer()),
  NodeRuntime.runMain
)
