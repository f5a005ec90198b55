/**
 * A thousand clients in one process: how long until all are connected, and what each of them holds while it is idle.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import mqtt, { type MqttClient } from "mqtt"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { NodeMqtt } from "../../src/node/index.ts"
import type { Assignment, Experiment, Target, Task } from "../Benchmark.ts"
import * as Ours from "../sides/ours.ts"
import * as Peer from "../sides/peer.ts"
import { target } from "./connecting.ts"

const clients = 1000

type Connect = (targets: ReadonlyArray<Target>) => Promise<() => Promise<void>>

const ours: Connect = async (targets) => {
  const scope = await Effect.runPromise(Scope.make())
  const connectOne = (to: Target) => Layer.buildWithScope(NodeMqtt.layer(Ours.optionsOf(to)), scope)
  await Effect.runPromise(Effect.forEach(targets, connectOne, { concurrency: "unbounded", discard: true }))
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}

const peer: Connect = async (targets) => {
  const connected: ReadonlyArray<MqttClient> = await Promise.all(
    targets.map((to) => mqtt.connectAsync(Peer.urlOf(to), Peer.optionsOf(to)))
  )
  return async () => {
    await Promise.all(connected.map((client) => client.endAsync()))
  }
}

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

/** After a full collection, and after what it leaves to later turns. */
const memory = async () => {
  for (let round = 0; round < 3; round++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { external, heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed + external, resident: rss }
}

export const start = async (assignment: Assignment, experiment: Experiment): Promise<Task> => {
  const connect = assignment.side === "ours" ? ours : peer
  const to = target(assignment, experiment)
  const named = (name: string): Target => ({ ...to, clientId: `${to.clientId}/${name}` })
  // What the first one loads and compiles is not the thousandth's.
  const disconnectFirst = await connect([named("first")])
  const before = await memory()
  let disconnect = disconnectFirst
  return {
    warmUp: () => Promise.resolve(),
    sample: async () => {
      const started = performance.now()
      disconnect = await connect(Array.from({ length: clients }, (_, index) => named(`${index}`)))
      const elapsed = performance.now() - started
      const after = await memory()
      return {
        connect: elapsed,
        heap: (after.heap - before.heap) / 1024 / clients,
        resident: (after.resident - before.resident) / 1024 / clients
      }
    },
    end: async () => {
      await Promise.all([disconnectFirst(), disconnect()])
      return 0
    }
  }
}
