/**
 * A user's program in CommonJS: an alarm over the broker in memory.
 */
import Core = require("effect")
import Mqtt = require("effect-mqtt-v3")
import MqttNode = require("effect-mqtt-v3/node")
import MqttTesting = require("effect-mqtt-v3/testing")

const { Effect, Layer, Stream } = Core

const brokerAndClient = Mqtt.MqttClient.layer().pipe(Layer.provide(MqttTesting.MemoryBroker.layer()))

const program = Effect.gen(function*() {
  const mqtt = yield* Mqtt.MqttClient.MqttClient
  const alarms = yield* mqtt.subscribe("alarm/#", { qos: 1 })
  yield* mqtt.publish("alarm/1", "fire", { qos: 1 })
  const [alarm] = yield* Stream.runCollect(Stream.take(alarms, 1))
  const refused = yield* Effect.flip(mqtt.publish("bad/#", "x"))
  const isOurs = refused instanceof Mqtt.MqttError.MqttError
  const options: MqttNode.NodeMqtt.Options = { url: "no URL" }
  const failed = yield* Effect.flip(Effect.scoped(Layer.build(MqttNode.NodeMqtt.layer(options))))
  console.log(`${alarm?.topic}=${alarm?.text} ${refused.reason._tag} ${isOurs} ${failed.reason._tag}`)
})

Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(brokerAndClient))).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
