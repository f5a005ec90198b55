/**
 * The package for Effect 3, as it is published, through what its users have.
 *
 * It does what `bench/sides/ours.ts` does, in Effect 3's words.
 */
import { MqttClient, type MqttError, type MqttMessage } from "effect-mqtt-v3"
import { NodeMqtt } from "effect-mqtt-v3/node"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type CleanUp,
  type Client,
  host,
  noCleanUp,
  payloadOf,
  type Perform,
  receiveFilter,
  type Target,
  topic,
  type Traffic
} from "../../bench/Benchmark.ts"

const optionsOf = ({ clientId, port }: Target): NodeMqtt.Options => ({
  url: `mqtt://${host}:${port}`,
  clientId,
  maxInFlight: 1000
})

type Work = (
  traffic: Traffic,
  count: number
) => Effect.Effect<CleanUp | void, MqttError.MqttError, MqttClient.MqttClient>

/** As many fibers as the window is wide, each publishing one message after another. */
const publish: Work = (traffic, count) =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const { qos, window } = traffic
    const payload = payloadOf(traffic)
    let left = count
    const publishOneAfterAnother = Effect.gen(function*() {
      while (left > 0) {
        left--
        yield* mqtt.publish(topic, payload, { qos })
      }
    })
    const fibers = Array.from({ length: window }, () => publishOneAfterAnother)
    yield* Effect.all(fibers, { concurrency: "unbounded", discard: true })
  })

const wrongLength = Effect.dieMessage("payloads of another length have been received")

const receive: Work = (traffic, count) =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const scope = yield* Scope.make()
    const messages = yield* Scope.extend(mqtt.subscribe(receiveFilter(traffic, count), { qos: traffic.qos }), scope)
    let bytes = 0
    yield* Stream.runForEach(Stream.take(messages, count), (message) =>
      Effect.sync(() => {
        bytes += message.payload.length
      }))
    if (bytes !== count * traffic.payload) return yield* wrongLength
    return () => Effect.runPromise(Scope.close(scope, Exit.void))
  })

/** Every message is acknowledged behind its handler; what unsubscribes is inside the measured time. */
const consume: Work = (traffic, count) =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const done = yield* Deferred.make<void>()
    let bytes = 0
    let received = 0
    const handler = (message: MqttMessage.MqttMessage) =>
      Effect.sync(() => {
        bytes += message.payload.length
        if (++received === count) Deferred.unsafeDone(done, Exit.void)
      })
    const consuming = mqtt.consume(receiveFilter(traffic, count), handler, { qos: 1 })
    // The consumer has its turn before it is interrupted, or the last message would be given back.
    const afterLast = Deferred.await(done).pipe(Effect.zipRight(Effect.yieldNow()), Effect.zipRight(Effect.yieldNow()))
    yield* Effect.raceFirst(consuming, afterLast)
    if (bytes !== count * traffic.payload) return yield* wrongLength
  })

export const connect = async (target: Target): Promise<Client> => {
  const runtime = ManagedRuntime.make(NodeMqtt.layer(optionsOf(target)))
  await runtime.runtime()
  const perform = (one: Work): Perform => async (traffic, count) =>
    (await runtime.runPromise(one(traffic, count))) ?? noCleanUp
  return {
    perform: { publish: perform(publish), receive: perform(receive), consume: perform(consume) },
    latencies: () => [],
    disconnect: () => runtime.dispose()
  }
}
