/**
 * A client's numbers in the metric registry of Effect 3.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, HashSet, Layer, Metric, MetricState, Scope } from "effect"
import { MqttClient, MqttMetrics } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import { broker, brokerAndClient } from "./support.ts"

/** What a snapshot says of the metrics of a name. */
const snapshotOf = (name: string) =>
  Effect.map(
    Metric.snapshot,
    (pairs) =>
      pairs.filter(({ metricKey }) => metricKey.name === name).map(({ metricKey, metricState }) => ({
        state: metricState,
        labels: Object.fromEntries(
          HashSet.toValues(HashSet.fromIterable(metricKey.tags)).map(({ key, value }) => [key, value])
        )
      }))
  )

const countOf = (name: string) =>
  Effect.map(
    snapshotOf(name),
    (found) => found.map(({ state }) => MetricState.isCounterState(state) ? Number(state.count) : undefined)
  )

const sent = "messaging.client.sent.messages"

it.scoped("every snapshot has the numbers of its moment, and none after the end of the client", () =>
  Effect.gen(function*() {
    yield* Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      assert.deepStrictEqual(yield* countOf(sent), [0])
      yield* mqtt.publish("site/a", "21", { qos: 1 })
      assert.deepStrictEqual(yield* countOf(sent), [1])
      yield* mqtt.publish("site/a", "21", { qos: 1 })
      assert.deepStrictEqual(yield* countOf(sent), [2])
      const [connected] = yield* snapshotOf("mqtt.client.connected")
      assert.strictEqual(MetricState.isGaugeState(connected.state) && connected.state.value, 1)
    }).pipe(Effect.provide(brokerAndClient({ metrics: { attributes: { plant: "seven" } } })), Effect.scoped)
    assert.deepStrictEqual(yield* snapshotOf(sent), [])
    assert.deepStrictEqual(yield* snapshotOf("mqtt.client.connected"), [])
  }))

it.scoped("they have the labels of the client, and those of the program", () =>
  Effect.gen(function*() {
    const [{ labels }] = yield* snapshotOf(sent)
    assert.deepStrictEqual(labels, {
      unit: "{message}",
      "messaging.operation.name": "publish",
      "messaging.system": "mqtt",
      "messaging.client.id": "client",
      "mqtt.endpoint": "mqtt://broker.test:1883",
      plant: "seven",
      region: "north"
    })
  }).pipe(
    Effect.provide(brokerAndClient({ metrics: { attributes: { plant: "seven" } } })),
    Effect.tagMetrics("region", "north")
  ))

it.scoped("a metric of the module is the one that the client registers", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    yield* mqtt.publish("site/a", "21", { qos: 1 })
    const state = yield* MqttMetrics.messages.acknowledged.pipe(
      Metric.tagged("messaging.system", "mqtt"),
      Metric.tagged("messaging.client.id", "client"),
      Metric.tagged("mqtt.endpoint", "mqtt://broker.test:1883"),
      Metric.value
    )
    assert.strictEqual(state.count, 1)
  }).pipe(Effect.provide(brokerAndClient({ metrics: true }))))

const source = (reconnects: number): MqttMetrics.Source => ({
  stats: () => ({ reconnects }) as ReturnType<MqttMetrics.Source["stats"]>,
  isConnected: () => false,
  attributes: { plant: "seven" }
})

it.scoped("a program may register numbers of its own as a client's", () =>
  Effect.gen(function*() {
    yield* MqttMetrics.register(source(3))
    assert.deepStrictEqual(yield* countOf("mqtt.client.reconnects"), [3])
  }))

it.scoped("who took the place of another one keeps it when the other one ends", () =>
  Effect.gen(function*() {
    const first = yield* Scope.make()
    yield* Scope.extend(MqttMetrics.register(source(1)), first)
    yield* MqttMetrics.register(source(2))
    yield* Scope.close(first, Exit.void)
    assert.deepStrictEqual(yield* countOf("mqtt.client.reconnects"), [2])
  }))

it.scoped("with layerDurations there are histograms of publishing and processing, which end with the client", () =>
  Effect.gen(function*() {
    yield* Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const server = yield* MemoryBroker.MemoryBroker
      const isHandled = yield* Deferred.make<void>()
      yield* Effect.forkScoped(mqtt.consume("site/+", () => Deferred.succeed(isHandled, undefined), { qos: 1 }))
      yield* server.awaitPacket("client", "Subscribe")
      yield* mqtt.publish("site/a", "21", { qos: 1 })
      yield* Effect.flip(mqtt.publish("site/#", "21", { qos: 1 }))
      yield* Deferred.await(isHandled)
      yield* server.awaitPacket("client", "Puback")
      const [published] = yield* snapshotOf("messaging.client.operation.duration")
      assert.strictEqual(MetricState.isHistogramState(published.state) && published.state.count, 1)
      assert.strictEqual(published.labels["messaging.client.id"], "client")
      const [processed] = yield* snapshotOf("messaging.process.duration")
      assert.strictEqual(processed.labels["messaging.destination.template"], "site/+")
      assert.strictEqual(MetricState.isHistogramState(processed.state) && processed.state.buckets[0][1], 1)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        MqttClient.layer({ clientId: "client" }).pipe(
          Layer.provideMerge(Layer.merge(broker, MqttMetrics.layerDurations()))
        )
      )
    )
    assert.deepStrictEqual(yield* snapshotOf("messaging.client.operation.duration"), [])
  }))
