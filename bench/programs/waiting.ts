/**
 * `node waiting.js '{"side","target","count"}'`: messages are published while there is no server, and the process is killed
 * when the store has all of them. What starts next finds them.
 */
import * as Effect from "effect/Effect"
import mqtt from "mqtt"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { payloadOf, type Target, topic } from "../Benchmark.ts"
import * as Ours from "../sides/ours.ts"
import * as Peer from "../sides/peer.ts"

export interface Order {
  readonly side: "ours" | "peer"
  /** Nobody listens there. */
  readonly target: Target
  readonly count: number
}

const ours = ({ count, target }: Order): Promise<void> => {
  const payload = payloadOf(target)
  const publishAll = Effect.flatMap(
    MqttClient.MqttClient,
    ({ publishAsync }) =>
      Effect.forEach(Array.from({ length: count }), () => publishAsync(topic, payload, { qos: 1 }), {
        concurrency: "unbounded",
        discard: true
      })
  )
  const layer = NodeMqtt.layer({ ...Ours.optionsOf(target), initialConnection: "retry" })
  return Effect.runPromise(Effect.provide(publishAll, layer))
}

const peer = ({ count, target }: Order): Promise<void> => {
  const payload = payloadOf(target)
  const client = mqtt.connect(Peer.urlOf(target), Peer.optionsOf(target))
  // There is no server.
  client.on("error", () => {})
  return new Promise((resolve, reject) => {
    let stored = 0
    const cbStorePut = (error?: Error) => {
      if (error !== undefined) return reject(error)
      stored++
      if (stored === count) resolve()
    }
    for (let index = 0; index < count; index++) client.publish(topic, payload, { qos: 1, cbStorePut })
  })
}

const order: Order = JSON.parse(process.argv[2])
await (order.side === "ours" ? ours : peer)(order)
process.kill(process.pid, "SIGKILL")
