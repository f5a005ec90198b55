/**
 * Clients use the store, the measuring and the decorator that the layers below them provide.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { MqttClient, MqttMetrics, MqttPackets, MqttStore, MqttTransport } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import { broker } from "./support.ts"

const isMeasured = Effect.map(
  Metric.snapshot,
  (pairs) => pairs.some(({ metricKey }) => metricKey.name === "messaging.client.operation.duration")
)

it.scoped("a store, a decorator and the measuring of times are there side by side, in whatever order", () =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const decorator = Layer.succeed(MqttTransport.ConnectionDecorator, (connection, endpoint) => ({
      ...connection,
      write: (chunks) =>
        Effect.zipRight(Effect.sync(() => seen.push(`${endpoint} ${chunks[0][0] >> 4}`)), connection.write(chunks))
    }))
    const layers = [MqttStore.layerMemory, decorator, MqttMetrics.layerDurations()] as const
    for (const [first, second, third] of [layers, [layers[2], layers[0], layers[1]]] as const) {
      seen.length = 0
      yield* Effect.gen(function*() {
        const mqtt = yield* MqttClient.MqttClient
        yield* mqtt.publish("site/a", "21", { qos: 1 })
        assert.deepStrictEqual(seen, ["mqtt://broker.test:1883 1", "mqtt://broker.test:1883 3"])
        assert.strictEqual((yield* mqtt.stats).storedMessages, 0)
        assert.isTrue(yield* isMeasured)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          MqttClient.layer({ clientId: "client", session: "persistent" }).pipe(
            Layer.provide(Layer.mergeAll(first, second, third)),
            Layer.provideMerge(broker)
          )
        )
      )
      assert.isFalse(yield* isMeasured)
    }
  }))

it.scoped("packets are lines for whoever asks, with the connection's number", () =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const packets = MqttPackets.layer({ write: (line) => Effect.sync(() => lines.push(line)), payload: 10 })
    yield* Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publish("site/a", "21", { qos: 1 })).pipe(
      Effect.provide(MqttClient.layer({ clientId: "client" }).pipe(Layer.provide(packets)))
    )
    const kinds = lines.map((line) => line.split(" ").slice(1, 4).join(" "))
    assert.deepStrictEqual(kinds.slice(0, 3), [
      "#1 opened mqtt://broker.test:1883",
      "#1 sent CONNECT",
      "#1 received CONNACK"
    ])
    assert.isTrue(kinds.includes("#1 sent PUBLISH"))
    const server = yield* MemoryBroker.MemoryBroker
    assert.strictEqual((yield* server.messages).length, 1)
  }).pipe(Effect.provide(broker)))
