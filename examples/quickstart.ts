// Shows the shape of a program: subscribe, react to each message as it comes, publish on a schedule.
// Subscriptions are streams and end with their scope; the client is a layer that connects and reconnects by itself.
// Run it with: npx node examples/quickstart.ts (needs no broker; MQTT_URL=mqtt://host uses a real one)
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Schedule, Stream } from "effect"
import { MqttClient } from "../src/index.ts"
import { clientLayer } from "./support/broker.ts"

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const messages = yield* mqtt.subscribe("foo_topic", { qos: 1 })
  yield* messages.pipe(Stream.runForEach((m) => Effect.log(m.topic, m.text)), Effect.forkScoped)
  yield* mqtt.publish("foo_topic", "0", { qos: 1 }).pipe(Effect.repeat({schedule: Schedule.spaced("1 seconds"), times: 3}))
})

program.pipe(
  Effect.scoped,
  Effect.provide(clientLayer()),
  NodeRuntime.runMain
)
