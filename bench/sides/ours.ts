/**
 * This library through what its users have: `publish` effects, one fiber each, and the `Stream` of a subscription.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { MqttClient, type MqttError, type MqttMessage } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import {
  type CleanUp,
  type Client,
  host,
  loopTopic,
  noCleanUp,
  payloadOf,
  type Perform,
  receiveFilter,
  requestTopic,
  type Target,
  topic,
  type Traffic,
  type Workload
} from "../Benchmark.ts"

const maxInFlight = 1000

/** A packet is larger than its payload. */
const packetOverhead = 1024

const schemes = { tcp: "mqtt", tls: "mqtts", ws: "ws" }

export const optionsOf = ({ ca, clientId, payload, port, store, transport }: Target): NodeMqtt.Options => ({
  url: `${schemes[transport]}://${host}:${port}`,
  clientId,
  maxInFlight,
  // The default, 1 MiB, leaves out the largest messages.
  ...(payload < 1_000_000 ? {} : { maximumPacketSize: payload + packetOverhead }),
  ...(transport === "tls" ? { tls: { ca } } : {}),
  ...(store === undefined ? {} : { session: "persistent", store: { path: store, sync: "normal" } })
})

type Work = (
  traffic: Traffic,
  count: number
) => Effect.Effect<CleanUp | void, MqttError.MqttError, MqttClient.MqttClient>

/** As many fibers as the window is wide, each publishing one message after another. */
const publish = (publishTopic: string): Work =>
  Effect.fnUntraced(function*(traffic, count) {
    const mqtt = yield* MqttClient.MqttClient
    const { qos, window } = traffic
    const payload = payloadOf(traffic)
    let left = count
    const publishOneAfterAnother = Effect.gen(function*() {
      while (left > 0) {
        left--
        yield* mqtt.publish(publishTopic, payload, { qos })
      }
    })
    const fibers = Array.from({ length: window }, () => publishOneAfterAnother)
    yield* Effect.all(fibers, { concurrency: "unbounded", discard: true })
  })

const indices = function*(count: number): Generator<number> {
  for (let index = 0; index < count; index++) yield index
}

const publishForEach: Work = Effect.fnUntraced(function*(traffic, count) {
  const mqtt = yield* MqttClient.MqttClient
  const { qos, window } = traffic
  const payload = payloadOf(traffic)
  const publishOne = () => mqtt.publish(topic, payload, { qos })
  yield* Effect.forEach(indices(count), publishOne, { concurrency: window, discard: true })
})

const publishSink: Work = Effect.fnUntraced(function*(traffic, count) {
  const mqtt = yield* MqttClient.MqttClient
  const { qos } = traffic
  const payload = payloadOf(traffic)
  yield* Stream.range(1, count).pipe(
    Stream.map(() => ({ topic, payload, qos })),
    Stream.run(mqtt.publishSink)
  )
})

const publishSequential = (latencies: Array<number>): Work =>
  Effect.fnUntraced(function*(traffic, count) {
    const mqtt = yield* MqttClient.MqttClient
    const payload = payloadOf(traffic)
    latencies.length = 0
    for (let index = 0; index < count; index++) {
      const started = performance.now()
      yield* mqtt.publish(topic, payload, { qos: traffic.qos })
      latencies.push(performance.now() - started)
    }
  })

const wrongLength = Effect.die("payloads of another length have been received")

const receive = (
  run: (
    messages: Stream.Stream<MqttMessage.MqttMessage, MqttError.MqttError>,
    seen: (message: MqttMessage.MqttMessage) => void
  ) => Effect.Effect<void, MqttError.MqttError>
): Work =>
  Effect.fnUntraced(function*(traffic, count) {
    const mqtt = yield* MqttClient.MqttClient
    const scope = yield* Scope.make()
    const messages = yield* Scope.provide(mqtt.subscribe(receiveFilter(traffic, count), { qos: traffic.qos }), scope)
    let bytes = 0
    yield* run(Stream.take(messages, count), (message) => {
      bytes += message.payload.length
    })
    if (bytes !== count * traffic.payload) return yield* wrongLength
    return () => Effect.runPromise(Scope.close(scope, Exit.void))
  })

const receiveEach = receive((messages, seen) =>
  Stream.runForEach(messages, (message) => Effect.sync(() => seen(message)))
)

const receiveChunks = receive((messages, seen) =>
  Stream.runForEachArray(messages, (chunk) => Effect.sync(() => chunk.forEach(seen)))
)

/** Every message is acknowledged behind its handler; what unsubscribes is inside the measured time. */
const consume: Work = Effect.fnUntraced(function*(traffic, count) {
  const mqtt = yield* MqttClient.MqttClient
  const done = yield* Deferred.make<void>()
  let bytes = 0
  let received = 0
  const handler = (message: MqttMessage.MqttMessage) =>
    Effect.sync(() => {
      bytes += message.payload.length
      if (++received === count) Deferred.doneUnsafe(done, Exit.void)
    })
  const consuming = mqtt.consume(receiveFilter(traffic, count), handler, { qos: 1 })
  // The consumer has its turn before it is interrupted, or the last message would be given back.
  const afterLast = Deferred.await(done).pipe(Effect.andThen(Effect.yieldNow), Effect.andThen(Effect.yieldNow))
  yield* Effect.raceFirst(consuming, afterLast)
  if (bytes !== count * traffic.payload) return yield* wrongLength
})

const request: Work = Effect.fnUntraced(function*(traffic, count) {
  const mqtt = yield* MqttClient.MqttClient
  const payload = payloadOf(traffic)
  const { qos, window } = traffic
  let left = count
  const requestOneAfterAnother = Effect.gen(function*() {
    while (left > 0) {
      left--
      const answer = yield* mqtt.request(requestTopic, payload, { qos })
      if (answer.payload.length !== payload.length) return yield* wrongLength
    }
  })
  const fibers = Array.from({ length: window }, () => requestOneAfterAnother)
  yield* Effect.all(fibers, { concurrency: "unbounded", discard: true })
})

/** What it publishes comes back to it. */
const loop: Work = Effect.fnUntraced(function*(traffic, count) {
  const mqtt = yield* MqttClient.MqttClient
  const scope = yield* Scope.make()
  const messages = yield* Scope.provide(mqtt.subscribe(loopTopic, { qos: traffic.qos }), scope)
  let bytes = 0
  const receiving = Stream.runForEach(Stream.take(messages, count), (message) =>
    Effect.sync(() => {
      bytes += message.payload.length
    }))
  yield* Effect.all([receiving, publish(loopTopic)(traffic, count)], { concurrency: 2, discard: true })
  if (bytes !== count * traffic.payload) return yield* wrongLength
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
})

export const connect = async (target: Target): Promise<Client> => {
  const runtime = ManagedRuntime.make(NodeMqtt.layer(optionsOf(target)))
  await runtime.context()
  const latencies: Array<number> = []
  const work: Record<Workload, Work> = {
    publish: publish(topic),
    "publish forEach": publishForEach,
    "publish sink": publishSink,
    "publish sequential": publishSequential(latencies),
    receive: receiveEach,
    "receive chunks": receiveChunks,
    consume,
    request,
    loop
  }
  const perform = (one: Work): Perform => async (traffic, count) =>
    (await runtime.runPromise(one(traffic, count))) ?? noCleanUp
  return {
    perform: Object.fromEntries(Object.entries(work).map(([workload, one]) => [workload, perform(one)])),
    latencies: () => latencies,
    disconnect: () => runtime.dispose()
  }
}
