/**
 * 10,000 messages of QoS 1 wait in the store of a program that was killed: how long from the start of the next client until
 * the last of them is acknowledged.
 *
 * The sink counts them: each has to come once.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import mqtt from "mqtt"
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import type { Assignment, Experiment, Target, Task } from "../Benchmark.ts"
import * as Ours from "../sides/ours.ts"
import * as Peer from "../sides/peer.ts"
import { target } from "./connecting.ts"
import type { Order } from "./waiting.ts"

const messages = 10_000

/** Delivers what waits, and returns how to disconnect. */
type Deliver = (to: Target) => Promise<() => Promise<void>>

const ours: Deliver = async (to) => {
  const runtime = ManagedRuntime.make(NodeMqtt.layer(Ours.optionsOf(to)))
  await runtime.runPromise(Effect.flatMap(MqttClient.MqttClient, ({ flush }) => flush))
  return () => runtime.dispose()
}

const peer: Deliver = (to) =>
  new Promise((resolve, reject) => {
    let acknowledged = 0
    const client = mqtt.connect(Peer.urlOf(to), Peer.optionsOf(to))
    client.on("error", reject)
    client.on("packetreceive", ({ cmd }) => {
      if (cmd !== "puback") return
      acknowledged++
      if (acknowledged === messages) resolve(() => client.endAsync())
    })
  })

/** Nobody listens at this port, which is of a service that is not in use any more. */
const silentPort = 9

const leave = (order: Order): void => {
  const program = path.join(import.meta.dirname, "waiting.js")
  const { signal, stderr } = spawnSync(process.execPath, [program, JSON.stringify(order)], { encoding: "utf8" })
  if (signal !== "SIGKILL") throw new Error(`the messages were not stored: ${stderr}`)
}

export const start = (assignment: Assignment, experiment: Experiment): Promise<Task> => {
  const to = target(assignment, experiment)
  const side = assignment.side === "ours" ? "ours" : "peer"
  leave({ side, target: { ...to, port: silentPort }, count: messages })
  let disconnect = () => Promise.resolve()
  return Promise.resolve({
    warmUp: () => Promise.resolve(),
    sample: async () => {
      const started = performance.now()
      disconnect = await (side === "ours" ? ours : peer)(to)
      return { recovery: performance.now() - started }
    },
    end: async () => {
      await disconnect()
      return messages
    }
  })
}
