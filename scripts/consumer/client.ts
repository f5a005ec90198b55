/**
 * What a library on top of the client exports, without a type written down: the compiler must find names for all of them.
 */
import { MqttClient } from "effect-mqtt"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

type Client = MqttClient.MqttClient["Service"]

export const made = MqttClient.make({ clientId: "library" })
export const layer = MqttClient.layer({ keepAlive: "30 seconds" })
export const fromEnvironment = MqttClient.layerConfig()

export const published = (mqtt: Client) => mqtt.publish("a", "b", { qos: 1 })
export const publishedAhead = (mqtt: Client) => mqtt.publishAsync("a", "b", { qos: 1 })
export const sink = (mqtt: Client) => mqtt.publishSink
export const flushed = (mqtt: Client) => mqtt.flush
export const subscribed = (mqtt: Client) => mqtt.subscribe("a")
export const messages = (mqtt: Client) => mqtt.messages(["a", "b"])
export const consumed = (mqtt: Client) => mqtt.consume("a", (message) => Effect.log(message.text))
export const requested = (mqtt: Client) => mqtt.request("a", "b")
export const responded = (mqtt: Client) => mqtt.respond("a", (request) => Effect.succeed(request.payload))
export const isUp = (mqtt: Client) => mqtt.brokerUp
export const isChecked = (mqtt: Client) => mqtt.checkConnection
export const replaced = (mqtt: Client) => mqtt.replaceConnection
export const state = (mqtt: Client) => mqtt.state
export const events = (mqtt: Client) => mqtt.events
export const stats = (mqtt: Client) => mqtt.stats
export const health = (mqtt: Client) => mqtt.health
export const ended = (mqtt: Client) => mqtt.disconnectWith({ publishWill: true })
export const reauthenticated = (mqtt: Client) => mqtt.reauthenticate
export const everything = (mqtt: Client) => ({ ...mqtt })

export const firstMessage = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const subscription = yield* mqtt.subscribe("a")
  return { subscription, first: yield* Stream.runHead(subscription) }
})

export class Edge extends MqttClient.Service<Edge>()("Edge") {}
export const edge = Edge.layer(layer)
export const onEdge = Edge.provide(firstMessage)
export const clientOfEdge = Edge.layerClient
export const madeService = MqttClient.Service<Edge>()
