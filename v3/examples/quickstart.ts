// Publishes three readings and receives them. Ends by itself. Uses a broker in memory, or the broker at
// MQTT_URL=mqtt://user:password@host:port.
import { Console, Effect, Layer, Schedule, Stream } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { NodeMqtt } from "effect-mqtt-v3/node"
import { MemoryBroker } from "effect-mqtt-v3/testing"

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient

  // Completes when the broker has granted the subscription, which ends with the scope.
  const readings = yield* mqtt.subscribe("effect-mqtt/v3/+/temperature", { qos: 1 })

  // Completes when the broker has acknowledged the message, even if the connection is lost in between.
  yield* mqtt.publish("effect-mqtt/v3/1/temperature", "21.5", { qos: 1 }).pipe(
    Effect.repeat(Schedule.spaced("200 millis")),
    Effect.forkScoped
  )

  yield* readings.pipe(
    Stream.take(3),
    Stream.runForEach((message) => Console.log(message.topic, message.text))
  )
})

const { MQTT_URL: url } = process.env

const client = url === undefined
  ? MqttClient.layer().pipe(Layer.provide(MemoryBroker.layer()))
  : NodeMqtt.layer({ url })

program.pipe(Effect.scoped, Effect.provide(client), Effect.runPromise)
