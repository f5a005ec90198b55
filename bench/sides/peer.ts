/**
 * MQTT.js as its documentation shows it: callbacks for a window, `publishAsync` one at a time, the `message` event.
 */
import mqtt, { type MqttClient } from "mqtt"
import { type Client, host, noCleanUp, payload, type Perform, receiveFilter, topic } from "../Benchmark.ts"

/** Publishes the next message from the callback of an earlier one, so that `window` are outstanding. */
const publishWindow = (client: MqttClient): Perform => ({ qos, window }, count) =>
  new Promise((resolve, reject) => {
    let started = 0
    let completed = 0
    const publishNext = () => {
      if (started === count) return
      started++
      client.publish(topic, payload, { qos }, (error) => {
        if (error) return reject(error)
        completed++
        if (completed === count) resolve(noCleanUp)
        else publishNext()
      })
    }
    for (let i = 0; i < window; i++) publishNext()
  })

const publishSequential = (client: MqttClient): Perform => async ({ qos }, count) => {
  for (let i = 0; i < count; i++) await client.publishAsync(topic, payload, { qos })
  return noCleanUp
}

const receive = (client: MqttClient): Perform => async (row, count) => {
  const filter = receiveFilter(row, count)
  const bytes = await new Promise<number>((resolve, reject) => {
    let received = 0
    let bytes = 0
    client.on("message", (_topic, message) => {
      received++
      bytes += message.length
      if (received === count) resolve(bytes)
    })
    client.subscribe(filter, { qos: row.qos }, (error) => {
      if (error) reject(error)
    })
  })
  if (bytes !== count * payload.length) throw new Error("payloads of another length have been received")
  return async () => {
    client.removeAllListeners("message")
    await client.unsubscribeAsync(filter)
  }
}

export const connect = async (port: number): Promise<Client> => {
  const client = await mqtt.connectAsync(`mqtt://${host}:${port}`, { protocolVersion: 5, reconnectPeriod: 0 })
  return {
    perform: {
      "publish window": publishWindow(client),
      "publish sequential": publishSequential(client),
      receive: receive(client)
    },
    disconnect: () => client.endAsync()
  }
}
