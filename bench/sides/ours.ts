/**
 * This library through what its users have: `publish` effects, one fiber each, and the `Stream` of a subscription.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { type Client, host, noCleanUp, payload, type Perform, receiveFilter, type Row, topic } from "../Benchmark.ts"

const window = 1000

const publishWindow = Effect.fnUntraced(function*(row: Row, count: number) {
  const mqtt = yield* MqttClient.MqttClient
  let left = count
  const publishOneAfterAnother = Effect.gen(function*() {
    while (left > 0) {
      left--
      yield* mqtt.publish(topic, payload, { qos: row.qos })
    }
  })
  const fibers = Array.from({ length: row.window }, () => publishOneAfterAnother)
  yield* Effect.all(fibers, { concurrency: "unbounded", discard: true })
})

const receive = Effect.fnUntraced(function*(row: Row, count: number) {
  const mqtt = yield* MqttClient.MqttClient
  const scope = yield* Scope.make()
  const messages = yield* Scope.provide(mqtt.subscribe(receiveFilter(row, count), { qos: row.qos }), scope)
  let bytes = 0
  yield* messages.pipe(
    Stream.take(count),
    Stream.runForEach((message) =>
      Effect.sync(() => {
        bytes += message.payload.length
      })
    )
  )
  if (bytes !== count * payload.length) return yield* Effect.die("payloads of another length have been received")
  return () => Scope.close(scope, Exit.void)
})

export const connect = async (port: number): Promise<Client> => {
  const runtime = ManagedRuntime.make(NodeMqtt.layer({ url: `mqtt://${host}:${port}`, maxInflight: window }))
  await runtime.context()
  const publish: Perform = async (row, count) => {
    await runtime.runPromise(publishWindow(row, count))
    return noCleanUp
  }
  return {
    perform: {
      "publish window": publish,
      "publish sequential": publish,
      receive: async (row, count) => {
        const unsubscribe = await runtime.runPromise(receive(row, count))
        return () => runtime.runPromise(unsubscribe())
      }
    },
    disconnect: () => runtime.dispose()
  }
}
