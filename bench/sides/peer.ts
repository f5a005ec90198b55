/**
 * MQTT.js as its documentation shows it: callbacks for a window, `publishAsync` one at a time, the `message` event.
 */
import mqtt, { type IClientOptions, type IStore, type MqttClient } from "mqtt"
import { createRequire } from "node:module"
import {
  type Client,
  host,
  loopTopic,
  noCleanUp,
  payloadOf,
  type Perform,
  receiveFilter,
  requestTopic,
  type Target,
  topic
} from "../Benchmark.ts"

/** Seconds. */
export const sessionExpiry = 60

const schemes = { tcp: "mqtt", tls: "mqtts", ws: "ws" }

export const urlOf = ({ port, transport }: Pick<Target, "port" | "transport">): string =>
  `${schemes[transport]}://${host}:${port}`

interface LevelStore {
  readonly incoming: IStore
  readonly outgoing: IStore
}

/** Loaded only where it is used; it has no types. */
const stored = (path: string): IClientOptions => {
  const open: (path: string) => LevelStore = createRequire(import.meta.url)("mqtt-level-store")
  const { incoming, outgoing } = open(path)
  return {
    incomingStore: incoming,
    outgoingStore: outgoing,
    clean: false,
    properties: { sessionExpiryInterval: sessionExpiry }
  }
}

export const optionsOf = ({ ca, clientId, store, transport }: Target): IClientOptions => ({
  protocolVersion: 5,
  reconnectPeriod: 0,
  clientId,
  ...(transport === "tls" ? { ca } : {}),
  ...(store === undefined ? {} : stored(store))
})

/** Publishes the next message from the callback of an earlier one, so that `window` are outstanding. */
const publish = (client: MqttClient, publishTopic: string): Perform => (traffic, count) =>
  new Promise((resolve, reject) => {
    const { qos, window } = traffic
    const payload = payloadOf(traffic)
    let started = 0
    let completed = 0
    const publishNext = () => {
      if (started === count) return
      started++
      client.publish(publishTopic, payload, { qos }, (error) => {
        if (error) return reject(error)
        completed++
        if (completed === count) resolve(noCleanUp)
        else publishNext()
      })
    }
    for (let i = 0; i < window; i++) publishNext()
  })

const publishSequential = (client: MqttClient, latencies: Array<number>): Perform => async (traffic, count) => {
  const payload = payloadOf(traffic)
  latencies.length = 0
  for (let i = 0; i < count; i++) {
    const started = performance.now()
    await client.publishAsync(topic, payload, { qos: traffic.qos })
    latencies.push(performance.now() - started)
  }
  return noCleanUp
}

/** Ends when `count` messages have come to `listen`, which is given the listener. */
const received = (count: number, length: number, listen: (seen: (payload: Buffer) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    let received = 0
    let bytes = 0
    listen((payload) => {
      received++
      bytes += payload.length
      if (received !== count) return
      if (bytes === count * length) resolve()
      else reject(new Error("payloads of another length have been received"))
    })
  })

const unsubscribe = (client: MqttClient, filter: string) => async () => {
  client.removeAllListeners("message")
  await client.unsubscribeAsync(filter)
}

const receive = (client: MqttClient): Perform => async (traffic, count) => {
  const filter = receiveFilter(traffic, count)
  await received(count, traffic.payload, (seen) => {
    client.on("message", (_topic, payload) => seen(payload))
    client.subscribe(filter, { qos: traffic.qos })
  })
  return unsubscribe(client, filter)
}

/** `customHandleAcks` acknowledges when it calls back. */
const consume = (client: MqttClient): Perform => async (traffic, count) => {
  const filter = receiveFilter(traffic, count)
  await received(count, traffic.payload, (seen) => {
    client.options.customHandleAcks = (_topic, payload, _packet, done) => {
      seen(payload)
      done(0)
    }
    client.subscribe(filter, { qos: traffic.qos })
  })
  return unsubscribe(client, filter)
}

/** The glue that MQTT.js leaves to its users: one topic for all answers, and a map of who waits for which. */
const request = (client: MqttClient, clientId: string): Perform => async (traffic, count) => {
  const { qos, window } = traffic
  const payload = payloadOf(traffic)
  const responseTopic = `response/${clientId}`
  const waiting = new Map<string, (answer: Buffer) => void>()
  let correlation = 0
  client.on("message", (_topic, answer, packet) => {
    const key = packet.properties?.correlationData?.toString("latin1") ?? ""
    waiting.get(key)?.(answer)
    waiting.delete(key)
  })
  await client.subscribeAsync(responseTopic, { qos })
  const ask = () =>
    new Promise<Buffer>((resolve, reject) => {
      const correlationData = Buffer.allocUnsafe(4)
      correlationData.writeUInt32BE(correlation++)
      waiting.set(correlationData.toString("latin1"), resolve)
      client.publish(requestTopic, payload, { qos, properties: { responseTopic, correlationData } }, (error) => {
        if (error) reject(error)
      })
    })
  let left = count
  const askOneAfterAnother = async () => {
    while (left > 0) {
      left--
      const answer = await ask()
      if (answer.length !== payload.length) throw new Error("answers of another length have been received")
    }
  }
  await Promise.all(Array.from({ length: window }, askOneAfterAnother))
  return unsubscribe(client, responseTopic)
}

const loop = (client: MqttClient): Perform => async (traffic, count) => {
  await client.subscribeAsync(loopTopic, { qos: traffic.qos })
  const receiving = received(count, traffic.payload, (seen) => client.on("message", (_topic, payload) => seen(payload)))
  await Promise.all([receiving, publish(client, loopTopic)(traffic, count)])
  return unsubscribe(client, loopTopic)
}

export const connect = async (target: Target): Promise<Client> => {
  const client = await mqtt.connectAsync(urlOf(target), optionsOf(target))
  const latencies: Array<number> = []
  const publishing = publish(client, topic)
  const receiving = receive(client)
  return {
    perform: {
      publish: publishing,
      "publish forEach": publishing,
      "publish sink": publishing,
      "publish sequential": publishSequential(client, latencies),
      receive: receiving,
      "receive chunks": receiving,
      consume: consume(client),
      request: request(client, target.clientId),
      loop: loop(client)
    },
    latencies: () => latencies,
    disconnect: () => client.endAsync()
  }
}
