/**
 * 10,000 messages of QoS 1 are in flight when the connection is cut: how long until the last is acknowledged.
 *
 * Both sides come back to their session a millisecond later. One that sends a message again only when the one before is
 * acknowledged needs a round trip for each: it is watched for `patience`, and the rest is counted at the same pace.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schedule from "effect/Schedule"
import mqtt from "mqtt"
import { connect as connectSocket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import {
  type Assignment,
  type Experiment,
  host,
  payloadOf,
  roundTrips,
  type Target,
  type Task,
  topic,
  unacknowledgedPrefix
} from "../Benchmark.ts"
import * as Ours from "../sides/ours.ts"
import * as Peer from "../sides/peer.ts"
import { target } from "./connecting.ts"

const messages = 10_000

/** Milliseconds. */
const patience = 3000
const settling = 300

interface Publishing {
  /** Starts publishing, and calls back for each that is acknowledged. */
  readonly publishAll: (acknowledged: () => void) => void
  readonly disconnect: () => Promise<void>
}

const ours = async (to: Target, payload: Buffer): Promise<Publishing> => {
  const runtime = ManagedRuntime.make(NodeMqtt.layer({
    ...Ours.optionsOf(to),
    session: "persistent",
    maxInFlight: messages,
    reconnect: Schedule.spaced("1 millis")
  }))
  const { publish } = await runtime.runPromise(MqttClient.MqttClient)
  return {
    publishAll: (acknowledged) => {
      const publishOne = () => Effect.map(publish(topic, payload, { qos: 1 }), acknowledged)
      const all = Array.from({ length: messages }, publishOne)
      runtime.runFork(Effect.all(all, { concurrency: "unbounded", discard: true }))
    },
    disconnect: () => runtime.dispose()
  }
}

const peer = async (to: Target, payload: Buffer): Promise<Publishing> => {
  const client = await mqtt.connectAsync(Peer.urlOf(to), {
    ...Peer.optionsOf(to),
    reconnectPeriod: 1,
    clean: false,
    properties: { sessionExpiryInterval: Peer.sessionExpiry }
  })
  // The cut is an error of the socket.
  client.on("error", () => {})
  return {
    publishAll: (acknowledged) => {
      for (let index = 0; index < messages; index++) {
        client.publish(topic, payload, { qos: 1 }, (error) => {
          if (!error) acknowledged()
        })
      }
    },
    disconnect: () => client.endAsync(true)
  }
}

const cut = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    connectSocket({ host, port }).on("error", reject).on("close", () => resolve()).resume()
  })

export const start = async (assignment: Assignment, experiment: Experiment): Promise<Task> => {
  const { ports, side } = assignment
  const roundTrip = roundTrips.findIndex((milliseconds) => `${milliseconds}` === experiment.detail)
  const to = {
    ...target(assignment, experiment),
    clientId: `${unacknowledgedPrefix}${assignment.clientId}`,
    port: ports.relay[roundTrip]
  }
  const publishing = await (side === "ours" ? ours : peer)(to, payloadOf(experiment.traffic))
  return {
    warmUp: () => Promise.resolve(),
    sample: async () => {
      let acknowledged = 0
      let finish = () => {}
      let last = 0
      const done = new Promise<void>((resolve) => {
        finish = resolve
      })
      publishing.publishAll(() => {
        acknowledged++
        last = performance.now()
        if (acknowledged === messages) finish()
      })
      await sleep(settling)
      if (acknowledged > 0) throw new Error("messages were acknowledged before the cut")
      const started = performance.now()
      await cut(ports.cut)
      const isLate = await Promise.race([done.then(() => false), sleep(patience, true, { ref: false })])
      if (acknowledged === 0) throw new Error("nothing was acknowledged after the cut")
      const elapsed = isLate ? performance.now() - started : last - started
      return { recovery: elapsed * messages / acknowledged }
    },
    end: async () => {
      await publishing.disconnect()
      return 0
    }
  }
}
