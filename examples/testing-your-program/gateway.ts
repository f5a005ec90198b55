/**
 * An ordinary program: it needs an `MqttClient`, and does not know its server.
 */
import { Effect, Schedule } from "effect"
import { MqttClient } from "effect-mqtt"

/** Opens and closes valves as commanded, and reports each when it is done. */
export const gateway = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* mqtt.publish("gateway/status", "online", { qos: 1, retain: true })
  yield* mqtt.consume(
    "valve/+/set",
    ({ text, topic }) => mqtt.publish(topic.replace(/set$/, "state"), text, { qos: 1 }),
    { qos: 1 }
  )
})

/** The real program adds a `url`; see `main.ts`. */
export const options = {
  clientId: "gateway",
  session: "persistent",
  reconnect: Schedule.spaced("5 seconds"),
  will: { topic: "gateway/status", payload: "offline", qos: 1, retain: true }
} as const
