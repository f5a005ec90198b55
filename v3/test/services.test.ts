/**
 * Several clients in one program, each under a key of its own.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import { broker } from "./support.ts"

class Edge extends MqttClient.Service<Edge>()("Edge") {}
class Cloud extends MqttClient.Service<Cloud>()("Cloud") {}

const clients = Layer.mergeAll(
  Edge.layer(MqttClient.layer({ clientId: "edge" })),
  Cloud.layer(MqttClient.layer({ clientId: "cloud" }))
).pipe(Layer.provideMerge(broker))

const publish = (topic: string) => Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publish(topic, "", { qos: 1 }))

it.scoped("a program with two clients says which of them it means", () =>
  Effect.gen(function*() {
    const server = yield* MemoryBroker.MemoryBroker
    const cloud = yield* Cloud
    yield* cloud.publish("by/key", "", { qos: 1 })
    yield* publish("provided").pipe(Edge.provide)
    yield* publish("from/a/layer").pipe(Effect.provide(Cloud.layerClient))
    const published = (yield* server.packets()).flatMap(({ clientId, packet }) =>
      packet._tag === "Publish" ? [[clientId, packet.topic]] : []
    )
    assert.deepStrictEqual(published, [["cloud", "by/key"], ["edge", "provided"], ["cloud", "from/a/layer"]])
  }).pipe(Effect.provide(clients)))
